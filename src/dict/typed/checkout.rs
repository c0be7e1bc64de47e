//! Exclusive ownership of a dictionary of a type for a while.

use std::marker::PhantomData;
use std::ops::Deref;

use bytemuck::TransparentWrapper;

use super::DictView;
use crate::dict::key::Key;
use crate::dict::write::Writer;
use crate::error::Result;
use crate::record::Record;

/// A whole dictionary that this process has to itself, to change it in many steps without a lock for each.
/// Dereferences to the [`DictView`] of its contents. Given back when it is dropped; nothing is copied.
///
/// Other writers, and those who want slices, wait meanwhile; whoever reads by
/// [`ArrayDict::get`](crate::ArrayDict::get) sees each change as it is made.
///
/// # When a process dies
/// A checkout ends with its process. Whoever checks the dictionary out next finds every change whole, and is
/// told by [`was_interrupted`](Self::was_interrupted) that the owner before did not give it back.
///
/// ```
/// use millpond::{ArrayDict, DictOptions};
///
/// let dict = ArrayDict::<u64, u64>::anonymous(DictOptions::new(10))?;
/// let mut counts = dict.checkout()?;
/// for word in [3, 5, 3] {
///     counts.entry(word).and_modify(|count| *count += 1).or_insert(1)?;
/// }
/// assert_eq!(counts.get(&3), Some(&2));
/// drop(counts);
/// assert_eq!(dict.get(&5)?, Some(1));
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct Checkout<'a, K: Key, T: Record> {
    writer: Writer<'a>,
    interrupted: bool,
    holds: PhantomData<fn() -> (K, T)>,
}

impl<'a, K: Key, T: Record> Deref for Checkout<'a, K, T> {
    type Target = DictView<'a, K, T>;

    fn deref(&self) -> &Self::Target {
        DictView::wrap_ref(&self.writer.view)
    }
}

impl<'a, K: Key, T: Record> Checkout<'a, K, T> {
    /// Of a dictionary of such keys and rows.
    pub(super) fn of(writer: Writer<'a>) -> Self {
        Self {
            interrupted: writer.take_interrupted(),
            writer,
            holds: PhantomData,
        }
    }

    /// Whether anybody who wrote since the last checkout died, or panicked, before it gave the lock back.
    /// Every change that was made is whole; whether all were made that were meant to be, only the program can
    /// know.
    pub fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// As [`ArrayDict::insert`](crate::ArrayDict::insert).
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn insert(&mut self, key: K, row: &T) -> Result<Option<T>> {
        Ok(self.writer()?.insert_typed(key, row)?.1)
    }

    /// As [`ArrayDict::update`](crate::ArrayDict::update).
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn update(&mut self, key: &K, change: impl FnOnce(&mut T)) -> Result<bool> {
        self.writer()?.update_typed(key, change)
    }

    /// As [`ArrayDict::remove`](crate::ArrayDict::remove).
    ///
    /// # Errors
    /// As there.
    pub fn remove(&mut self, key: &K) -> Result<Option<T>> {
        self.writer()?.remove_typed(key)
    }

    /// As [`DynArrayDict::clear`](crate::dict::DynArrayDict::clear).
    ///
    /// # Errors
    /// As there.
    pub fn clear(&mut self) -> Result<()> {
        self.writer()?.clear()
    }

    /// As [`DynArrayDict::reserve`](crate::dict::DynArrayDict::reserve).
    ///
    /// # Errors
    /// As there.
    pub fn reserve(&mut self, rows: usize) -> Result<()> {
        self.writer()?.reserve(rows)
    }

    /// As [`ArrayDict::extend`](crate::ArrayDict::extend).
    ///
    /// # Errors
    /// As there.
    pub fn extend(&mut self, pairs: impl IntoIterator<Item = (K, T)>) -> Result<()> {
        self.writer()?.extend_typed(pairs)
    }

    #[inline(always)]
    fn writer(&mut self) -> Result<&mut Writer<'a>> {
        self.writer.inner().segment.check_process()?;
        Ok(&mut self.writer)
    }

    /// A key, there or not, to look at and to insert or change with one search.
    ///
    /// # Panics
    /// In a process that was forked from the one that has the dictionary.
    pub fn entry(&mut self, key: K) -> DictEntry<'_, 'a, K, T> {
        self.writer.inner().segment.assert_ours();
        DictEntry {
            row: self.row_of(&key),
            writer: &mut self.writer,
            key,
            holds: PhantomData,
        }
    }
}

/// A key of a dictionary that is checked out, there or not; see [`Checkout::entry`].
pub struct DictEntry<'c, 'a, K: Key, T: Record> {
    writer: &'c mut Writer<'a>,
    key: K,
    row: Option<usize>,
    holds: PhantomData<fn() -> T>,
}

impl<'c, K: Key, T: Record> DictEntry<'c, '_, K, T> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Whether the key is there.
    pub fn is_present(&self) -> bool {
        self.row.is_some()
    }

    /// Changes the key's row, if it is there.
    pub fn and_modify(self, change: impl FnOnce(&mut T)) -> Self {
        self.writer.inner().segment.assert_ours();
        if let Some(row) = self.row
            && self.writer.change_typed(row, change).is_err()
        {
            self.writer.inner().segment.assert_ours(); // `change` forked
        }
        self
    }

    /// Inserts a row if the key is not there; gives the key's row.
    ///
    /// # Errors
    /// As [`ArrayDict::insert`](crate::ArrayDict::insert).
    pub fn or_insert(self, row: T) -> Result<&'c T> {
        self.or_insert_with(|| row)
    }

    /// As [`or_insert`](Self::or_insert), computing the row only where it is needed.
    ///
    /// # Errors
    /// As [`ArrayDict::insert`](crate::ArrayDict::insert).
    pub fn or_insert_with(self, row: impl FnOnce() -> T) -> Result<&'c T> {
        self.writer.inner().segment.check_process()?;
        let number = match self.row {
            Some(number) => number,
            None => {
                let row = row();
                self.writer.inner().segment.check_process()?; // `row` may have forked
                self.writer.insert_typed(self.key, &row)?.0
            }
        };
        Ok(DictView::<K, T>::wrap_ref(&self.writer.view).row(number))
    }
}
