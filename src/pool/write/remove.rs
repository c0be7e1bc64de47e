//! Records that leave the pool otherwise than by being overwritten: by key, or all at once; `spend.rs` removes those
//! that were sampled as often as they may be.
//!
//! Runs under the lock of the slot's shard. The word says first that the record is gone; leaves, sums,
//! length and the list of free slots follow, and a repair makes up for whoever dies in between.

use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::os::fail_point;
use crate::pool::layout::lease::take;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::slot::{LARGEST_KEY, Slot};
use crate::pool::maintenance::statistics::Counter;
use crate::pool::{DynPool, Inner};
use crate::segment::Guard;

impl DynPool {
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

impl Inner {
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
    pub(crate) fn removed(&self, count: usize) {
        if count > 0 {
            self.count(Counter::Removed, count);
            self.drained();
        }
    }

    /// Removes the record of `key` from `slot`.
    pub(crate) fn take_out(&self, guard: &Guard<'_, Parts>, slot: usize, key: u64) {
        let parts = self.parts();
        let removed = Slot::Removed(key).to_word();
        take(&parts.words[slot], removed);
        fail_point("remove.word");
        parts.tables.iter().for_each(|table| table.leave(slot));
        for table in &parts.tables {
            table.assign_run(&[slot as u32], &[0.0]);
        }
        parts.push_free(slot);
        fail_point("remove.summed");
        self.change_length(guard, |length| length.wrapping_sub(1));
    }
}
