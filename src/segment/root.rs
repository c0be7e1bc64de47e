//! The directory in which segments have their names: where it is, whom it lets in, and its lock.
//!
//! It is private to the user, or shared by the members of one group where the user names it. What is
//! made in it comes from here, so that it lets in the same people.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::root_lock::{LockWait, LockedRoot};
use crate::error::{Error, Result};
use crate::os::{self, Access, ByteLocks, Group, ParentOnly, fail_point};

/// The variable that names another root directory.
const VARIABLE: &str = "MILLPOND_DIR";
/// The variable that names a group which shares the root directory.
const GROUP_VARIABLE: &str = "MILLPOND_GROUP";
const LOCK_FILE: &str = ".lock";

/// The root directory, checked.
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    /// Who may come in besides the user.
    pub(super) group: Option<Group>,
}

impl Root {
    /// `MILLPOND_DIR`, which is an absolute path, else the system's best. A private one is created if it is missing; that of a
    /// group, which `MILLPOND_GROUP` names, must be there.
    pub(crate) fn find() -> Result<Self> {
        let path = match std::env::var_os(VARIABLE) {
            Some(path) if !path.is_empty() => absolute(path.into())?,
            _ => os::default_root(),
        };
        let group = find_group()?;
        let checked = match &group {
            None => os::private_directory(&path).map_err(Error::system("create", &path))?,
            Some(group) => {
                let checked = group.check_directory(&path);
                checked.map_err(Error::system("look at", &path))?
            }
        };
        match checked {
            Ok(()) => Ok(Self { path, group }),
            Err(reason) => Err(Error::UntrustedDirectory { path, reason }),
        }
    }

    /// Locks the directory. An error where another process has the lock for longer than `wait` allows.
    pub(crate) fn lock(&self, wait: LockWait) -> Result<LockedRoot<'_>> {
        let path = self.lock_path();
        let lock =
            ByteLocks::open(|| self.open_or_create(&path)).map_err(Error::system("open", &path))?;
        LockedRoot::take(self, lock, wait)
    }

    /// The file on which the lock is.
    pub(super) fn lock_path(&self) -> PathBuf {
        self.path.join(LOCK_FILE)
    }

    /// Opens the lock's file, or makes it. A group gets it by its name only when it may open it.
    fn open_or_create(&self, path: &Path) -> io::Result<fs::File> {
        loop {
            match os::open_private(path, Access::Write) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => return other,
            }
            let hidden = self.path.join(format!(".{:016x}.dead", os::random()?));
            let published = self.create_file(&hidden).and_then(|file| {
                os::publish(&hidden, path)?;
                Ok(file)
            });
            if published.is_err() {
                let _ = fs::remove_file(hidden);
            }
            match published {
                // The directory itself is gone: nobody can make anything there.
                Err(error) if !self.path.is_dir() => return Err(error),
                // Somebody else's is there, or somebody cleaned up; neither happens for ever.
                Err(error)
                    if [io::ErrorKind::AlreadyExists, io::ErrorKind::NotFound]
                        .contains(&error.kind()) => {}
                // On Windows, what somebody cleans up is refused until it is gone.
                Err(_) if path.symlink_metadata().is_ok() => {}
                other => return other,
            }
        }
    }

    /// Opens a file below the root, never through a symbolic link.
    pub(super) fn open_file(&self, path: &Path, access: Access) -> io::Result<fs::File> {
        match os::open_private(path, access) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                path.parent()
                    .map_or(Ok(()), |above| self.let_owner_in(above))?;
                os::open_private(path, access)
            }
            other => other,
        }
    }

    /// Makes sure that the user may use `directory`, at or below the root, and those above it, as far as they
    /// are this user's: an earlier version, under a mask without the owner's bits, made some that nobody could.
    pub(super) fn let_owner_in(&self, directory: &Path) -> io::Result<()> {
        let Ok(inside) = directory.strip_prefix(&self.path) else {
            return Ok(());
        };
        let mut path = self.path.clone();
        for part in inside {
            path.push(part);
            os::let_owner_in(&path)?;
        }
        Ok(())
    }

    /// A new file that loses its name at once, and what it was called. Until then it has that of a file which
    /// nobody needs; so a process that collects garbage may remove it first.
    pub(super) fn create_nameless(&self) -> Result<(ParentOnly, PathBuf)> {
        let create = |number| {
            let path = self.path.join(format!(".{number:016x}.dead"));
            let file = ParentOnly::open(|| self.create_file(&path))?;
            Ok((file, path))
        };
        let created = os::make_numbered(create);
        let (file, path) = created.map_err(Error::system("create a hidden file in", &self.path))?;
        fail_point("companion.nameless");
        let removed = os::remove_if_there(&path, &self.path);
        removed.map_err(Error::system("remove", &path))?;
        Ok((file, path))
    }

    /// A new file that only the user, and the group, may read and write.
    pub(super) fn create_file(&self, path: &Path) -> io::Result<fs::File> {
        let file = os::create_private(path)?;
        if let Some(group) = &self.group {
            group.let_into_file(&file)?;
        }
        Ok(file)
    }

    /// Makes `directory`, which lies below the root, and those above it.
    pub(super) fn create_directories(&self, directory: &Path) -> io::Result<()> {
        if directory == self.path {
            return Ok(());
        }
        directory
            .parent()
            .map_or(Ok(()), |above| self.create_directories(above))?;
        let Some(group) = &self.group else {
            return match os::create_directory(directory) {
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() =>
                {
                    os::let_owner_in(directory)
                }
                other => other,
            };
        };
        match fs::create_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if group.check_directory(directory)?.is_ok() {
                    return Ok(());
                }
                // Its maker was killed before the group was let in. What is not empty stays.
                fs::remove_dir(directory)?;
                fs::create_dir(directory)?;
            }
            other => other?,
        }
        group.let_into_directory(directory)
    }
}

/// Refuses a path that means another directory in another process, or later in this one.
fn absolute(path: PathBuf) -> Result<PathBuf> {
    match path.is_absolute() {
        true => Ok(path),
        false => Error::invalid(
            VARIABLE,
            format!("`{}`", path.display()),
            "an absolute path: from a relative one, processes in different directories would look for segments in \
             different places, and so would a process that changes its directory"
                .into(),
        ),
    }
}

/// The group that the user names, if there is one.
fn find_group() -> Result<Option<Group>> {
    let Some(text) = std::env::var_os(GROUP_VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let unknown = || Error::InvalidArgument {
        what: GROUP_VARIABLE,
        found: text.to_string_lossy().into_owned(),
        expected: "the name or the number of a group of this system".into(),
    };
    let name = text.to_str().ok_or_else(unknown)?;
    let found = Group::find(name).map_err(Error::system("look up group", name))?;
    found.map(Some).ok_or_else(unknown)
}

#[cfg(test)]
impl Root {
    /// An empty one, for a test of that name.
    pub(super) fn of_test(name: &str) -> Self {
        let name = format!("millpond-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        os::create_directory(&path).expect("a new directory");
        Self { path, group: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_was_removed_is_an_error_and_not_waited_for() {
        let name = format!("millpond-no-root-{}", std::process::id());
        let root = Root {
            path: std::env::temp_dir().join(name),
            group: None,
        };
        let Err(error) = root.lock(LockWait::Patience) else {
            panic!("there is no such directory");
        };
        assert!(
            matches!(error, Error::System { action: "open", .. }),
            "{error}"
        );
    }
}
