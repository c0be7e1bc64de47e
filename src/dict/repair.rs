//! The redo of what a dead owner of the lock was doing, by its journal.

use std::sync::atomic::Ordering;

use super::journal::{EXCHANGE, INSERT, NOTHING, Operation, REMOVE, UPDATE};
use super::shape::Generation;
use super::write::Writer;
use crate::error::Result;

impl Writer<'_> {
    /// Finishes or forgets what a dead owner of the lock was doing.
    #[cold]
    pub(super) fn repair(&mut self) -> Result<()> {
        let writer_state = self.writer_state();
        let operation = self.read_journal()?;
        let after = writer_state.after.load();
        match operation {
            Some(Operation::Insert { slot, row }) if self.index().leads_to(slot, row) => {
                self.finish_insert(row, after);
            }
            // The row was free, and may be half filled.
            Some(Operation::Insert { row, .. }) => self.zero(row),
            Some(Operation::Remove {
                slot,
                row,
                next_free,
            }) if self.index().is_dead(slot) => {
                self.finish_remove(row, next_free, after);
            }
            Some(Operation::Update { row }) => {
                self.write_in_place(row, &self.parts().draft.to_vec(0));
            }
            Some(Operation::Exchange { next }) if next == self.generation => {
                writer_state.counts.store(after);
            }
            _ => {}
        }
        writer_state.end();
        Ok(())
    }

    /// The entry, if one was begun; an error for one that nobody wrote.
    fn read_journal(&self) -> Result<Option<Operation>> {
        let writer_state = self.writer_state();
        let [code, slot, row, next_free] = [
            &writer_state.operation,
            &writer_state.slot,
            &writer_state.row,
            &writer_state.next_free,
        ]
        .map(|word| word.load(Ordering::Relaxed));
        let (size, width) = (self.generation.size, self.parts().keys.width);
        let rows = width.rows(size);
        let limit = |number: u64, limit: usize| {
            usize::try_from(number)
                .ok()
                .filter(|&number| number < limit)
        };
        let (in_slots, in_rows) = (limit(slot, width.slots(size)), limit(row, rows));
        let found = match (code, in_slots, in_rows) {
            (NOTHING, ..) => return Ok(None),
            (INSERT, Some(slot), Some(row)) => Some(Operation::Insert { slot, row }),
            (REMOVE, Some(slot), Some(row)) if next_free <= rows as u64 => {
                let next_free = next_free as u32;
                Some(Operation::Remove {
                    slot,
                    row,
                    next_free,
                })
            }
            (UPDATE, _, Some(row)) => Some(Operation::Update { row }),
            (EXCHANGE, ..) => Generation::from_word(row).map(|next| Operation::Exchange { next }),
            _ => None,
        };
        let damaged = || self.damaged(format!("its journal says {code} {slot} {row}"));
        found.map(Some).ok_or_else(damaged)
    }
}
