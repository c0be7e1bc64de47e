//! Companions: files beside a segment's own, for data that grows. A companion only ever gets longer.
//!
//! A process opens a structure's companions when it attaches and keeps them open, so growing needs no
//! name: extend the file, map it anew. Older mappings stay valid and show the same memory. As no file
//! gets shorter, and all of it has its space set aside, no access to a mapping can fail. Names are in
//! `names.rs`. Imports `os`.

mod names;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use names::{companion_of, companion_path};

use super::arena::Mapping;
use super::paging::Paging;
use super::structure::REMEDY;
use crate::error::{Error, Result};
use crate::os::{self, Access, ParentOnly, fail_point};

/// How many companions a structure may have.
pub(super) const MOST_COMPANIONS: usize = 4;

/// A file of a segment, beside its own, that grows.
pub(crate) struct Companion {
    file: ParentOnly,
    /// The name that it had; for errors, as it may have none by now.
    path: PathBuf,
    root: PathBuf,
    /// The segment's name.
    segment: String,
    paging: Paging,
}

impl Companion {
    /// Makes the file at least `length` bytes long, the new ones zero and their space set aside. One that
    /// is as long already stays as it is.
    ///
    /// The caller holds the lock of what it is about. Who had it before may have died in here: the file
    /// is then as long as before or longer, and this goes on from where it ends. After an error the file
    /// may be longer too; it is never made shorter, as somebody may have mapped it.
    pub(crate) fn extend(&self, length: u64) -> Result<()> {
        reserve(self.file()?, length, &self.path, &self.root, REMEDY)?;
        fail_point("companion.extended");
        Ok(())
    }

    /// Maps the first `length` bytes, which is an error where the file has fewer. With huge pages, or
    /// with all pages present, where the options of who attached ask for it.
    pub(crate) fn map(&self, length: usize) -> Result<Arc<Mapping>> {
        let file = self.file()?;
        let found = file.metadata();
        let found = found.map_err(Error::system("look at", &self.path))?.len();
        if found < length as u64 {
            return Err(Error::Damaged {
                name: self.segment.clone(),
                reason: format!(
                    "its file {} has {found} bytes, not {length}",
                    self.path.display()
                ),
            });
        }
        let mapping = Mapping::of_file(file, length, Access::Write)
            .map_err(Error::system("map", &self.path))?;
        mapping.prepare(self.paging, &self.path)?;
        Ok(mapping)
    }

    fn file(&self) -> Result<&File> {
        self.file.get().map_err(Error::system("use", &self.path))
    }
}

/// Makes `file` as long as `length`, if it is shorter, with its space set aside. It is called `path`, for
/// errors, which also say the `remedy`, and lies in the file system of `root`.
pub(super) fn reserve(
    file: &File,
    length: u64,
    path: &Path,
    root: &Path,
    remedy: &'static str,
) -> Result<()> {
    let found = file.metadata().map_err(Error::system("look at", path))?;
    let asked = length.saturating_sub(found.len());
    if asked == 0 {
        return Ok(());
    }
    let no_space = |free| Error::NoSpace {
        directory: path.parent().unwrap_or(path).into(),
        asked,
        free,
        remedy,
    };
    // Some file systems take all there is before they say that it does not suffice; so ask first. One that does
    // not say how much there is has to be tried.
    let free = os::free_space(file, root).map_err(Error::system("look at", path))?;
    if free.is_some_and(|free| free < asked) {
        return Err(no_space(free));
    }
    os::reserve(file, length).map_err(|error| match os::is_full(&error) {
        true => no_space(free),
        false => Error::system("reserve space for", path)(error),
    })
}
