//! Checking a pool: what can be derived against what it is derived from.

use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::pool::DynPool;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::slot::Slot;
use crate::pool::layout::table::Table;
use crate::tree::MOST_SHARDS;

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
        let wrong = find_contradiction(inner.parts());
        let wrong = wrong.or_else(|| inner.find_unspent());
        wrong.map_or(Ok(()), |reason| Err(self.inner.damaged(reason)))
    }
}

/// Returns what a repair would change, if anything. Runs under all locks.
fn find_contradiction(parts: &Parts) -> Option<String> {
    let mut lengths = [0; MOST_SHARDS];
    let next_key = parts.control().next_key.load(Ordering::Relaxed);
    for (slot, word) in parts.words.iter().enumerate() {
        match Slot::from_word(word.load(Ordering::Relaxed)) {
            Slot::Committed(key) if parts.slot_of(key) != slot || key >= next_key => {
                return Some(format!("slot {slot} holds the record of key {key}"));
            }
            Slot::Committed(key) if !parts.leads_to_earlier(slot, key) => {
                return Some(format!("the record of key {key} comes after a later one"));
            }
            Slot::Committed(_) => lengths[parts.shards.shard_of(slot)] += 1,
            state if parts.weighs(slot) => {
                return Some(format!("slot {slot} is {state:?} and has a priority"));
            }
            _ => {}
        }
    }
    for (shard, (counted, held)) in parts.counts.iter().zip(lengths).enumerate() {
        let counted = counted.length.load(Ordering::Relaxed);
        if counted != held {
            return Some(format!(
                "it counts {counted} records in shard {shard} and holds {held}"
            ));
        }
    }
    let mut tables = parts.tables.iter();
    tables.find_map(Table::find_contradiction)
}
