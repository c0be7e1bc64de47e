//! Writing: the dictionary as the owner of the lock has it.
//!
//! Readers without a lock go on meanwhile (`get.rs`): whatever they may look at is written in atomic words,
//! in the order that their checks need. Each change goes through the journal (`journal.rs`).

use std::sync::atomic::{Ordering, fence};

use super::bucket::Slots;
use super::get::Sought;
use super::index::{Index, LIVE};
use super::journal::{Operation, committed};
use super::parts::{Counts, Parts, WriterState};
use super::seqlock::{Stripe, before_writing};
use super::shape::Generation;
use super::storage::Inner;
use super::table::{Found, Probe};
use super::view::View;
use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::segment::{Guard, Rows};

/// How many buckets are asked for ahead.
const BATCH: usize = 32;

/// A key, and the row that it is to have.
pub(super) trait Pair {
    /// The key as it is searched for.
    fn sought(&self, inner: &Inner) -> Sought;
    /// The bytes of the key.
    fn key(&self) -> &[u8];
    /// The bytes of the row.
    fn row(&self) -> &[u8];
}

/// A dictionary whose lock is held.
pub(super) struct Writer<'a> {
    pub(super) view: View<'a>,
    pub(super) generation: Generation,
    /// How many pairs an iterator says that it has left; it may be wrong.
    pub(super) expected: usize,
    guard: Guard<'a, Parts>,
}

impl Inner {
    /// Takes the lock, waits for readers who keep writers out, and repairs what a dead owner left.
    #[inline]
    pub(super) fn write(&self) -> Result<Writer<'_>> {
        self.writer(self.segment.lock(0)?)
    }

    #[inline]
    pub(super) fn writer<'a>(&'a self, guard: Guard<'a, Parts>) -> Result<Writer<'a>> {
        self.read_write().exclude(&guard);
        let current = self.current()?;
        let mut writer = Writer {
            generation: self.generation(current.word)?,
            view: View {
                inner: self,
                current,
            },
            expected: 0,
            guard,
        };
        if writer.guard.is_damaged() {
            writer
                .writer_state()
                .interrupted
                .store(1, Ordering::Relaxed);
            writer.repair()?;
            writer.guard.repaired();
        }
        Ok(writer)
    }
}

