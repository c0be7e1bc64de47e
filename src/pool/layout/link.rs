//! The word of a slot that says which record comes before its own in the episode.
//!
//! Touches that word only. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! 1. *Write*: the participant that has claimed a slot writes its link before it commits the slot, and no process
//!    writes it until the slot is claimed again.
//! 2. *Read*: a process reads a link only while it has the record of the slot leased and checked (`lease.rs`), or has
//!    the lock of the slot's shard. So it sees the link of that record.
//! 3. *Follow*: it names the slot of the key that the link leads to in a lease of its own, fences, and checks that the
//!    slot holds the record of that key. Keys are never used again, so that record is the one that the link means.

use super::slot::LARGEST_KEY;
use crate::sync::primitive::{AtomicU64, Ordering};

/// The link of a record that is the first of its episode; that to key `k` is `k + 1`.
pub(crate) const NO_LINK: u64 = 0;
/// The link of a record whose predecessor has left, where its key is not known: it leads to a key that no
/// record ever has. A loaded record has it if its predecessor was not in the snapshot.
pub(crate) const DEPARTED: u64 = DEPARTED_KEY + 1;
pub(crate) const DEPARTED_KEY: u64 = LARGEST_KEY;
/// In a claim: each slot has its link already.
pub(crate) const LINKS_ARE_WRITTEN: u64 = u64::MAX;

/// The link of a slot.
#[derive(Clone, Copy)]
pub(crate) struct Link<'a>(pub(crate) &'a AtomicU64);

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// Nothing: the record is the first of its episode.
    First,
    /// A record that left before a snapshot was loaded. In a damaged segment, anything.
    Departed,
    /// The record of this key.
    To(u64),
}

impl Link<'_> {
    /// Step 1.
    #[inline(always)]
    pub(crate) fn write(self, link: u64) {
        // Relaxed: the commit follows, whose Release hands it on.
        self.0.store(link, Ordering::Relaxed);
    }

    /// Step 2: returns the key that the link leads to.
    #[inline(always)]
    pub(crate) fn key(self) -> Option<u64> {
        // Relaxed: the caller sees the record, and so its link.
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Step 2.
    #[inline(always)]
    pub(crate) fn lead(self) -> Lead {
        match self.key() {
            None => Lead::First,
            Some(DEPARTED_KEY..) => Lead::Departed,
            Some(key) => Lead::To(key),
        }
    }
}
