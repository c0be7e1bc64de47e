//! macOS: the program that runs. Where its threads run is the system's alone to say.

use std::io;
use std::path::PathBuf;

/// `_NSGetExecutablePath(3)`: the path that it was started by.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Always an error.
pub(crate) fn pin_to_cpu(_number: usize) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "macOS has no way to pin a thread to a processor; do without it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_there() {
        assert!(this_program().unwrap().exists());
    }

    #[test]
    fn pinning_is_refused() {
        let refused = pin_to_cpu(0).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
    }
}
