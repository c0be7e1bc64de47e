//! Records that leave the pool otherwise than by being overwritten: by key, all at once, or because they
//! were sampled as often as they may be.
//!
//! Runs under the lock of the slot's shard. The word says first that the record is gone; leaves, sums,
//! length and the list of free slots follow, and a repair makes up for whoever dies in between.

use std::sync::atomic::Ordering;

use super::batch::Batch;
use super::claim::PeersMet;
use super::lease::{announce, take};
use super::parts::Parts;
use super::slot::{LARGEST_KEY, Slot};
use super::statistics::Counter;
use super::{Inner, Pool};
use crate::error::Result;
use crate::os::fail_point;
use crate::record::Record;
use crate::segment::Guard;

impl<T: Record> Pool<T> {
    /// Removes records by their keys. Says how many there were; the others had left the pool already.
    ///
    /// A batch that holds one keeps it, whole, until it is dropped.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// let keys = pool.insert_batch(&[7, 8, 9])?;
    /// assert_eq!(pool.remove(&keys[..2])?, 2);
    /// assert_eq!(pool.remove(&keys[..2])?, 0);
    /// assert_eq!(pool.len(), 1);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn remove(&self, keys: &[u64]) -> Result<usize> {
        self.inner.segment.check_process()?;
        let mut removed = 0;
        for &key in keys.iter().filter(|&&key| key < LARGEST_KEY) {
            removed += usize::from(self.inner.remove_one(key)?);
        }
        self.inner.removed(removed);
        Ok(removed)
    }

    /// Removes every record that is in the pool when its part of the pool is reached; says how many.
    /// Keys go on from where they were.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// pool.insert_batch(&[7, 8, 9])?;
    /// assert_eq!(pool.clear()?, 3);
    /// assert!(pool.is_empty());
    /// assert_eq!(pool.insert(&7)?, 3);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn clear(&self) -> Result<usize> {
        let (inner, parts) = (&self.inner, self.inner.parts());
        let mut removed = 0;
        for shard in 0..parts.shards.count() {
            let guard = inner.lock(shard)?;
            for slot in parts.shards.runs(shard).flatten() {
                let word = parts.words[slot].load(Ordering::Relaxed);
                if let Slot::Committed(key) = Slot::from_word(word) {
                    inner.take_out(&guard, slot, key);
                    removed += 1;
                }
            }
        }
        inner.removed(removed);
        Ok(removed)
    }
}

impl<T: Record> Inner<T> {
    fn remove_one(&self, key: u64) -> Result<bool> {
        let parts = self.parts();
        let slot = parts.slot_of(key);
        let guard = self.lock(parts.shards.shard_of(slot))?;
        let word = parts.words[slot].load(Ordering::Relaxed);
        let found = Slot::from_word(word) == Slot::Committed(key);
        if found {
            self.take_out(&guard, slot, key);
        }
        Ok(found)
    }

    /// Counts, and tells those who wait for room.
    fn removed(&self, count: usize) {
        if count > 0 {
            self.count(Counter::Removed, count);
            self.drained();
        }
    }

    /// Removes the record of `key` from `slot`.
    fn take_out(&self, guard: &Guard<'_, Parts>, slot: usize, key: u64) {
        let parts = self.parts();
        let removed = Slot::Removed(key).to_word();
        take(&parts.words[slot], removed);
        fail_point("remove.word");
        parts.forget_unsampled(slot);
        for table in &parts.tables {
            table.assign_run(&[slot as u32], &[0.0]);
        }
        parts.push_free(slot);
        fail_point("remove.summed");
        self.change_length(guard, |length| length.wrapping_sub(1));
    }

    /// Takes what a batch sampled for the last time out of its table; and what is in no other table
    /// either, out of the pool.
    pub(super) fn finish_counting(&self, batch: &mut Batch<T>) -> Result<()> {
        let parts = self.parts();
        let table = &parts.tables[batch.table];
        let mut removed = 0;
        fail_point("remove.counted");
        for key in batch.exhausted.drain(..) {
            let slot = parts.slot_of(key);
            let guard = self.lock(parts.shards.shard_of(slot))?;
            let word = parts.words[slot].load(Ordering::Relaxed);
            if Slot::from_word(word) != Slot::Committed(key) {
                continue;
            }
            if parts.is_exhausted(slot) {
                self.take_out(&guard, slot, key);
                removed += 1;
            } else if table.is_exhausted(slot) {
                table.assign_run(&[slot as u32], &[0.0]);
            }
        }
        self.removed(removed);
        Ok(())
    }
}

impl<T: Record> Inner<T> {
    /// Removes what somebody sampled for the last time who died before it could: records that nobody may
    /// sample, and nobody holds. Looks at every slot, where samples use records up.
    pub(super) fn bury(&self) -> Result<()> {
        let parts = self.parts();
        if parts.len() == 0 || !parts.tables.iter().all(|table| table.shape.times > 0) {
            return Ok(());
        }
        let mut removed = 0;
        for slot in 0..parts.capacity() {
            let word = || Slot::from_word(parts.words[slot].load(Ordering::Relaxed));
            if !(matches!(word(), Slot::Committed(_)) && parts.is_exhausted(slot)) {
                continue;
            }
            let guard = self.lock(parts.shards.shard_of(slot))?;
            announce();
            let held = self.leased(slot, 1, &mut PeersMet::default()) != 0;
            if let (Slot::Committed(key), false, true) = (word(), held, parts.is_exhausted(slot)) {
                self.take_out(&guard, slot, key);
                removed += 1;
            }
        }
        self.removed(removed);
        Ok(())
    }
}

impl Parts {
    /// What goes from a queue before it was sampled is waited for no more.
    pub(super) fn forget_unsampled(&self, slot: usize) {
        for table in &self.tables {
            if table.shape.is_queue() && !table.is_exhausted(slot) {
                table.give_back_inserted(1);
            }
        }
    }

    /// Whether no table has the record of a slot any more.
    pub(super) fn is_exhausted(&self, slot: usize) -> bool {
        self.tables.iter().all(|table| table.is_exhausted(slot))
    }
}
