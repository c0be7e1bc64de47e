//! Writing: the dictionary as the owner of the lock has it.
//!
//! Readers without a lock go on meanwhile (`get.rs`): whatever they may look at is written in atomic words,
//! in the order that their checks need. Each change goes through the journal (`journal.rs`).

use std::sync::atomic::{Ordering, fence};

use super::get::Sought;
use super::index::{Found, Index, LIVE, Probe};
use super::journal::{Operation, committed};
use super::key::{Key, Words};
use super::parts::{Books, Counts, Parts};
use super::seqlock::{Stripe, before_writing};
use super::shape::Generation;
use super::storage::Inner;
use super::view::DictView;
use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::record::Record;
use crate::segment::{Guard, Records};

/// How many buckets are asked for ahead.
const BATCH: usize = 32;

/// A dictionary whose lock is held.
pub(super) struct Writer<'a, K: Key, T: Record> {
    pub(super) view: DictView<'a, K, T>,
    pub(super) generation: Generation,
    /// How many pairs an iterator says that it has left; it may be wrong.
    pub(super) expected: usize,
    guard: Guard<'a, Parts<K, T>>,
}

impl<K: Key, T: Record> Inner<K, T> {
    /// Takes the lock, waits for readers who keep writers out, and repairs what a dead owner left.
    #[inline]
    pub(super) fn write(&self) -> Result<Writer<'_, K, T>> {
        self.writer(self.segment.lock(0)?)
    }

    #[inline]
    pub(super) fn writer<'a>(&'a self, guard: Guard<'a, Parts<K, T>>) -> Result<Writer<'a, K, T>> {
        self.read_write().exclude(&guard);
        let current = self.current()?;
        let mut writer = Writer {
            generation: self.generation(current.word)?,
            view: DictView {
                inner: self,
                current,
            },
            expected: 0,
            guard,
        };
        if writer.guard.is_damaged() {
            writer.books().interrupted.store(1, Ordering::Relaxed);
            writer.repair()?;
            writer.guard.repaired();
        }
        Ok(writer)
    }
}

