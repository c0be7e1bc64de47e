//! How often the records of a pool's slots were sampled; the protocol is at the head of `tally.rs`.

use std::sync::atomic::Ordering;

use super::Parts;
use crate::pool::layout::slot::Slot;
use crate::pool::layout::tally::Tally;

impl Parts {
    /// Whether no table has the record of a slot any more.
    pub(crate) fn is_exhausted(&self, slot: usize) -> bool {
        self.tables.iter().all(|table| table.is_exhausted(slot))
    }

    /// The tallies of the record of a slot, of the tables that count.
    pub(crate) fn tallies(&self, slot: usize) -> impl Iterator<Item = Tally<'_>> {
        let tables = self.tables.iter();
        tables.filter_map(move |table| table.tally(slot))
    }

    /// Whether samples of the record of a slot are pending.
    pub(crate) fn is_pending(&self, slot: usize) -> bool {
        self.tallies(slot).any(Tally::is_pending)
    }

    /// Drops the pending samples of a slot that is marked and not leased.
    pub(crate) fn drop_pending(&self, slot: usize) {
        self.tallies(slot).for_each(Tally::drop_pending);
    }

    /// Whether the record of a slot may have to be settled.
    pub(crate) fn is_unsettled(&self, slot: usize) -> bool {
        self.is_committed(slot) && (self.is_pending(slot) || self.is_unspent(slot))
    }

    /// Whether a table has used the record of a slot up and does not show it, or all have.
    pub(crate) fn is_unspent(&self, slot: usize) -> bool {
        self.is_exhausted(slot) || self.tables.iter().any(|table| table.is_spent(slot))
    }

    pub(crate) fn is_committed(&self, slot: usize) -> bool {
        let word = self.words[slot].load(Ordering::Relaxed);
        matches!(Slot::from_word(word), Slot::Committed(_))
    }
}
