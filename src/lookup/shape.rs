//! Where the parts of a table lie: the numbers beside the data, and what they and the types say.
//!
//! Computes only. The numbers come from a file that anybody may have written; [`Shape::read`] believes those
//! that fit the length of the data, and everything else is checked where it is used.

use crate::hash::Seed;

/// What the volume keeps for its content.
pub(crate) type Parameters = [u64; 32];

/// The largest pair that lies in a slot itself, in bytes.
const LARGEST_INLINE: usize = 128;
/// Keys of a bucket, on the average.
const KEYS: u64 = 3;
/// Buckets of a part, as a power of two.
pub(super) const PART_BITS: u32 = 13;
/// Of 100 slots, how many are filled.
const FILLED: u64 = 95;
/// Slots besides: in a small part few others can be taken.
const SPARE: u64 = 16;
/// What slots and pilots begin at a multiple of, in bytes.
const LINE: u64 = 64;

/// The room that each key, or each value, takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Its size in bytes; `None` where that differs.
    pub(super) size: Option<usize>,
    /// Its alignment in bytes.
    pub(super) align: usize,
}

/// How a pair lies in the data; decided by the types alone. All numbers are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(super) key: Extent,
    pub(super) value: Extent,
    /// What a pair begins at a multiple of.
    pub(super) align: usize,
    /// The lengths that a pair begins with: those that its types do not know, 4 bytes each.
    lengths: usize,
    /// Where in a pair the key is.
    pub(super) key_at: usize,
    /// `true` if pairs lie in their slots: all are of one size, and small enough. If not, they lie in a heap, and
    /// slots say where.
    pub(super) in_slots: bool,
    /// From one slot to the next.
    pub(super) slot: usize,
}

impl Pair {
    /// A pair of a key and a value that take such room.
    pub(super) const fn new(key: Extent, value: Extent) -> Self {
        let lengths = 4 * (key.size.is_none() as usize) + 4 * (value.size.is_none() as usize);
        let of_lengths = if lengths > 0 { 4 } else { 1 };
        let align = larger(of_lengths, larger(key.align, value.align));
        let stride = stride(key, value, align);
        Self {
            key,
            value,
            align,
            lengths,
            key_at: lengths.next_multiple_of(key.align),
            in_slots: stride.is_some(),
            slot: match stride {
                Some(stride) => stride,
                None => 8,
            },
        }
    }

    /// Where in a pair the value is, behind a key of such a length.
    #[inline(always)]
    pub(super) fn value_at(&self, key: usize) -> usize {
        (self.key_at + key).next_multiple_of(self.value.align)
    }

    /// The key and the value of the pair that the bytes begin with, and how many bytes it takes.
    #[inline(always)]
    pub(super) fn parse<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8], usize)> {
        let length = |known: Option<usize>, at: usize| match known {
            Some(size) => Some(size),
            None => Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize),
        };
        let key_length = length(self.key.size, 0)?;
        let value_length = length(self.value.size, self.lengths.saturating_sub(4))?;
        let key_end = self.key_at.checked_add(key_length)?;
        let value_at = key_end.checked_next_multiple_of(self.value.align)?;
        let end = value_at.checked_add(value_length)?;
        let key = bytes.get(self.key_at..key_end)?;
        Some((key, bytes.get(value_at..end)?, end))
    }
}

/// From one pair to the next, where all are of one size and small enough to lie in their slots.
const fn stride(key: Extent, value: Extent, align: usize) -> Option<usize> {
    let (Some(key), Some(size)) = (key.size, value.size) else {
        return None;
    };
    if key > LARGEST_INLINE || size > LARGEST_INLINE {
        return None; // before anything is added to what may be as large as memory
    }
    let stride = (key.next_multiple_of(value.align) + size).next_multiple_of(align);
    if stride <= LARGEST_INLINE {
        Some(stride)
    } else {
        None
    }
}

