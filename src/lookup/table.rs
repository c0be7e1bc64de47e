//! The table as it lies in the data, and searching it.
//!
//! A perfect hash (`perfect.rs`) says for each key a *slot* that no other key has. The hash of a key says its
//! bucket; the pilot of the bucket, one byte, says the slot within the part that the bucket belongs to. Parts
//! have 8192 buckets and all the same number of slots. Pairs of a fixed size of up to 128 bytes lie in their
//! slots, so a search looks at a pilot, of which there is one for three keys, and at one pair. A slot that would
//! be free holds a copy of a pair that has another one, so that nobody finds it.
//!
//! Other pairs lie in a *heap*, one after another. Their slots hold words: 24 bits of a hash, and the place of
//! the pair plus one.
//!
//! Keys that the perfect hash leaves over have slots behind the others, in the order of their hashes. Two keys
//! of the same hash are left over, and hardly ever others: nearly always there are none.
//!
//! Keys and values are bytes here; what they are, a [`Format`] says.
//!
//! Everything that is read is checked when it is used: in a damaged table pairs are missing or other ones, and
//! that is all.

use super::format::Format;
use super::perfect::slot_of;
use super::shape::{Layout, PART_BITS, Parameters};
use crate::os::cpu::prefetch_range;

/// Bits of a word that say where the pair lies.
const PLACE_BITS: u32 = 40;
/// Places that a word can name.
pub(super) const MOST_PLACES: u64 = (1 << PLACE_BITS) - 1;
/// How many searches ahead of its own memory is asked for, and between what is asked for one search.
const AHEAD: usize = 16;

/// The word for a pair at this place.
pub(super) fn word(hash: u64, place: u64) -> u64 {
    hash << PLACE_BITS | (place + 1)
}

/// A table in some data, which begins at a multiple of 64.
pub(crate) struct Table<F, D> {
    pub(super) data: D,
    pub(super) layout: Layout,
    pub(super) format: F,
}

impl<F: Format, D: AsRef<[u8]>> Table<F, D> {
    /// Finds the parts in the data.
    pub(crate) fn over(format: F, data: D, parameters: &Parameters) -> Result<Self, String> {
        let layout = Layout::read(parameters, format.pair().slot, data.as_ref().len())?;
        Ok(Self {
            data,
            layout,
            format,
        })
    }

    pub(crate) fn len(&self) -> u64 {
        self.layout.len
    }

    /// Returns what `read` makes of the value of a key. It reads within the search, where the compiler may know how many
    /// bytes there are.
    #[inline(always)]
    pub(crate) fn get<'a, T>(
        &'a self,
        key: &[u8],
        read: impl Fn(&'a [u8]) -> Option<T>,
    ) -> Option<T> {
        let hash = self.format.hash(key, self.layout.seed);
        self.find(key, hash, self.slot(hash)?, read)
    }

