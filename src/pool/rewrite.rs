//! Rewriting a record that is in the pool, as hindsight and relabelling need it.
//!
//! # The protocol
//! 1. Copy the record into the own *draft*, a record of the participant's own in the segment, and let
//!    the caller change it there. No lock is held.
//! 2. Under the lock of the slot's shard: mark the slot as a claim does, fence, look at the leases. If
//!    somebody reads the record, the slot gets its word back, and this is tried again later.
//! 3. Note the key among the own words, copy the draft into the slot, strike the key off, and give the
//!    slot its word back. Nobody samples the record meanwhile.
//!
//! Who dies within 3 leaves the lock, the mark and the note. The repair of the shard finds a marked slot
//! whose key somebody noted, and copies the draft once more; in the end it strikes all notes of the shard
//! off. A participant that finds a note on its words when it comes to write its own is the heir of one
//! that died, and takes the lock of that key's shard before it touches the draft: so the repair is over.

use std::sync::PoisonError;
use std::sync::atomic::{Ordering, compiler_fence};
use std::thread;
use std::time::{Duration, Instant};

use super::claim::PeersMet;
use super::lease::{announce, commit, mark, pass_over};
use super::parts::Parts;
use super::slot::{LARGEST_KEY, Slot};
use super::{Inner, Pool};
use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::record::Record;

/// The longest sleep between two looks whether a batch has let go of the record.
const LONGEST_SLEEP: Duration = Duration::from_millis(5);

impl<T: Record> Pool<T> {
    /// Changes the record of `key` by `change`; says whether it was there. Its key and its priorities
    /// stay.
    ///
    /// Who samples meanwhile gets the record whole, as it was before or as it is after. `change` works on
    /// a copy, with no lock held; where two change a record at once, the whole record of the one that
    /// comes later stays. A record that a batch holds is not changed until the batch is dropped, so drop
    /// your own first.
    ///
    /// If the process is killed in the middle, the record is as it was, or as it was to be.
    ///
    /// # Errors
    /// [`Error::TimedOut`] where a batch holds the record for longer than `limit`; [`Error::Forked`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<[f32; 2]>::anonymous(PoolOptions::new(100))?;
    /// let key = pool.insert(&[1.0, 0.0])?;
    /// // Hindsight: what was reached becomes the goal.
    /// assert!(pool.rewrite(key, Duration::from_secs(1), |record| record[1] = record[0])?);
    /// assert_eq!(pool.get(key)?, Some([1.0, 1.0]));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn rewrite(&self, key: u64, limit: Duration, change: impl FnOnce(&mut T)) -> Result<bool> {
        let inner = &self.inner;
        inner.segment.check_process()?;
        let Some(mut record) = self.get(key)? else {
            return Ok(false);
        };
        change(&mut record);
        inner.segment.check_process()?; // `change` may have forked
        let drafting = inner.drafting.lock();
        let _drafting = drafting.unwrap_or_else(PoisonError::into_inner);
        inner.await_predecessor()?;
        let entry = inner.segment.owner().entry();
        let draft = inner.parts().draft(entry).cast::<T>();
        // SAFETY: the participant's own draft, which only its threads write, one at a time (the mutex);
        // the repair of a predecessor is over. It is aligned for `T` and as long.
        unsafe { draft.write(record) };
        fail_point("rewrite.drafted");
        let began = Instant::now();
        let mut sleep = Duration::from_micros(50);
        loop {
            match inner.put_in_place(key, entry)? {
                Some(done) => return Ok(done),
                None if began.elapsed() >= limit => {
                    return Err(Error::TimedOut {
                        what: format!("a batch that holds record {key}"),
                        waited: limit,
                    });
                }
                None => thread::sleep(sleep),
            }
            inner.segment.clean();
            sleep = (sleep * 2).min(LONGEST_SLEEP);
        }
    }
}

