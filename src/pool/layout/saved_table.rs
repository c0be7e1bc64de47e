//! What a snapshot says of records, for one table.

use super::tally::ABSENT;
use crate::tree::{LARGEST_LEAF, SMALLEST_LEAF};

/// What a snapshot says of some records for one table.
pub(crate) struct SavedTable {
    pub(crate) leaves: Vec<f32>,
    /// How often each record was sampled.
    pub(crate) counts: Vec<u32>,
}

impl SavedTable {
    /// Takes leaves and counts as a table with another alpha, and another limit of samples, has them.
    pub(crate) fn fit(
        leaves: &mut Vec<f32>,
        counts: &mut Vec<u32>,
        power: f32,
        times: u32,
    ) -> Self {
        let mut fitted = Self {
            leaves: std::mem::take(leaves),
            counts: std::mem::take(counts),
        };
        for (leaf, count) in fitted.leaves.iter_mut().zip(&fitted.counts) {
            *leaf = match is_used_up(*count, times) {
                true => 0.0,
                false => raised(*leaf, power),
            };
        }
        fitted
    }
}

/// Whether a record that was sampled so often is in no table that gives each record so many `times`.
pub(crate) fn is_used_up(count: u32, times: u32) -> bool {
    count == ABSENT || (times > 0 && count >= times)
}

/// A leaf, or the highest one, of another alpha.
pub(crate) fn raised(leaf: f32, power: f32) -> f32 {
    match (leaf, power) {
        (0.0, _) | (_, 1.0) => leaf,
        _ => leaf.powf(power).clamp(SMALLEST_LEAF, LARGEST_LEAF),
    }
}
