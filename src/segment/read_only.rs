//! Observing a segment: a mapping that cannot be written to, and no entry in the participant table.
//!
//! An observer locks a byte of its own, so that a segment whose lifetime is that of its attachments
//! stays; otherwise nobody notices it. Whatever it loads from the mapping it loads relaxed, because
//! that alone is allowed in read-only memory (`std::sync::atomic`); a store ends the process.

use std::sync::Arc;

use super::arena::Mapping;
use super::attach::wait_for;
use super::header::Header;
use super::name::Name;
use super::names::Opened;
use super::participants::{self, MOST_OBSERVERS};
use super::root::Root;
use super::root_lock::LockWait;
use super::structure::{Layout, Structure};
use super::{Attach, Lifetime};
use crate::error::{Error, Result};
use crate::os::{Access, ByteLocks, Origin};

/// A segment and its structure, mapped for reading alone.
pub(crate) struct ReadOnlySegment<S> {
    pub(crate) structure: S,
    name: Name,
    root: Root,
    lifetime: Lifetime,
    locks: ByteLocks,
    /// Which of the observers this is.
    number: usize,
    origin: Origin,
}

impl<S: Structure> ReadOnlySegment<S> {
    /// Begins to observe segment `name`. `check` may refuse what its header says.
    pub(crate) fn open(
        name: &str,
        attach: &Attach,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<Self> {
        let name = Name::new(name)?;
        let (attachment, mapping) =
            wait_for(attach.wait, |wait| Self::open_now(&name, wait, &check))?;
        let path = name.file(&attachment.root.path);
        mapping.prepare(attach.paging, path)?;
        Ok(attachment)
    }

    fn open_now(
        name: &Name,
        wait: LockWait,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<(Self, Arc<Mapping>)> {
        let root = Root::find()?;
        let path = name.file(&root.path);
        let Opened {
            file,
            locks,
            header,
            locked,
        } = root.open_segment(name, Access::Read, wait)?;
        let layout = Layout::<S>::of_opened(name.as_str(), &header, check)?;
        let mapping = Mapping::of_file(&file, layout.length, Access::Read)
            .map_err(Error::system("map", &path))?;
        let number = participants::begin_observing(&locks)
            .map_err(Error::system("lock", &path))?
            .ok_or_else(|| Error::TooManyParticipants {
                name: name.as_str().into(),
                limit: MOST_OBSERVERS,
            })?;
        drop(locked);
        let attachment = Self {
            structure: S::place(layout.structure, &mapping),
            name: name.clone(),
            root,
            lifetime: header.lifetime,
            locks,
            number,
            origin: Origin::here(),
        };
        Ok((attachment, mapping))
    }

    /// The segment's name.
    pub(crate) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// An error in a process that was forked from the one that observes: it is not counted.
    pub(crate) fn check_process(&self) -> Result<()> {
        match self.origin.is_here() {
            true => Ok(()),
            false => Err(Error::Forked {
                name: self.name().into(),
            }),
        }
    }
}

impl<S> Drop for ReadOnlySegment<S> {
    fn drop(&mut self) {
        if !self.origin.is_here() {
            return; // the lock is the parent's
        }
        if self.lifetime == Lifetime::UntilUnlinked {
            participants::end_observing(&self.locks, self.number);
            return;
        }
        // As a participant leaves; see there.
        let locked = self.root.lock(LockWait::Patience);
        participants::end_observing(&self.locks, self.number);
        if let (Ok(locked), false) = (locked, participants::is_attached(&self.locks))
            && let Ok(file) = self.locks.file()
        {
            let _ = locked.unlink_same(&self.name, file);
        }
    }
}
