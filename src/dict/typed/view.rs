//! The rows and keys of a dictionary of a type as slices.

use std::marker::PhantomData;
use std::ops::Deref;

use bytemuck::TransparentWrapper;

use crate::dict::key::Key;
use crate::dict::view::{Reader, View};
use crate::record::Record;

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
#[repr(transparent)]
pub struct DictView<'a, K: Key, T: Record> {
    view: View<'a>,
    holds: PhantomData<fn() -> (K, T)>,
}

// SAFETY: `repr(transparent)`, and every `View` of a dictionary of such keys and rows is a valid value.
unsafe impl<'a, K: Key, T: Record> TransparentWrapper<View<'a>> for DictView<'a, K, T> {}

impl<K: Key, T: Record> DictView<'_, K, T> {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.view.inner.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All rows, in the order of their numbers, in place.
    pub fn rows(&self) -> &[T] {
        bytemuck::cast_slice(self.view.rows())
    }

    /// The keys of the rows, in the same order.
    pub fn keys(&self) -> &[K] {
        bytemuck::cast_slice(self.view.keys())
    }

    /// The number of a key's row.
    #[inline(always)]
    pub fn row_of(&self, key: &K) -> Option<usize> {
        let sought = self.view.inner.sought_typed(key);
        let table = self.view.current.index.table::<K::Bucket>();
        self.view.row_in(table.find(&sought.words, sought.hash))
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
        self.view.key_at(row).map(bytemuck::from_bytes)
    }

    /// Keys and rows, in the order of the rows' numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> + '_ {
        let live = |row| self.key_at(row).map(|key| (key, self.row(row)));
        (0..self.view.filled()).filter_map(live)
    }

    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &T {
        bytemuck::from_bytes(self.view.row(row))
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
    reader: Reader<'a>,
    holds: PhantomData<fn() -> (K, T)>,
}

impl<'a, K: Key, T: Record> DictReader<'a, K, T> {
    /// Of a dictionary of such keys and rows.
    pub(super) fn of(reader: Reader<'a>) -> Self {
        Self {
            reader,
            holds: PhantomData,
        }
    }
}

impl<'a, K: Key, T: Record> Deref for DictReader<'a, K, T> {
    type Target = DictView<'a, K, T>;

    fn deref(&self) -> &Self::Target {
        DictView::wrap_ref(&self.reader.view)
    }
}
