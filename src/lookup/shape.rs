//! Where the parts of a table lie: the numbers beside the data, and what they and the types say.
//!
//! Computes only. The numbers come from a file that anybody may have written; [`Shape::read`] believes those
//! that fit the length of the data, and everything else is checked where it is used.

use std::marker::PhantomData;

use super::stored::{LookupKey, LookupValue};
use crate::hash::Seed;

/// What the volume keeps for its content.
pub(crate) type Parameters = [u64; 32];

/// The largest pair that lies in a slot itself, in bytes: larger ones would waste too much in free slots.
const LARGEST_INLINE: usize = 128;
/// Words of an index that lie together, in one cache line.
pub(super) const LINE: u64 = 8;
/// What the index begins at a multiple of, in bytes.
pub(super) const INDEX_ALIGN: usize = 64;

/// Of 100 slots, how many hold a pair; the search for a key looks at 2 slots then.
const FILLED_SLOTS: u64 = 70;
/// The same of the words of an index.
const FILLED_WORDS: u64 = 62;

/// How a pair of these types lies in the data; decided by the types alone.
pub(super) struct Pair<K: ?Sized, V: ?Sized>(PhantomData<(fn(&K), fn(&V))>);

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> Pair<K, V> {
    /// What a pair begins at a multiple of.
    pub(super) const ALIGN: usize = {
        let lengths = if Self::LENGTHS > 0 { 4 } else { 1 };
        larger(lengths, larger(K::ALIGN, V::ALIGN))
    };
    /// Bytes of the lengths that a pair begins with: those that its types do not know.
    pub(super) const LENGTHS: usize =
        4 * (K::SIZE.is_none() as usize) + 4 * (V::SIZE.is_none() as usize);
    /// Where in a pair the key is.
    pub(super) const KEY_AT: usize = Self::LENGTHS.next_multiple_of(K::ALIGN);
    /// From one pair to the next, where all are of one size.
    const STRIDE: Option<usize> = match (K::SIZE, V::SIZE) {
        (Some(key), Some(value)) => {
            let end = (Self::KEY_AT + key).next_multiple_of(V::ALIGN) + value;
            Some(end.next_multiple_of(Self::ALIGN))
        }
        _ => None,
    };
    /// From one slot to the next, where pairs lie in their slots; 0 where they lie in a heap.
    pub(super) const SLOT: usize = match Self::STRIDE {
        Some(stride) if stride <= LARGEST_INLINE => stride,
        _ => 0,
    };

    /// Where in a pair the value is, behind a key of such a length.
    #[inline(always)]
    pub(super) fn value_at(key: usize) -> usize {
        (Self::KEY_AT + key).next_multiple_of(V::ALIGN)
    }

    /// The key and the value of the pair that the bytes begin with, and how many bytes it takes.
    #[inline(always)]
    pub(super) fn parse(bytes: &[u8]) -> Option<(&[u8], &[u8], usize)> {
        let length = |known: Option<usize>, at: usize| match known {
            Some(size) => Some(size),
            None => Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize),
        };
        let key_length = length(K::SIZE, 0)?;
        let value_length = length(V::SIZE, Self::LENGTHS.saturating_sub(4))?;
        let key_end = Self::KEY_AT.checked_add(key_length)?;
        let value_at = key_end.checked_next_multiple_of(V::ALIGN)?;
        let end = value_at.checked_add(value_length)?;
        let key = bytes.get(Self::KEY_AT..key_end)?;
        Some((key, bytes.get(value_at..end)?, end))
    }
}

const fn larger(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// The numbers of one table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// What the keys are hashed with.
    pub(super) nonce: u64,
    pub(super) seed: Seed,
    /// How many pairs there are.
    pub(super) len: u64,
    /// Among how many slots, or lines of the index, hashes are spread.
    pub(super) homes: u64,
    /// How many slots, or words of the index, there are.
    pub(super) slots: u64,
    /// How many of these, from its home on, a key is searched for in.
    pub(super) longest: u64,
    /// Bytes of the heap, where there is one.
    pub(super) heap: u64,
}

impl Shape {
    /// An empty table for so many pairs.
    pub(super) fn new(nonce: u64, inline: bool, count: u64) -> Self {
        let homes = match inline {
            true => share(count, FILLED_SLOTS),
            false => share(count, FILLED_WORDS * LINE),
        };
        Self {
            nonce,
            seed: Seed::of(nonce),
            len: 0,
            homes,
            slots: 0,
            longest: 0,
            heap: 0,
        }
    }

    /// The home of a hash: a slot, or a line of the index. Hashes keep their order.
    #[inline(always)]
    pub(super) fn home(&self, hash: u64) -> u64 {
        (u128::from(hash) * u128::from(self.homes) >> 64) as u64
    }

    pub(super) fn write(&self) -> Parameters {
        let mut parameters = [0; 32];
        parameters[..6].copy_from_slice(&[
            self.nonce,
            self.len,
            self.homes,
            self.slots,
            self.longest,
            self.heap,
        ]);
        parameters
    }

    /// The shape that the numbers say, if data of such a length can have it.
    pub(super) fn read<K, V>(parameters: &Parameters, length: usize) -> Result<Self, String>
    where
        K: LookupKey + ?Sized,
        V: LookupValue + ?Sized,
    {
        let [nonce, len, homes, slots, longest, heap, ..] = *parameters;
        let shape = Self {
            nonce,
            seed: Seed::of(nonce),
            len,
            homes,
            slots,
            longest,
            heap,
        };
        let fits = match Pair::<K, V>::SLOT {
            0 => shape.index_at().and_then(|at| {
                let index = usize::try_from(slots).ok()?.checked_mul(8)?;
                at.checked_add(index)
            }),
            slot => usize::try_from(slots)
                .ok()
                .and_then(|slots| slots.checked_mul(slot)),
        };
        if fits != Some(length) || len > slots || longest > slots {
            return Err(format!("{length} bytes are no table of {shape:?}"));
        }
        Ok(shape)
    }

    /// Where the index begins, behind the heap.
    pub(super) fn index_at(&self) -> Option<usize> {
        usize::try_from(self.heap)
            .ok()?
            .checked_next_multiple_of(INDEX_ALIGN)
    }
}

/// Among how many `count` are spread, of which so many of 100 are then filled.
fn share(count: u64, filled: u64) -> u64 {
    let spread = u128::from(count) * 100 / u128::from(filled);
    u64::try_from(spread).unwrap_or(u64::MAX).saturating_add(1)
}
