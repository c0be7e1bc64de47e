//! The cut: which records belong to a snapshot, and with which priorities, all at one instant.
//!
//! Holds all locks while it copies the slots' words and each table's leaves, and nothing else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::format::MOST_COUNTED;
use super::guard::Saving;
use crate::error::Result;
use crate::os::fail_point;
use crate::pool::Inner;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::slot::{LARGEST_KEY, Slot};
use crate::pool::layout::table::Table;

/// What a snapshot holds besides the records themselves.
pub(crate) struct Cut {
    /// The keys of its records, rising.
    pub(crate) keys: Vec<u64>,
    pub(crate) tables: Vec<TableCut>,
}

/// A table at the time of the cut.
pub(crate) struct TableCut {
    /// The leaf of each slot.
    pub(crate) leaves: Vec<f32>,
    /// How often each slot's record was sampled, if the table counts.
    pub(crate) counts: Vec<u32>,
    pub(crate) highest: f32,
    /// Records inserted and sampled, as the rate limiter counts them.
    pub(crate) inserted: u64,
    pub(crate) sampled: u64,
}

impl Cut {
    /// Takes the cut; says how long others may have waited for the locks.
    pub(crate) fn take(inner: &Inner) -> Result<(Self, Saving<'_>, Duration)> {
        let parts = inner.parts();
        // Not zeros, whose pages the system would find while others wait.
        let mut words = vec![u64::MAX; parts.capacity()];
        let empty = |table: &Table| TableCut {
            leaves: vec![f32::NAN; words.len()],
            counts: vec![
                u32::MAX;
                if table.counts_samples() {
                    words.len()
                } else {
                    0
                }
            ],
            highest: 0.0,
            inserted: 0,
            sampled: 0,
        };
        let mut tables: Vec<TableCut> = parts.tables.iter().map(empty).collect();
        let began = Instant::now();
        let guards = inner.lock_all()?;
        let saving = inner.begin_saving(&guards)?;
        for (copy, word) in words.iter_mut().zip(parts.words.iter()) {
            *copy = word.load(Ordering::Relaxed);
        }
        for (copy, table) in tables.iter_mut().zip(&parts.tables) {
            copy.take(table);
        }
        drop(guards);
        let locked = began.elapsed();
        fail_point("save.cut");
        let keys = keys_of(parts, &words);
        Ok((Self { keys, tables }, saving, locked))
    }
}

impl TableCut {
    fn take(&mut self, table: &Table) {
        table.tree.copy_leaves(&mut self.leaves);
        for (slot, count) in self.counts.iter_mut().enumerate() {
            *count = table.sampled(slot);
        }
        let words = table.words();
        self.highest = table.highest();
        // In a damaged segment they may say anything, and a snapshot says only what can be.
        let counted = |count: &AtomicU64| count.load(Ordering::Relaxed).min(MOST_COUNTED);
        (self.inserted, self.sampled) = (counted(&words.inserted), counted(&words.sampled));
    }
}

/// The keys of the records in slots with these words, rising.
fn keys_of(parts: &Parts, words: &[u64]) -> Vec<u64> {
    let cut = parts.control().cut.load(Ordering::Relaxed);
    // Behind the ring's next slot is its oldest record: so there is little to sort.
    let (behind, before) = words.split_at(parts.slot_of(cut));
    let slots = (behind.len()..words.len()).chain(0..behind.len());
    let mut keys = Vec::with_capacity(words.len());
    for (slot, &word) in slots.zip(before.iter().chain(behind)) {
        if let Slot::Committed(key) = Slot::from_word(word)
            // In a damaged segment it may say anything.
            && key < cut.min(LARGEST_KEY - 1)
            && parts.slot_of(key) == slot
        {
            keys.push(key);
        }
    }
    keys.sort(); // finds what is in order already
    keys
}
