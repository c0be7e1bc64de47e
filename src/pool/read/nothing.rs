//! Why a sample finds nothing, or too little. Looks at what the pool holds; changes nothing.

use std::sync::atomic::Ordering;

use super::batch::DynBatch;
use crate::error::Error;
use crate::pool::Inner;
use crate::pool::layout::slot::Slot;
use crate::pool::layout::table::Table;
use crate::pool::policy::Sampler;

impl Inner {
    /// Says why nothing can be sampled: what is there, and what of it has been sampled often enough, by this batch
    /// too.
    pub(crate) fn explain(&self, error: Error, batch: &DynBatch) -> Error {
        let Error::NothingToSample { .. } = error else {
            return error;
        };
        let parts = self.parts();
        let table = &parts.tables[batch.table];
        let found = batch.samples.iter().filter(|sample| sample.counted).count();
        if found > 0 && table.shape.times > 0 {
            let asked = batch.samples.len();
            return Error::TooFewRecords { asked, found };
        }
        let length = self.len();
        let is_used_up = |&slot: &usize| {
            let word = parts.words[slot].load(Ordering::Relaxed);
            matches!(Slot::from_word(word), Slot::Committed(_)) && !table.is_open(slot)
        };
        let used_up = match table.counts_samples() && length > 0 {
            true => (0..parts.capacity()).filter(is_used_up).count().min(length),
            false => 0,
        };
        Error::NothingToSample { length, used_up }
    }

    /// How many records a full pool can give at once from this table.
    pub(crate) fn largest_batch(&self, table: &Table, sampler: Sampler) -> usize {
        let capacity = self.parts().capacity();
        match (sampler.is_distinct(), table.shape.times as usize) {
            (true, _) | (_, 0) => capacity,
            (_, times) => capacity.saturating_mul(times),
        }
    }
}
