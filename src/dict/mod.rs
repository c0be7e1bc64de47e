// Dictionaries from short keys to rows of numbers, which grow while processes use them.
//
// A dictionary is a dense array of rows with an index on top. Its lock, its counts and its journal lie in a
// segment; the rows and the indexes in companion files (`storage.rs`), which only get longer. One process
// writes at a time, under the lock (`write.rs`, `grow.rs`), through a journal of one entry (`journal.rs`);
// any number read without a lock (`get.rs`), or hold writers out and have slices (`view.rs`). All of it works on
// bytes, a `KeyType` and a `Schema`; `typed/` has the faces of dictionaries of Rust types. Imports the
// segment and the records; knows no other structure.

mod bucket;
mod checkout;
mod get;
mod grow;
mod index;
mod journal;
mod key;
mod keys;
mod options;
mod parts;
#[cfg(test)]
mod probes;
mod reader;
mod repair;
mod seqlock;
mod shape;
mod storage;
mod table;
mod typed;
mod verify;
mod view;
mod write;

use std::fmt;
use std::sync::Arc;

pub use checkout::DynCheckout;
pub use key::Key;
pub use options::DictOptions;
pub use reader::DynDictReader;
pub use typed::{ArrayDict, Checkout, DictEntry, DictReader, DictView};

use crate::error::{Error, Result, check_schema};
use crate::record::{KeyType, Schema};
use crate::segment::{
    Attach, Header, Participant, Rows, Segment, check_option, open_methods, open_or_create,
};
use bucket::with_bucket;
use get::{Destination, Sought};
use keys::Keys;
use parts::Parts;
use storage::Inner;

/// An [`ArrayDict`] whose keys and rows are known at run time: by a [`KeyType`] and a [`Schema`], and as bytes.
///
/// It is the same dictionary: of two processes that share one, the first may have an [`ArrayDict`] and the second a
/// `DynArrayDict`. Keys are integers and byte strings of a fixed length of 1 to 32 bytes, given as the bytes that they
/// have in memory. Growth, and what happens when a process dies, are as in an [`ArrayDict`].
///
/// ```
/// use millpond::dict::DynArrayDict;
/// use millpond::record::{KeyType, Scalar};
/// use millpond::{ArrayDict, DictOptions};
///
/// let typed = ArrayDict::<u32, [f32; 2]>::create("dyn-dict-example", DictOptions::new(100))?;
/// typed.insert(7, &[0.5, 1.5])?;
///
/// let any = DynArrayDict::open("dyn-dict-example")?;
/// assert_eq!(any.key_type(), KeyType::Integer(Scalar::U32));
/// assert_eq!(any.schema().to_string(), "size 8 align 4\nvalue f32[2] @0\n");
/// let mut row = [0; 8];
/// assert!(any.get(&7u32.to_ne_bytes(), &mut row)?);
/// assert_eq!(row[..4], 0.5f32.to_ne_bytes());
/// # millpond::unlink("dyn-dict-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone)]
pub struct DynArrayDict {
    inner: Arc<Inner>,
}

threads_may_share!(DynArrayDict);

open_methods! {
    [] DynArrayDict, "a dictionary", "corpus/words", DictOptions;
    of(key_type: KeyType, schema: &Schema) " with such keys, and rows as `schema` says";
    create: |name, options| Self::new(Segment::create(name, options.plan(key_type, schema)?)?);
    open: |name, attach| Self::new(Segment::open(name, attach, |_| Ok(()))?), "";
    open_or_create: |name, options| {
        let attach = options.shared.attach();
        let open = || Self::open_of(name, key_type, schema, &attach);
        open_or_create(open, || Self::create(name, key_type, schema, options.clone()))
    }, "As [`ArrayDict::open_or_create`];";
    anonymous: |options| Self::new(Segment::anonymous(options.plan(key_type, schema)?)?);
}

impl DynArrayDict {
    /// Attaches to a dictionary that must have such keys and rows.
    fn open_of(name: &str, expected: KeyType, schema: &Schema, attach: &Attach) -> Result<Self> {
        let check = |header: &Header| {
            // What reads the header later says what is wrong with it.
            if let Ok(keys) = Keys::read(header) {
                check_option(name, "keys of type", expected, keys.key_type)?;
            }
            check_schema(name, &header.schema, schema)
        };
        Self::new(Segment::open(name, attach, check)?)
    }

