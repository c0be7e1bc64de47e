//! Records that samples use up: a complete batch makes its samples final, and what it sampled for the last time
//! leaves its table, or the pool.
//!
//! A process may die before it has come so far, with samples that are pending or with a record that still has its
//! priority. Another process that meets such a record settles it; see `layout/tally.rs` for the protocol.

use std::sync::atomic::Ordering;

use super::batch::DynBatch;
use crate::error::Result;
use crate::os::fail_point;
use crate::pool::Inner;
use crate::pool::layout::lease::lease_fence;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::slot::Slot;
use crate::pool::layout::tally::{self, Tally};
use crate::pool::write::claim::PeersMet;
use crate::segment::Guard;

impl Inner {
    /// Makes the samples of a complete batch final. Takes what was sampled for the last time out of its table; and
    /// what no table has any more, out of the pool.
    pub(crate) fn finish_samples(&self, batch: &mut DynBatch) -> Result<()> {
        let table = &self.parts().tables[batch.table];
        if table.shape.times == 0 {
            return Ok(());
        }
        fail_point("sample.pending");
        for sample in &batch.samples {
            if table.tally(sample.slot as usize).is_some_and(Tally::finish) {
                batch.scratch.used_up.push(sample.slot);
            }
        }
        fail_point("sample.finished");
        let mut removed = 0;
        for slot in batch.scratch.used_up.drain(..) {
            let slot = slot as usize;
            let guard = self.lock(self.parts().shards.shard_of(slot))?;
            removed += usize::from(self.spend(&guard, slot) == Spent::Removed);
        }
        self.removed(removed);
        Ok(())
    }

    /// Settles the records that a round of draws has met and lost, and that no process may sample. Returns whether
    /// a priority is gone by that.
    pub(crate) fn settle_met(&self, batch: &mut DynBatch) -> Result<bool> {
        let (mut removed, mut lighter) = (0, false);
        if !batch.scratch.met.is_empty() {
            self.unname_lost(batch);
        }
        for slot in batch.scratch.met.drain(..) {
            let spent = self.settle(slot as usize)?;
            removed += usize::from(spent == Spent::Removed);
            lighter |= spent != Spent::Nothing;
        }
        self.removed(removed);
        Ok(lighter)
    }

    /// Settles all records. Looks at every slot, where samples use records up.
    pub(crate) fn settle_all(&self) -> Result<()> {
        let parts = self.parts();
        let mut removed = 0;
        if parts.len() > 0 && parts.tables.iter().any(|table| table.shape.times > 0) {
            let unsettled = |&slot: &usize| parts.is_unsettled(slot);
            for slot in (0..parts.capacity()).filter(unsettled) {
                removed += usize::from(self.settle(slot)? == Spent::Removed);
            }
        }
        self.removed(removed);
        Ok(())
    }

    /// Drops the pending samples of a record that is not leased, and finishes what a dead process had begun.
    fn settle(&self, slot: usize) -> Result<Spent> {
        let mut peers = PeersMet::default();
        let spent = self.settle_for(slot, &mut peers)?;
        match peers.lessee {
            // The leases of the dead count until somebody cleans up.
            Some(entry) if !self.segment.is_entry_alive(entry) => {
                self.segment.clean();
                self.settle_for(slot, &mut peers)
            }
            _ => Ok(spent),
        }
    }

    fn settle_for(&self, slot: usize, peers: &mut PeersMet) -> Result<Spent> {
        let parts = self.parts();
        let word = &parts.words[slot];
        let guard = self.lock(parts.shards.shard_of(slot))?;
        if let Slot::Committed(key) = Slot::from_word(word.load(Ordering::Relaxed))
            && parts.is_pending(slot)
        {
            let words = [Slot::Committed(key), Slot::Marked(key)].map(Slot::to_word);
            let is_leased = || self.leased(slot, 1, peers) != 0;
            tally::settle(word, words, is_leased, parts.tallies(slot));
        }
        Ok(self.spend(&guard, slot))
    }

    /// Takes a record out of the tables that have used it up, or out of the pool if all have.
    fn spend(&self, guard: &Guard<'_, Parts>, slot: usize) -> Spent {
        let parts = self.parts();
        let word = parts.words[slot].load(Ordering::Relaxed);
        let Slot::Committed(key) = Slot::from_word(word) else {
            return Spent::Nothing;
        };
        if parts.is_exhausted(slot) {
            self.take_out(guard, slot, key);
            return Spent::Removed;
        }
        let mut spent = Spent::Nothing;
        for table in parts.tables.iter().filter(|table| table.is_spent(slot)) {
            table.assign_run(&[slot as u32], &[0.0]);
            spent = Spent::Weightless;
        }
        spent
    }

    /// Finds a record that no process may sample and that has a priority, or that no table has any more. A process that
    /// leases it may be about to change that. Runs under all locks.
    pub(crate) fn find_unspent(&self) -> Option<String> {
        let parts = self.parts();
        let unspent = |&slot: &usize| parts.is_committed(slot) && parts.is_unspent(slot);
        let unleased = |&slot: &usize| {
            lease_fence();
            self.leased(slot, 1, &mut PeersMet::default()) == 0
        };
        let mut slots = (0..parts.capacity()).filter(unspent).filter(unleased);
        let slot = slots.next()?;
        Some(format!(
            "the record in slot {slot} was sampled as often as it may be, and can still be drawn"
        ))
    }
}

/// What was done with a record that was used up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spent {
    /// It was not, or that was known.
    Nothing,
    /// It lost its priority in a table.
    Weightless,
    /// It left the pool.
    Removed,
}
