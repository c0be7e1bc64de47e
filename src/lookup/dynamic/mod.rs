//! Lookups whose types are known at run time: checks the bytes that it is given.

mod builder;
mod format;

use std::fmt;

pub use builder::DynLookupBuilder;
pub(super) use format::Dynamic;

use super::ValueType;
use super::format::Format;
use super::table::Table;
use crate::error::Result;
use crate::record::KeyType;
use crate::volume::{Expected, Place, PublishOptions, Published, Volume, volume_methods};

/// A [`Lookup`](crate::Lookup) whose types are known at run time: by a [`KeyType`] and a [`ValueType`], and as bytes.
///
/// It is the same table: what one process publishes as a [`Lookup`](crate::Lookup), another opens as a `DynLookup`, and
/// the reverse. [`open`](Self::open) takes a lookup of any types, which [`key_type`](Self::key_type) and
/// [`value_type`](Self::value_type) return.
///
/// Bytes that are given need no alignment; numbers are little-endian. A value is returned as the bytes where it lies,
/// for as long as the lookup lives. A record among them has the alignment of its [`Schema`](crate::Schema), so
/// `bytemuck` can cast the bytes to the type.
///
/// Text was UTF-8 when it was inserted. A `DynLookup` does not check it when it returns it (a
/// [`Lookup`](crate::Lookup) does), so use `std::str::from_utf8`: the data may be damaged after it was opened. Such a
/// table lacks pairs or has other values; it does no other harm.
///
/// # When a process dies
/// A process that is killed while it publishes leaves the older version in place. A process that has a version open
/// keeps all of it when another one publishes, removes the name or dies. No process waits for a dead reader.
///
/// # Example
/// ```
/// use millpond::readonly::{DynLookup, ValueType};
/// use millpond::record::{KeyType, Scalar};
/// use millpond::{Lookup, Schema};
///
/// Lookup::<u32, [f32; 2]>::publish("dyn-lookup-example", [(7, [0.5, 0.25])])?;
///
/// let any = DynLookup::open("dyn-lookup-example")?; // in a process that knows no types
/// assert_eq!(any.key_type(), KeyType::Integer(Scalar::U32));
/// assert_eq!(*any.value_type(), ValueType::Record(Schema::of_numbers(Scalar::F32, &[2])?));
/// let found = any.get(&7u32.to_le_bytes())?.expect("a key that was published");
/// assert_eq!(bytemuck::from_bytes::<[f32; 2]>(found), &[0.5, 0.25]);
///
/// // The next version, which a process that has the types opens:
/// let (key_type, value_type) = (any.key_type(), any.value_type().clone());
/// let pairs = [(8u32.to_le_bytes(), [0; 8])];
/// DynLookup::publish("dyn-lookup-example", key_type, value_type, pairs)?;
/// let typed = Lookup::<u32, [f32; 2]>::open("dyn-lookup-example")?;
/// assert_eq!(typed.get(&8), Some(&[0.0, 0.0]));
/// # millpond::unlink("dyn-lookup-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynLookup {
    published: Published<Table<Dynamic, Volume>>,
}

threads_may_share!(DynLookup);

