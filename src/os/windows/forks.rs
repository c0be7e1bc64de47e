//! Windows processes do not fork. The fork handling of the other systems costs nothing here.

use std::fs::File;
use std::io;

/// Always 0.
#[inline(always)]
pub(crate) fn forks() -> u64 {
    0
}

/// Always 0.
#[inline(always)]
pub(crate) fn count_forks() -> u64 {
    0
}

/// Nothing.
pub(crate) struct HeldForks;

/// Nothing.
#[inline(always)]
pub(crate) fn hold_forks() -> HeldForks {
    HeldForks
}

/// An open file. No child process inherits it.
pub(crate) struct ParentOnly(File);

impl ParentOnly {
    /// The file that `open` opens.
    pub(crate) fn open(open: impl FnOnce() -> io::Result<File>) -> io::Result<Self> {
        open().map(Self)
    }

    /// The open file.
    pub(crate) fn get(&self) -> io::Result<&File> {
        Ok(&self.0)
    }
}

/// Never called: nothing forks.
#[cfg(feature = "workers")]
pub(crate) fn end_forked_child() -> ! {
    super::end_process()
}
