//! Names in the root directory: creating, publishing, opening, removing.
//!
//! Whatever changes a name does so under one lock of the directory (`root_lock.rs`): so no process removes a
//! newer segment of the same name. A segment that lives while somebody is attached is opened under the lock,
//! too, so that no process attaches while it is being removed; one that stays until it is unlinked needs none.
//! Unfinished segments have hidden names; the lock of their creator tells them from garbage (`collect.rs`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Lifetime;
use super::header::Header;
use super::name::Name;
use super::participants;
use super::root::Root;
use super::root_lock::{LockWait, LockedRoot};
use crate::error::{Error, Result};
use crate::os::{self, Access, ByteLocks, ParentOnly, fail_point};

/// The end of the name of a hidden file in which a segment is built.
pub(super) const UNFINISHED: &str = ".pond.new";

impl LockedRoot<'_> {
    /// Creates an unfinished segment's file, in the directory of its later name. There is one for a
    /// name at most: who comes second is told that the segment exists, and reserves no space.
    /// The builder's lock comes with it.
    pub(crate) fn create_unfinished(&self, name: &Name) -> Result<(Unfinished, ByteLocks)> {
        let target = name.file(&self.root.path);
        let path = unfinished_path(&target);
        if path.exists() {
            self.remove_if_unneeded(&path)?;
        }
        if target.exists() {
            // One that cannot be read has a name all the same.
            let _ = self.remove_if_over(name);
        }
        if target.exists() || path.exists() {
            return Err(Error::AlreadyExists {
                name: name.as_str().into(),
            });
        }
        let made = self.make_unfinished(path.clone(), target);
        if made.is_err() {
            // It was not there before, so what is there now is this call's.
            let _ = fs::remove_file(&path);
            self.remove_empty_directories(path.parent().unwrap_or(&path));
        }
        made
    }

    /// Creates the file of a draft for the segment at `target`: the first of `.b~0.pond.new`, `.b~1.pond.new` …
    /// that is free, or was left by a builder that is gone. No segment's name has a `~`.
    pub(super) fn create_draft(&self, target: PathBuf) -> Result<(Unfinished, ByteLocks)> {
        let stem = target.file_stem().unwrap_or_default().to_string_lossy();
        let mut number = 0_u64;
        loop {
            let path = target.with_file_name(format!(".{stem}~{number}{UNFINISHED}"));
            // What cannot be opened is another user's.
            let removed =
                path.symlink_metadata().is_ok() && self.remove_if_unneeded(&path).unwrap_or(false);
            if removed || path.symlink_metadata().is_err() {
                return self.make_unfinished(path, target);
            }
            number += 1;
        }
    }

    /// Makes an unfinished file in a place that is free.
    pub(super) fn make_unfinished(
        &self,
        path: PathBuf,
        target: PathBuf,
    ) -> Result<(Unfinished, ByteLocks)> {
        let directory = target.parent().unwrap_or(&self.root.path);
        let created = self.root.create_directories(directory);
        created.map_err(Error::system("create", directory))?;
        fail_point("create.directories");
        let locks = ByteLocks::open(|| self.root.create_file(&path))
            .map_err(Error::system("create", &path))?;
        fail_point("create.file");
        participants::begin_building(&locks).map_err(Error::system("lock", &path))?;
        // An open file of its own, see `open`.
        let file = ParentOnly::open(|| os::open_private(&path, Access::Write))
            .map_err(Error::system("open", &path))?;
        let unfinished = Unfinished { path, target, file };
        Ok((unfinished, locks))
    }

    /// Gives a finished segment its name; an error leaves the name as it was.
    pub(crate) fn publish(&self, name: &Name, from: &Path) -> Result<()> {
        os::publish(from, &name.file(&self.root.path)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::AlreadyExists {
                name: name.as_str().into(),
            },
            _ => Error::system("publish", from)(error),
        })
    }

    /// Takes the name away, whatever the file holds.
    pub(crate) fn unlink(&self, name: &Name) -> Result<()> {
        let path = name.file(&self.root.path);
        if path.symlink_metadata().is_err() {
            return Err(self.root.not_found(name));
        }
        self.remove_segment(&path)
    }

    /// Takes the name away if it still means `file`, to which nobody but the caller is attached.
    pub(crate) fn unlink_same(&self, name: &Name, file: &fs::File) -> Result<()> {
        let path = name.file(&self.root.path);
        match is_same(&path, file)? {
            true => self.remove_segment(&path),
            false => Ok(()),
        }
    }

    /// Removes an unfinished segment, whose header has `nonce`, as far as it is still there.
    pub(crate) fn remove_unfinished(&self, unfinished: &Unfinished, nonce: u64) -> Result<()> {
        // The builder's lock is gone, so somebody else's file may be there by now.
        if is_same(&unfinished.path, unfinished.file()?)? {
            self.remove(&unfinished.path)?;
        }
        self.remove_unpublished_companions(&unfinished.target, nonce)
    }

    /// Removes a file, and the directories that it leaves empty.
    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        fail_point("unlink.begun");
        os::remove(path, &self.root.path).map_err(Error::system("remove", path))?;
        fail_point("unlink.removed");
        self.remove_empty_directories(path.parent().unwrap_or(path));
        Ok(())
    }

    /// Removes the directories below the root, from `inmost` outwards, that are empty.
    pub(super) fn remove_empty_directories(&self, inmost: &Path) {
        let below_root = inmost
            .ancestors()
            .take_while(|above| *above != self.root.path);
        for directory in below_root {
            match fs::remove_dir(directory) {
                // One that could not be made: the disk is full, or its path too long.
                Err(error)
                    if [io::ErrorKind::NotFound, io::ErrorKind::InvalidFilename]
                        .contains(&error.kind()) => {}
                Err(_) => break, // not empty
                Ok(()) => {}
            }
        }
    }
}

