//! Repair: what can be derived is derived anew, from the slots' words and the leaves.
//!
//! Runs under a shard's lock, after its owner died or panicked half way. May itself die at any instant:
//! it writes only what the next repair would write again.

use std::sync::atomic::Ordering;

use super::Parts;
use crate::os::fail_point;
use crate::pool::layout::shape::MOST_TABLES;
use crate::pool::layout::slot::{LARGEST_KEY, Slot};
use crate::tree::LARGEST_LEAF;

impl Parts {
    /// Whether the slot has a priority in any table.
    pub(crate) fn weighs(&self, slot: usize) -> bool {
        let mut tables = self.tables.iter();
        tables.any(|table| table.tree.leaf(slot) != 0.0)
    }

    /// Makes everything of a shard agree with its slots' words: a slot that a dead writer marked and
    /// did not take still holds its record; one that holds no record weighs nothing; sums, length,
    /// the next key and the highest leaf follow. Runs under the shard's lock.
    pub(crate) fn repair(&self, shard: usize) {
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
