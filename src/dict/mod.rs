//! Dictionaries from integer keys to rows of numbers, which grow while processes use them.
//!
//! A dictionary is a dense array of rows with an index on top. Its lock, its counts and its journal lie in a
//! segment; the rows and the indexes in companion files (`storage.rs`), which only get longer. One process
//! writes at a time, under the lock (`write.rs`, `grow.rs`), through a journal of one entry (`journal.rs`);
//! any number read without a lock (`get.rs`), or hold writers out and have slices (`view.rs`). Imports the
//! segment and the records; knows no other structure.

mod bucket;
mod checkout;
mod get;
mod grow;
mod index;
mod journal;
mod key;
mod options;
mod parts;
#[cfg(test)]
mod probes;
mod seqlock;
mod shape;
mod storage;
mod verify;
mod view;
mod write;

use std::fmt;
use std::sync::Arc;

pub use checkout::{Checkout, DictEntry};
pub use key::Key;
pub use options::DictOptions;
pub use view::{DictReader, DictView};

use crate::error::{Error, Result, check_records};
use crate::record::Record;
use crate::segment::{Attach, Header, Participant, Segment, open_or_create};
use options::{KEY, key_name};
use parts::Parts;
use storage::Inner;

/// A dictionary from integers, or short byte strings, to rows of a fixed size, which processes share and
/// which grows by itself.
///
/// Rows lie one after another in one array, so [`read`](Self::read) shows them as a slice, with the keys
/// beside. Any process may insert, change and remove, one at a time; any number read meanwhile, without a
/// lock, and see each row whole, as it was or as it is. [`checkout`](Self::checkout) has the whole dictionary
/// to oneself for many changes.
///
/// A handle is `Send` and `Sync`, and clones of it are the same participant. Each attachment has three files
/// open besides the segment's.
///
/// # Growth
/// When it is full, who inserts makes the files longer and builds an index of twice the size, while others
/// read the one before; it takes about 10 ms for a million keys. Other processes move over with their next
/// call. A file system that is full is an error for who inserts, and nothing is lost.
///
/// # When a process dies
/// A writer that is killed half way leaves the dictionary as it was before or after the change, and the next
/// that needs the lock takes it over; a reader holds nothing that anybody waits for.
///
/// # Example
/// ```
/// use millpond::{ArrayDict, DictOptions};
///
/// // A worker …
/// let worker = ArrayDict::<u64, [f32; 3]>::create("dict-example", DictOptions::new(1000))?;
/// worker.insert(42, &[0.1, 0.2, 0.3])?;
/// worker.update(&42, |row| row[0] = 0.5)?;
///
/// // … and its parent, anywhere else on the machine.
/// let parent = ArrayDict::<u64, [f32; 3]>::open("dict-example")?;
/// assert_eq!(parent.get(&42)?, Some([0.5, 0.2, 0.3]));
/// assert_eq!(parent.get(&43)?, None);
///
/// millpond::unlink("dict-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct ArrayDict<K: Key, T: Record> {
    inner: Arc<Inner<K, T>>,
}

const _: () = {
    const fn threads_may_share<T: Send + Sync>() {}
    threads_may_share::<ArrayDict<u64, [f32; 8]>>();
};

impl<K: Key, T: Record> Clone for ArrayDict<K, T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<K: Key, T: Record> ArrayDict<K, T> {
    /// Creates an empty dictionary under a name such as `corpus/words`.
    ///
    /// # Errors
    /// As [`Pool::create`](crate::Pool::create).
    pub fn create(name: &str, options: DictOptions) -> Result<Self> {
        Self::new(Segment::create(name, options.plan::<K, T>()?)?)
    }

