//! The data of a lookup without a name: a file without a name, mapped to be read. The only unsafe code of this
//! folder.

use std::io;

use crate::error::{Error, Result};
use crate::os::{self, Access, View};
use crate::sorting::Spool;

/// Read-only memory of this process.
pub(super) struct Memory {
    /// `None` where it is empty.
    view: Option<View>,
}

impl Memory {
    /// Memory that is filled by writing to it, and what the writing gave.
    pub(super) fn filled<R>(fill: impl FnOnce(&mut Draft) -> Result<R>) -> Result<(Self, R)> {
        let directory = os::default_root();
        let trusted = os::private_directory(&directory);
        let trusted = trusted.map_err(Error::system("create", &directory))?;
        trusted.map_err(|reason| Error::UntrustedDirectory {
            path: directory.clone(),
            reason,
        })?;
        let mut draft = Draft(Spool::create(&directory)?);
        let result = fill(&mut draft)?;
        draft.0.flush()?;
        let length = draft.0.length() as usize;
        let view = match length {
            0 => None,
            _ => {
                let view = View::of_file(draft.0.file(), length, Access::Read);
                Some(view.map_err(Error::system("map a file in", &directory))?)
            }
        };
        Ok((Self { view }, result))
    }
}

impl AsRef<[u8]> for Memory {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        let Some(view) = &self.view else {
            return &[];
        };
        // SAFETY: the view has so many bytes while it lives, which the slice borrows. It can only be read, and
        // its file has no name and no other handle, so that nobody writes to it.
        unsafe { std::slice::from_raw_parts(view.address(), view.length()) }
    }
}

/// Where the data is written to.
pub(super) struct Draft(Spool);

impl io::Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(io::Error::other)
    }
}
