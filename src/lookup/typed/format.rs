//! The format of a table whose types are known when the program is compiled.

use std::marker::PhantomData;

use super::stored::{LookupKey, LookupValue};
use crate::lookup::format::{Format, text};
use crate::lookup::shape::{Extent, Pair};
use crate::record::KeyType;

/// The format of keys `K` and values `V`. All of it is constants, so that a search has no more instructions than one
/// that is written for the types.
pub(crate) struct Typed<K: ?Sized, V: ?Sized>(Types<K, V>);

/// Types of which there is no value.
type Types<K, V> = PhantomData<(fn(&K), fn(&V))>;

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> Typed<K, V> {
    pub(in crate::lookup) const NEW: Self = Self(PhantomData);

    pub(in crate::lookup) const PAIR: Pair = Pair::new(
        Extent {
            size: K::SIZE,
            align: K::ALIGN,
        },
        Extent {
            size: V::SIZE,
            align: V::ALIGN,
        },
    );

    /// Returns the text in the header of such a table.
    pub(in crate::lookup) fn text() -> String {
        text(&K::value_type(), &V::value_type())
    }
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> Format for Typed<K, V> {
    /// The text was compared when the volume was opened.
    fn read(_text: &str) -> Result<Self, String> {
        Ok(Self::NEW)
    }

    #[inline(always)]
    fn pair(&self) -> Pair {
        Self::PAIR
    }

    #[inline(always)]
    fn key_type(&self) -> KeyType {
        K::TYPE
    }

    fn holds(&self, key: &[u8], value: &[u8]) -> bool {
        K::seen_in(key).is_some() && V::seen_in(value).is_some()
    }
}
