//! Priorities: checking them, raising them to alpha, and updating those of committed records.

use std::sync::atomic::Ordering;

use crate::error::{Error, Result};
use crate::os::cpu::prefetch;
use crate::os::fail_point;
use crate::pool::layout::slot::Slot;
use crate::pool::layout::table::Table;
use crate::pool::maintenance::statistics::Counter;
use crate::pool::{DynPool, Inner};
use crate::tree::{LARGEST_LEAF, MOST_SHARDS};

/// Keys that are sorted by shards, and then updated with each shard's lock taken once.
const CHUNK: usize = 256;

impl DynPool {
    /// Gives records new priorities, by their keys. Says how many keys were stale: their records
    /// have left the pool, and nothing was done for them.
    ///
    /// Each of the pool's locks is taken once at most for 256 keys. Where a key comes twice, its last priority stays.
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
            stale += self.inner.update_chunk(self.table, keys, priorities)?;
        }
        self.inner.count(Counter::Updated, keys.len() - stale);
        if stale > 0 {
            self.inner.count(Counter::Stale, stale);
        }
        Ok(stale)
    }

    /// Refuses what cannot be a priority of this pool.
    pub(crate) fn check_priorities(&self, priorities: &[f32]) -> Result<()> {
        let table = &self.inner.parts().tables[self.table];
        let finite = |priority: f32| (0.0..f32::INFINITY).contains(&priority);
        let valid = |&priority: &f32| finite(priority) && table.leaf_of(priority) <= LARGEST_LEAF;
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

impl Inner {
    /// Updates at most [`CHUNK`] keys; says how many were stale.
    fn update_chunk(&self, table: usize, keys: &[u64], priorities: &[f32]) -> Result<usize> {
        self.segment.check_process()?;
        let parts = self.parts();
        let table = &parts.tables[table];
        let shard_of = |slot| parts.shards.shard_of(slot);
        let mut ends = [0; MOST_SHARDS];
        for key in keys {
            let slot = parts.slot_of(*key);
            prefetch(&parts.words[slot]);
            table.tree.prefetch_leaf(slot);
            ends[shard_of(slot)] += 1;
        }
        // Where each shard's begin; when they are in their places, where they end.
        let mut begin = 0;
        for end in &mut ends {
            begin += std::mem::replace(end, begin);
        }
        let mut sorted = ([0; CHUNK], [0; CHUNK], [0.0; CHUNK]);
        for (key, priority) in keys.iter().zip(priorities) {
            let slot = parts.slot_of(*key);
            let place = &mut ends[shard_of(slot)];
            sorted.0[*place] = *key;
            sorted.1[*place] = slot as u32;
            sorted.2[*place] = table.leaf_of(*priority);
            *place += 1;
        }
        let (mut begin, mut found) = (0, 0);
        for (shard, end) in ends.into_iter().enumerate() {
            let these = begin..end;
            begin = end;
            if !these.is_empty() {
                let (slots, leaves) = (&mut sorted.1[these.clone()], &mut sorted.2[these.clone()]);
                found += self.update_shard(table, shard, &sorted.0[these], slots, leaves)?;
            }
        }
        Ok(keys.len() - found)
    }

    /// Updates keys of one shard; says how many it found. Uses `slots` and `leaves` up.
    fn update_shard(
        &self,
        table: &Table,
        shard: usize,
        keys: &[u64],
        slots: &mut [u32],
        leaves: &mut [f32],
    ) -> Result<usize> {
        let parts = self.parts();
        let mut found = 0;
        let guard = self.lock(shard)?;
        fail_point("update.locked");
        for (at, key) in keys.iter().enumerate() {
            let word = parts.words[slots[at] as usize].load(Ordering::Relaxed);
            let here = Slot::from_word(word) == Slot::Committed(*key);
            // What was sampled for the last time stays at 0.
            if here && !table.is_exhausted(slots[at] as usize) {
                (slots[found], leaves[found]) = (slots[at], leaves[at]);
                found += 1;
            }
        }
        table.raise_highest(&leaves[..found]);
        fail_point("update.raised");
        table.assign(&mut slots[..found], &leaves[..found]);
        fail_point("update.summed");
        drop(guard);
        Ok(found)
    }
}
