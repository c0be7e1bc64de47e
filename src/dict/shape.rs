//! How large a dictionary is, in steps of a factor of two.
//!
//! Computes only.

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
