//! The rows and keys of a dictionary as slices, for who has excluded all writers.

use std::ops::Deref;
use std::sync::atomic::Ordering;

use super::index::{LIVE, Probe};
use super::key::Key;
use super::parts::Parts;
use super::storage::{Current, Inner};
use crate::error::Result;
use crate::record::Record;
use crate::segment::Reading;

/// The contents of a dictionary while nobody changes them, as slices of the memory that all share. Comes with
/// a [`DictReader`] or a [`Checkout`](super::Checkout).
///
/// Rows are numbered from 0. A row keeps its number and its place for as long as its key is there. Rows whose
/// keys were removed are zero until another key gets them, and so are their keys;
/// [`key_at`](Self::key_at) tells them apart.
///
/// # Panics
/// In a process that was forked from the one that made it, the methods that give rows or keys panic. Slices
/// that the parent had before the fork are not to be used there.
///
/// ```
/// use millpond::{ArrayDict, DictOptions};
///
/// let dict = ArrayDict::<u64, [f32; 2]>::anonymous(DictOptions::new(10))?;
/// dict.extend([(17, [1.0, 2.0]), (5, [3.0, 4.0])])?;
///
/// let view = dict.read()?;
/// assert_eq!(view.rows(), [[1.0, 2.0], [3.0, 4.0]]); // a matrix …
/// assert_eq!(view.keys(), [17, 5]); // … with the keys beside it
/// assert_eq!(view.row_of(&5), Some(1)); // … and an index on top
/// # drop(view);
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DictView<'a, K: Key, T: Record> {
    pub(super) inner: &'a Inner<K, T>,
    pub(super) current: Current<'a, K, T>,
}

impl<K: Key, T: Record> DictView<'_, K, T> {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows that are or were in use.
    fn filled(&self) -> usize {
        let filled = self.inner.parts().books().counts.load().filled;
        (filled as usize).min(self.current.rows.len())
    }

    /// All rows, in the order of their numbers, in place.
    pub fn rows(&self) -> &[T] {
        self.inner.segment.assert_ours();
        // SAFETY: a view exists only behind a reader's guard, which keeps all writers out, or behind the
        // writer itself, whose changes need it exclusively, while the slice borrows it. Both came after
        // what was written before, by the lock.
        unsafe { self.current.rows.slice(0..self.filled()) }
    }

    /// The keys of the rows, in the same order.
    pub fn keys(&self) -> &[K] {
        self.inner.segment.assert_ours();
        // SAFETY: as for `rows`.
        unsafe { self.current.index.keys().slice(0..self.filled()) }
    }

    /// The number of a key's row.
    #[inline(always)]
    pub fn row_of(&self, key: &K) -> Option<usize> {
        let sought = self.inner.sought(key);
        match self.current.index.find(&sought.words, sought.hash) {
            Probe::Live(found) => Some(found.row).filter(|&row| row < self.current.rows.len()),
            _ => None,
        }
    }

    /// A key's row, in place.
    #[inline(always)]
    pub fn get(&self, key: &K) -> Option<&T> {
        self.row_of(key).map(|row| self.row(row))
    }

    /// Whether a key is there.
    pub fn contains(&self, key: &K) -> bool {
        self.row_of(key).is_some()
    }

    /// The key of a row; `None` for a row that is free, or beyond the last.
    pub fn key_at(&self, row: usize) -> Option<&K> {
        self.inner.segment.assert_ours();
        let is_live =
            row < self.filled() && self.current.index.states()[row].load(Ordering::Relaxed) == LIVE;
        // SAFETY: as for `rows`.
        is_live.then(|| unsafe { &self.current.index.keys().slice(row..row + 1)[0] })
    }

    /// Keys and rows, in the order of the rows' numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> + '_ {
        let live = |row| self.key_at(row).map(|key| (key, self.row(row)));
        (0..self.filled()).filter_map(live)
    }

    pub(super) fn row(&self, row: usize) -> &T {
        self.inner.segment.assert_ours();
        // SAFETY: as for `rows`.
        unsafe { &self.current.rows.slice(row..row + 1)[0] }
    }
}

/// Keeps all writers out, and lets other readers in. Dereferences to the [`DictView`] that it guards.
///
/// Writers wait until it is dropped, and readers that come while one waits are let in after it. So a thread
/// that holds a reader must not write to the same dictionary, nor ask for another reader: it would wait for
/// ever.
///
/// # When a process dies
/// The guards of a dead process keep nobody out.
pub struct DictReader<'a, K: Key, T: Record> {
    view: DictView<'a, K, T>,
    _reading: Reading<'a, Parts<K, T>>,
}

impl<'a, K: Key, T: Record> Deref for DictReader<'a, K, T> {
    type Target = DictView<'a, K, T>;

    fn deref(&self) -> &Self::Target {
        &self.view
    }
}

impl<K: Key, T: Record> Inner<K, T> {
    /// Keeps writers out until the guard is dropped.
    pub(super) fn reader(&self) -> Result<DictReader<'_, K, T>> {
        self.segment.check_process()?;
        let reading = match self.read_write().try_enter() {
            Some(reading) => reading,
            None => self.enter_after_writer()?,
        };
        let current = self.current()?;
        let view = DictView {
            inner: self,
            current,
        };
        Ok(DictReader {
            view,
            _reading: reading,
        })
    }

    /// Waits for its turn at the lock, repairs if that is due, and enters.
    #[cold]
    fn enter_after_writer(&self) -> Result<Reading<'_, Parts<K, T>>> {
        let mut guard = self.segment.lock(0)?;
        if guard.is_damaged() {
            guard = self.writer(guard)?.into_guard();
        }
        Ok(self.read_write().enter(&guard))
    }
}
