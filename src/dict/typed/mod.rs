//! The dictionary of rows of a type: a thin face over [`DynArrayDict`], in which only what takes or returns a key or a
//! row depends on the type.

mod checkout;
mod view;
mod write;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

pub use checkout::{Checkout, DictEntry};
pub use view::{DictReader, DictView};

use super::get::Destination;
use super::key::Key;
use super::{DictOptions, DynArrayDict, check_count};
use crate::error::Result;
use crate::record::{Record, Schema};
use crate::segment::{Rows, open_methods};

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
    pub(super) dynamic: DynArrayDict,
    holds: PhantomData<fn() -> (K, T)>,
}

threads_may_share!(ArrayDict<u64, [f32; 8]>);

impl<K: Key, T: Record> Clone for ArrayDict<K, T> {
    fn clone(&self) -> Self {
        Self::of(self.dynamic.clone())
    }
}

open_methods! {
    [K: Key, T: Record] ArrayDict<K, T>, "a dictionary", "corpus/words", DictOptions;
    of() "";
    create: |name, options| DynArrayDict::create(name, K::TYPE, &Schema::of::<T>(), options).map(Self::of);
    open: |name, attach| DynArrayDict::open_of(name, K::TYPE, &Schema::of::<T>(), attach).map(Self::of), "[`Error::WrongRecord`](crate::Error::WrongRecord) where it has other rows, and [`Error::WrongOption`](crate::Error::WrongOption) where it has other keys;";
    open_or_create: |name, options| DynArrayDict::open_or_create(name, K::TYPE, &Schema::of::<T>(), options).map(Self::of), "One that exists may have another size than the options say, as it may have grown;";
    anonymous: |options| DynArrayDict::anonymous(K::TYPE, &Schema::of::<T>(), options).map(Self::of);
}

impl<K: Key, T: Record> Deref for ArrayDict<K, T> {
    type Target = DynArrayDict;

    fn deref(&self) -> &DynArrayDict {
        &self.dynamic
    }
}

impl<K: Key, T: Record> ArrayDict<K, T> {
    fn of(dynamic: DynArrayDict) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// The row of a key, copied whole; `None` for a key that is not there. Takes no lock, and waits for
    /// nobody but a writer that is copying a new row to this one's place, or to one of those (one in 1024) that
    /// share a sequence number with it.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked); [`Error::Damaged`](crate::Error::Damaged); [`Error::System`](crate::Error::System) where a dictionary that has grown cannot be
    /// mapped.
    #[inline(always)]
    pub fn get(&self, key: &K) -> Result<Option<T>> {
        let sought = || self.inner.sought_typed(key);
        self.inner.look_up::<K::Bucket, T>(sought, Rows::load)
    }

    /// Copies the rows of many keys, searching for them side by side, which is faster than one by one. Gives
    /// the places of the keys that are not there; their rows are left as they are. Each row is whole; they
    /// need not be of one instant.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where there are not as many rows as keys; else as [`get`](Self::get).
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
        check_count("the number of rows to copy to", keys.len(), rows.len())?;
        let (mut missing, mut to) = (Vec::new(), Copies(rows));
        let sought = |at: usize| self.inner.sought_typed(&keys[at]);
        self.inner
            .get_many::<K::Bucket>(keys.len(), sought, &mut to, |at| missing.push(at))?;
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
        let sought = || self.inner.sought_typed(key);
        self.inner.look_up::<K::Bucket, usize>(sought, |_, row| row)
    }

    /// Inserts a row, or replaces the one that the key has; gives the one that it had.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace) or [`Error::System`](crate::Error::System) where the dictionary must grow and cannot, and
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) beyond 1.1 to 2.2 x 10^9 keys, by the size of a key; [`Error::Forked`](crate::Error::Forked); [`Error::Damaged`](crate::Error::Damaged).
    pub fn insert(&self, key: K, row: &T) -> Result<Option<T>> {
        Ok(self.inner.write()?.insert_typed(key, row)?.1)
    }

    /// Changes the row of a key in place; says whether the key is there. Others see the row as it was or as
    /// it is. `change` works on a copy while the lock is held, so it should be short, and must not use the same
    /// dictionary: it would wait for ever.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked); [`Error::Damaged`](crate::Error::Damaged).
    pub fn update(&self, key: &K, change: impl FnOnce(&mut T)) -> Result<bool> {
        self.inner.write()?.update_typed(key, change)
    }

    /// Removes a key; gives the row that it had. The row is zero from then on, until another key gets it.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked); [`Error::Damaged`](crate::Error::Damaged).
    pub fn remove(&self, key: &K) -> Result<Option<T>> {
        self.inner.write()?.remove_typed(key)
    }

    /// Inserts many rows, taking the lock once. Where there is no room for a key, it grows up to eight times as large
    /// if the iterator says that it has so many left ([`Iterator::size_hint`]), and no further, as keys may come
    /// twice; after [`reserve`](DynArrayDict::reserve) it need not grow.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); what was inserted before the error stays. The iterator must not use the
    /// same dictionary: it would wait for ever.
    pub fn extend(&self, pairs: impl IntoIterator<Item = (K, T)>) -> Result<()> {
        self.inner.write()?.extend_typed(pairs)
    }

    /// All rows and keys as slices, in place. Keeps writers out until it is dropped.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked); [`Error::Damaged`](crate::Error::Damaged).
    pub fn read(&self) -> Result<DictReader<'_, K, T>> {
        self.inner.reader().map(DictReader::of)
    }

    /// Has the whole dictionary to oneself, waiting for who has it now.
    ///
    /// A thread that has a dictionary checked out and writes to it by another handle waits for ever.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked); [`Error::Damaged`](crate::Error::Damaged).
    pub fn checkout(&self) -> Result<Checkout<'_, K, T>> {
        self.inner.write().map(Checkout::of)
    }
}

impl<K: Key, T: Record> fmt::Debug for ArrayDict<K, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dynamic.fmt_as("ArrayDict", formatter)
    }
}

/// The rows that the caller wants.
struct Copies<'a, T>(&'a mut [T]);

impl<T: Record> Destination for Copies<'_, T> {
    type Row = T;

    #[inline(always)]
    fn load(&mut self, rows: &Rows, row: usize) -> T {
        rows.load(row)
    }

    #[inline(always)]
    fn store(&mut self, at: usize, row: T) {
        self.0[at] = row;
    }
}