    /// Attaches to a dictionary that exists.
    ///
    /// # Errors
    /// As [`Pool::open`](crate::Pool::open); [`Error::WrongOption`] where its keys are of another type.
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, &Attach::new())
    }

    /// As [`open`](Self::open), with a role, or waiting for a dictionary that is not there yet.
    ///
    /// # Errors
    /// As [`Pool::open_with`](crate::Pool::open_with), and [`open`](Self::open).
    pub fn open_with(name: &str, attach: &Attach) -> Result<Self> {
        let check = |header: &Header| {
            check_keys::<K>(name, header)?;
            check_records::<T>(name, &header.schema)
        };
        Self::new(Segment::open(name, attach, check)?)
    }

    /// Attaches to the dictionary of this name, or creates it: for processes that start in any order. One
    /// that exists may have another size than the options say, as it may have grown.
    ///
    /// # Errors
    /// As [`create`](Self::create) and [`open`](Self::open).
    pub fn open_or_create(name: &str, options: DictOptions) -> Result<Self> {
        let attach = options.shared.attach();
        let open = || Self::open_with(name, &attach);
        open_or_create(open, || Self::create(name, options.clone()))
    }

    /// A dictionary without a name, for the threads of this process, with the same behaviour.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for options that cannot be; [`Error::System`].
    pub fn anonymous(options: DictOptions) -> Result<Self> {
        Self::new(Segment::anonymous(options.plan::<K, T>()?)?)
    }

    fn new(segment: Segment<Parts<K, T>>) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(Inner::new(segment)?),
        })
    }

    /// The dictionary's name; `None` for one without.
    pub fn name(&self) -> Option<&str> {
        self.inner.segment.name()
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

    /// The row of a key, copied whole; `None` for a key that is not there. Takes no lock, and waits for
    /// nobody but a writer that is copying a new row to this one's place, or to one of those (one in 1024) that
    /// share a sequence number with it.
    ///
    /// # Errors
    /// [`Error::Forked`]; [`Error::Damaged`]; [`Error::System`] where a dictionary that has grown cannot be
    /// mapped.
    #[inline(always)]
    pub fn get(&self, key: &K) -> Result<Option<T>> {
        self.inner.get(key)
    }

    /// Copies the rows of many keys, searching for them side by side, which is faster than one by one. Gives
    /// the places of the keys that are not there; their rows are left as they are. Each row is whole; they
    /// need not be of one instant.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where there are not as many rows as keys; else as [`get`](Self::get).
    ///
    /// ```
    /// use millpond::{ArrayDict, DictOptions};
    ///
    /// let dict = ArrayDict::<u32, f32>::anonymous(DictOptions::new(10))?;
    /// dict.extend([(1, 0.1), (2, 0.2)])?;
    /// let mut rows = [0.0; 3];
    /// assert_eq!(dict.get_many(&[2, 7, 1], &mut rows)?, [1]); // key 7, in place 1, is not there
    /// assert_eq!(rows, [0.2, 0.0, 0.1]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn get_many(&self, keys: &[K], rows: &mut [T]) -> Result<Vec<usize>> {
        let mut missing = Vec::new();
        self.inner.get_many(keys, rows, |at| missing.push(at))?;
        Ok(missing)
    }

    /// Whether a key is there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[inline(always)]
    pub fn contains(&self, key: &K) -> Result<bool> {
        Ok(self.row_of(key)?.is_some())
    }

    /// The number of a key's row, which stays until the key is removed.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[inline(always)]
    pub fn row_of(&self, key: &K) -> Result<Option<usize>> {
        self.inner.row_of(key)
    }

    /// Inserts a row, or replaces the one that the key has; gives the one that it had.
    ///
    /// # Errors
    /// [`Error::NoSpace`] or [`Error::System`] where the dictionary must grow and cannot, and
    /// [`Error::InvalidArgument`] beyond 1.1 to 2.2 x 10^9 keys, by the size of a key; [`Error::Forked`]; [`Error::Damaged`].
    pub fn insert(&self, key: K, row: &T) -> Result<Option<T>> {
        Ok(self.inner.write()?.insert(&key, row)?.1)
    }

    /// Changes the row of a key in place; says whether the key is there. Others see the row as it was or as
    /// it is. `change` works on a copy while the lock is held, so it should be short, and must not use the same
    /// dictionary: it would wait for ever.
    ///
    /// # Errors
    /// [`Error::Forked`]; [`Error::Damaged`].
    pub fn update(&self, key: &K, change: impl FnOnce(&mut T)) -> Result<bool> {
        self.inner.write()?.update(key, change)
    }

    /// Removes a key; gives the row that it had. The row is zero from then on, until another key gets it.
    ///
    /// # Errors
    /// [`Error::Forked`]; [`Error::Damaged`].
    pub fn remove(&self, key: &K) -> Result<Option<T>> {
        self.inner.write()?.remove(key)
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

    /// Inserts many rows, taking the lock once. Where there is no room for a key, it grows up to eight times as large
    /// if the iterator says that it has so many left ([`Iterator::size_hint`]), and no further, as keys may come
    /// twice; after [`reserve`](Self::reserve) it need not grow.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); what was inserted before the error stays. The iterator must not use the
    /// same dictionary: it would wait for ever.
    pub fn extend(&self, pairs: impl IntoIterator<Item = (K, T)>) -> Result<()> {
        self.inner.write()?.extend(pairs)
    }

    /// All rows and keys as slices, in place. Keeps writers out until it is dropped.
    ///
    /// # Errors
    /// [`Error::Forked`]; [`Error::Damaged`].
    pub fn read(&self) -> Result<DictReader<'_, K, T>> {
        self.inner.reader()
    }

    /// Has the whole dictionary to oneself, waiting for who has it now.
    ///
    /// A thread that has a dictionary checked out and writes to it by another handle waits for ever.
    ///
    /// # Errors
    /// [`Error::Forked`]; [`Error::Damaged`].
    pub fn checkout(&self) -> Result<Checkout<'_, K, T>> {
        Ok(Checkout::new(self.inner.write()?))
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

impl<K: Key, T: Record> Inner<K, T> {
    fn len(&self) -> usize {
        self.parts().books().counts.len() as usize
    }
}

impl<K: Key, T: Record> fmt::Debug for ArrayDict<K, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ArrayDict")
            .field("name", &self.name())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Whether the keys of a dictionary are of this type.
fn check_keys<K: Key>(name: &str, header: &Header) -> Result<()> {
    let (expected, found) = (K::NAME.to_string(), key_name(header.parameters[KEY]));
    match expected == found {
        true => Ok(()),
        false => Err(Error::WrongOption {
            name: name.into(),
            what: "keys of type",
            expected,
            found,
        }),
    }
}
