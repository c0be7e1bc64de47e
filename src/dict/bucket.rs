//! A few slots of an index that lie together, on one or two cache lines.
//!
//! A bucket's type says how many words a key has, its [`Width`]. Code that must be fast is generic over it, and
//! [`with_bucket`] chooses it where the keys are known at run time. Touches its own words only.

use std::sync::atomic::{AtomicU32, AtomicU64};

use super::shape::Size;
use crate::error::{Error, Result};
use crate::record::KeyType;
use crate::segment::{Region, Shared};

/// Slots: the words of their keys, and then their rows.
#[repr(C, align(64))]
pub struct Bucket<const WORDS: usize, const SLOTS: usize> {
    keys: [AtomicU64; WORDS],
    rows: [AtomicU32; SLOTS],
}

/// A bucket for keys of one word.
pub type One = Bucket<5, 5>;
/// A bucket for keys of two words.
pub type Two = Bucket<12, 6>;
/// A bucket for keys of three words.
pub type Three = Bucket<12, 4>;
/// A bucket for keys of four words.
pub type Four = Bucket<12, 3>;

const _: () = assert!(size_of::<One>() == 64);
const _: () = assert!(size_of::<Two>() == 128);
const _: () = assert!(size_of::<Three>() == 128);
const _: () = assert!(size_of::<Four>() == 128);

// SAFETY: made of atomic integers, and padding.
unsafe impl<const WORDS: usize, const SLOTS: usize> Shared for Bucket<WORDS, SLOTS> {}

/// The buckets of an index, of any of the four types.
pub enum Buckets {
    One(Region<One>),
    Two(Region<Two>),
    Three(Region<Three>),
    Four(Region<Four>),
}

/// What the index asks of a bucket, whatever the size of its keys.
pub trait Slots: Shared + Sized + 'static {
    /// How many words a key has.
    const WORDS: usize;
    /// How many slots there are.
    const SLOTS: usize;
    /// The words of the keys, those of the first slot first.
    fn keys(&self) -> &[AtomicU64];
    /// What the slots hold of their rows.
    fn rows(&self) -> &[AtomicU32];
    /// Returns these buckets as those of an index.
    fn wrap(buckets: Region<Self>) -> Buckets;
    /// Returns the buckets of an index, if they are of this type.
    fn of(buckets: &Buckets) -> Option<&[Self]>;
}

macro_rules! slots {
    ($($bucket:ident: $words:literal words, $slots:literal slots;)*) => {$(
        impl Slots for $bucket {
            const WORDS: usize = $words;
            const SLOTS: usize = $slots;

            #[inline(always)]
            fn keys(&self) -> &[AtomicU64] {
                &self.keys
            }

            #[inline(always)]
            fn rows(&self) -> &[AtomicU32] {
                &self.rows
            }

            fn wrap(buckets: Region<Self>) -> Buckets {
                Buckets::$bucket(buckets)
            }

            #[inline(always)]
            fn of(buckets: &Buckets) -> Option<&[Self]> {
                match buckets {
                    Buckets::$bucket(buckets) => Some(buckets),
                    _ => None,
                }
            }
        }
    )*};
}

slots! {
    One: 1 words, 5 slots;
    Two: 2 words, 6 slots;
    Three: 3 words, 4 slots;
    Four: 4 words, 3 slots;
}

/// Evaluates an expression in which a name stands for the type of the buckets of a [`Width`].
macro_rules! with_bucket {
    ($width:expr, $bucket:ident => $body:expr) => {{
        use crate::dict::bucket::{Four, One, Three, Two, Width};
        match $width {
            Width::One => {
                type $bucket = One;
                $body
            }
            Width::Two => {
                type $bucket = Two;
                $body
            }
            Width::Three => {
                type $bucket = Three;
                $body
            }
            Width::Four => {
                type $bucket = Four;
                $body
            }
        }
    }};
}

pub(super) use with_bucket;

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
