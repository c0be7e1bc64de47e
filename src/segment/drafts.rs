//! Files of a segment that are written once and then replaced as a whole.
//!
//! Such a file is a companion (`companion/names.rs`), which others open for reading by its number. The next
//! one is a draft: a hidden file beside the segment, `.b~<number>.pond.new`, that is its builder's while the
//! builder has the lock of the file, and garbage afterwards, like an unfinished segment.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Segment;
use super::companion::{MOST_COMPANIONS, companion_path};
use super::name::Name;
use super::names::Unfinished;
use super::root::Root;
use super::root_lock::LockWait;
use super::structure::Structure;
use crate::error::{Error, Result};
use crate::os::{self, Access, ByteLocks, Origin, ParentOnly, fail_point};

/// A file that is being written, and has no place yet. Dropping it removes it.
pub(crate) struct Replacement {
    unfinished: Unfinished,
    root: Root,
    /// With the builder's lock.
    _locks: ByteLocks,
    /// Whether it has its place.
    is_placed: bool,
    /// Whose it is: a forked child must neither place nor remove it.
    origin: Origin,
}

impl Replacement {
    /// A draft for the segment `name`, which need not be there yet.
    pub(crate) fn create(name: &str) -> Result<Self> {
        let (name, root) = (Name::new(name)?, Root::find()?);
        let target = name.file(&root.path);
        let locked = root.lock(LockWait::Patience)?;
        let share = locked.begin_share();
        let (unfinished, locks) = locked.create_draft(target)?;
        drop(locked);
        fail_point("draft.created");
        let draft = Self {
            unfinished,
            root,
            _locks: locks,
            is_placed: false,
            origin: Origin::here(),
        };
        if let Some(after) = share {
            draft.root.collect_share(&after, LockWait::Patience)?;
        }
        Ok(draft)
    }

    /// What to write to.
    ///
    /// # Errors
    /// In a forked child, as the draft is its parent's.
    pub(crate) fn file(&self) -> io::Result<&File> {
        self.unfinished.file.get()
    }

    /// What it is called, for errors.
    pub(crate) fn path(&self) -> &Path {
        &self.unfinished.path
    }
}

/// A file without a name, which goes with its last mapping; and what it was called, for errors.
pub(crate) fn create_nameless() -> Result<(ParentOnly, PathBuf)> {
    Root::find()?.create_nameless()
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if self.is_placed || !self.origin.is_here() {
            return;
        }
        if let Ok(locked) = self.root.lock(LockWait::Patience) {
            let _ = locked.remove(&self.unfinished.path);
        }
    }
}

impl<S: Structure> Segment<S> {
    /// Puts a draft in the place of file `number`. The caller has a lock that keeps others from it. An error
    /// where the segment has lost its name meanwhile.
    pub(crate) fn put(&self, number: usize, draft: &mut Replacement) -> Result<()> {
        self.check_process()?;
        let (root, name) = self.origin();
        if !draft.origin.is_here() {
            let name = name.as_str().into();
            return Err(Error::Forked { name });
        }
        let segment = name.file(&root.path);
        let locked = root.lock(LockWait::Patience)?;
        if !root.is_published(&segment, self.header.nonce) {
            return Err(self.not_found());
        }
        let path = companion_path(&segment, self.header.nonce, number);
        os::publish(&draft.unfinished.path, &path).map_err(Error::system("publish", &path))?;
        draft.is_placed = true;
        drop(locked);
        fail_point("draft.placed");
        Ok(())
    }

    /// Opens file `number` for reading, and says what it is called; `None` where there is none.
    pub(crate) fn open_placed(&self, number: usize) -> Result<Option<(File, PathBuf)>> {
        self.check_process()?;
        let (root, name) = self.origin();
        let path = companion_path(&name.file(&root.path), self.header.nonce, number);
        match root.open_file(&path, Access::Read) {
            Ok(file) => Ok(Some((file, path))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::system("open", path)(error)),
        }
    }

    /// Removes all such files but `kept`. Who has one mapped keeps it. The caller has a lock that keeps
    /// others from them.
    pub(crate) fn remove_all_but(&self, kept: Option<usize>) -> Result<()> {
        let (root, name) = self.origin();
        root.remove_companions(&name.file(&root.path), self.header.nonce, kept)
    }

    /// Whether only this user's processes can write to the segment.
    pub(crate) fn is_this_users(&self) -> bool {
        self.origin().0.group.is_none()
    }

    /// Whether the segment's name still means it.
    pub(crate) fn has_its_name(&self) -> bool {
        let (root, name) = self.origin();
        root.is_published(&name.file(&root.path), self.header.nonce)
    }

    /// Says that no segment has the name.
    pub(crate) fn not_found(&self) -> Error {
        let (root, name) = self.origin();
        root.not_found(name)
    }

    /// Where the segment's files are.
    fn origin(&self) -> (&Root, &Name) {
        let origin = self.root.as_ref().zip(self.name.as_ref());
        origin.expect("a segment with files that are replaced has a name")
    }
}

/// How many files a segment may have that are replaced.
pub(crate) const PLACES: usize = MOST_COMPANIONS;