    fn new(segment: Segment<Parts>) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(Inner::new(segment)?),
        })
    }

    /// The dictionary's name; `None` for one without.
    pub fn name(&self) -> Option<&str> {
        self.inner.segment.name()
    }

    /// What a key is.
    pub fn key_type(&self) -> KeyType {
        self.inner.parts().keys.key_type
    }

    /// What a row is.
    pub fn schema(&self) -> &Schema {
        &self.inner.parts().schema
    }

    /// How many keys there are. Costs one load.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many keys it can hold before it grows, if none is removed: the places of removed keys are free again
    /// when it grows, or when all have been used.
    ///
    /// # Errors
    /// [`Error::Damaged`]; [`Error::Forked`].
    pub fn capacity(&self) -> Result<usize> {
        self.inner.segment.check_process()?;
        Ok(self.inner.current()?.rows.len())
    }

    /// Everybody who is attached and alive.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn participants(&self) -> Result<Vec<Participant>> {
        self.inner.segment.participants()
    }

    /// Copies the row of a key into `row`, whole. Returns `false` for a key that is not there, whose `row` may have
    /// been written to. Takes no lock; waits as [`ArrayDict::get`] does.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a key or a row of another length; else as [`ArrayDict::get`].
    pub fn get(&self, key: &[u8], row: &mut [u8]) -> Result<bool> {
        let (inner, sought) = (&self.inner, self.inner.check_key(key)?);
        inner.check_row(row.len())?;
        let mut read = |rows: &Rows, number| rows.read(number, row);
        let width = inner.parts().keys.width;
        let found = with_bucket!(width, B => inner.look_up::<B, ()>(|| sought, &mut read)?);
        Ok(found.is_some())
    }

    /// Copies the rows of many keys, which lie one after another in `keys`, to `rows`; as [`ArrayDict::get_many`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where `keys` is not a whole number of keys, and `rows` not as many rows; else as
    /// [`ArrayDict::get`].
    pub fn get_many(&self, keys: &[u8], rows: &mut [u8]) -> Result<Vec<usize>> {
        let inner = &self.inner;
        let size = inner.parts().keys.size;
        let count = inner.check_pairs(keys, rows)?;
        let sought = |at: usize| inner.sought(&keys[at * size..][..size]);
        let (mut missing, mut to) = (Vec::new(), Copies::to(rows, inner.row_size()));
        let width = inner.parts().keys.width;
        with_bucket!(width, B => inner.get_many::<B>(count, sought, &mut to, |at| missing.push(at))?);
        Ok(missing)
    }

    /// Returns `true` if a key is there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn contains(&self, key: &[u8]) -> Result<bool> {
        Ok(self.row_of(key)?.is_some())
    }

    /// Returns the number of a key's row, which stays until the key is removed.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn row_of(&self, key: &[u8]) -> Result<Option<usize>> {
        let (inner, sought) = (&self.inner, self.inner.check_key(key)?);
        with_bucket!(inner.parts().keys.width, B => {
            inner.look_up::<B, usize>(|| sought, |_, row| row)
        })
    }

    /// Inserts a row, or replaces the one that the key has; returns the one that it had.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a key or a row of another length; else as [`ArrayDict::insert`].
    pub fn insert(&self, key: &[u8], row: &[u8]) -> Result<Option<Vec<u8>>> {
        self.inner.write()?.insert_bytes(key, row)
    }

    /// Lets `change` change the row of a key in place; returns `true` if the key is there. As [`ArrayDict::update`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a key of another length; else as [`ArrayDict::update`].
    pub fn update(&self, key: &[u8], change: impl FnOnce(&mut [u8])) -> Result<bool> {
        self.inner.write()?.update_bytes(key, change)
    }

    /// Removes a key; returns the row that it had. As [`ArrayDict::remove`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a key of another length; else as [`ArrayDict::remove`].
    pub fn remove(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.inner.write()?.remove_bytes(key)
    }

    /// Removes all keys. The files keep their length.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn clear(&self) -> Result<()> {
        self.inner.write()?.clear()
    }

    /// Makes room for `rows` keys in all, so that it need not grow up to there.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn reserve(&self, rows: usize) -> Result<()> {
        self.inner.write()?.reserve(rows)
    }

    /// Inserts many rows, taking the lock once: keys that lie one after another in `keys`, and their rows in `rows`.
    ///
    /// # Errors
    /// As [`get_many`](Self::get_many), where nothing was inserted; else as [`insert`](Self::insert), and what was
    /// inserted before the error stays.
    pub fn extend(&self, keys: &[u8], rows: &[u8]) -> Result<()> {
        self.inner.write()?.extend_bytes(keys, rows)
    }

    /// Returns all rows and keys as slices, in place. Keeps writers out until it is dropped.
    ///
    /// # Errors
    /// [`Error::Forked`]; [`Error::Damaged`].
    pub fn read(&self) -> Result<DynDictReader> {
        DynDictReader::of(self.inner.clone())
    }

    /// Acquires exclusive access to the whole dictionary, and waits until it is granted; as [`ArrayDict::checkout`].
    ///
    /// # Errors
    /// [`Error::Forked`]; [`Error::Damaged`].
    pub fn checkout(&self) -> Result<DynCheckout> {
        DynCheckout::of(self.inner.clone())
    }

    /// Checks everything in the dictionary that can be derived against what it is derived from: the counts,
    /// each slot of the index against its row, the free rows. For tests, and for whoever suspects a program
    /// that writes where it should not. Takes the lock.
    ///
    /// # Errors
    /// [`Error::Damaged`] with what is wrong; [`Error::Forked`].
    pub fn verify(&self) -> Result<()> {
        self.inner.write()?.verify()
    }
}

