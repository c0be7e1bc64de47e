//! The contents of a dictionary as bytes, while writers are kept out.

use std::sync::Arc;

use self_cell::self_cell;

use super::storage::Inner;
use super::view::{Reader, View};
use crate::error::Result;

/// What shows the contents of a dictionary that no other process changes; for an `impl` of a struct with a `view`.
macro_rules! view_methods {
    () => {
        /// How many keys there are.
        pub fn len(&self) -> usize {
            self.view().inner.len()
        }

        /// Returns `true` if there are no keys.
        pub fn is_empty(&self) -> bool {
            self.len() == 0
        }

        /// All rows, in the order of their numbers, in place. Those of removed keys are zero.
        ///
        /// # Panics
        /// In a process that was forked from the one that made this; so do all methods that return keys or rows.
        pub fn rows(&self) -> &[u8] {
            self.view().rows()
        }

        /// The keys of the rows, in the same order. Those that were removed are zero.
        pub fn keys(&self) -> &[u8] {
            self.view().keys()
        }

        /// Returns the number of a key's row.
        ///
        /// # Errors
        /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a key of another length.
        pub fn row_of(&self, key: &[u8]) -> crate::Result<Option<usize>> {
            let view = self.view();
            Ok(view.row_of(&view.inner.check_key(key)?))
        }

        /// Returns a key's row, in place.
        ///
        /// # Errors
        /// As [`row_of`](Self::row_of).
        pub fn get(&self, key: &[u8]) -> crate::Result<Option<&[u8]>> {
            Ok(self.row_of(key)?.map(|row| self.view().row(row)))
        }

        /// Returns `true` if a key is there.
        ///
        /// # Errors
        /// As [`row_of`](Self::row_of).
        pub fn contains(&self, key: &[u8]) -> crate::Result<bool> {
            Ok(self.row_of(key)?.is_some())
        }

        /// Returns the key of a row; `None` for a row that is free, or beyond the last.
        pub fn key_at(&self, row: usize) -> Option<&[u8]> {
            self.view().key_at(row)
        }

        /// Returns keys and rows, in the order of the rows' numbers.
        pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + '_ {
            let view = self.view();
            let live = |row| view.key_at(row).map(|key| (key, view.row(row)));
            (0..view.filled()).filter_map(live)
        }
    };
}

pub(super) use view_methods;

self_cell! {
    struct HeldReader {
        owner: Arc<Inner>,
        #[covariant]
        dependent: Reader,
    }
}

/// Keeps all writers of a [`DynArrayDict`](crate::dict::DynArrayDict) out, and lets other readers in; a
/// [`DictReader`](crate::dict::DictReader) without types. Owns its handle.
///
/// ```
/// use millpond::dict::DynArrayDict;
/// use millpond::record::KeyType;
/// use millpond::{DictOptions, Schema};
///
/// let schema = Schema::of::<u16>();
/// let dict = DynArrayDict::anonymous(KeyType::FixedBytes(3), &schema, DictOptions::new(10))?;
/// dict.insert(b"one", &1u16.to_ne_bytes())?;
/// dict.insert(b"two", &2u16.to_ne_bytes())?;
///
/// let reader = dict.read()?;
/// assert_eq!(reader.keys(), b"onetwo");
/// assert_eq!(reader.row_of(b"two")?, Some(1));
/// assert_eq!(reader.get(b"two")?, Some(&2u16.to_ne_bytes()[..]));
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynDictReader {
    reader: HeldReader,
}

impl DynDictReader {
    pub(super) fn of(inner: Arc<Inner>) -> Result<Self> {
        let reader = HeldReader::try_new(inner, |inner| inner.reader())?;
        Ok(Self { reader })
    }

    view_methods!();

    fn view(&self) -> &View<'_> {
        &self.reader.borrow_dependent().view
    }
}
