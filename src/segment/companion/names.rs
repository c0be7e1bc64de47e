//! The names of companions: how they come, who needs them, and how they go, under the root's lock.
//!
//! A companion of segment file `b.pond` is the hidden file `.b.pond.<nonce>.<number>` beside it. It is
//! needed while the file that has the segment's name has that nonce, or while somebody builds a segment
//! of that name. What nobody needs is debris, and goes with the next look at all names.
//!
//! 1. *Create*: the unfinished segment with its builder's lock, then the companions, then (when all is
//!    done) the segment's name.
//! 2. *Remove*: the segment's name, then the companions. So nobody finds a segment without them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Companion, MOST_COMPANIONS};
use crate::error::{ANONYMOUS, Error, Result};
use crate::os::{self, Access, ByteLocks, fail_point};
use crate::segment::header::Header;
use crate::segment::name::Name;
use crate::segment::names::{LockedRoot, unfinished_path};
use crate::segment::participants;
use crate::segment::root::Root;
use crate::segment::structure::Paging;

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

/// The nonce of the segment in the file at `path`; `None` where the file is not one that can be read.
fn nonce_at(path: &Path) -> io::Result<Option<u64>> {
    let file = os::open_private(path, Access::Read)?;
    let header = Header::read("", &mut os::contents(&file));
    Ok(header.ok().map(|header| header.nonce))
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
            let file = self.root.create_file(&path);
            let file = file.map_err(Error::system("create", &path))?;
            fail_point("companion.created");
            Ok(self.companion(file, path, name.as_str(), paging))
        };
        let made: Result<_> = (0..count).map(create).collect();
        if made.is_err() {
            let _ = self.remove_companions(&segment, nonce, None);
        }
        made
    }

    /// Opens the companions of a segment that has its name.
    pub(crate) fn open_companions(
        &self,
        name: &Name,
        nonce: u64,
        count: usize,
        paging: Paging,
    ) -> Result<Vec<Companion>> {
        let segment = name.file(&self.root.path);
        let open = |number| {
            let path = companion_path(&segment, nonce, number);
            let file =
                os::open_private(&path, Access::Write).map_err(|error| match error.kind() {
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

    /// A file that loses its name at once, and what it was called.
    pub(crate) fn create_nameless(&self) -> Result<(fs::File, PathBuf)> {
        let hidden = format!(".{:016x}.dead", rand::random::<u64>());
        let path = self.root.path.join(hidden);
        let file = self.root.create_file(&path);
        let file = file.map_err(Error::system("create", &path))?;
        fail_point("companion.nameless");
        let removed = os::remove(&path, &self.root.path);
        removed.map_err(Error::system("remove", &path))?;
        Ok((file, path))
    }

    fn companion(&self, file: fs::File, path: PathBuf, name: &str, paging: Paging) -> Companion {
        Companion {
            file,
            path,
            root: self.root.path.clone(),
            segment: name.into(),
            paging,
        }
    }

    /// How many bytes the companions of a segment have.
    pub(crate) fn companion_bytes(&self, name: &Name, nonce: u64) -> u64 {
        let segment = name.file(&self.root.path);
        (0..MOST_COMPANIONS)
            .map(|number| companion_path(&segment, nonce, number))
            .map(|path| path.symlink_metadata().map_or(0, |found| found.len()))
            .sum()
    }

    /// Removes a segment, which has its name at `path`, and then its companions.
    pub(crate) fn remove_segment(&self, path: &Path) -> Result<()> {
        let nonce = nonce_at(path);
        self.remove(path)?;
        match nonce {
            Ok(Some(nonce)) => self.remove_companions(path, nonce, None),
            // It could not be read. What was its is found by having no segment any more; if not now, by
            // the next who looks.
            _ => {
                let _ = self.names();
                Ok(())
            }
        }
    }

    /// Removes the companions of a segment that was built and could not be published, unless it was.
    pub(crate) fn remove_unpublished_companions(&self, segment: &Path, nonce: u64) -> Result<()> {
        match is_published(segment, nonce) {
            true => Ok(()),
            false => self.remove_companions(segment, nonce, None),
        }
    }

    /// Removes those of `companions` (see [`companion_of`], and their paths) that nobody needs.
    pub(crate) fn remove_orphans(&self, mut companions: Vec<((PathBuf, u64), PathBuf)>) {
        companions.sort();
        for family in companions.chunk_by(|(one, _), (next, _)| one == next) {
            let (segment, nonce) = &family[0].0;
            if is_being_built(segment, self.root) || is_published(segment, *nonce) {
                continue;
            }
            for (_, path) in family {
                // It went with its segment just now; or it is somebody else's, and cannot be removed.
                let _ = self.remove(path);
            }
        }
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
            match os::remove(&path, &self.root.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(Error::system("remove", &path))?,
            }
            fail_point("unlink.companion");
        }
        self.remove_empty_directories(segment.parent().unwrap_or(segment));
        Ok(())
    }
}

/// Whether the file that has the segment's name is that of `nonce`, or cannot be read: then it may be.
pub(crate) fn is_published(segment: &Path, nonce: u64) -> bool {
    match nonce_at(segment) {
        Ok(found) => found.is_none_or(|found| found == nonce),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Whether somebody builds a segment of that name, or that cannot be told.
fn is_being_built(segment: &Path, root: &Root) -> bool {
    let path = unfinished_path(segment);
    match ByteLocks::open(|| os::open_private(&path, Access::Write)) {
        Ok(locks) => participants::is_being_built(&locks),
        // Its maker was killed before the group was let in, see `LockedRoot::remove_debris`.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => root.group.is_none(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}
