//! How the priorities of a pool are distributed. Reads the leaves, without a lock.

use std::sync::atomic::Ordering;

use crate::pool::DynPool;
use crate::pool::layout::slot::Slot;

/// How the priorities of a pool, or a view of it, are distributed, as found in one pass over its slots
/// while others go on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Distribution {
    /// Records that were found.
    pub records: u64,
    /// Those of them with priority 0.
    pub without_priority: u64,
    /// How many records are as good as they are, for what one learns from them by priority: the square of
    /// the sum of `priority^alpha`, divided by the sum of its squares (Kish 1965, "Survey sampling"). It is
    /// the number of records where all have the same priority, and near 1 where one has nearly all of it.
    pub effective_sample_size: f64,
    /// For each power of two that occurs, in rising order, how many priorities are at least that and less
    /// than the next.
    pub histogram: Vec<(f32, u64)>,
}

impl DynPool {
    /// How the priorities are distributed. Takes no lock, and some milliseconds for a million records.
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).alpha(1.0))?;
    /// pool.insert_batch_with_priorities(&[7, 8, 9, 10], &[1.0, 1.0, 4.0, 0.0])?;
    /// let found = pool.distribution();
    /// assert_eq!((found.records, found.without_priority), (4, 1));
    /// assert_eq!(found.histogram, [(1.0, 2), (4.0, 1)]);
    /// assert_eq!(found.effective_sample_size, 2.0); // 6² / (1 + 1 + 16)
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn distribution(&self) -> Distribution {
        let parts = self.inner.parts();
        let tree = &parts.tables[self.table].tree;
        let (mut records, mut without_priority) = (0, 0);
        let (mut sum, mut squares) = (0.0, 0.0);
        // A float has 256 exponents.
        let mut by_exponent = [0; 256];
        for (slot, word) in parts.words.iter().enumerate() {
            let Slot::Committed(_) = Slot::from_word(word.load(Ordering::Relaxed)) else {
                continue;
            };
            records += 1;
            let leaf = tree.leaf(slot);
            if leaf > 0.0 {
                by_exponent[exponent(self.priority_of(leaf))] += 1;
                sum += f64::from(leaf);
                squares += f64::from(leaf) * f64::from(leaf);
            } else {
                without_priority += 1;
            }
        }
        let occurring = by_exponent.iter().enumerate();
        Distribution {
            records,
            without_priority,
            effective_sample_size: if sum > 0.0 { sum * sum / squares } else { 0.0 },
            histogram: occurring
                .filter(|(_, count)| **count > 0)
                .map(|(exponent, count)| (f32::from_bits((exponent as u32) << 23), *count))
                .collect(),
        }
    }
}

/// The exponent in the bits of a number above 0.
fn exponent(number: f32) -> usize {
    (number.to_bits() >> 23) as usize & 0xff
}
