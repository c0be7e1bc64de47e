//! How a dictionary survives the death of a writer: one entry of a journal, and its redo.
//!
//! Runs under the lock. Touches the state of the writer only; `repair.rs` redoes what a dead owner was doing.
//!
//! # The protocol
//! 1. *Begin*: the owner of the lock writes down what it is going to do and what the counts will be after
//!    it, and then that it is doing it. An update has written the new row into the draft before.
//! 2. *Commit*: one store makes it so: a slot leads to the row, or is dead, or the word names another index.
//!    An update is committed when it has begun.
//! 3. *Finish*: what follows from it is done: the row's state, the counts.
//! 4. *End*: nothing is being done.
//!
//! Who takes the lock over from the dead looks at the entry. If the store of step 2 was made, step 3 is done
//! again, which writes what it wrote before, if it wrote anything; if not, nothing has happened that anybody
//! can see. Either takes the time of one operation, whatever the size of the dictionary.

use std::sync::atomic::{Ordering, compiler_fence, fence};

use super::parts::{Counts, WriterState};
use super::shape::Generation;
use crate::os::fail_point;

/// What a journal's entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Insert {
        slot: usize,
        row: usize,
    },
    Remove {
        slot: usize,
        row: usize,
        next_free: u32,
    },
    Update {
        row: usize,
    },
    Exchange {
        next: Generation,
    },
}

pub(super) const NOTHING: u64 = 0;
pub(super) const INSERT: u64 = 1;
pub(super) const REMOVE: u64 = 2;
pub(super) const UPDATE: u64 = 3;
pub(super) const EXCHANGE: u64 = 4;

impl WriterState {
    /// Step 1.
    #[inline(always)]
    pub(super) fn begin(&self, operation: Operation, after: Option<Counts>) {
        let (code, slot, row, next_free) = match operation {
            Operation::Insert { slot, row } => (INSERT, slot as u64, row as u64, 0),
            Operation::Remove {
                slot,
                row,
                next_free,
            } => (REMOVE, slot as u64, row as u64, u64::from(next_free)),
            Operation::Update { row } => (UPDATE, 0, row as u64, 0),
            Operation::Exchange { next } => (EXCHANGE, 0, next.to_word(), 0),
        };
        // Release: nothing of this entry is written before the last one has ended.
        fence(Ordering::Release);
        self.slot.store(slot, Ordering::Relaxed);
        self.row.store(row, Ordering::Relaxed);
        self.next_free.store(next_free, Ordering::Relaxed);
        if let Some(after) = after {
            self.after.store(after);
        }
        fail_point("dict.noted");
        // Release: the rest of the entry, and the draft, are written before. Who reads them after a death
        // has the lock, by which it sees all that the dead wrote; that it wrote in this order is what the
        // Releases here and in `index.rs` are for.
        self.operation.store(code, Ordering::Release);
        fail_point("dict.begun");
    }

    /// Step 4.
    #[inline(always)]
    pub(super) fn end(&self) {
        // Release: as in `begin`, for step 3.
        self.operation.store(NOTHING, Ordering::Release);
        fail_point("dict.ended");
    }
}

/// Between steps 2 and 3: the compiler moves no store of step 3 before the commit, so that who finds one finds
/// the commit too. A processor cannot: what a killed process has executed, it has executed in order.
#[inline(always)]
pub(super) fn committed() {
    compiler_fence(Ordering::Release);
}