impl<'a, K: Key, T: Record> Writer<'a, K, T> {
    #[inline(always)]
    pub(super) fn inner(&self) -> &'a Inner<K, T> {
        self.view.inner
    }

    #[inline(always)]
    pub(super) fn parts(&self) -> &'a Parts<K, T> {
        self.view.inner.parts()
    }

    #[inline(always)]
    pub(super) fn books(&self) -> &'a Books {
        self.parts().books()
    }

    #[inline(always)]
    pub(super) fn index(&self) -> &'a Index<K> {
        self.view.current.index
    }

    #[inline(always)]
    pub(super) fn rows(&self) -> &'a Records<T> {
        self.view.current.rows
    }

    /// The lock, without what it guards.
    pub(super) fn into_guard(self) -> Guard<'a, Parts<K, T>> {
        self.guard
    }

    /// Whether somebody died with the lock since this was last asked.
    pub(super) fn take_interrupted(&self) -> bool {
        self.books().interrupted.swap(0, Ordering::Relaxed) != 0
    }

    pub(super) fn damaged(&self, reason: String) -> Error {
        self.view.inner.damaged(reason)
    }

    /// The counts, after a check that they can be.
    #[inline(always)]
    pub(super) fn counts(&self) -> Result<Counts> {
        let counts = self.books().counts.load();
        let most = self.rows().len() as u64;
        let largest = counts.filled.max(counts.used).max(counts.free);
        match largest <= most && counts.len <= counts.used {
            true => Ok(counts),
            false => Err(self.damaged(format!("of {most} rows it has {counts:?}"))),
        }
    }

    /// Searches for a key, which is what the index has it lead to.
    #[inline(always)]
    pub(super) fn find(&self, key: &K) -> Result<(Words, Probe<'a>)> {
        let Sought { words, hash } = self.inner().sought(key);
        let found = self.index().find(&words, hash);
        match found {
            Probe::Live(found) if found.row >= self.rows().len() => {
                Err(self.no_such_row(found.row))
            }
            Probe::Full => Err(self.damaged("its index is full".into())),
            _ => Ok((words, found)),
        }
    }

    #[cold]
    pub(super) fn no_such_row(&self, row: usize) -> Error {
        let rows = self.rows().len();
        self.damaged(format!("a key leads to row {row} of {rows}"))
    }

    /// Inserts or replaces; gives the row that the key had, and its number.
    #[inline(always)]
    pub(super) fn insert(&mut self, key: &K, value: &T) -> Result<(usize, Option<T>)> {
        let (words, found) = self.find(key)?;
        match found {
            Probe::Live(Found { row, .. }) => {
                let old = self.rows().load(row);
                self.rewrite(row, value);
                Ok((row, Some(old)))
            }
            Probe::Vacant { bucket } => Ok((self.add(bucket, &words, key, value)?, None)),
            Probe::Full => unreachable!("refused by `find`"),
        }
    }

    /// Adds a key that is not there, to the bucket where it would be.
    fn add(&mut self, bucket: usize, words: &Words, key: &K, value: &T) -> Result<usize> {
        let counts = self.counts()?;
        if counts.used as usize == self.rows().len() {
            self.make_room()?;
            let (words, found) = self.find(key)?;
            return match found {
                Probe::Vacant { bucket } => self.add(bucket, &words, key, value),
                _ => Err(self.damaged("a key is there that was not".into())),
            };
        }
        let slot = self.index().first_empty(bucket);
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
        self.books()
            .begin(Operation::Insert { slot, row }, Some(after));
        // For a reader that reads this row for a key that had it before: if it sees the new row, it sees that the
        // key's slot is dead, or another generation.
        before_writing();
        self.index().keys().store(row, key);
        self.rows().store(row, value);
        fail_point("dict.filled");
        self.index().publish(slot, words, row);
        fail_point("dict.published");
        self.finish_insert(row, after);
        self.books().end();
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
        self.books().counts.store(after);
        fail_point("dict.counted");
    }

    /// Inserts or replaces many; asks for the buckets of a few ahead, so that the processor waits for them at
    /// once.
    pub(super) fn extend(&mut self, pairs: impl IntoIterator<Item = (K, T)>) -> Result<()> {
        let mut pairs = pairs.into_iter();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            batch.extend(pairs.by_ref().take(BATCH));
            let more = pairs.size_hint().0;
            self.inner().segment.check_process()?; // the caller's iterator may have forked
            if batch.is_empty() {
                return Ok(());
            }
            for (key, _) in &batch {
                self.index().prefetch(self.inner().sought(key).hash);
            }
            self.expected = more.saturating_add(batch.len());
            let inserted = batch
                .drain(..)
                .try_for_each(|(key, row)| self.insert(&key, &row).map(drop));
            self.expected = 0;
            inserted?;
        }
    }

    /// Has `change` work on the row of a key, if it is there.
    pub(super) fn update(&mut self, key: &K, change: impl FnOnce(&mut T)) -> Result<bool> {
        let Probe::Live(Found { row, .. }) = self.find(key)?.1 else {
            return Ok(false);
        };
        self.change(row, change)?;
        Ok(true)
    }

    /// Has `change` work on a row. An error in a child that `change` forked, where the row stays as it is.
    #[inline(always)]
    pub(super) fn change(&mut self, row: usize, change: impl FnOnce(&mut T)) -> Result<()> {
        let mut value = self.rows().load(row);
        change(&mut value);
        self.inner().segment.check_process()?;
        self.rewrite(row, &value);
        Ok(())
    }

    /// Replaces a row, in place.
    fn rewrite(&self, row: usize, value: &T) {
        // Release: the draft of the update before is not touched before that has ended; see the journal.
        fence(Ordering::Release);
        self.parts().draft.store(0, value);
        self.books().begin(Operation::Update { row }, None);
        self.write_in_place(row, value);
        self.books().end();
    }

    pub(super) fn write_in_place(&self, row: usize, value: &T) {
        committed();
        Stripe(self.parts().stripe(row)).change(|| self.rows().store(row, value));
    }

    /// Removes a key; gives the row that it had.
    pub(super) fn remove(&mut self, key: &K) -> Result<Option<T>> {
        let Probe::Live(Found { slot, row, .. }) = self.find(key)?.1 else {
            return Ok(None);
        };
        let counts = self.counts()?;
        let old = self.rows().load(row);
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
        self.books().begin(operation, Some(after));
        self.index().kill(slot);
        fail_point("dict.killed");
        self.finish_remove(row, next_free, after);
        self.books().end();
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
        self.books().counts.store(after);
    }

    pub(super) fn zero(&self, row: usize) {
        self.index().keys().store(row, &K::zeroed());
        self.rows().store(row, &T::zeroed());
    }
}
