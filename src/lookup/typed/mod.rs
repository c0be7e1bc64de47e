//! Lookups whose types are known when the program is compiled: turns keys into bytes, and bytes into values.

mod builder;
mod format;
mod stored;

use std::borrow::Borrow;
use std::fmt;

pub use builder::LookupBuilder;
pub(super) use format::Typed;
pub use stored::{LookupKey, LookupValue};

use super::table;
use crate::error::Result;
use crate::volume::{Expected, Place, PublishOptions, Published, Volume, volume_methods};

/// The table of a lookup of such types.
type Table<K, V> = table::Table<Typed<K, V>, Volume>;

/// A dictionary that never changes: built from pairs in one go, in bounded memory, and read in place.
///
/// Keys are integers, byte strings or `str`; values are [`Record`](crate::Record)s, `str` or `[u8]`. A value is
/// returned as a reference to where it lies. Where the types are known at run time only, a
/// [`DynLookup`](crate::readonly::DynLookup) is the same table.
///
/// Of pairs with the same key the last one counts, unless [`PublishOptions::unique_keys`] refuses them. Pairs of a
/// fixed size of at most 128 bytes take 5 % more than that, and a third of a byte. Other pairs take their bytes, 4
/// bytes for each length that the types do not fix, and 9 bytes of index.
///
/// A `str` is checked each time it is returned. A table that is damaged after it was checked lacks pairs or has other
/// values; it does no other harm.
///
/// ```
/// use millpond::Lookup;
///
/// let squares = Lookup::<u32, u64>::build((0..1000).map(|n| (n, u64::from(n) * u64::from(n))))?;
/// assert_eq!(squares.len(), 1000);
/// assert_eq!(squares.get(&12), Some(&144));
/// assert_eq!(squares.get(&1000), None);
///
/// let capitals = [("France", "Paris"), ("Kenya", "Nairobi")];
/// let capitals = Lookup::<str, str>::build(capitals)?;
/// assert_eq!(capitals.get("Kenya"), Some("Nairobi"));
///
/// // For other processes, under a name, which they open; nothing is copied.
/// Lookup::<u32, u64>::publish("lookup-example", (0..1000).map(|n| (n, 3 * u64::from(n))))?;
/// let threefold = Lookup::<u32, u64>::open("lookup-example")?;
/// assert_eq!(threefold.get(&7), Some(&21));
/// # millpond::unlink("lookup-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct Lookup<K: LookupKey + ?Sized, V: LookupValue + ?Sized> {
    published: Published<Table<K, V>>,
}

threads_may_share!(Lookup<str, [u8]>);

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> Lookup<K, V> {
    /// Publishes pairs, whose keys and values may be owned or borrowed: under a name (`&str`), where they become
    /// the newest version, or as a plain file (`&Path`), which they replace.
    ///
    /// The pairs are sorted in bounded memory; those for which there is no room go to temporary files
    /// ([`PublishOptions::memory`], [`PublishOptions::scratch`]). A process that has an older version open keeps it. A
    /// process that is killed meanwhile leaves the older version in place.
    ///
    /// # Errors
    /// As [`LookupBuilder::insert`] and [`LookupBuilder::publish`].
    pub fn publish<Q: Borrow<K>, W: Borrow<V>>(
        place: impl Into<Place>,
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<Self> {
        Self::publish_with(place, &PublishOptions::new(), pairs)
    }

    /// As [`publish`](Self::publish), with options.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_with<Q: Borrow<K>, W: Borrow<V>>(
        place: impl Into<Place>,
        options: &PublishOptions,
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<Self> {
        let place = place.into();
        let mut builder = LookupBuilder::new(options);
        builder.check_place(&place)?;
        builder.extend(pairs)?;
        builder.publish(place)
    }

    /// Returns a lookup of these pairs without a name, in memory, for this process: the same type for programs that
    /// share nothing.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn build<Q: Borrow<K>, W: Borrow<V>>(
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<Self> {
        Self::publish(Place::Memory, pairs)
    }

    volume_methods!(Expected::Text(&Typed::<K, V>::text()));

    #[inline(always)]
    fn table(&self) -> &Table<K, V> {
        &self.published.content
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
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.table().get(key.as_bytes(), V::seen_in)
    }

    /// Returns `true` if a key is there.
    #[inline]
    pub fn contains(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Calls `found` with the value of each of these keys, in their order, and with the key's number among them. Faster
    /// than one [`get`](Self::get) after another, because memory is asked for ahead.
    ///
    /// ```
    /// # use millpond::Lookup;
    /// let names = Lookup::<u8, str>::build([(1, "one"), (2, "two")])?;
    /// let mut found = vec![];
    /// names.get_many(&[2, 3, 1], |number, name| found.push((number, name)));
    /// assert_eq!(found, [(0, Some("two")), (1, None), (2, Some("one"))]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    #[inline]
    pub fn get_many<'a, Q: Borrow<K>>(
        &'a self,
        keys: &[Q],
        found: impl FnMut(usize, Option<&'a V>),
    ) {
        let bytes = |key| Borrow::<K>::borrow(key).as_bytes();
        self.table().get_many(keys, bytes, V::seen_in, found);
    }

    /// Checks everything: each pair is found by its key, there are as many pairs as the header says, and nothing else.
    /// For tests, and where a program is suspected to write where it should not. Takes about 0.2 µs a pair.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) with what is wrong.
    pub fn verify(&self) -> Result<()> {
        super::verify(&self.published)
    }

    /// Returns all keys and their values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> + '_ {
        self.table()
            .iter()
            .filter_map(|(key, value)| Some((K::seen_in(key)?, V::seen_in(value)?)))
    }
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> From<Published<Table<K, V>>> for Lookup<K, V> {
    fn from(published: Published<Table<K, V>>) -> Self {
        Self { published }
    }
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> fmt::Debug for Lookup<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lookup")
            .field("len", &self.len())
            .field("types", &self.published.schema())
            .finish_non_exhaustive()
    }
}
