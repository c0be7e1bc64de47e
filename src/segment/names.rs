//! Names in the root directory: creating, publishing, listing, removing.
//!
//! Whatever changes or looks up a name does so under one lock of the directory (`.lock`, held for
//! some microseconds, dropped by the system when its holder dies): so nobody attaches to a segment
//! that is being removed, and nobody removes a newer segment of the same name. Unfinished segments
//! have hidden names; the lock of their creator tells them from debris.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Lifetime;
use super::companion::companion_of;
use super::header::Header;
use super::name::Name;
use super::participants;
use super::root::Root;
use crate::error::{Error, Result};
use crate::os::{self, Access, ByteLocks, fail_point};

/// The end of the name of a hidden file in which a segment is built.
const UNFINISHED: &str = ".pond.new";

/// What [`list`](crate::list) tells of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentInfo {
    /// Its name.
    pub name: String,
    /// The structure that it holds, such as `pool`; `damaged` where the header cannot be read.
    pub kind: String,
    /// Its size in bytes, with all that it has grown by.
    pub bytes: u64,
    /// When it was created, by its creator's clock.
    pub created: SystemTime,
    /// How many participants are attached and alive.
    pub participants: usize,
}

/// The root directory while names in it hold still.
pub(crate) struct LockedRoot<'a> {
    pub(super) root: &'a Root,
    lock: ByteLocks,
}

impl Drop for LockedRoot<'_> {
    fn drop(&mut self) {
        let _ = self.lock.unlock(0, 1);
    }
}

impl<'a> LockedRoot<'a> {
    /// `lock` holds the lock of `root`.
    pub(super) fn new(root: &'a Root, lock: ByteLocks) -> Self {
        Self { root, lock }
    }

