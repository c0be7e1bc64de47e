//! Growing: the next index is built beside the one in use, and put in its place by one store.
//!
//! Rows stay where they are; their file only gets longer. The next index goes into the file that the last but
//! one was in. A reader that is so late that it still searches there sees by its last check that another
//! generation is in use, and begins anew. A writer that dies here leaves the index in use as it was.

use std::sync::atomic::Ordering;

use super::bucket::{Slots, with_bucket};
use super::index::Index;
use super::journal::{Operation, committed};
use super::parts::Counts;
use super::seqlock::{InUse, before_writing};
use super::shape::Size;
use super::table::Probe;
use super::write::Writer;
use crate::error::Result;
use crate::os::fail_point;

/// How many times larger a dictionary may become at once, where more is expected.
const STEP: usize = 8;

impl Writer<'_> {
    /// Every slot that may be in use is: drops the dead ones if they are many, or doubles the size, or makes it as
    /// large as is expected. Where it cannot grow, a few dead ones will do.
    #[cold]
    pub(super) fn make_room(&mut self) -> Result<()> {
        let (counts, rows) = (self.counts()?, self.rows().len());
        let pack = |writer: &mut Self| writer.exchange(writer.generation.size, true);
        if counts.len as usize <= rows / 2 {
            return pack(self);
        }
        // Pairs that are expected may be of keys that are there, or not come at all: so not to any size.
        let expected = (counts.len as usize).saturating_add(self.expected);
        if self.reserve(expected.min(STEP * rows)).is_ok() && self.rows().len() > rows {
            return Ok(());
        }
        match self.reserve(rows + 1) {
            Err(_) if counts.len < counts.used => pack(self),
            grown => grown,
        }
    }

    /// Makes room for `rows` rows in all.
    pub(super) fn reserve(&mut self, rows: usize) -> Result<()> {
        let size = self.parts().keys.width.size_for(rows)?;
        match size > self.generation.size {
            true => self.exchange(size, true),
            false => Ok(()),
        }
    }

    /// Removes everything.
    pub(super) fn clear(&mut self) -> Result<()> {
        self.exchange(self.generation.size, false)
    }

    /// Builds another index of this size, with the same keys or with none, and puts it in place.
    fn exchange(&mut self, size: Size, keep: bool) -> Result<()> {
        let next = self.generation.successor(size);
        self.inner().extend_files(next)?;
        fail_point("dict.reserved");
        let index = &self.inner().mapped(next.to_word())?.index;
        // For a reader that searches here still: if it sees any of what follows, it sees the generation that took
        // the place of its own.
        before_writing();
        index.empty();
        let after = match keep {
            true => with_bucket!(index.width(), B => self.copy_to::<B>(index)?),
            false => {
                index
                    .states()
                    .iter()
                    .for_each(|state| state.store(0, Ordering::Relaxed));
                Counts::default()
            }
        };
        fail_point("dict.copied");
        self.writer_state()
            .begin(Operation::Exchange { next }, Some(after));
        InUse(self.parts().generation()).exchange(next.to_word());
        committed();
        fail_point("dict.exchanged");
        self.writer_state().counts.store(after);
        self.writer_state().end();
        self.view.current = self.inner().current()?;
        self.generation = next;
        Ok(())
    }

    /// Copies all live slots, and what is known of the rows, to an empty index of at least this size.
    fn copy_to<B: Slots>(&self, next: &Index) -> Result<Counts> {
        let counts = self.counts()?;
        let table = next.table::<B>();
        let mut live = 0;
        for (_, words, row) in self.index().table::<B>().live() {
            let hash = self.inner().seed.hash(&words[..B::WORDS]);
            match table.find(&words, hash) {
                Probe::Vacant { bucket } if row < self.rows().len() => {
                    table.publish(table.first_empty(bucket), &words, row)
                }
                _ => return Err(self.damaged(format!("row {row} has a key that another has"))),
            }
            live += 1;
            if live > counts.len {
                break;
            }
        }
        if live != counts.len {
            return Err(self.damaged(format!("it has {live} keys and says {}", counts.len)));
        }
        next.keys()
            .copy_from(self.index().keys(), counts.filled as usize);
        for row in 0..counts.filled as usize {
            let state = self.index().states()[row].load(Ordering::Relaxed);
            next.states()[row].store(state, Ordering::Relaxed);
        }
        for state in &next.states()[counts.filled as usize..] {
            state.store(0, Ordering::Relaxed);
        }
        Ok(Counts {
            used: live,
            ..counts
        })
    }
}
