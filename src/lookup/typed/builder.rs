//! Builds lookups of two types: turns keys and values into bytes.

use std::borrow::Borrow;
use std::fmt;

use super::Lookup;
use super::format::Typed;
use super::stored::{LookupKey, LookupValue};
use crate::error::Result;
use crate::lookup::build::{Builder, new_nonce};
use crate::lookup::format::Format;
use crate::volume::{Place, PublishOptions};

/// Gathers the pairs of a [`Lookup`], in bounded memory: the pairs for which there is no room go to a temporary file,
/// which the system removes when the process ends, however it ends.
///
/// Of pairs with the same key the last one counts, as it does where they are inserted into a map, unless
/// [`PublishOptions::unique_keys`] refuses them.
pub struct LookupBuilder<K: LookupKey + ?Sized, V: LookupValue + ?Sized> {
    pub(in crate::lookup) builder: Builder,
    format: Typed<K, V>,
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> LookupBuilder<K, V> {
    /// Returns a builder without pairs.
    pub fn new(options: &PublishOptions) -> Self {
        Self::with(options, new_nonce())
    }

    /// As [`new`](Self::new). `nonce` is what the hash of the keys is made of.
    pub(in crate::lookup) fn with(options: &PublishOptions, nonce: u64) -> Self {
        Self {
            builder: Builder::new(K::TYPE, Typed::<K, V>::PAIR, options, nonce),
            format: Typed::NEW,
        }
    }

    /// Inserts a pair.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a key or value of more than 2^30 bytes;
    /// [`Error::NoSpace`](crate::Error::NoSpace) and [`Error::System`](crate::Error::System) where the temporary
    /// file cannot be written.
    #[inline]
    pub fn insert(&mut self, key: &K, value: &V) -> Result<()> {
        let hash = self.format.hash(key.as_bytes(), self.builder.seed());
        self.builder.insert(hash, key.as_bytes(), value.as_bytes())
    }

    /// Inserts all these pairs.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn extend<Q: Borrow<K>, W: Borrow<V>>(
        &mut self,
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<()> {
        for (key, value) in pairs {
            self.insert(key.borrow(), value.borrow())?;
        }
        Ok(())
    }

    /// Returns an error where the lookup cannot be published, as far as that can be known before it is built.
    pub(super) fn check_place(&self, place: &Place) -> Result<()> {
        let text = Typed::<K, V>::text();
        self.builder.check_place::<Typed<K, V>>(place, &text)
    }

    /// Publishes the lookup, and returns it; as [`Lookup::publish`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a key that comes twice and must not;
    /// [`Error::NoSpace`](crate::Error::NoSpace); [`Error::InvalidName`](crate::Error::InvalidName);
    /// [`Error::WrongContent`](crate::Error::WrongContent) where a table of other types has the name;
    /// [`Error::AlreadySaving`](crate::Error::AlreadySaving) where another process writes the same file;
    /// [`Error::System`](crate::Error::System).
    pub fn publish(self, place: impl Into<Place>) -> Result<Lookup<K, V>> {
        let published = self.builder.publish(place.into(), &Typed::<K, V>::text());
        published.map(Lookup::from)
    }
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> fmt::Debug for LookupBuilder<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LookupBuilder")
            .field("pairs", &self.builder.len())
            .finish_non_exhaustive()
    }
}
