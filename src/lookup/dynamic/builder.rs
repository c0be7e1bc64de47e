//! Builds lookups whose types are data: checks the bytes that it is given.

use std::fmt;

use super::format::Dynamic;
use super::{DynLookup, ValueType};
use crate::error::Result;
use crate::lookup::build::{Builder, new_nonce};
use crate::lookup::format::Format;
use crate::record::KeyType;
use crate::volume::{Place, PublishOptions};

/// Gathers the pairs of a [`DynLookup`], in bounded memory: the pairs for which there is no room go to a temporary
/// file, which the system removes when the process ends, however it ends.
///
/// Of pairs with the same key the last one counts, unless [`PublishOptions::unique_keys`] refuses them.
///
/// ```
/// use millpond::readonly::{DynLookupBuilder, PublishOptions, ValueType};
/// use millpond::record::KeyType;
/// use millpond::Lookup;
///
/// let mut builder = DynLookupBuilder::new(KeyType::Str, ValueType::Bytes, &PublishOptions::new())?;
/// builder.insert(b"one", &[1])?;
/// builder.extend([("two", [2, 2]), ("one", [1, 1])])?;
/// let lookup = builder.publish("dyn-lookup-builder-example")?;
/// assert_eq!(lookup.get(b"one")?, Some(&[1, 1][..]));
///
/// let typed = Lookup::<str, [u8]>::open("dyn-lookup-builder-example")?;
/// assert_eq!(typed.get("two"), Some(&[2, 2][..]));
/// # millpond::unlink("dyn-lookup-builder-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynLookupBuilder {
    pub(in crate::lookup) builder: Builder,
    format: Dynamic,
}

impl DynLookupBuilder {
    /// Returns a builder of a lookup of these types, without pairs.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a type that keys cannot have: `f32`, `f64`, and
    /// byte strings of 0 bytes.
    pub fn new(key_type: KeyType, value_type: ValueType, options: &PublishOptions) -> Result<Self> {
        Self::with(key_type, value_type, options, new_nonce())
    }

    /// As [`new`](Self::new). `nonce` is what the hash of the keys is made of.
    pub(in crate::lookup) fn with(
        key_type: KeyType,
        value_type: ValueType,
        options: &PublishOptions,
        nonce: u64,
    ) -> Result<Self> {
        let format = Dynamic::new(key_type, value_type)?;
        Ok(Self {
            builder: Builder::new(key_type, format.pair(), options, nonce),
            format,
        })
    }

    /// The type of the keys.
    pub fn key_type(&self) -> KeyType {
        self.format.key_type
    }

    /// The type of the values.
    pub fn value_type(&self) -> &ValueType {
        &self.format.value_type
    }

    /// Inserts a pair. Neither key nor value needs any alignment; numbers are little-endian.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for bytes that are no key, or no value, of the types:
    /// of another length, or no UTF-8; and for more than 2^30 bytes. After these the builder is as it was.
    /// [`Error::NoSpace`](crate::Error::NoSpace) and [`Error::System`](crate::Error::System) where the temporary file
    /// cannot be written; after these the builder is of no more use.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.format.key_type.check_key(key)?;
        self.format.value_type.check_value(value)?;
        let hash = self.format.hash(key, self.builder.seed());
        self.builder.insert(hash, key, value)
    }

    /// Inserts all these pairs, up to the first that is an error.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn extend<Q: AsRef<[u8]>, W: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<()> {
        for (key, value) in pairs {
            self.insert(key.as_ref(), value.as_ref())?;
        }
        Ok(())
    }

    /// Returns an error where the lookup cannot be published, as far as that can be known before it is built.
    pub(super) fn check_place(&self, place: &Place) -> Result<()> {
        self.builder
            .check_place::<Dynamic>(place, &self.format.text)
    }

    /// Publishes the lookup, and returns it; as [`DynLookup::publish`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a key that was inserted twice, where
    /// [`PublishOptions::unique_keys`] refuses that; [`Error::NoSpace`](crate::Error::NoSpace);
    /// [`Error::InvalidName`](crate::Error::InvalidName); [`Error::WrongContent`](crate::Error::WrongContent) where a
    /// lookup of other types has the name; [`Error::WrongKind`](crate::Error::WrongKind) where another structure has
    /// it; [`Error::AlreadySaving`](crate::Error::AlreadySaving) where another process writes the same file;
    /// [`Error::System`](crate::Error::System).
    pub fn publish(self, place: impl Into<Place>) -> Result<DynLookup> {
        let published = self.builder.publish(place.into(), &self.format.text);
        published.map(DynLookup::from)
    }
}

impl fmt::Debug for DynLookupBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DynLookupBuilder")
            .field("pairs", &self.builder.len())
            .field("types", &self.format.text)
            .finish_non_exhaustive()
    }
}
