//! The rows and keys of a dictionary as slices, for a process that has excluded all writers.

use std::sync::atomic::Ordering;

use super::bucket::with_bucket;
use super::get::Sought;
use super::index::LIVE;
use super::parts::Parts;
use super::storage::{Current, Inner};
use super::table::Probe;
use crate::error::Result;
use crate::segment::Reading;

/// The contents of a dictionary while no process changes them, as bytes. A view exists only in a [`Reader`], or in a
/// [`Writer`](super::write::Writer).
pub(super) struct View<'a> {
    pub(super) inner: &'a Inner,
    pub(super) current: Current<'a>,
}

impl View<'_> {
    /// Rows that are or were in use.
    pub(super) fn filled(&self) -> usize {
        let filled = self.inner.parts().writer_state().counts.load().filled;
        (filled as usize).min(self.current.rows.len())
    }

    /// All rows, in the order of their numbers, in place.
    pub(super) fn rows(&self) -> &[u8] {
        self.inner.segment.assert_ours();
        // SAFETY: a view exists only behind a reader's guard, which keeps all writers out, or behind the
        // writer itself, whose changes need it exclusively, while the slice borrows it. Both came after
        // what was written before, by the lock.
        unsafe { self.current.rows.slice(0..self.filled()) }
    }

    /// The keys of the rows, in the same order.
    pub(super) fn keys(&self) -> &[u8] {
        self.inner.segment.assert_ours();
        // SAFETY: as for `rows`.
        unsafe { self.current.index.keys().slice(0..self.filled()) }
    }

    /// Returns the number of a key's row.
    pub(super) fn row_of(&self, sought: &Sought) -> Option<usize> {
        let index = self.current.index;
        let find = |probe: Probe<'_>| self.row_in(probe);
        with_bucket!(index.width(), B => find(index.table::<B>().find(&sought.words, sought.hash)))
    }

    /// Returns the row that was found, if it can be.
    #[inline(always)]
    pub(super) fn row_in(&self, found: Probe<'_>) -> Option<usize> {
        match found {
            Probe::Live(found) => Some(found.row).filter(|&row| row < self.current.rows.len()),
            _ => None,
        }
    }

    /// Returns the key of a row; `None` for a row that is free, or beyond the last.
    pub(super) fn key_at(&self, row: usize) -> Option<&[u8]> {
        self.inner.segment.assert_ours();
        let is_live =
            row < self.filled() && self.current.index.states()[row].load(Ordering::Relaxed) == LIVE;
        // SAFETY: as for `rows`.
        is_live.then(|| unsafe { self.current.index.keys().slice(row..row + 1) })
    }

    /// A row, in place.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[u8] {
        self.inner.segment.assert_ours();
        // SAFETY: as for `rows`.
        unsafe { self.current.rows.slice(row..row + 1) }
    }
}

/// A view that keeps all writers out, and lets other readers in.
pub(super) struct Reader<'a> {
    pub(super) view: View<'a>,
    _reading: Reading<'a, Parts>,
}

impl Inner {
    /// Keeps writers out until the guard is dropped.
    pub(super) fn reader(&self) -> Result<Reader<'_>> {
        self.segment.check_process()?;
        let reading = match self.read_write().try_enter() {
            Some(reading) => reading,
            None => self.enter_after_writer()?,
        };
        let current = self.current()?;
        let view = View {
            inner: self,
            current,
        };
        Ok(Reader {
            view,
            _reading: reading,
        })
    }

    /// Waits for its turn at the lock, repairs if that is due, and enters.
    #[cold]
    fn enter_after_writer(&self) -> Result<Reading<'_, Parts>> {
        let mut guard = self.segment.lock(0)?;
        if guard.is_damaged() {
            guard = self.writer(guard)?.into_guard();
        }
        Ok(self.read_write().enter(&guard))
    }
}
