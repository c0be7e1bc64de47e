//! The three words of a save, and how the saver makes sure of a record.
//!
//! Touches those words and the word of a slot. Which lock a slot has, and which slots are leased, is the caller's to
//! know. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! 1. *Cut*: the saver holds the locks of all shards. It writes 0 into `saved`, the next key into `cut`, and its own
//!    name into `saving`, in this order.
//! 2. *Guard*: a claim, which holds the lock of its slots' shard, passes over every slot that names a key of
//!    `saved..cut`, whether its record is still there or was removed.
//! 3. *Copy*: the saver reads records in the order of their keys, which is that of the ring, and then raises `saved`
//!    above their keys. It leases each slot, and then looks at its word. If the record was removed, or is marked, it
//!    looks once more under the lock of the slot's shard: a process that rewrites the record has ended by then, or
//!    finds the lease.
//! 4. *End*: the saver exchanges its name in `saving` for 0. If it has died, any other process does so.
//!
//! A claim that comes before step 1 had the lock before the saver, which finds the slot claimed. A claim that comes
//! after it sees the three words through the lock. No other save begins while a claim has its lock, so the three
//! words that it reads are of one save. A claim that finds a key not guarded any more sees by an Acquire that the
//! saver has read the record, and the link beside it, which the saver reads without a lease.

use std::ops::Range;

use super::lease::is_unchanged;
use super::slot::Slot;
use crate::sync::primitive::{AtomicU64, Ordering};

/// Keys whose records are still to be saved; none if no process saves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guarded(pub(crate) Range<u64>);

impl Guarded {
    /// Returns `true` if a slot in this state has to stay as it is.
    #[inline(always)]
    pub(crate) fn holds(&self, state: Slot) -> bool {
        match state {
            Slot::Committed(key) | Slot::Marked(key) | Slot::Removed(key) => self.0.contains(&key),
            Slot::Claimed(_) | Slot::Empty => false,
        }
    }
}

/// The words of a save. Written by: the saver, under the locks of all shards but for `saved`; `saving` after its death
/// by any process.
#[derive(Clone, Copy)]
pub(crate) struct SaveWords<'a> {
    /// The bits of the saver, or 0; the other two words count only while it is not 0.
    pub(crate) saving: &'a AtomicU64,
    /// Records of keys below this one are copied.
    pub(crate) saved: &'a AtomicU64,
    /// Records of keys from this one on do not belong to the snapshot.
    pub(crate) cut: &'a AtomicU64,
}

impl SaveWords<'_> {
    /// Step 1, under the locks of all shards, while no process saves.
    pub(crate) fn begin(self, saver: u64, next_key: u64) {
        self.saved.store(0, Ordering::Relaxed);
        self.cut.store(next_key, Ordering::Relaxed);
        // Release: a process that sees the saver without a lock sees the keys.
        self.saving.store(saver, Ordering::Release);
    }

    /// Step 2: returns the bits of the saver, or 0.
    #[inline(always)]
    pub(crate) fn saver(self) -> u64 {
        // Acquire: pairs with the Release in `end`; the saver has read what it reads.
        self.saving.load(Ordering::Acquire)
    }

    /// Step 2: returns what is guarded. While the caller has the lock of a shard, keys leave it, and none come.
    #[inline(always)]
    pub(crate) fn guard(self) -> Guarded {
        Guarded(match self.saver() {
            0 => 0..0,
            // Acquire: pairs with the Release in `advance`.
            _ => self.saved.load(Ordering::Acquire)..self.cut.load(Ordering::Relaxed),
        })
    }

    /// Step 3: all records of keys below `key` were read.
    pub(crate) fn advance(self, key: u64) {
        // Release: a claim that finds a record not guarded any more knows that it was read.
        self.saved.store(key, Ordering::Release);
    }

    /// Step 4, if it is still the save of `saver`: another process may have ended it, and begun the next.
    pub(crate) fn end(self, saver: u64) {
        // Release: what the saver read was read before.
        let _ = self
            .saving
            .compare_exchange(saver, 0, Ordering::Release, Ordering::Relaxed);
    }
}

/// Step 3, after the fence of a lease: returns `true` if the slot of a guarded key still has its record, which stays
/// until the lease is given back. `lock` takes the lock of the slot's shard.
pub(crate) fn is_kept<G, E>(
    word: &AtomicU64,
    key: u64,
    lock: impl FnOnce() -> Result<G, E>,
) -> Result<bool, E> {
    let committed = Slot::Committed(key).to_word();
    if is_unchanged(word, committed) {
        return Ok(true);
    }
    // No fence: a process that looks at the leases later has the lock later, by which it sees this one.
    let _guard = lock()?;
    Ok(is_unchanged(word, committed) || is_unchanged(word, Slot::Removed(key).to_word()))
}
