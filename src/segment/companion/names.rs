//! The names of companions: how they come, who needs them, and how they go, under the root's lock.
//!
//! A companion of segment file `b.pond` is the hidden file `.b.pond.<nonce>.<number>` beside it. It is
//! needed while the file that has the segment's name has that nonce, or while somebody builds a segment
//! of that name. One that has no segment is garbage (`segment/collect.rs`).
//!
//! 1. *Create*: the unfinished segment with its builder's lock, then the companions, then (when all is
//!    done) the segment's name.
//! 2. *Remove*: the segment's name, then the companions. So nobody finds a segment without them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Companion, MOST_COMPANIONS};
use crate::error::{ANONYMOUS, Error, Result};
use crate::os::{self, Access, ByteLocks, ParentOnly, fail_point};
use crate::segment::header::Header;
use crate::segment::name::Name;
use crate::segment::names::unfinished_path;
use crate::segment::paging::Paging;
use crate::segment::participants;
use crate::segment::root::Root;
use crate::segment::root_lock::LockedRoot;

/// The name of a companion of the segment file `segment`.
pub(crate) fn companion_path(segment: &Path, nonce: u64, number: usize) -> PathBuf {
    let mut file = std::ffi::OsString::from(".");
    file.push(segment.file_name().unwrap_or_default());
    file.push(format!(".{nonce:016x}.{number}"));
    segment.with_file_name(file)
}

/// The segment file and the nonce that a companion's name stands for; `None` for another file's.
pub(crate) fn companion_of(path: &Path) -> Option<(PathBuf, u64)> {
    let mut parts = path
        .file_name()?
        .to_str()?
        .strip_prefix('.')?
        .rsplitn(3, '.');
    let (number, nonce, file) = (parts.next()?, parts.next()?, parts.next()?);
    let segment = path.with_file_name(file);
    let nonce = u64::from_str_radix(nonce, 16).ok()?;
    // Written back, as numbers may be written in other ways, which are not millpond's.
    let known =
        file.ends_with(".pond") && companion_path(&segment, nonce, number.parse().ok()?) == path;
    known.then_some((segment, nonce))
}

impl LockedRoot<'_> {
    /// Makes the companions of a segment that is being built.
    pub(crate) fn create_companions(
        &self,
        name: &Name,
        nonce: u64,
        count: usize,
        paging: Paging,
    ) -> Result<Vec<Companion>> {
        let segment = name.file(&self.root.path);
        let create = |number| {
            let path = companion_path(&segment, nonce, number);
            let file = ParentOnly::open(|| self.root.create_file(&path));
            let file = file.map_err(Error::system("create", &path))?;
            fail_point("companion.created");
            Ok(self.root.companion(file, path, name.as_str(), paging))
        };
        let made: Result<_> = (0..count).map(create).collect();
        if made.is_err() {
            let _ = self.remove_companions(&segment, nonce);
        }
        made
    }

    /// Removes a segment, which has its name at `path`, and then its companions.
    pub(crate) fn remove_segment(&self, path: &Path) -> Result<()> {
        let nonce = self.root.nonce_at(path);
        self.remove(path)?;
        match nonce {
            Ok(Some(nonce)) => self.remove_companions(path, nonce),
            _ => self.remove_orphans(path),
        }
    }

    /// Removes the companions of a segment that was built and could not be published, unless it was.
    pub(crate) fn remove_unpublished_companions(&self, segment: &Path, nonce: u64) -> Result<()> {
        match self.root.is_published(segment, nonce) {
            true => Ok(()),
            false => self.remove_companions(segment, nonce),
        }
    }

    /// Removes a companion that has no segment. Says whether it did.
    pub(crate) fn remove_if_orphan(&self, path: &Path, segment: &Path, nonce: u64) -> Result<bool> {
        let orphan = self.root.is_orphan(segment, nonce);
        if orphan {
            self.remove(path)?;
        }
        Ok(orphan)
    }

    /// Removes the companions of a segment that could not be read: those of its name that have none any more.
    fn remove_orphans(&self, segment: &Path) -> Result<()> {
        let directory = segment.parent().unwrap_or(&self.root.path);
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(Error::system("list", directory))?,
        };
        for path in entries
            .flatten()
            .map(|entry| entry.path())
            .collect::<Vec<_>>()
        {
            if let Some((whose, nonce)) = companion_of(&path)
                && whose == segment
            {
                self.remove_if_orphan(&path, segment, nonce)?;
            }
        }
        Ok(())
    }

    /// Removes the companions of a segment, and the directories that this leaves empty.
    fn remove_companions(&self, segment: &Path, nonce: u64) -> Result<()> {
        self.root.remove_companions(segment, nonce, None)?;
        self.remove_empty_directories(segment.parent().unwrap_or(segment));
        Ok(())
    }
}