impl<'a> Writer<'a> {
    #[inline(always)]
    pub(super) fn inner(&self) -> &'a Inner {
        self.view.inner
    }

    #[inline(always)]
    pub(super) fn parts(&self) -> &'a Parts {
        self.view.inner.parts()
    }

    #[inline(always)]
    pub(super) fn writer_state(&self) -> &'a WriterState {
        self.parts().writer_state()
    }

    #[inline(always)]
    pub(super) fn index(&self) -> &'a Index {
        self.view.current.index
    }

    #[inline(always)]
    pub(super) fn rows(&self) -> &'a Rows {
        self.view.current.rows
    }

    /// The lock, without what it guards.
    pub(super) fn into_guard(self) -> Guard<'a, Parts> {
        self.guard
    }

    /// Whether somebody died with the lock since this was last asked.
    pub(super) fn take_interrupted(&self) -> bool {
        self.writer_state().interrupted.swap(0, Ordering::Relaxed) != 0
    }

    pub(super) fn damaged(&self, reason: String) -> Error {
        self.view.inner.damaged(reason)
    }

    /// The counts, after a check that they can be.
    #[inline(always)]
    pub(super) fn counts(&self) -> Result<Counts> {
        let counts = self.writer_state().counts.load();
        let most = self.rows().len() as u64;
        let largest = counts.filled.max(counts.used).max(counts.free);
        match largest <= most && counts.len <= counts.used {
            true => Ok(counts),
            false => Err(self.damaged(format!("of {most} rows it has {counts:?}"))),
        }
    }

    /// Searches for a key. Returns an error where the index leads to a row that cannot be.
    #[inline(always)]
    pub(super) fn find<B: Slots>(&self, sought: &Sought) -> Result<Probe<'a>> {
        let found = self.index().table::<B>().find(&sought.words, sought.hash);
        match found {
            Probe::Live(found) if found.row >= self.rows().len() => {
                Err(self.no_such_row(found.row))
            }
            Probe::Full => Err(self.damaged("its index is full".into())),
            _ => Ok(found),
        }
    }

    #[cold]
    pub(super) fn no_such_row(&self, row: usize) -> Error {
        let rows = self.rows().len();
        self.damaged(format!("a key leads to row {row} of {rows}"))
    }

    /// Inserts a row, or replaces the one that the key has. Returns the row's number, and what `old` returns of the row
    /// that the key had.
    #[inline(always)]
    pub(super) fn insert<B: Slots, R>(
        &mut self,
        pair: &impl Pair,
        old: impl FnOnce(&Rows, usize) -> R,
    ) -> Result<(usize, Option<R>)> {
        let sought = pair.sought(self.inner());
        match self.find::<B>(&sought)? {
            Probe::Live(Found { row, .. }) => {
                let old = old(self.rows(), row);
                self.rewrite(row, pair.row());
                Ok((row, Some(old)))
            }
            Probe::Vacant { bucket } => Ok((self.add::<B>(bucket, &sought, pair)?, None)),
            Probe::Full => unreachable!("refused by `find`"),
        }
    }

    /// Adds a key that is not there, to the bucket where it would be.
    fn add<B: Slots>(&mut self, bucket: usize, sought: &Sought, pair: &impl Pair) -> Result<usize> {
        let counts = self.counts()?;
        if counts.used as usize == self.rows().len() {
            self.make_room()?;
            return match self.find::<B>(sought)? {
                Probe::Vacant { bucket } => self.add::<B>(bucket, sought, pair),
                _ => Err(self.damaged("a key is there that was not".into())),
            };
        }
        let table = self.index().table::<B>();
        let slot = table.first_empty(bucket);
        let (row, free) = match counts.free {
            0 => (counts.filled as usize, 0),
            first => self.pop_free(first as usize - 1)?,
        };
        if row >= self.rows().len() {
            return Err(self.no_such_row(row));
        }
        let after = Counts {
            len: counts.len + 1,
            filled: counts.filled.max(row as u64 + 1),
            used: counts.used + 1,
            free,
        };
        self.writer_state()
            .begin(Operation::Insert { slot, row }, Some(after));
        // For a reader that reads this row for a key that had it before: if it sees the new row, it sees that the
        // key's slot is dead, or another generation.
        before_writing();
        self.index().keys().write(row, pair.key());
        self.rows().write(row, pair.row());
        fail_point("dict.filled");
        table.publish(slot, &sought.words, row);
        fail_point("dict.published");
        self.finish_insert(row, after);
        self.writer_state().end();
        Ok(row)
    }

    /// The free row `first`, and the link to the one after it.
    fn pop_free(&self, first: usize) -> Result<(usize, u64)> {
        let next = self.index().states()[first].load(Ordering::Relaxed);
        match next as usize <= self.rows().len() {
            true => Ok((first, u64::from(next))),
            false => Err(self.damaged(format!("row {first} is said to be free"))),
        }
    }

    #[inline(always)]
    pub(super) fn finish_insert(&self, row: usize, after: Counts) {
        committed();
        self.index().states()[row].store(LIVE, Ordering::Relaxed);
        fail_point("dict.stated");
        self.writer_state().counts.store(after);
        fail_point("dict.counted");
    }

    /// Inserts or replaces many; asks for the buckets of a few ahead, so that the processor waits for them at
    /// once.
    pub(super) fn extend<B: Slots>(
        &mut self,
        pairs: impl IntoIterator<Item = impl Pair>,
    ) -> Result<()> {
        let mut pairs = pairs.into_iter();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            batch.extend(pairs.by_ref().take(BATCH));
            let more = pairs.size_hint().0;
            self.inner().segment.check_process()?; // the caller's iterator may have forked
            if batch.is_empty() {
                return Ok(());
            }
            let table = self.index().table::<B>();
            for pair in &batch {
                table.prefetch(pair.sought(self.inner()).hash);
            }
            self.expected = more.saturating_add(batch.len());
            let inserted = batch
                .drain(..)
                .try_for_each(|pair| self.insert::<B, _>(&pair, |_, _| ()).map(drop));
            self.expected = 0;
            inserted?;
        }
    }

    /// Replaces a row, in place.
    #[inline(always)]
    pub(super) fn rewrite(&self, row: usize, value: &[u8]) {
        // Release: the draft of the update before is not touched before that has ended; see the journal.
        fence(Ordering::Release);
        self.parts().draft.write(0, value);
        self.writer_state().begin(Operation::Update { row }, None);
        self.write_in_place(row, value);
        self.writer_state().end();
    }

    #[inline(always)]
    pub(super) fn write_in_place(&self, row: usize, value: &[u8]) {
        committed();
        Stripe(self.parts().stripe(row)).change(|| self.rows().write(row, value));
    }

    /// Removes a key. Returns what `old` returns of the row that it had.
    pub(super) fn remove<B: Slots, R>(
        &mut self,
        sought: &Sought,
        old: impl FnOnce(&Rows, usize) -> R,
    ) -> Result<Option<R>> {
        let Probe::Live(Found { slot, row, .. }) = self.find::<B>(sought)? else {
            return Ok(None);
        };
        let counts = self.counts()?;
        let old = old(self.rows(), row);
        let after = Counts {
            len: counts.len.saturating_sub(1),
            free: row as u64 + 1,
            ..counts
        };
        let next_free = counts.free as u32;
        let operation = Operation::Remove {
            slot,
            row,
            next_free,
        };
        self.writer_state().begin(operation, Some(after));
        self.index().table::<B>().kill(slot);
        fail_point("dict.killed");
        self.finish_remove(row, next_free, after);
        self.writer_state().end();
        Ok(Some(old))
    }

    /// A free row is zero, and so is its key.
    pub(super) fn finish_remove(&self, row: usize, next_free: u32, after: Counts) {
        committed();
        // For a reader, which sees that the slot is dead if it sees any of the zeros.
        before_writing();
        self.zero(row);
        self.index().states()[row].store(next_free, Ordering::Relaxed);
        fail_point("dict.freed");
        self.writer_state().counts.store(after);
    }

    pub(super) fn zero(&self, row: usize) {
        self.index().keys().clear(row);
        self.rows().clear(row);
    }
}