    /// Creates an unfinished segment's file, in the directory of its later name. There is one for a
    /// name at most: who comes second is told that the segment exists, and reserves no space.
    /// The builder's lock comes with it.
    pub(crate) fn create_unfinished(&self, name: &Name) -> Result<(Unfinished, ByteLocks)> {
        let target = name.file(&self.root.path);
        let path = unfinished_path(&target);
        if path.exists() {
            self.remove_debris(&path)?;
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
        let file = os::open_private(&path, Access::Write).map_err(Error::system("open", &path))?;
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

    /// Opens the file of segment `name`. One whose lifetime is over is removed, and not found.
    /// `access` is for the file. The locks are on an open file of their own, for writing in any case: a
    /// forked child inherits a mapping, and with it the mapping's open file, which would keep its
    /// parent's locks.
    pub(crate) fn open(
        &self,
        name: &Name,
        access: Access,
    ) -> Result<(fs::File, ByteLocks, Header)> {
        let path = name.file(&self.root.path);
        let locks = ByteLocks::open(|| self.open_for(name, Access::Write))
            .map_err(|error| self.cannot_open(name, error))?;
        // After the locks: opening for writing copies a file up from the lower layer of an overlay file system, and
        // a descriptor for reading from before would stay with the lower file.
        let file = self.open_file(name, access)?;
        let header = Header::read(name.as_str(), &mut os::contents(&file))?;
        if is_over(&header, &locks) {
            self.remove_segment(&path)?;
            return Err(self.not_found(name));
        }
        Ok((file, locks, header))
    }

    fn open_file(&self, name: &Name, access: Access) -> Result<fs::File> {
        let opened = self.open_for(name, access);
        opened.map_err(|error| self.cannot_open(name, error))
    }

    fn open_for(&self, name: &Name, access: Access) -> io::Result<fs::File> {
        os::open_private(&name.file(&self.root.path), access)
    }

    fn cannot_open(&self, name: &Name, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound => self.not_found(name),
            _ => Error::system("open", name.file(&self.root.path))(error),
        }
    }

    fn not_found(&self, name: &Name) -> Error {
        Error::NotFound {
            name: name.as_str().into(),
            root: self.root.path.clone(),
        }
    }

    /// Removes segment `name` if its lifetime is over, and says whether it did. Opens the file
    /// once, but for those that live while somebody is attached.
    fn remove_if_over(&self, name: &Name) -> Result<bool> {
        let path = &name.file(&self.root.path);
        let file = self.open_file(name, Access::Read)?;
        let header = Header::read("", &mut os::contents(&file))?;
        if header.lifetime != Lifetime::WhileAttached {
            return Ok(false);
        }
        let locks = ByteLocks::open(|| os::open_private(path, Access::Write))
            .map_err(Error::system("open", path))?;
        let over = is_over(&header, &locks);
        if over {
            self.remove_segment(path)?;
        }
        Ok(over)
    }

    /// Takes the name away, whatever the file holds.
    pub(crate) fn unlink(&self, name: &Name) -> Result<()> {
        let path = name.file(&self.root.path);
        if path.symlink_metadata().is_err() {
            return Err(self.not_found(name));
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
        if is_same(&unfinished.path, &unfinished.file)? {
            self.remove(&unfinished.path)?;
        }
        self.remove_unpublished_companions(&unfinished.target, nonce)
    }

    /// The names of all segments, after removing what nobody needs any more: segments whose
    /// lifetime is over, unfinished ones whose creator died, and companions that lost theirs. Directories that a
    /// creator left empty stay, as nothing tells them from others; they are in nobody's way.
    pub(crate) fn names(&self) -> Result<Vec<Name>> {
        let (mut names, mut companions) = (Vec::new(), Vec::new());
        let mut directories = vec![self.root.path.clone()];
        while let Some(directory) = directories.pop() {
            // All of them first: on some systems a directory that is being read cannot be removed.
            let entries: Vec<_> = match fs::read_dir(&directory) {
                Ok(entries) => entries.flatten().collect(),
                Err(error) if directory == self.root.path || os::is_too_many_files(&error) => {
                    return Err(Error::system("list", &directory)(error));
                }
                // Gone meanwhile, or not millpond's.
                Err(_) => continue,
            };
            for entry in entries {
                let path = entry.path();
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_directory {
                    directories.push(path);
                } else if is_debris(&entry.file_name()) {
                    // What cannot be opened is somebody else's.
                    let _ = self.remove_debris(&path);
                } else if let Some(whose) = companion_of(&path) {
                    companions.push((whose, path));
                } else if let Some(name) = Name::of_file(&self.root.path, &path) {
                    match self.remove_if_over(&name) {
                        Ok(true) | Err(Error::NotFound { .. }) => {}
                        // One that cannot be read has a name all the same.
                        _ => names.push(name),
                    }
                }
            }
        }
        self.remove_orphans(companions);
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        Ok(names)
    }

    /// What there is to tell about one segment; `None` where its lifetime has just ended. A file that
    /// cannot be read is damaged, unless this process may open no more files.
    pub(crate) fn describe(&self, name: &Name) -> Result<Option<SegmentInfo>> {
        let path = name.file(&self.root.path);
        let mut info = SegmentInfo {
            name: name.as_str().into(),
            kind: "damaged".into(),
            bytes: path.metadata().map_or(0, |found| found.len()),
            created: UNIX_EPOCH,
            participants: 0,
        };
        match self.open(name, Access::Read) {
            Ok((_, locks, header)) => {
                info.kind = header.kind;
                info.bytes += self.companion_bytes(name, header.nonce);
                info.created = UNIX_EPOCH
                    .checked_add(Duration::from_micros(header.created))
                    .unwrap_or(UNIX_EPOCH);
                info.participants = participants::count_living(&locks, header.participants);
            }
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(Error::System { source, .. }) if os::is_too_many_files(&source) => {
                return Err(Error::system("open", path)(source));
            }
            Err(_) => {}
        }
        Ok(Some(info))
    }

    /// Removes a hidden file that nobody needs. One that is being built is its builder's, whoever
    /// else is attached: a builder that died while it published left a second name behind.
    fn remove_debris(&self, path: &Path) -> Result<()> {
        let locks = match ByteLocks::open(|| os::open_private(path, Access::Write)) {
            // Its maker was killed before the group was let in: that is done under the root's lock.
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && self.root.group.is_some() =>
            {
                return self.remove(path);
            }
            other => other.map_err(Error::system("open", path))?,
        };
        let needed = match path
            .as_os_str()
            .as_encoded_bytes()
            .ends_with(UNFINISHED.as_bytes())
        {
            true => participants::is_being_built(&locks),
            false => participants::is_attached(&locks),
        };
        match needed {
            true => Ok(()),
            false => self.remove(path),
        }
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
                // One that could not be made.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => break, // not empty
                Ok(()) => {}
            }
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
    pub(crate) file: fs::File,
}

/// Whether a file's name is that of an unfinished segment, or of a removed one that was still mapped
/// (on Windows). Other hidden files in the directory are not millpond's.
fn is_debris(name: &OsStr) -> bool {
    let Some(hidden) = name.to_str().and_then(|name| name.strip_prefix('.')) else {
        return false;
    };
    let is_removed = |text: &str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    hidden.ends_with(UNFINISHED) || hidden.strip_suffix(".dead").is_some_and(is_removed)
}

/// Whether `path` names `file`.
fn is_same(path: &Path, file: &fs::File) -> Result<bool> {
    os::is_same_file(file, path).map_err(Error::system("look at", path))
}

/// Whether a segment was to live while somebody is attached, and nobody is.
fn is_over(header: &Header, locks: &ByteLocks) -> bool {
    header.lifetime == Lifetime::WhileAttached && !participants::is_attached(locks)
}
