//! The steps by which quotas are taken and given back, over the words that they change.
//!
//! Touches the *notes* of participants, and the counters of tables. Which limits there are, and how many records, is
//! the caller's to know. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! A participant has a note of the records that it may insert and has not inserted yet, and one for each table of those
//! that it may sample and has not sampled yet. A table counts the records whose insertion, and whose sampling, was
//! allowed.
//!
//! 1. *Look*: under the lock of the limiters, a process reads all notes, and only then what there is: counters, or in
//!    a queue the number of records. Where it does not find a number in a note any more, it sees what was done, or that
//!    the number was given back. Where it finds one, that may be done already. So it never allows too much. If it
//!    allows too little, the participant that it waits for notifies it, after it has struck its number off.
//! 2. *Take*: under the same lock, it adds the number to its note, and then to the counters.
//! 3. *Strike off*: it has done what it noted, and takes the number from its note.
//! 4. *Give back*: it has not done it, and takes the number from the counters, and then from its note.
//! 5. *Take back*: the process that cleans up after a dead participant, whose entry it has retired, takes what it
//!    finds in the note from the counters, and then clears the note.
//!
//! The note of an entry that is retired does not count. In a queue, which goes by the notes and by its records alone,
//! nothing has to be given back: the note counts until the entry is retired, and then the record is there or it is not.
//! A process may die when its records are there, and their number is not raised yet. Until the shard is repaired, as
//! many more may be inserted. That is over with the repair, however many processes die.
//!
//! Counters may be wrong by one call for each death: it may fall between the note and the counters in step 2, or
//! between what was done and step 3; or a process that dies in step 5 takes back what another takes back again.

use crate::os::fail_point;
use crate::sync::primitive::{AtomicU64, Ordering};

/// The note of one participant. Written by: that participant; after its death by the process that cleans up.
#[derive(Clone, Copy)]
pub(crate) struct Quota<'a>(pub(crate) &'a AtomicU64);

impl<'a> Quota<'a> {
    /// Step 2.
    pub(crate) fn take(self, count: u64, counters: impl IntoIterator<Item = &'a AtomicU64>) {
        // First the note: a participant that dies here gives back what it never took.
        self.0.fetch_add(count, Ordering::Relaxed);
        fail_point("quota.noted");
        for counter in counters {
            counter.fetch_add(count, Ordering::Relaxed);
            fail_point("quota.raised");
        }
    }

    /// Step 3.
    pub(crate) fn strike_off(self, count: u64) {
        // Release: pairs with the Acquire in `look`; what was noted is done.
        self.0.fetch_sub(count, Ordering::Release);
    }

    /// Step 4.
    pub(crate) fn give_back(self, count: u64, counters: impl IntoIterator<Item = &'a AtomicU64>) {
        for counter in counters {
            lower(counter, count);
        }
        self.strike_off(count);
    }

    /// Step 5.
    pub(crate) fn take_back(self, counters: impl IntoIterator<Item = &'a AtomicU64>) {
        let count = self.0.load(Ordering::Relaxed);
        for counter in counters {
            lower(counter, count);
        }
        fail_point("quota.back");
        // Release: as in `strike_off`.
        self.0.store(0, Ordering::Release);
    }
}

/// Step 1: returns the sum of the notes of the participants whose entries are taken, and what `read` reads after them.
pub(crate) fn look<'a, R>(
    quotas: impl IntoIterator<Item = Quota<'a>>,
    is_taken: impl Fn(usize) -> bool,
    read: impl FnOnce() -> R,
) -> (u64, R) {
    let mut noted = 0u64;
    for (entry, quota) in quotas.into_iter().enumerate() {
        // Acquire: pairs with the Releases above.
        let count = quota.0.load(Ordering::Acquire);
        if count > 0 && is_taken(entry) {
            noted = noted.saturating_add(count);
        }
    }
    (noted, read())
}

/// Lowers a counter, but not below 0.
pub(crate) fn lower(counter: &AtomicU64, by: u64) {
    if by > 0 {
        let lowered = |now: u64| Some(now.saturating_sub(by));
        let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lowered);
    }
}
