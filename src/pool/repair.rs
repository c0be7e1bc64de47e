//! Repair: what can be derived is derived anew, from the slots' words and the leaves.
//!
//! Runs under the lock, after its owner died or panicked half way. May itself die at any instant:
//! it writes only what the next repair would write again.

use std::sync::atomic::Ordering;

use super::Pool;
use super::parts::Parts;
use super::slot::{LARGEST_KEY, Slot};
use crate::error::Result;
use crate::record::Record;
use crate::tree::LARGEST_LEAF;

impl<T: Record> Pool<T> {
    /// Checks everything in the pool that can be derived against what it is derived from: each sum
    /// against its children, the length against the slots, each key against its slot.
    ///
    /// Holds the lock meanwhile (some milliseconds for a million records), after a repair if one is
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
        let _guard = self.inner.lock()?;
        let wrong = self.inner.parts().find_contradiction();
        wrong.map_or(Ok(()), |reason| Err(self.inner.damaged(reason)))
    }
}

impl Parts {
    /// What [`Self::repair`] would change, if anything. Runs under the lock.
    fn find_contradiction(&self) -> Option<String> {
        let mut length = 0;
        let next_key = self.control().next_key.load(Ordering::Relaxed);
        for (slot, word) in self.words.iter().enumerate() {
            match Slot::from_word(word.load(Ordering::Relaxed)) {
                Slot::Committed(key) if self.slot_of(key) != slot || key >= next_key => {
                    return Some(format!("slot {slot} holds the record of key {key}"));
                }
                Slot::Committed(_) => length += 1,
                state if self.tree.leaf(slot) != 0.0 => {
                    return Some(format!("slot {slot} is {state:?} and has a priority"));
                }
                _ => {}
            }
        }
        let counted = self.control().length.load(Ordering::Relaxed);
        if counted != length {
            return Some(format!("it counts {counted} records and holds {length}"));
        }
        self.tree.find_contradiction()
    }

    /// Makes everything agree with the slots' words: a slot that a dead writer marked and did not take
    /// still holds its record; one that holds no record weighs nothing; sums, length, the next key
    /// and the highest leaf follow.
    pub(super) fn repair(&self) {
        let (mut length, mut next_key, mut highest) = (0, 0, 0f32);
        for (slot, word) in self.words.iter().enumerate() {
            let leaf = self.tree.leaf(slot);
            match Slot::from_word(word.load(Ordering::Relaxed)) {
                state @ (Slot::Committed(key) | Slot::Marked(key)) if key < LARGEST_KEY => {
                    if let Slot::Marked(_) = state {
                        // Release: who sees the key sees the record.
                        word.store(Slot::Committed(key).to_word(), Ordering::Release);
                    }
                    length += 1;
                    next_key = next_key.max(key + 1);
                    highest = highest.max(leaf);
                }
                _ if leaf != 0.0 => self.tree.set_leaf(slot, 0.0),
                _ => {}
            }
        }
        self.tree.rebuild();
        let control = self.control();
        control.length.store(length, Ordering::Relaxed);
        control.next_key.fetch_max(next_key, Ordering::Relaxed);
        let before = f32::from_bits(control.highest.load(Ordering::Relaxed));
        let highest = match [before, highest].map(|leaf| leaf > 0.0 && leaf <= LARGEST_LEAF) {
            [true, true] => before.max(highest),
            [true, false] => before,
            [false, true] => highest,
            [false, false] => 1.0,
        };
        control.highest.store(highest.to_bits(), Ordering::Relaxed);
    }
}