const fn larger(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// The numbers of one table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// What the seed of the keys' hash is made of.
    pub(super) nonce: u64,
    /// How many pairs there are.
    pub(super) len: u64,
    /// Among how many buckets hashes are spread.
    pub(super) buckets: u64,
    /// How many slots each part has.
    pub(super) part_slots: u64,
    /// How many slots are behind those of the parts, for what was left over.
    pub(super) left_over: u64,
    /// Bytes of the heap, where there is one.
    pub(super) heap: u64,
}

impl Shape {
    /// A table that is to have at most so many pairs, which fall into all parts alike.
    pub(super) fn new(nonce: u64, most: u64) -> Self {
        let parts = most.div_ceil(KEYS << PART_BITS);
        let buckets = match parts {
            0 | 1 => most.div_ceil(KEYS),
            _ => parts << PART_BITS,
        };
        Self {
            nonce,
            buckets,
            part_slots: most.div_ceil(parts.max(1)) * 100 / FILLED + SPARE,
            ..Self::default()
        }
    }

    pub(super) fn write(&self) -> Parameters {
        let mut parameters = [0; 32];
        parameters[..6].copy_from_slice(&[
            self.nonce,
            self.len,
            self.buckets,
            self.part_slots,
            self.left_over,
            self.heap,
        ]);
        parameters
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> u64 {
        self.buckets.div_ceil(1 << PART_BITS)
    }

    /// How many slots all parts have.
    fn slots(&self) -> Option<u64> {
        self.parts().checked_mul(self.part_slots)
    }
}

/// Where everything lies, in bytes: the heap at the beginning, slots, pilots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) seed: Seed,
    pub(super) len: u64,
    pub(super) buckets: u64,
    pub(super) heap: usize,
    pub(super) part_slots: u64,
    /// The number of the first slot for what was left over, and of all slots.
    pub(super) regular: u64,
    pub(super) slots: u64,
    pub(super) slots_at: usize,
    pub(super) pilots_at: usize,
}

impl Layout {
    /// The layout that the numbers say, if data of such a length can have it.
    pub(super) fn read(
        parameters: &Parameters,
        slot: usize,
        length: usize,
    ) -> Result<Self, String> {
        let [nonce, len, buckets, part_slots, left_over, heap, ..] = *parameters;
        let shape = Shape {
            nonce,
            len,
            buckets,
            part_slots,
            left_over,
            heap,
        };
        let layout = Self::of(&shape, slot as u64).filter(|(_, end)| *end == length);
        match layout {
            Some((layout, _)) => Ok(layout),
            None => Err(format!("{length} bytes are no table of {shape:?}")),
        }
    }

    /// The layout, and how long all of it is.
    pub(super) fn of(shape: &Shape, slot: u64) -> Option<(Self, usize)> {
        let regular = shape.slots()?;
        let slots = regular.checked_add(shape.left_over)?;
        let slots_at = shape.heap.checked_next_multiple_of(LINE)?;
        let end = slots_at.checked_add(slots.checked_mul(slot)?)?;
        let pilots_at = end.checked_next_multiple_of(LINE)?;
        let end = pilots_at.checked_add(shape.buckets)?;
        let layout = Self {
            seed: Seed::of(shape.nonce),
            len: shape.len,
            buckets: shape.buckets,
            heap: shape.heap as usize,
            part_slots: shape.part_slots,
            regular,
            slots,
            slots_at: slots_at as usize,
            pilots_at: pilots_at as usize,
        };
        Some((layout, usize::try_from(end).ok()?)) // so all the others fit, too
    }

    /// The bucket of a hash. Hashes keep their order.
    #[inline(always)]
    pub(super) fn bucket(&self, hash: u64) -> u64 {
        bucket(hash, self.buckets)
    }
}

/// The bucket of a hash, of so many.
#[inline(always)]
pub(super) fn bucket(hash: u64, buckets: u64) -> u64 {
    ((u128::from(hash) * u128::from(buckets)) >> 64) as u64
}
