//! Worker processes on Windows: their program, their standard input, and on which processor a thread runs.

use std::fs::File;
use std::io;
use std::os::windows::fs::FileExt;
use std::os::windows::io::AsHandle;
use std::path::PathBuf;

use windows_sys::Win32::System::Threading as threading;

use super::forks::ParentOnly;

/// `GetModuleFileNameW`. A program that runs can be renamed but not replaced.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// `ReadFile` at a place, which it moves on; nothing forks.
pub(crate) fn read_at(file: &File, place: u64, into: &mut [u8]) -> io::Result<usize> {
    file.seek_read(into, place)
}

/// `DuplicateHandle`. The standard input stays what it is.
pub(crate) fn take_input() -> io::Result<ParentOnly> {
    ParentOnly::open(|| Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?)))
}

/// `SetThreadAffinityMask`, with a processor of those that `GetProcessAffinityMask` gives: at most 64, the
/// system's group of processors that the process was started in.
pub(crate) fn pin_to_cpu(number: usize) -> io::Result<()> {
    let (usable, _) = masks()?;
    let cpus: Vec<u32> = (0..usize::BITS)
        .filter(|cpu| usable >> cpu & 1 == 1)
        .collect();
    if cpus.is_empty() {
        // So the system says that the process has threads in several groups.
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this process runs in several processor groups; do without pinning",
        ));
    }
    set_mask(1 << cpus[number % cpus.len()]).map(drop)
}

/// The processors that this process may use, and those of the system, a bit each.
fn masks() -> io::Result<(usize, usize)> {
    let (mut usable, mut all) = (0, 0);
    // SAFETY: takes nothing, and gives a constant that need not be closed.
    let process = unsafe { threading::GetCurrentProcess() };
    // SAFETY: the handle is this process's, and both numbers outlive the call, which writes them.
    super::check(unsafe { threading::GetProcessAffinityMask(process, &mut usable, &mut all) })?;
    Ok((usable, all))
}

/// Lets the calling thread run on the processors of `mask` alone. Returns the mask that it had before.
fn set_mask(mask: usize) -> io::Result<usize> {
    // SAFETY: takes nothing, and gives a constant that need not be closed.
    let thread = unsafe { threading::GetCurrentThread() };
    // SAFETY: the handle is this thread's, with every right, and the mask is a number.
    match unsafe { threading::SetThreadAffinityMask(thread, mask) } {
        0 => Err(io::Error::last_os_error()),
        before => Ok(before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_is_there() {
        assert!(this_program().unwrap().exists());
    }

    #[test]
    fn a_pinned_thread_has_one_processor() {
        std::thread::spawn(|| {
            let (usable, _) = masks().unwrap();
            pin_to_cpu(0).unwrap();
            let pinned = set_mask(usable).unwrap();
            assert_eq!(pinned, 1 << usable.trailing_zeros());
        })
        .join()
        .unwrap();
    }
}