    /// Calls `found` with what `read` makes of the values of many keys, of which `bytes` returns the bytes, one after
    /// another. Asks for memory ahead: first for the pilot, then for the slot, then for the pair in the heap.
    #[inline]
    pub(crate) fn get_many<'a, 'k, Q, T>(
        &'a self,
        keys: &'k [Q],
        bytes: impl Fn(&'k Q) -> &'k [u8],
        read: impl Fn(&'a [u8]) -> Option<T> + Copy,
        mut found: impl FnMut(usize, Option<T>),
    ) {
        /// Two batches of what is known of a search: its hash, then its slot, too.
        const RING: usize = 4 * AHEAD;
        let in_slots = self.format.pair().in_slots;
        let steps = if in_slots { 2 } else { 3 };
        let mut searches = [(0, None); RING];
        for turn in 0..keys.len() + steps * AHEAD {
            if let Some(key) = keys.get(turn) {
                let hash = self.format.hash(bytes(key), self.layout.seed);
                searches[turn % RING].0 = hash;
                self.ask_for_pilot(hash);
            }
            if let Some(number) = turn.checked_sub(AHEAD)
                && number < keys.len()
            {
                let (hash, slot) = &mut searches[number % RING];
                *slot = self.slot(*hash);
                self.ask_for_slot(slot.unwrap_or(0));
            }
            if !in_slots
                && let Some(number) = turn.checked_sub(2 * AHEAD)
                && number < keys.len()
            {
                self.ask_for_pair(searches[number % RING].1.unwrap_or(0));
            }
            if let Some(number) = turn.checked_sub(steps * AHEAD) {
                let (hash, slot) = searches[number % RING];
                let key = bytes(&keys[number]);
                found(
                    number,
                    slot.and_then(|slot| self.find(key, hash, slot, read)),
                );
            }
        }
    }

    /// The value of a key that has this hash and, if it was not left over, this slot.
    #[inline(always)]
    fn find<'a, T>(
        &'a self,
        key: &[u8],
        hash: u64,
        slot: u64,
        read: impl Fn(&'a [u8]) -> Option<T>,
    ) -> Option<T> {
        if let Some((found, value)) = self.pair(slot, Some(hash))
            && found == key
        {
            return read(value);
        }
        match self.layout.regular < self.layout.slots {
            true => self.find_left_over(key, hash, read),
            false => None,
        }
    }

    /// Searches the slots behind the others.
    #[cold]
    fn find_left_over<'a, T>(
        &'a self,
        key: &[u8],
        hash: u64,
        read: impl Fn(&'a [u8]) -> Option<T>,
    ) -> Option<T> {
        let (mut low, mut high) = (self.layout.regular, self.layout.slots);
        while low < high {
            let middle = low.midpoint(high);
            match self.hash_in(middle)? < hash {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        while low < self.layout.slots && self.hash_in(low)? == hash {
            let (found, value) = self.pair(low, None)?;
            if found == key {
                return read(value);
            }
            low += 1;
        }
        None
    }

    /// The hash of the key in a slot.
    pub(super) fn hash_in(&self, slot: u64) -> Option<u64> {
        let (key, _) = self.pair(slot, None)?;
        Some(self.format.hash(key, self.layout.seed))
    }

    /// The slot in which the key of a hash is, if there is one.
    #[inline(always)]
    pub(super) fn slot(&self, hash: u64) -> Option<u64> {
        let bucket = self.layout.bucket(hash) as usize;
        let data = self.data.as_ref();
        let pilot = *data.get(self.layout.pilots_at.wrapping_add(bucket))?;
        let part = (bucket >> PART_BITS) as u64;
        let first = part.wrapping_mul(self.layout.part_slots);
        Some(first.wrapping_add(slot_of(hash, pilot, self.layout.part_slots)))
    }

    /// The key and the value of a slot, as bytes. If a hash is given, perhaps only of a pair that has it.
    #[inline(always)]
    pub(super) fn pair(&self, slot: u64, hash: Option<u64>) -> Option<(&[u8], &[u8])> {
        let format = self.format.pair();
        let pair = match format.in_slots {
            true => self.bytes_of(slot)?,
            false => {
                let word = u64::from_le_bytes(*self.bytes_of(slot)?.first_chunk()?);
                if hash.is_some_and(|hash| (word ^ hash << PLACE_BITS) >> PLACE_BITS != 0) {
                    return None;
                }
                let place = (word & MOST_PLACES).checked_sub(1)? as usize;
                let start = place.checked_mul(format.align)?;
                self.heap().get(start..)?
            }
        };
        let (key, value, _) = format.parse(pair)?;
        Some((key, value))
    }

    /// What lies in a slot.
    #[inline(always)]
    pub(super) fn bytes_of(&self, slot: u64) -> Option<&[u8]> {
        let size = self.format.pair().slot;
        // Whatever this is, it is in the data or it is refused.
        let start = self
            .layout
            .slots_at
            .wrapping_add((slot as usize).wrapping_mul(size));
        let end = start.wrapping_add(size);
        self.data.as_ref().get(start..end)
    }

    /// The heap.
    #[inline(always)]
    pub(super) fn heap(&self) -> &[u8] {
        let data = self.data.as_ref();
        &data[..data.len().min(self.layout.heap)]
    }

    #[inline(always)]
    fn ask_for_pilot(&self, hash: u64) {
        let bucket = self.layout.bucket(hash) as usize;
        self.ask_for(self.layout.pilots_at.wrapping_add(bucket), 1);
    }

    #[inline(always)]
    fn ask_for_slot(&self, slot: u64) {
        let size = self.format.pair().slot;
        let start = self
            .layout
            .slots_at
            .wrapping_add((slot as usize).wrapping_mul(size));
        self.ask_for(start, size);
    }

    #[inline(always)]
    fn ask_for_pair(&self, slot: u64) {
        let Some(word) = self.bytes_of(slot).and_then(|word| word.first_chunk()) else {
            return;
        };
        let place = (u64::from_le_bytes(*word) & MOST_PLACES).wrapping_sub(1) as usize;
        self.ask_for(place.wrapping_mul(self.format.pair().align), 64);
    }

    /// Asks for the cache lines with the first and the last byte, and those between.
    #[inline(always)]
    fn ask_for(&self, start: usize, length: usize) {
        let address = self.data.as_ref().as_ptr().wrapping_add(start);
        let within = address.addr() % 64;
        prefetch_range(address.wrapping_sub(within), within + length);
    }
}