impl<T: Record> Inner<T> {
    /// Waits for the repair after a participant that had this entry before and died.
    fn await_predecessor(&self) -> Result<()> {
        // Acquire: pairs with the Release in `forget_rewrites`, after which nobody reads the draft.
        let noted = self.own().rewriting.load(Ordering::Acquire);
        if let Some(key) = noted.checked_sub(1).filter(|&key| key < LARGEST_KEY) {
            let parts = self.parts();
            drop(self.lock(parts.shards.shard_of(parts.slot_of(key)))?);
        }
        Ok(())
    }

    /// Steps 2 and 3; says whether the record was there, or nothing where somebody reads it.
    fn put_in_place(&self, key: u64, entry: usize) -> Result<Option<bool>> {
        let parts = self.parts();
        let slot = parts.slot_of(key);
        let word = &parts.words[slot];
        let _guard = self.lock(parts.shards.shard_of(slot))?;
        if Slot::from_word(word.load(Ordering::Relaxed)) != Slot::Committed(key) {
            return Ok(Some(false));
        }
        mark(word, Slot::Marked(key).to_word());
        fail_point("rewrite.marked");
        announce();
        if self.leased(slot, 1, &mut PeersMet::default()) != 0 {
            pass_over(word, Slot::Committed(key).to_word());
            return Ok(None);
        }
        let rewriting = &self.own().rewriting;
        // Release: who repairs sees the draft, which was written before.
        rewriting.store(key + 1, Ordering::Release);
        in_order();
        fail_point("rewrite.noted");
        // SAFETY: the slot is marked and nobody leases it, so no reader passes its check; the lock keeps
        // writers away. The draft is the participant's own, and whole.
        unsafe { parts.copy_draft(entry, slot) };
        in_order();
        fail_point("rewrite.copied");
        commit(word, Slot::Committed(key).to_word());
        in_order();
        fail_point("rewrite.committed");
        rewriting.store(0, Ordering::Relaxed);
        Ok(Some(true))
    }
}

/// What comes before must come first in the eyes of who repairs after a death.
fn in_order() {
    compiler_fence(Ordering::SeqCst);
}

impl Parts {
    /// Completes what somebody died in the middle of, if the record of `key` was being rewritten. Under
    /// the lock of its shard, with its slot marked.
    pub(super) fn complete_rewrite(&self, key: u64) {
        for (entry, own) in self.everybody().iter().enumerate() {
            // Acquire: pairs with the Release in `put_in_place`.
            if own.rewriting.load(Ordering::Acquire) == key + 1 {
                // SAFETY: who noted the key found the slot not leased after it had marked it, and it is
                // marked still. The draft is whole, and its owner, or the heir of its entry, writes it
                // only after it took the lock of this shard.
                unsafe { self.copy_draft(entry, self.slot_of(key)) };
                fail_point("rewrite.completed");
            }
        }
    }

    /// Strikes the keys of a shard off everybody's words, at the end of its repair: whoever noted one did
    /// so under the lock, and died with it.
    pub(super) fn forget_rewrites(&self, shard: usize) {
        for own in self.everybody() {
            let noted = own.rewriting.load(Ordering::Relaxed);
            let key = noted.checked_sub(1).filter(|&key| key < LARGEST_KEY);
            if key.is_some_and(|key| self.shards.shard_of(self.slot_of(key)) == shard) {
                // Release: the draft was read before.
                own.rewriting.store(0, Ordering::Release);
            }
        }
    }

    /// Copies a draft into a slot.
    ///
    /// # Safety
    /// Nobody else reads or writes either meanwhile.
    unsafe fn copy_draft(&self, entry: usize, slot: usize) {
        let (draft, record) = (self.draft(entry), self.record(slot));
        // SAFETY: both are `stride` bytes of regions that do not overlap, and the caller's.
        unsafe { std::ptr::copy_nonoverlapping(draft, record, self.stride) };
    }
}