/// The file of a segment, as a process has it open.
pub(crate) struct Opened<'a> {
    pub(crate) file: fs::File,
    /// On an open file of their own, for writing in any case: a forked child inherits a mapping, and with it
    /// the mapping's open file, which would keep its parent's locks.
    pub(crate) locks: ByteLocks,
    pub(crate) header: Header,
    /// To be held until the process is attached, so that the segment is not removed before.
    pub(crate) locked: Option<LockedRoot<'a>>,
}

impl Root {
    /// Opens the file of segment `name`, for `access`. One whose lifetime is over is removed, and not found.
    ///
    /// A segment that lives while somebody is attached is opened under the root's lock. One that stays until it
    /// is unlinked is opened without: a process that opens it while another one unlinks it came before that one,
    /// and keeps it.
    pub(super) fn open_segment(
        &self,
        name: &Name,
        access: Access,
        wait: LockWait,
    ) -> Result<Opened<'_>> {
        let path = name.file(&self.path);
        loop {
            if matches!(access, Access::Read) {
                // Opening for writing copies a file up from the lower layer of an overlay file system, and a
                // descriptor for reading from before would stay with the lower file.
                let copied = self.open_file(&path, Access::Write);
                copied.map_err(|error| self.cannot_open(name, &path, error))?;
            }
            let file = self.open_file(&path, access);
            let file = file.map_err(|error| self.cannot_open(name, &path, error))?;
            let header = Header::read(name.as_str(), &mut os::contents(&file))?;
            let locked = match header.lifetime {
                Lifetime::WhileAttached => Some(self.lock(wait)?),
                Lifetime::UntilUnlinked => None,
            };
            let locks = ByteLocks::open(|| self.open_file(&path, Access::Write));
            let locks = locks.map_err(|error| self.cannot_open(name, &path, error))?;
            // A file that lost its name never gets it back. So where the name means the first one now, it meant
            // the first one in between.
            if !is_same(&path, &file)? {
                continue;
            }
            if let Some(locked) = &locked
                && is_over(&header, &locks)
            {
                locked.remove_segment(&path)?;
                return Err(self.not_found(name));
            }
            return Ok(Opened {
                file,
                locks,
                header,
                locked,
            });
        }
    }

    fn cannot_open(&self, name: &Name, path: &Path, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound => self.not_found(name),
            _ => Error::system("open", path)(error),
        }
    }

    /// Says that no segment has the name.
    pub(super) fn not_found(&self, name: &Name) -> Error {
        Error::NotFound {
            name: name.as_str().into(),
            root: self.path.clone(),
            waited: Duration::ZERO,
        }
    }
}

/// The hidden file in which the segment at `target` is built.
pub(super) fn unfinished_path(target: &Path) -> PathBuf {
    let mut file = std::ffi::OsString::from(".");
    file.push(target.file_stem().unwrap_or_default());
    file.push(UNFINISHED);
    target.with_file_name(file)
}

/// A file that has no segment's name yet.
pub(crate) struct Unfinished {
    pub(crate) path: PathBuf,
    /// Where it will be published.
    pub(crate) target: PathBuf,
    pub(crate) file: ParentOnly,
}

impl Unfinished {
    /// The file itself. An error in a forked child, whose parent builds the segment.
    pub(crate) fn file(&self) -> Result<&fs::File> {
        self.file.get().map_err(Error::system("write", &self.path))
    }
}

/// Whether `path` names `file`.
fn is_same(path: &Path, file: &fs::File) -> Result<bool> {
    os::is_same_file(file, path).map_err(Error::system("look at", path))
}

/// Whether a segment was to live while somebody is attached, and nobody is.
pub(super) fn is_over(header: &Header, locks: &ByteLocks) -> bool {
    header.lifetime == Lifetime::WhileAttached && !participants::is_attached(locks)
}