impl DynLookup {
    /// Publishes pairs of keys and values of these types: under a name (`&str`), where they become the newest version,
    /// or as a plain file (`&Path`), which they replace. Returns the lookup opened.
    ///
    /// The pairs are sorted in bounded memory; those for which there is no room go to temporary files
    /// ([`PublishOptions::memory`], [`PublishOptions::scratch`]). A process that has an older version open keeps it. A
    /// process that is killed meanwhile leaves the older version in place.
    ///
    /// # Errors
    /// As [`DynLookupBuilder::new`], [`DynLookupBuilder::insert`] and [`DynLookupBuilder::publish`].
    pub fn publish<Q: AsRef<[u8]>, W: AsRef<[u8]>>(
        place: impl Into<Place>,
        key_type: KeyType,
        value_type: ValueType,
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<Self> {
        let options = PublishOptions::new();
        Self::publish_with(place, &options, key_type, value_type, pairs)
    }

    /// As [`publish`](Self::publish), with options.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_with<Q: AsRef<[u8]>, W: AsRef<[u8]>>(
        place: impl Into<Place>,
        options: &PublishOptions,
        key_type: KeyType,
        value_type: ValueType,
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<Self> {
        let place = place.into();
        let mut builder = DynLookupBuilder::new(key_type, value_type, options)?;
        builder.check_place(&place)?;
        builder.extend(pairs)?;
        builder.publish(place)
    }

    /// Returns a lookup of these pairs without a name, in memory, for this process; as [`publish`](Self::publish).
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn build<Q: AsRef<[u8]>, W: AsRef<[u8]>>(
        key_type: KeyType,
        value_type: ValueType,
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<Self> {
        Self::publish(Place::Memory, key_type, value_type, pairs)
    }

    // A newer version has the types of the one that was opened: `Published::refresh` compares them.
    volume_methods!(Expected::Any(|text| Dynamic::read(text).map(drop)));

    #[inline(always)]
    fn table(&self) -> &Table<Dynamic, Volume> {
        &self.published.content
    }

    /// The type of the keys.
    pub fn key_type(&self) -> KeyType {
        self.table().format.key_type
    }

    /// The type of the values.
    pub fn value_type(&self) -> &ValueType {
        &self.table().format.value_type
    }

    /// The number of keys.
    pub fn len(&self) -> u64 {
        self.table().len()
    }

    /// Returns `true` if there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the value of a key, in place; `None` where the key is not there.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for bytes that are no key of the type: of another length, or no UTF-8.
    ///
    /// ```
    /// use millpond::readonly::{DynLookup, ValueType};
    /// use millpond::record::KeyType;
    ///
    /// let pairs = [([1, 2], "twelve"), ([2, 1], "twenty-one")];
    /// let names = DynLookup::build(KeyType::FixedBytes(2), ValueType::Str, pairs)?;
    /// assert_eq!(names.get(&[2, 1])?, Some("twenty-one".as_bytes()));
    /// assert_eq!(names.get(&[2, 2])?, None);
    /// assert!(names.get(&[2]).is_err());
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn get(&self, key: &[u8]) -> Result<Option<&[u8]>> {
        self.key_type().check_key(key)?;
        Ok(self.table().get(key, Some))
    }

    /// Returns `true` if a key is there.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn contains(&self, key: &[u8]) -> Result<bool> {
        self.get(key).map(|found| found.is_some())
    }

    /// Calls `found` with the value of each of these keys, in their order, and with the key's number among them. Faster
    /// than one [`get`](Self::get) after another, because memory is asked for ahead.
    ///
    /// # Errors
    /// As [`get`](Self::get); all keys are checked before `found` is called for the first time.
    ///
    /// ```
    /// use millpond::readonly::{DynLookup, ValueType};
    /// use millpond::record::{KeyType, Scalar};
    ///
    /// let key_type = KeyType::Integer(Scalar::U8);
    /// let names = DynLookup::build(key_type, ValueType::Str, [([1], "one"), ([2], "two")])?;
    /// let mut found = vec![];
    /// names.get_many(&[[2], [3]], |number, name| found.push((number, name.map(<[u8]>::to_vec))))?;
    /// assert_eq!(found, [(0, Some(b"two".to_vec())), (1, None)]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn get_many<'a, Q: AsRef<[u8]>>(
        &'a self,
        keys: &[Q],
        found: impl FnMut(usize, Option<&'a [u8]>),
    ) -> Result<()> {
        let key_type = self.key_type();
        keys.iter()
            .try_for_each(|key| key_type.check_key(key.as_ref()))?;
        self.table().get_many(keys, Q::as_ref, Some, found);
        Ok(())
    }

    /// Checks everything: each pair is of the types and is found by its key, there are as many pairs as the header says,
    /// and nothing else. For tests, and where a program is suspected to write where it should not. Takes about 0.2 µs a
    /// pair.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) with what is wrong.
    pub fn verify(&self) -> Result<()> {
        super::verify(&self.published)
    }

    /// Returns all keys and their values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + '_ {
        self.table().iter()
    }
}

impl From<Published<Table<Dynamic, Volume>>> for DynLookup {
    fn from(published: Published<Table<Dynamic, Volume>>) -> Self {
        Self { published }
    }
}

impl fmt::Debug for DynLookup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DynLookup")
            .field("len", &self.len())
            .field("types", &self.published.schema())
            .finish_non_exhaustive()
    }
}
