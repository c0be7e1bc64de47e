//! Priorities: checking them, raising them to alpha, and updating those of committed records.

use std::sync::atomic::Ordering;

use super::slot::Slot;
use super::statistics::Counter;
use super::{Inner, Pool};
use crate::error::{Error, Result};
use crate::record::Record;
use crate::tree::{LARGEST_LEAF, SMALLEST_LEAF};

/// Keys that are updated while the lock is held once.
const CHUNK: usize = 256;

impl<T: Record> Pool<T> {
    /// Gives records new priorities, by their keys. Says how many keys were stale: their records
    /// have left the pool, and nothing was done for them.
    ///
    /// The lock is taken once for 256 keys. Where a key comes twice, its last priority stays.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where there is not one priority a key; [`Error::InvalidPriority`]
    /// for a priority that is NaN, infinite, negative or too large; [`Error::Forked`].
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(2).alpha(1.0))?;
    /// let keys = pool.insert_batch(&[7, 8, 9])?; // 9 takes the place of 7
    /// let stale = pool.update_priorities(&keys, &[1.0, 2.0, 3.0])?;
    /// assert_eq!(stale, 1);
    /// assert_eq!(pool.total_priority(), 5.0);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn update_priorities(&self, keys: &[u64], priorities: &[f32]) -> Result<usize> {
        if keys.len() != priorities.len() {
            return Err(Error::InvalidArgument {
                what: "the number of priorities",
                found: priorities.len().to_string(),
                expected: format!("that of the keys, {}", keys.len()),
            });
        }
        self.check_priorities(priorities)?;
        let mut stale = 0;
        for (keys, priorities) in keys.chunks(CHUNK).zip(priorities.chunks(CHUNK)) {
            stale += self.inner.update_chunk(keys, priorities)?;
        }
        self.inner.count(Counter::Updated, keys.len() - stale);
        if stale > 0 {
            self.inner.count(Counter::Stale, stale);
        }
        Ok(stale)
    }

    /// Refuses what cannot be a priority of this pool.
    pub(super) fn check_priorities(&self, priorities: &[f32]) -> Result<()> {
        let finite = |priority: f32| (0.0..f32::INFINITY).contains(&priority);
        let valid =
            |&priority: &f32| finite(priority) && self.inner.leaf_of(priority) <= LARGEST_LEAF;
        // Leaves rise with priorities: where all are finite, the largest answers for all.
        let largest = priorities.iter().copied().fold(0.0, f32::max);
        if priorities.iter().all(|&priority| finite(priority)) && valid(&largest) {
            return Ok(());
        }
        match priorities.iter().position(|priority| !valid(priority)) {
            None => Ok(()),
            Some(index) => Err(Error::InvalidPriority {
                index,
                found: priorities[index],
                limit: LARGEST_LEAF,
            }),
        }
    }
}

impl<T: Record> Inner<T> {
    /// The leaf of a priority: `priority^alpha`, and 0 for 0 whatever alpha is, so that a record of
    /// priority 0 is never sampled; a positive priority never becomes 0.
    #[inline]
    pub(super) fn leaf_of(&self, priority: f32) -> f32 {
        if priority == 0.0 {
            return 0.0;
        }
        priority.powf(self.parts().shape.alpha).max(SMALLEST_LEAF)
    }

    /// Updates at most [`CHUNK`] keys; says how many were stale.
    fn update_chunk(&self, keys: &[u64], priorities: &[f32]) -> Result<usize> {
        let mut leaves = [0.0; CHUNK];
        for (leaf, priority) in leaves.iter_mut().zip(priorities) {
            *leaf = self.leaf_of(*priority);
        }
        let mut touched = [0; CHUNK];
        let mut found = 0;
        let guard = self.lock()?;
        let parts = self.parts();
        let highest = &parts.control().highest;
        let mut largest = f32::from_bits(highest.load(Ordering::Relaxed));
        for (at, key) in keys.iter().enumerate() {
            let slot = parts.slot_of(*key);
            let word = parts.words[slot].load(Ordering::Relaxed);
            if Slot::from_word(word) == Slot::Committed(*key) {
                touched[found] = slot as u32;
                leaves[found] = leaves[at];
                largest = largest.max(leaves[at]);
                found += 1;
            }
        }
        // Before the leaves: whoever dies in between leaves none above the highest.
        highest.store(largest.to_bits(), Ordering::Relaxed);
        for (slot, leaf) in touched[..found].iter().zip(leaves) {
            parts.tree.set_leaf(*slot as usize, leaf);
        }
        parts.tree.refresh(&mut touched[..found]);
        drop(guard);
        Ok(keys.len() - found)
    }
}
