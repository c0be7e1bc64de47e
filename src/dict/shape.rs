//! How large a dictionary is, in steps of a factor of two, and how wide its keys are.
//!
//! Computes only.

use super::bucket::{Slots, with_bucket};
use crate::error::{Error, Result};
use crate::record::KeyType;

/// The exponents of two of the buckets of the smallest and of the largest index.
const SMALLEST: u32 = 2;
const LARGEST: u32 = 29;

/// Places for indexes: one for each file and size, and some that stay empty.
pub(super) const PLACES: usize = 64;

/// A size of a dictionary: a power of two of buckets in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size(u32);

impl Size {
    /// All sizes, the smallest first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (SMALLEST..=LARGEST).map(Self)
    }

    /// The size with this exponent, if there is one.
    #[inline(always)]
    pub(super) fn from_exponent(exponent: u64) -> Option<Self> {
        let known = u64::from(SMALLEST)..=u64::from(LARGEST);
        known.contains(&exponent).then_some(Self(exponent as u32))
    }

    pub(super) fn exponent(self) -> u64 {
        u64::from(self.0)
    }

    /// Buckets of the index.
    #[inline(always)]
    pub(super) fn buckets(self) -> usize {
        1 << self.0
    }

    /// The bucket at which the search for a key with this hash begins. Keys keep their order when the size
    /// changes, so an index is rebuilt from one end to the other.
    #[inline(always)]
    pub(super) fn home(self, hash: u64) -> usize {
        (hash >> (64 - self.0)) as usize
    }
}

/// How many words a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    One,
    Two,
    Three,
    Four,
}

impl Width {
    /// Returns the width of keys of a type; `None` for keys of any length, and for those of more than 32 bytes.
    pub(super) fn of(key_type: KeyType) -> Option<Self> {
        match key_type.size()? {
            1..=8 => Some(Self::One),
            9..=16 => Some(Self::Two),
            17..=24 => Some(Self::Three),
            25..=32 => Some(Self::Four),
            _ => None,
        }
    }

    /// How many words a key has.
    pub(super) fn words(self) -> usize {
        with_bucket!(self, B => B::WORDS)
    }

    /// How many slots an index of a size has.
    pub(super) fn slots(self, size: Size) -> usize {
        let of_bucket = with_bucket!(self, B => B::SLOTS);
        size.buckets().saturating_mul(of_bucket)
    }

    /// How many rows there are at a size: at most seven tenths of the slots are in use, so that most searches
    /// end in the bucket where they begin.
    pub(super) fn rows(self, size: Size) -> usize {
        let of_bucket = with_bucket!(self, B => B::SLOTS) as u64;
        (size.buckets() as u64 * of_bucket * 7 / 10) as usize
    }

    /// Returns the smallest size that has so many rows.
    pub(super) fn size_for(self, rows: usize) -> Result<Size> {
        let size = Size::all().find(|&size| self.rows(size) >= rows);
        size.map_or_else(
            || {
                let most = Size::all().last().map_or(0, |size| self.rows(size));
                let expected = format!("at most {most}, for keys of this type");
                Error::invalid("the number of rows", rows.to_string(), expected)
            },
            Ok,
        )
    }
}

/// Which index is in use: how many there were before, and its size. One word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) size: Size,
}

impl Generation {
    /// A word is the number, the file that it is in (a bit), and the size (5 bits).
    const FILE: u32 = 5;
    const NUMBER: u32 = 6;

    #[inline(always)]
    pub(super) fn to_word(self) -> u64 {
        self.number << Self::NUMBER | (self.file() as u64) << Self::FILE | self.size.exponent()
    }

    /// `None` for a word that is no generation.
    #[inline(always)]
    pub(super) fn from_word(word: u64) -> Option<Self> {
        let generation = Self {
            number: word >> Self::NUMBER,
            size: Size::from_exponent(word & ((1 << Self::FILE) - 1))?,
        };
        (generation.to_word() == word).then_some(generation)
    }

    /// Where the index that a word names is among those that this process has mapped.
    #[inline(always)]
    pub(super) fn place(word: u64) -> usize {
        const { assert!(PLACES == 1 << Self::NUMBER && LARGEST < 1 << Self::FILE) };
        word as usize % PLACES
    }

    /// Which of the two files the index is in.
    #[inline(always)]
    pub(super) fn file(self) -> usize {
        (self.number % 2) as usize
    }

    /// The one that replaces it.
    pub(super) fn successor(self, size: Size) -> Self {
        Self {
            number: self.number + 1,
            size,
        }
    }
}
