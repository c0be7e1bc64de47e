//! Repair: what can be derived is derived anew, from the slots' words and the leaves.
//!
//! Runs under a shard's lock, after its owner died or panicked half way. May itself die at any instant:
//! it writes only what the next repair would write again.

use std::sync::atomic::Ordering;

use super::DynPool;
use super::parts::Parts;
use super::shape::MOST_TABLES;
use super::slot::{LARGEST_KEY, Slot};
use super::table::Table;
use crate::error::Result;
use crate::os::fail_point;
use crate::tree::{LARGEST_LEAF, MOST_SHARDS};

impl DynPool {
    /// Checks everything in the pool that can be derived against what it is derived from: each sum
    /// against its children, the length against the slots, each key against its slot, each priority against
    /// how often its record may still be sampled.
    ///
    /// Holds all locks meanwhile (some milliseconds for a million records), after a repair if one is
    /// due. For tests, and for whoever suspects a program that writes where it should not.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) with what is wrong;
    /// [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// pool.insert_batch(&[1, 2, 3])?;
    /// pool.verify()?;
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn verify(&self) -> Result<()> {
        let inner = &self.inner;
        inner.segment.clean();
        inner.settle_all()?;
        let _guards = inner.lock_all()?;
        let wrong = inner.parts().find_contradiction();
        let wrong = wrong.or_else(|| inner.find_unspent());
        wrong.map_or(Ok(()), |reason| Err(self.inner.damaged(reason)))
    }
}

impl Parts {
    /// What [`Self::repair`] would change, if anything. Runs under all locks.
    fn find_contradiction(&self) -> Option<String> {
        let mut lengths = [0; MOST_SHARDS];
        let next_key = self.control().next_key.load(Ordering::Relaxed);
        for (slot, word) in self.words.iter().enumerate() {
            match Slot::from_word(word.load(Ordering::Relaxed)) {
                Slot::Committed(key) if self.slot_of(key) != slot || key >= next_key => {
                    return Some(format!("slot {slot} holds the record of key {key}"));
                }
                Slot::Committed(key) if !self.leads_to_earlier(slot, key) => {
                    return Some(format!("the record of key {key} comes after a later one"));
                }
                Slot::Committed(_) => lengths[self.shards.shard_of(slot)] += 1,
                state if self.weighs(slot) => {
                    return Some(format!("slot {slot} is {state:?} and has a priority"));
                }
                _ => {}
            }
        }
        for (shard, (counted, held)) in self.counts.iter().zip(lengths).enumerate() {
            let counted = counted.length.load(Ordering::Relaxed);
            if counted != held {
                return Some(format!(
                    "it counts {counted} records in shard {shard} and holds {held}"
                ));
            }
        }
        let mut tables = self.tables.iter();
        tables.find_map(Table::find_contradiction)
    }

    /// Whether the slot has a priority in any table.
    fn weighs(&self, slot: usize) -> bool {
        let mut tables = self.tables.iter();
        tables.any(|table| table.tree.leaf(slot) != 0.0)
    }

    /// Makes everything of a shard agree with its slots' words: a slot that a dead writer marked and
    /// did not take still holds its record; one that holds no record weighs nothing; sums, length,
    /// the next key and the highest leaf follow. Runs under the shard's lock.
    pub(super) fn repair(&self, shard: usize) {
        let (mut length, mut next_key) = (0, 0);
        let mut highest = [0f32; MOST_TABLES];
        fail_point("repair.begun");
        for slot in self.shards.runs(shard).flatten() {
            fail_point("repair.slot");
            let word = &self.words[slot];
            match Slot::from_word(word.load(Ordering::Relaxed)) {
                state @ (Slot::Committed(key) | Slot::Marked(key)) if key < LARGEST_KEY => {
                    if let Slot::Marked(_) = state {
                        self.complete_rewrite(key, slot);
                        fail_point("repair.mark");
                    }
                    length += 1;
                    next_key = next_key.max(key + 1);
                    for (highest, table) in highest.iter_mut().zip(&self.tables) {
                        let leaf = table.tree.leaf(slot);
                        if leaf <= LARGEST_LEAF {
                            *highest = highest.max(leaf);
                        }
                    }
                }
                _ if self.weighs(slot) => {
                    for table in &self.tables {
                        table.tree.empty(slot);
                        fail_point("repair.leaf");
                    }
                }
                _ => {}
            }
        }
        for table in &self.tables {
            table.rebuild(shard);
        }
        fail_point("repair.summed");
        self.find_free(shard);
        self.forget_rewrites(shard);
        self.counts[shard].length.store(length, Ordering::Relaxed);
        fail_point("repair.length");
        let control = self.control();
        control.next_key.fetch_max(next_key, Ordering::Relaxed);
        for (highest, table) in highest.iter().zip(&self.tables) {
            table.raise_highest(&[*highest]);
        }
    }
}