impl Root {
    /// Opens the companions of a segment that has its name, or lost it just now.
    pub(crate) fn open_companions(
        &self,
        name: &Name,
        nonce: u64,
        count: usize,
        paging: Paging,
    ) -> Result<Vec<Companion>> {
        let segment = name.file(&self.path);
        let open = |number| {
            let path = companion_path(&segment, nonce, number);
            let file = ParentOnly::open(|| self.open_file(&path, Access::Write));
            let file = file.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound if !self.is_published(&segment, nonce) => {
                    self.not_found(name)
                }
                io::ErrorKind::NotFound => Error::Damaged {
                    name: name.as_str().into(),
                    reason: format!("its file {} is missing", path.display()),
                },
                _ => Error::system("open", &path)(error),
            })?;
            Ok(self.companion(file, path, name.as_str(), paging))
        };
        (0..count).map(open).collect()
    }

    /// Makes the companions of a segment without a name: files that lose theirs at once. Until then it is
    /// that of a file which nobody needs.
    pub(crate) fn create_nameless_companions(
        &self,
        count: usize,
        paging: Paging,
    ) -> Result<Vec<Companion>> {
        let create = |_| {
            let (file, path) = self.create_nameless()?;
            Ok(self.companion(file, path, ANONYMOUS, paging))
        };
        (0..count).map(create).collect()
    }

    fn companion(&self, file: ParentOnly, path: PathBuf, name: &str, paging: Paging) -> Companion {
        Companion {
            file,
            path,
            root: self.path.clone(),
            segment: name.into(),
            paging,
        }
    }

    /// How many bytes the companions of a segment have.
    pub(crate) fn companion_bytes(&self, name: &Name, nonce: u64) -> u64 {
        let segment = name.file(&self.path);
        (0..MOST_COMPANIONS)
            .map(|number| companion_path(&segment, nonce, number))
            .map(|path| path.symlink_metadata().map_or(0, |found| found.len()))
            .sum()
    }

    /// Removes the companions of a segment, but for number `kept`.
    pub(crate) fn remove_companions(
        &self,
        segment: &Path,
        nonce: u64,
        kept: Option<usize>,
    ) -> Result<()> {
        for number in (0..MOST_COMPANIONS).filter(|&number| Some(number) != kept) {
            let path = companion_path(segment, nonce, number);
            match os::remove(&path, &self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(Error::system("remove", &path))?,
            }
            fail_point("unlink.companion");
        }
        Ok(())
    }

    /// Whether a companion of the segment file, with the nonce, has no segment: the file that has its name is
    /// another one, and nobody builds one of that name.
    pub(crate) fn is_orphan(&self, segment: &Path, nonce: u64) -> bool {
        !self.is_being_built(segment) && !self.is_published(segment, nonce)
    }

    /// Whether the file that has the segment's name is that of `nonce`, or cannot be read: then it may be.
    pub(crate) fn is_published(&self, segment: &Path, nonce: u64) -> bool {
        match self.nonce_at(segment) {
            Ok(found) => found.is_none_or(|found| found == nonce),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Whether somebody builds a segment of that name, or that cannot be told.
    fn is_being_built(&self, segment: &Path) -> bool {
        let path = unfinished_path(segment);
        match ByteLocks::open(|| self.open_file(&path, Access::Write)) {
            Ok(locks) => participants::is_being_built(&locks),
            // Its maker was killed before the group was let in, see `Root::is_unneeded`.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => self.group.is_none(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// The nonce of the segment in the file at `path`; `None` where the file is not one that can be read.
    fn nonce_at(&self, path: &Path) -> io::Result<Option<u64>> {
        let file = self.open_file(path, Access::Read)?;
        let header = Header::read("", &mut os::contents(&file));
        Ok(header.ok().map(|header| header.nonce))
    }
}
