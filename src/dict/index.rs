//! The index of a dictionary: from keys to the numbers of their rows, and back.
//!
//! The buckets in which keys are searched (`table.rs`), and beside them, for each row: the key, and whether the row is
//! live or which free row comes next.
//!
//! Touches its own words only. Written by: the owner of the lock.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::bucket::{Buckets, Slots, Width, with_bucket};
use super::key::Words;
use super::shape::Size;
use super::table::{Probe, Table};
use crate::segment::{Carver, Mapping, Region, Rows, Span};

/// What the state of a row says that belongs to a key. Others are free, and name the next free row plus 1, or
/// 0.
pub(super) const LIVE: u32 = u32::MAX;

/// The regions of an index.
pub(super) struct Index {
    size: Size,
    width: Width,
    buckets: Buckets,
    keys: Rows,
    states: Region<AtomicU32>,
}

/// Where they lie in a companion file.
struct Layout<B> {
    buckets: Span<B>,
    keys: Span<u8>,
    states: Span<AtomicU32>,
    length: usize,
}

impl<B: Slots> Layout<B> {
    fn of(size: Size, width: Width, key_size: usize) -> Option<Self> {
        let mut carver = Carver::after(0);
        Some(Self {
            buckets: carver.carve(size.buckets())?,
            keys: carver.carve(width.rows(size).checked_mul(key_size)?)?,
            states: carver.carve(width.rows(size))?,
            length: carver.length(),
        })
    }
}

impl Index {
    /// The bytes of an index; `None` where they do not fit into an address.
    pub(super) fn length(size: Size, width: Width, key_size: usize) -> Option<usize> {
        with_bucket!(width, B => Some(Layout::<B>::of(size, width, key_size)?.length))
    }

    /// Returns an index at the beginning of a mapping that has its length.
    pub(super) fn place(size: Size, width: Width, key_size: usize, mapping: &Arc<Mapping>) -> Self {
        with_bucket!(width, B => {
            let layout = Layout::<B>::of(size, width, key_size).expect("its length was mapped");
            Self {
                size,
                width,
                buckets: B::wrap(mapping.region(&layout.buckets)),
                keys: Rows::place(mapping, &layout.keys, key_size),
                states: mapping.region(&layout.states),
            }
        })
    }

    /// Returns the buckets.
    ///
    /// # Panics
    /// If the index has buckets of another type, for keys of another width.
    #[inline(always)]
    pub(super) fn table<B: Slots>(&self) -> Table<'_, B> {
        let buckets = B::of(&self.buckets).expect("buckets for keys of this width");
        Table::new(self.size, buckets)
    }

    /// How many words a key has.
    #[inline(always)]
    pub(super) fn width(&self) -> Width {
        self.width
    }

    /// As [`Table::find`].
    pub(super) fn find(&self, words: &Words, hash: u64) -> Probe<'_> {
        with_bucket!(self.width, B => self.table::<B>().find(words, hash))
    }

    /// As [`Table::leads_to`].
    pub(super) fn leads_to(&self, slot: usize, row: usize) -> bool {
        with_bucket!(self.width, B => self.table::<B>().leads_to(slot, row))
    }

    /// As [`Table::is_dead`].
    pub(super) fn is_dead(&self, slot: usize) -> bool {
        with_bucket!(self.width, B => self.table::<B>().is_dead(slot))
    }

    /// As [`Table::empty`].
    pub(super) fn empty(&self) {
        with_bucket!(self.width, B => self.table::<B>().empty());
    }

    /// The keys, by row.
    #[inline(always)]
    pub(super) fn keys(&self) -> &Rows {
        &self.keys
    }

    /// The states, by row.
    #[inline(always)]
    pub(super) fn states(&self) -> &[AtomicU32] {
        &self.states
    }
}
