//! The quotas of a pool's participants; the protocol is at the head of `quota.rs`.

use std::sync::atomic::AtomicU64;

use super::Parts;
use crate::pool::layout::quota::Quota;

impl Parts {
    /// The lock under which quotas are taken, which guards nothing that would have to be repaired.
    pub(crate) fn limiter_lock(&self) -> usize {
        self.shards.count()
    }

    /// Gives the quota of a participant back that is gone.
    pub(crate) fn take_back_quota(&self, entry: usize) {
        let own = self.own(entry);
        for (table, sampling) in self.tables.iter().zip(&own.sampling) {
            // Where samples use records up, they may be gone already.
            let counts = table.shape.times == 0;
            Quota(sampling).take_back(counts.then_some(&table.words().sampled));
        }
        Quota(&own.inserting).take_back(self.inserted());
    }

    /// Each table's counter of insertions.
    pub(crate) fn inserted(&self) -> impl Iterator<Item = &AtomicU64> {
        self.tables.iter().map(|table| &table.words().inserted)
    }
}
