//! What can be a key, and its words, of which `hash` makes the hash.

use super::bucket::{Bucket, Slots};
use crate::record::Record;

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
    use super::{Slots, Words};

    /// Keeps [`Key`](super::Key) to the types of this file.
    pub trait Sealed {
        /// How many words a key takes.
        const WORDS: usize;
        /// The slots that lie together.
        type Bucket: Slots;
        /// The type, in at most 8 bytes of text.
        const NAME: &'static str;
        /// The key as words.
        fn words(&self) -> Words;
    }
}

pub(super) use sealed::Sealed;

macro_rules! integers {
    ($($integer:ident)*) => {$(
        impl Key for $integer {}

        impl Sealed for $integer {
            const WORDS: usize = 1;
            type Bucket = Bucket<5, 5>;
            const NAME: &'static str = stringify!($integer);

            #[inline(always)]
            fn words(&self) -> Words {
                [*self as u64, 0, 0, 0]
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 i8 i16 i32 i64);

macro_rules! byte_strings {
    ($bucket:ty: $($length:literal)*) => {$(
        impl Key for [u8; $length] {}

        impl Sealed for [u8; $length] {
            const WORDS: usize = usize::div_ceil($length, 8);
            type Bucket = $bucket;
            const NAME: &'static str = concat!("[u8; ", $length, "]");

            #[inline(always)]
            fn words(&self) -> Words {
                let mut words = [0; MOST_WORDS];
                for (word, bytes) in words.iter_mut().zip(self.chunks(8)) {
                    let mut filled = [0; 8];
                    filled[..bytes.len()].copy_from_slice(bytes);
                    *word = u64::from_le_bytes(filled);
                }
                words
            }
        }
    )*};
}

byte_strings!(Bucket<5, 5>: 1 2 3 4 5 6 7 8);
byte_strings!(Bucket<12, 6>: 9 10 11 12 13 14 15 16);
byte_strings!(Bucket<12, 4>: 17 18 19 20 21 22 23 24);
byte_strings!(Bucket<12, 3>: 25 26 27 28 29 30 31 32);
