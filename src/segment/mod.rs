// Segments: one memory-mapped file, one structure, attached by name.
//
// A segment consists of the header (`header.rs`), its locks (`guard.rs`, `readers.rs`), the participant table
// (`participants.rs`), and the regions of its structure (`arena.rs`, `rows.rs`), in that order; names and
// files are in `name.rs`, `names.rs` and `root.rs`, the lock of all names is in `root_lock.rs`, and what killed
// processes left goes by `walk.rs` and `collect.rs`; `attach.rs` puts all of it together, and
// `read_only.rs` what suffices for reading; data that grows lies in files of its own (`companion/`). What the structure is, this folder does not know: it asks
// a `Structure`. Imports `os` and `sync`.

mod arena;
mod attach;
mod collect;
mod companion;
mod directory;
mod drafts;
mod entry;
mod guard;
mod header;
mod name;
mod names;
mod open_methods;
mod options;
mod paging;
mod participants;
mod read_only;
mod readers;
mod root;
mod root_lock;
mod rows;
mod structure;
mod walk;

use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

pub(crate) use arena::{Bytes, Carver, Mapping, Region, Shared, Span};
pub(crate) use attach::{check_option, open_or_create, wait_for};
pub(crate) use companion::Companion;
pub use directory::{SegmentInfo, info, list, unlink, unlink_all};
pub(crate) use drafts::{PLACES, Replacement, create_nameless};
pub(crate) use entry::COUNTERS;
pub(crate) use guard::Guard;
pub(crate) use header::{HEADER_BYTES, Header, PARAMETERS};
pub(crate) use name::Name;
pub(crate) use open_methods::open_methods;
pub(crate) use options::{SharedOptions, shared_options};
pub(crate) use paging::Paging;
pub use participants::Participant;
pub(crate) use read_only::ReadOnlySegment;
pub(crate) use readers::{ReadWrite, Readers, ReadersSpan, Reading};
pub(crate) use rows::Rows;
pub(crate) use structure::{Plan, Structure, too_large};

use crate::error::{ANONYMOUS, Error, Result};
use crate::sync::primitive::Channel;
use crate::sync::{Found, Lock, LockWords, Owner, Peers};
use participants::Membership;
pub(crate) use root::Root;
pub(crate) use root_lock::LockWait;

/// How long a segment stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is unlinked: it outlives every process, and on a disk every reboot.
    #[default]
    UntilUnlinked = 0,
    /// Until nobody is attached any more, however the last participant ended. If that one was
    /// killed, the next program that opens the segment, creates one of its name, or lists any removes it; so does
    /// one of the next creations of others, which look at some files each (at all, where there are few), and one
    /// for which there would be no room otherwise.
    WhileAttached = 1,
}

/// How to attach to a segment that exists.
///
/// ```
/// use std::time::Duration;
/// use millpond::Attach;
///
/// let attach = Attach::new().role("learner").wait(Duration::from_secs(10)).prefault(true);
/// # let _ = attach;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attach {
    role: String,
    wait: Duration,
    /// For the lock of the root directory, where `wait` is no limit for it.
    lock_wait: LockWait,
    pub(crate) paging: Paging,
}

impl Attach {
    /// No role, no waiting.
    pub fn new() -> Self {
        Self::default()
    }

    /// What this process is, for whoever lists the participants; the first 32 bytes are kept.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    /// How long to wait for a segment that is not there yet. A limit of more than zero holds whatever the waiting
    /// is for; without one, opening fails with [`Error::DirectoryLocked`] where a process that is stopped has
    /// kept the segment directory locked for a second.
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// For how long to wait for the lock of the root directory, where there is no other limit.
    pub(crate) fn lock_wait(mut self, wait: LockWait) -> Self {
        self.lock_wait = wait;
        self
    }

    /// Whether to enter every page of the segment into this process's page table at once, so that no
    /// first touch of a page is slow; takes about 0.1 s a GiB where the segment is in memory, and as
    /// long as reading it where it is on a disk. Default: no; pages come as they are touched.
    pub fn prefault(mut self, prefault: bool) -> Self {
        self.paging.prefault = prefault;
        self
    }
}

/// An attachment to a segment and its structure. Dropping it leaves the participant table.
pub(crate) struct Segment<S> {
    pub(crate) structure: S,
    pub(crate) header: Header,
    name: Option<Name>,
    root: Option<Root>,
    membership: Membership,
    locks: Region<LockWords>,
    /// Where the waiters for each lock sleep.
    channels: Vec<Channel>,
    companions: Vec<Companion>,
}

