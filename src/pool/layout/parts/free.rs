//! The free slots of each shard, where claims do not follow the ring: a stack that is derived from the
//! slots' words.
//!
//! Runs under the shard's lock. Knows no record type.

use std::sync::atomic::{AtomicU32, Ordering};

use super::Parts;
use crate::os::fail_point;
use crate::pool::layout::slot::Slot;
use crate::segment::Region;

impl Parts {
    /// Finds the free slots of a shard anew; the lowest comes first.
    pub(crate) fn find_free(&self, shard: usize) {
        let Some(free) = &self.free else { return };
        let start = shard * self.shards.places(0);
        let mut count = 0;
        for slot in self.shards.runs(shard).rev().flat_map(Iterator::rev) {
            let word = self.words[slot].load(Ordering::Relaxed);
            if let Slot::Empty | Slot::Removed(_) = Slot::from_word(word) {
                free[start + count].store(slot as u32, Ordering::Relaxed);
                count += 1;
            }
        }
        self.counts[shard]
            .free
            .store(count as u64, Ordering::Relaxed);
    }

    /// Adds a slot that has just become free.
    pub(crate) fn push_free(&self, slot: usize) {
        let Some(free) = &self.free else { return };
        let shard = self.shards.shard_of(slot);
        let (start, count) = (shard * self.shards.places(0), self.count_free(shard));
        if count < self.shards.places(0) {
            free[start + count].store(slot as u32, Ordering::Relaxed);
            fail_point("remove.freed");
            let counted = count as u64 + 1;
            self.counts[shard].free.store(counted, Ordering::Relaxed);
        }
    }

    /// Free slots of a shard, the first one first. Under the lock: from the one taken on they are found by
    /// [`Self::drop_free`].
    pub(crate) fn free_slots(&self, shard: usize) -> impl Iterator<Item = usize> + '_ {
        let (start, count) = (shard * self.shards.places(0), self.count_free(shard));
        let last = self.words.len() - 1;
        let free = self.free.as_ref();
        let slot = move |at: usize| {
            let free: &Region<AtomicU32> = free.expect("a pool with a list of free slots");
            (free[start + at].load(Ordering::Relaxed) as usize).min(last)
        };
        (0..count).rev().map(slot)
    }

    /// Takes the slot at place `at` (from 0, the first) out of the list of a shard.
    pub(crate) fn drop_free(&self, shard: usize, at: usize) {
        let Some(free) = &self.free else { return };
        let (start, count) = (shard * self.shards.places(0), self.count_free(shard));
        // What was passed over moves up, each in its turn.
        let Some(place) = count.checked_sub(at + 1) else {
            return; // in a damaged segment the count may have changed
        };
        for at in place..count - 1 {
            let next = free[start + at + 1].load(Ordering::Relaxed);
            free[start + at].store(next, Ordering::Relaxed);
        }
        let counted = count as u64 - 1;
        self.counts[shard].free.store(counted, Ordering::Relaxed);
    }

    /// How many slots a shard has in its list.
    pub(crate) fn count_free(&self, shard: usize) -> usize {
        let count = self.counts[shard].free.load(Ordering::Relaxed);
        count.min(self.shards.places(0) as u64) as usize
    }
}
