//! A file that is replaced as a whole: written as a temporary one beside it, renamed to it when it is done.
//!
//! Its name is the target's with `.saving` at the end. It is created anew each time, for this user alone, and never
//! opened through a link: so nobody else can have it open, or have made it. Its writer holds a lock on it, which the
//! system drops with the process. A file of that name without the lock is what a killed writer left, and is removed,
//! if it is this user's own, regular, and has no other name.
//!
//! # Who writes
//! 1. Create the file (`O_EXCL`). If that succeeds: lock it, and see that it still has its name (another process may
//!    have taken it for a leftover before it was locked, and then writes instead). From here on nobody else renames
//!    or removes it. A forked child inherits neither file nor lock.
//! 2. If the name is taken: open the file and lock it. If it is locked already, its writer lives: that is the error.
//!    If it still has its name, remove it, while the lock is held, so that no other process's file is removed.
//!    Go back to step 1.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf, is_separator};

use crate::error::{Error, Result};
use crate::os::{self, Origin, ParentOnly, fail_point};

/// A file that is being written. Dropping it before it is published removes it.
pub(crate) struct Target {
    /// What is done, for errors.
    action: &'static str,
    path: PathBuf,
    temporary: PathBuf,
    file: ParentOnly,
    /// Bytes written so far.
    written: u64,
    published: bool,
    /// Whose file it is: a forked child must neither publish nor remove it.
    origin: Origin,
}

impl Target {
    /// Begins to write the file `path`; `action` says what for, in errors.
    pub(crate) fn create(path: &Path, action: &'static str) -> Result<Self> {
        let refuse = || Error::system(action, path);
        let temporary = Self::check(path, action)?;
        let file = loop {
            match ParentOnly::open(|| os::create_private(&temporary)) {
                Ok(file) => {
                    let created = file.get().map_err(refuse())?;
                    lock(created, path, action)?;
                    if os::is_same_file(created, &temporary).map_err(refuse())? {
                        break file;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    remove_leftover(&temporary, path, action)?;
                }
                Err(error) => return Err(refuse()(error)),
            }
        };
        fail_point("save.created");
        Ok(Self {
            action,
            path: path.into(),
            temporary,
            file,
            written: 0,
            published: false,
            origin: Origin::here(),
        })
    }

    /// Returns what the file is called while it is written. An error where `path` names what no file can replace: a
    /// directory, a device, a FIFO or a socket, or a link to one.
    pub(crate) fn check(path: &Path, action: &'static str) -> Result<PathBuf> {
        let refuse = || Error::system(action, path);
        os::is_regular(path).map_err(refuse())?;
        let text = path.as_os_str().as_encoded_bytes();
        let is_open = text.last().is_some_and(|&last| is_separator(last.into()));
        let Some(name) = path.file_name().filter(|_| !is_open) else {
            let what = "it names no file; add the file's name";
            return Err(refuse()(io::Error::new(io::ErrorKind::InvalidInput, what)));
        };
        let mut temporary = name.to_os_string();
        temporary.push(".saving");
        Ok(path.with_file_name(temporary))
    }

    /// The file itself, for what is not written from front to back.
    ///
    /// # Errors
    /// In a forked child, as the file is its parent's.
    pub(crate) fn file(&self) -> io::Result<&File> {
        self.file.get()
    }

    /// What the file is called until it is published.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    fn do_with_file<R>(&self, act: impl FnOnce(&File) -> io::Result<R>) -> Result<R> {
        self.file
            .get()
            .and_then(act)
            .map_err(Error::system(self.action, &self.path))
    }

    /// Sets the space for so many bytes aside.
    pub(crate) fn reserve(&self, length: u64) -> Result<()> {
        self.do_with_file(|file| os::reserve(file, length))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.do_with_file(|mut file| file.write_all(bytes))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Gives the space back that was set aside and not written to.
    pub(crate) fn give_back_the_rest(&self) -> Result<()> {
        self.do_with_file(|file| file.set_len(self.written))
    }

    /// Everything is written: gives the file its name, and makes sure that both survive a loss of power. Gives
    /// it as it is open.
    pub(crate) fn publish(mut self) -> Result<File> {
        self.do_with_file(File::sync_all)?;
        fail_point("save.synced");
        if !self.do_with_file(|file| os::is_same_file(file, &self.temporary))? {
            let what = format!("another process removed {}", self.temporary.display());
            return self.do_with_file(|_| Err(io::Error::other(what)));
        }
        self.do_with_file(|_| fs::rename(&self.temporary, &self.path))?;
        self.published = true;
        fail_point("save.renamed");
        // Not every system lets one ask for that.
        let directory = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
            let _ = directory.sync_all();
        }
        // The standard library unlocks twice on Windows, and wine calls the second time an error.
        let _ = self.do_with_file(File::unlock);
        self.do_with_file(File::try_clone)
    }
}

/// Locks the file that is written for `path`. An error where another process has the lock.
fn lock(file: &File, path: &Path, action: &'static str) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let what = path.display().to_string();
            Err(Error::AlreadySaving { what })
        }
        Err(TryLockError::Error(error)) => Err(Error::system(action, path)(error)),
    }
}

/// Removes what a killed writer left. An error where its writer lives, and where it is not this user's to remove.
fn remove_leftover(temporary: &Path, path: &Path, action: &'static str) -> Result<()> {
    let refuse = || Error::system(action, path);
    // A child that another thread forks meanwhile would keep the lock, also where this process is killed.
    let _held = os::hold_forks();
    let file = match os::open_own(temporary) {
        Ok(Ok(file)) => file,
        // Its writer has renamed or removed it just now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(Err(why)) => {
            let name = temporary.display();
            let what = format!("{name} is in the way ({why}); remove it, or name another path");
            return Err(refuse()(io::Error::new(io::ErrorKind::AlreadyExists, what)));
        }
        Err(error) => return Err(refuse()(error)),
    };
    lock(&file, path, action)?;
    if os::is_same_file(&file, temporary).map_err(refuse())? {
        let directory = temporary.parent().unwrap_or(Path::new(""));
        os::remove(temporary, directory).map_err(refuse())?;
    }
    Ok(())
}

impl Drop for Target {
    fn drop(&mut self) {
        let is_ours = !self.published && self.origin.is_here();
        let same = |file| os::is_same_file(file, &self.temporary);
        if is_ours && self.file.get().and_then(same).unwrap_or(false) {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