impl Inner {
    fn len(&self) -> usize {
        self.parts().writer_state().counts.len() as usize
    }

    /// Returns a key as it is searched for, or an error for bytes that are no key here.
    fn check_key(&self, key: &[u8]) -> Result<Sought> {
        self.parts().keys.key_type.check_key(key)?;
        Ok(self.sought(key))
    }

    /// Returns an error for a row of another length.
    fn check_row(&self, length: usize) -> Result<()> {
        match self.row_size() {
            size if size == length => Ok(()),
            size => {
                let expected = format!("{size} bytes long, as each row here is");
                Error::invalid("a row", format!("{length} bytes long"), expected)
            }
        }
    }

    /// Returns how many keys and rows there are in these bytes, or an error where they do not fit together.
    fn check_pairs(&self, keys: &[u8], rows: &[u8]) -> Result<usize> {
        let (key_size, row_size) = (self.parts().keys.size, self.row_size());
        let check = |what, length: usize, size: usize| match length.is_multiple_of(size) {
            true => Ok(length / size),
            false => {
                let expected = format!("a multiple of {size}");
                Error::invalid(what, length.to_string(), expected)
            }
        };
        let count = check("the bytes of the keys", keys.len(), key_size)?;
        let rows = check("the bytes of the rows", rows.len(), row_size)?;
        check_count("the number of rows", count, rows)?;
        Ok(count)
    }
}

/// Returns an error where there are not as many rows as keys; `what` is their number.
fn check_count(what: &'static str, keys: usize, rows: usize) -> Result<()> {
    match keys == rows {
        true => Ok(()),
        false => {
            let expected = format!("as many as keys, {keys}");
            Error::invalid(what, rows.to_string(), expected)
        }
    }
}

/// The rows that the caller wants, as bytes.
struct Copies<'a> {
    to: &'a mut [u8],
    row: Vec<u8>,
}

impl<'a> Copies<'a> {
    fn to(to: &'a mut [u8], size: usize) -> Self {
        let row = vec![0; size];
        Self { to, row }
    }
}

impl Destination for Copies<'_> {
    type Row = ();

    fn load(&mut self, rows: &Rows, row: usize) {
        rows.read(row, &mut self.row);
    }

    fn store(&mut self, at: usize, (): ()) {
        self.to[at * self.row.len()..][..self.row.len()].copy_from_slice(&self.row);
    }
}

impl fmt::Debug for DynArrayDict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("DynArrayDict", formatter)
    }
}

impl DynArrayDict {
    /// Shows it under another name.
    fn fmt_as(&self, name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
