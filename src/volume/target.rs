//! A file that is replaced as a whole: written as a temporary one beside it, renamed to it when it is done.
//!
//! Its name is the target's with `.saving` at the end, and who writes it holds a lock on it, which the system
//! drops with the process. So of all who save to one path one does, and what a killed one left is used by
//! the next. A forked child inherits neither file nor lock.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os::{self, Access, Origin, ParentOnly, fail_point};

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
        let Some(name) = path.file_name().filter(|_| !path.is_dir()) else {
            let found = io::Error::new(io::ErrorKind::IsADirectory, "it names no file");
            return Err(refuse()(found));
        };
        let mut temporary = name.to_os_string();
        temporary.push(".saving");
        let temporary = path.with_file_name(temporary);
        let file = loop {
            // A forked child has neither the file nor, with it, the lock.
            let opened = ParentOnly::open(|| open(&temporary)).map_err(refuse())?;
            let file = opened.get().map_err(refuse())?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let what = path.display().to_string();
                    return Err(Error::AlreadySaving { what });
                }
                Err(TryLockError::Error(error)) => return Err(refuse()(error)),
            }
            // Between opening and locking, its writer may have renamed it, or removed it.
            if os::is_same_file(file, &temporary).map_err(refuse())? {
                break opened;
            }
        };
        fail_point("save.created");
        let target = Self {
            action,
            path: path.into(),
            temporary,
            file,
            written: 0,
            published: false,
            origin: Origin::here(),
        };
        target.do_with_file(|file| file.set_len(0))?;
        Ok(target)
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

/// Opens the file, or creates it.
fn open(path: &Path) -> io::Result<File> {
    loop {
        match os::create_private(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created,
        }
        match os::open_private(path, Access::Write) {
            // Its writer has renamed or removed it just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.published && self.origin.is_here() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
