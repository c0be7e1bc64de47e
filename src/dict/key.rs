//! Types that can be keys, and their words, of which `hash` makes the hash.

use super::bucket::{Four, One, Slots, Three, Two};
use crate::record::{KeyType, Record, Scalar};

/// The most words that a key may take.
pub(super) const MOST_WORDS: usize = 4;

/// A key as the index holds it: its words, and zeros behind them.
pub(super) type Words = [u64; MOST_WORDS];

/// What can be a key of an [`ArrayDict`](crate::ArrayDict): the integers `u8` to `u64` and `i8` to `i64`,
/// and byte strings of a fixed length, `[u8; 1]` to `[u8; 32]`. Nothing else can implement the trait.
///
/// ```
/// use millpond::{ArrayDict, DictOptions};
///
/// let dict = ArrayDict::<[u8; 8], f32>::anonymous(DictOptions::new(100))?;
/// dict.insert(*b"chestnut", &0.5)?;
/// assert_eq!(dict.get(b"chestnut")?, Some(0.5));
/// # Ok::<(), millpond::Error>(())
/// ```
///
/// A longer key does not compile:
///
/// ```compile_fail
/// use millpond::{ArrayDict, DictOptions};
///
/// let dict = ArrayDict::<[u8; 33], f32>::anonymous(DictOptions::new(100));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a dictionary",
    note = "keys are u8 to u64, i8 to i64, and byte strings such as `[u8; 16]` of 1 to 32 bytes"
)]
pub trait Key: Record + Eq + sealed::Sealed {}

mod sealed {
    use super::{KeyType, Slots, Words};

    /// Keeps [`Key`](super::Key) to the types of this file.
    pub trait Sealed {
        /// The type as data.
        const TYPE: KeyType;
        /// The slots that lie together.
        type Bucket: Slots;
        /// The key as words.
        fn words(&self) -> Words;
    }
}

pub(super) use sealed::Sealed;

/// Returns the words of a key of this type, which has its size.
pub(super) fn words_of(key_type: KeyType, key: &[u8]) -> Words {
    match key_type {
        KeyType::Integer(scalar) => [scalar.word(key).expect("of its size"), 0, 0, 0],
        _ => words_of_bytes(key),
    }
}

/// Returns the words of a byte string, the last of which is filled with zeros.
#[inline(always)]
fn words_of_bytes(key: &[u8]) -> Words {
    let mut words = [0; MOST_WORDS];
    for (word, bytes) in words.iter_mut().zip(key.chunks(8)) {
        let mut filled = [0; 8];
        filled[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(filled);
    }
    words
}

macro_rules! integers {
    ($($integer:ident $scalar:ident),*) => {$(
        impl Key for $integer {}

        impl Sealed for $integer {
            const TYPE: KeyType = KeyType::Integer(Scalar::$scalar);
            type Bucket = One;

            #[inline(always)]
            fn words(&self) -> Words {
                [*self as u64, 0, 0, 0]
            }
        }
    )*};
}

integers!(u8 U8, u16 U16, u32 U32, u64 U64, i8 I8, i16 I16, i32 I32, i64 I64);

macro_rules! byte_strings {
    ($bucket:ty: $($length:literal)*) => {$(
        impl Key for [u8; $length] {}

        impl Sealed for [u8; $length] {
            const TYPE: KeyType = KeyType::FixedBytes($length);
            type Bucket = $bucket;

            #[inline(always)]
            fn words(&self) -> Words {
                words_of_bytes(self)
            }
        }
    )*};
}

byte_strings!(One: 1 2 3 4 5 6 7 8);
byte_strings!(Two: 9 10 11 12 13 14 15 16);
byte_strings!(Three: 17 18 19 20 21 22 23 24);
byte_strings!(Four: 25 26 27 28 29 30 31 32);
