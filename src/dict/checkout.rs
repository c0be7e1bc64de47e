//! Exclusive ownership of a dictionary for a while, as bytes.

use std::sync::Arc;

use self_cell::self_cell;

use super::bucket::with_bucket;
use super::get::Sought;
use super::reader::view_methods;
use super::storage::Inner;
use super::table::{Found, Probe};
use super::view::View;
use super::write::{Pair, Writer};
use crate::error::Result;
use crate::segment::Rows;

self_cell! {
    struct HeldWriter {
        owner: Arc<Inner>,
        #[covariant]
        dependent: Writer,
    }
}

/// A whole [`DynArrayDict`](crate::dict::DynArrayDict) that this process has exclusively; a
/// [`Checkout`](crate::dict::Checkout) without types. Owns its handle.
///
/// ```
/// use millpond::dict::DynArrayDict;
/// use millpond::record::{KeyType, Scalar};
/// use millpond::{DictOptions, Schema};
///
/// let key_type = KeyType::Integer(Scalar::U64);
/// let schema = Schema::of::<u16>();
/// let dict = DynArrayDict::anonymous(key_type, &schema, DictOptions::new(10))?;
/// let mut checkout = dict.checkout()?;
/// checkout.insert(&5u64.to_ne_bytes(), &1u16.to_ne_bytes())?;
/// assert_eq!(checkout.rows(), 1u16.to_ne_bytes());
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynCheckout {
    writer: HeldWriter,
    interrupted: bool,
}

impl DynCheckout {
    pub(super) fn of(inner: Arc<Inner>) -> Result<Self> {
        let writer = HeldWriter::try_new(inner, |inner| inner.write())?;
        Ok(Self {
            interrupted: writer.borrow_dependent().take_interrupted(),
            writer,
        })
    }

    view_methods!();

    fn view(&self) -> &View<'_> {
        &self.writer.borrow_dependent().view
    }

    /// As [`Checkout::was_interrupted`](crate::dict::Checkout::was_interrupted).
    pub fn was_interrupted(&self) -> bool {
        self.interrupted
    }

    /// As [`DynArrayDict::insert`](crate::dict::DynArrayDict::insert).
    ///
    /// # Errors
    /// As there.
    pub fn insert(&mut self, key: &[u8], row: &[u8]) -> Result<Option<Vec<u8>>> {
        self.write(|writer| writer.insert_bytes(key, row))
    }

    /// As [`DynArrayDict::update`](crate::dict::DynArrayDict::update).
    ///
    /// # Errors
    /// As there.
    pub fn update(&mut self, key: &[u8], change: impl FnOnce(&mut [u8])) -> Result<bool> {
        self.write(|writer| writer.update_bytes(key, change))
    }

    /// As [`DynArrayDict::remove`](crate::dict::DynArrayDict::remove).
    ///
    /// # Errors
    /// As there.
    pub fn remove(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.write(|writer| writer.remove_bytes(key))
    }

    /// As [`DynArrayDict::clear`](crate::dict::DynArrayDict::clear).
    ///
    /// # Errors
    /// As there.
    pub fn clear(&mut self) -> Result<()> {
        self.write(|writer| writer.clear())
    }

    /// As [`DynArrayDict::reserve`](crate::dict::DynArrayDict::reserve).
    ///
    /// # Errors
    /// As there.
    pub fn reserve(&mut self, rows: usize) -> Result<()> {
        self.write(|writer| writer.reserve(rows))
    }

    /// As [`DynArrayDict::extend`](crate::dict::DynArrayDict::extend).
    ///
    /// # Errors
    /// As there.
    pub fn extend(&mut self, keys: &[u8], rows: &[u8]) -> Result<()> {
        self.write(|writer| writer.extend_bytes(keys, rows))
    }

    fn write<R>(&mut self, write: impl FnOnce(&mut Writer<'_>) -> Result<R>) -> Result<R> {
        self.writer.with_dependent_mut(|inner, writer| {
            inner.segment.check_process()?;
            write(writer)
        })
    }
}

/// A key and a row as bytes, of the right lengths.
struct BytesPair<'a> {
    key: &'a [u8],
    row: &'a [u8],
}

impl Pair for BytesPair<'_> {
    fn sought(&self, inner: &Inner) -> Sought {
        inner.sought(self.key)
    }

    fn key(&self) -> &[u8] {
        self.key
    }

    fn row(&self) -> &[u8] {
        self.row
    }
}

impl Writer<'_> {
    /// As [`Writer::insert`]; returns the row that the key had.
    pub(super) fn insert_bytes(&mut self, key: &[u8], row: &[u8]) -> Result<Option<Vec<u8>>> {
        self.inner().check_key(key)?;
        self.inner().check_row(row.len())?;
        let pair = BytesPair { key, row };
        let width = self.index().width();
        Ok(with_bucket!(width, B => self.insert::<B, _>(&pair, Rows::to_vec)?).1)
    }

    /// As [`Writer::extend`], for keys and rows that lie one after another.
    pub(super) fn extend_bytes(&mut self, keys: &[u8], rows: &[u8]) -> Result<()> {
        let inner = self.inner();
        inner.check_pairs(keys, rows)?;
        let keys = keys.chunks_exact(inner.parts().keys.size);
        let pairs = keys.zip(rows.chunks_exact(inner.row_size()));
        let pairs = pairs.map(|(key, row)| BytesPair { key, row });
        with_bucket!(self.index().width(), B => self.extend::<B>(pairs))
    }

    /// As [`Writer::remove`]; returns the row that the key had.
    pub(super) fn remove_bytes(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let sought = self.inner().check_key(key)?;
        with_bucket!(self.index().width(), B => self.remove::<B, _>(&sought, Rows::to_vec))
    }

    /// Lets `change` change the row of a key, if it is there; returns whether it is. An error in a child that `change`
    /// forked, where the row stays as it is.
    pub(super) fn update_bytes(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut [u8]),
    ) -> Result<bool> {
        let sought = self.inner().check_key(key)?;
        let found = with_bucket!(self.index().width(), B => self.find::<B>(&sought)?);
        let Probe::Live(Found { row, .. }) = found else {
            return Ok(false);
        };
        let mut value = self.rows().to_vec(row);
        change(&mut value);
        self.inner().segment.check_process()?;
        self.rewrite(row, &value);
        Ok(true)
    }
}