impl<S: Structure> Segment<S> {
    /// The segment's name; `None` for one without.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Name::as_str)
    }

    /// One of the structure's companions, numbered from 0.
    pub(crate) fn companion(&self, number: usize) -> &Companion {
        &self.companions[number]
    }

    /// An error in a process that was forked from the one that attached.
    #[inline(always)]
    pub(crate) fn check_process(&self) -> Result<()> {
        match self.membership.is_ours() {
            true => Ok(()),
            false => Err(Error::Forked {
                name: self.name().unwrap_or(ANONYMOUS).into(),
            }),
        }
    }

    /// Panics in a process that was forked from the one that attached: for what a guard gives in place, where
    /// no error can be given.
    #[inline(always)]
    pub(crate) fn assert_ours(&self) {
        assert!(
            self.membership.is_ours(),
            "a guard belongs to the process that made it, and not to a forked child"
        );
    }

    /// Whether this is still the process that attached.
    pub(crate) fn is_ours(&self) -> bool {
        self.membership.is_ours()
    }

    /// Takes lock `number` of the segment. Who takes several does so in the order of their numbers.
    #[inline]
    pub(crate) fn lock(&self, number: usize) -> Result<Guard<'_, S>> {
        self.check_process()?;
        let damaged = self.words(number).acquire(&self.membership) == Found::Damaged;
        Ok(Guard {
            segment: self,
            number,
            damaged,
            panicking: thread::panicking(),
        })
    }

    /// Whether somebody has lock `number` who is alive.
    pub(crate) fn lock_has_living_owner(&self, number: usize) -> bool {
        let owner = Owner::from_bits(self.words(number).owner_bits());
        owner.is_some_and(|owner| self.membership.is_alive(owner))
    }

    /// Whether the owner of lock `number` is dead: for those who read without the lock and would not
    /// notice. Costs one load while the lock is free, and a question to the system while it is not.
    #[inline]
    pub(crate) fn lock_is_orphaned(&self, number: usize) -> bool {
        let owner = Owner::from_bits(self.words(number).owner_bits());
        owner.is_some_and(|owner| !self.membership.is_alive(owner))
    }

    #[inline(always)]
    fn words(&self, number: usize) -> Lock<'_> {
        Lock {
            words: &self.locks[number],
            me: self.membership.owner(),
            channel: &self.channels[number],
        }
    }

    /// Where participants wait for something of the structure's own, `number` from 0 on.
    pub(crate) fn channel(&self, number: u64) -> Result<Channel> {
        let name = self.name().unwrap_or(ANONYMOUS);
        channel(name, &self.header, self.header.locks as u64 + number)
    }

    /// This participant, for claims.
    #[inline(always)]
    pub(crate) fn owner(&self) -> Owner {
        self.membership.owner()
    }

    /// Who can tell whether a participant is alive.
    pub(crate) fn peers(&self) -> &impl Peers {
        &self.membership
    }

    /// The process id of a participant, to be shown.
    pub(crate) fn process_of(&self, owner: Owner) -> u32 {
        self.membership.process_of(owner.entry())
    }

    /// Whether the participant that has this entry now is alive.
    pub(crate) fn is_entry_alive(&self, entry: usize) -> bool {
        self.membership.is_entry_alive(entry)
    }

    /// This participant's counters.
    #[inline(always)]
    pub(crate) fn counters(&self) -> &[AtomicU64; COUNTERS] {
        self.membership.counters()
    }

    /// A counter summed over all participants there ever were.
    pub(crate) fn total(&self, counter: usize) -> u64 {
        self.membership.total(counter)
    }

    /// Everybody who is attached and alive; frees the entries of the dead.
    pub(crate) fn participants(&self) -> Result<Vec<Participant>> {
        let described = self.participants_with_counters()?.into_iter();
        Ok(described.map(|(participant, _)| participant).collect())
    }

    /// As [`Self::participants`], with what each has counted.
    pub(crate) fn participants_with_counters(&self) -> Result<Vec<(Participant, [u64; COUNTERS])>> {
        self.check_process()?;
        self.clean();
        Ok(self.membership.participants())
    }

    /// Whether somebody has this entry, or died with it and was not cleaned up after.
    #[inline]
    pub(crate) fn is_taken(&self, entry: usize) -> bool {
        self.membership.is_taken(entry)
    }

    /// Frees what the dead held. Says how many there were.
    pub(crate) fn clean(&self) -> usize {
        self.membership.clean(|entry| self.structure.reset(entry))
    }
}

/// A place to sleep of a segment: the locks' are the first.
fn channel(name: &str, header: &Header, number: u64) -> Result<Channel> {
    Channel::new(header.nonce.wrapping_add(number)).map_err(Error::system("wait on", name))
}

impl<S> Drop for Segment<S> {
    fn drop(&mut self) {
        if !self.membership.is_ours() {
            return; // the entry is the parent's
        }
        let (Some(root), Some(name), Lifetime::WhileAttached) =
            (&self.root, &self.name, self.header.lifetime)
        else {
            self.membership.leave();
            return;
        };
        // Under the root's lock, so that nobody attaches between the look and the removal. Without
        // it (a full descriptor table, say) leaving still works, and the next program cleans up.
        let locked = root.lock(LockWait::Patience);
        self.membership.leave();
        if let (Ok(locked), true) = (locked, self.membership.was_last())
            && let Some(Ok(file)) = self.membership.file()
        {
            let _ = locked.unlink_same(name, file);
        }
    }
}
