//! Writing rows of a type.

use std::borrow::Borrow;
use std::marker::PhantomData;

use crate::dict::get::Sought;
use crate::dict::key::Key;
use crate::dict::storage::Inner;
use crate::dict::table::{Found, Probe};
use crate::dict::write::{Pair, Writer};
use crate::error::Result;
use crate::record::Record;
use crate::segment::Rows;

/// A key and a row, which is owned or borrowed.
struct Typed<K, T, R: Borrow<T>> {
    key: K,
    row: R,
    holds: PhantomData<T>,
}

impl<K: Key, T: Record, R: Borrow<T>> Typed<K, T, R> {
    fn of(key: K, row: R) -> Self {
        Self {
            key,
            row,
            holds: PhantomData,
        }
    }
}

impl<K: Key, T: Record, R: Borrow<T>> Pair for Typed<K, T, R> {
    #[inline(always)]
    fn sought(&self, inner: &Inner) -> Sought {
        inner.sought_typed(&self.key)
    }

    #[inline(always)]
    fn key(&self) -> &[u8] {
        bytemuck::bytes_of(&self.key)
    }

    #[inline(always)]
    fn row(&self) -> &[u8] {
        bytemuck::bytes_of(self.row.borrow())
    }
}

impl Writer<'_> {
    /// As [`Writer::insert`]; returns the row's number, and the row that the key had.
    #[inline(always)]
    pub(super) fn insert_typed<K: Key, T: Record>(
        &mut self,
        key: K,
        row: &T,
    ) -> Result<(usize, Option<T>)> {
        self.insert::<K::Bucket, T>(&Typed::<K, T, &T>::of(key, row), Rows::load)
    }

    /// As [`Writer::extend`].
    pub(super) fn extend_typed<K: Key, T: Record>(
        &mut self,
        pairs: impl IntoIterator<Item = (K, T)>,
    ) -> Result<()> {
        let pairs = pairs.into_iter();
        self.extend::<K::Bucket>(pairs.map(|(key, row)| Typed::<K, T, T>::of(key, row)))
    }

    /// As [`Writer::remove`]; returns the row that the key had.
    pub(super) fn remove_typed<K: Key, T: Record>(&mut self, key: &K) -> Result<Option<T>> {
        let sought = self.inner().sought_typed(key);
        self.remove::<K::Bucket, T>(&sought, Rows::load)
    }

    /// Lets `change` change the row of a key, if it is there; returns whether it is.
    pub(super) fn update_typed<K: Key, T: Record>(
        &mut self,
        key: &K,
        change: impl FnOnce(&mut T),
    ) -> Result<bool> {
        let sought = self.inner().sought_typed(key);
        let Probe::Live(Found { row, .. }) = self.find::<K::Bucket>(&sought)? else {
            return Ok(false);
        };
        self.change_typed(row, change)?;
        Ok(true)
    }

    /// Lets `change` change a row. An error in a child that `change` forked, where the row stays as it is.
    #[inline(always)]
    pub(super) fn change_typed<T: Record>(
        &mut self,
        row: usize,
        change: impl FnOnce(&mut T),
    ) -> Result<()> {
        let mut value: T = self.rows().load(row);
        change(&mut value);
        self.inner().segment.check_process()?;
        self.rewrite(row, bytemuck::bytes_of(&value));
        Ok(())
    }
}
