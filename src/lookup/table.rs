//! The table as it lies in the data, and searching it. It is of one of two kinds, by the types alone.
//!
//! Pairs of a fixed size of up to 128 bytes lie in *slots*, in the order of the hashes of their keys; each in its
//! home, which the hash says, or as near behind it as others left room. A slot that would be free holds a copy
//! of the next pair. So the hashes never fall from slot to slot: a search begins at the home, and ends where
//! the hash is greater. Mostly it sees one cache line.
//!
//! Other pairs lie in a *heap*, one after another, in the same order. Behind it is an *index* of words, eight to
//! a cache line: 24 bits of a hash, and the place of the pair plus one. A search begins at the line that the hash
//! says, and ends at a word that is zero.
//!
//! Everything that is read is checked when it is used, and a search looks at no more places than the builder did:
//! in a damaged table pairs are missing or other ones, and that is all.

use std::borrow::Borrow;
use std::marker::PhantomData;

use super::shape::{LINE, Pair, Parameters, Shape};
use super::stored::{LookupKey, LookupValue};
use crate::os::cpu::prefetch_range;

/// Bits of a word that say where the pair lies.
const PLACE_BITS: u32 = 40;
/// Places that a word can name.
pub(super) const MOST_UNITS: u64 = (1 << PLACE_BITS) - 1;
/// How many searches ahead of its own a cache line is asked for.
const AHEAD: usize = 16;

/// The word of the index for a pair at this place.
pub(super) fn word(hash: u64, unit: u64) -> u64 {
    hash << PLACE_BITS | (unit + 1)
}

/// A table in some data, which begins at a multiple of 64.
pub(crate) struct Table<K: ?Sized, V: ?Sized, D> {
    pub(super) data: D,
    pub(super) shape: Shape,
    types: PhantomData<(fn(&K), fn(&V))>,
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized, D: AsRef<[u8]>> Table<K, V, D> {
    /// What the data is, as text.
    pub(crate) fn schema() -> String {
        let (key, value) = (K::schema(), V::schema());
        format!("lookup 1, hash 1\nkey {key}value {value}")
    }

    /// Finds the parts in the data.
    pub(crate) fn place(data: D, parameters: &Parameters) -> Result<Self, String> {
        let shape = Shape::read::<K, V>(parameters, data.as_ref().len())?;
        Ok(Self {
            data,
            shape,
            types: PhantomData,
        })
    }

    pub(crate) fn len(&self) -> u64 {
        self.shape.len
    }

    /// The value of a key.
    #[inline(always)]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.find(key, key.hash(self.shape.seed))
    }

    /// The values of many keys, one after another; what is needed of memory is asked for ahead.
    #[inline]
    pub(crate) fn get_many<'a, Q: Borrow<K>>(
        &'a self,
        keys: &[Q],
        mut found: impl FnMut(usize, Option<&'a V>),
    ) {
        let mut hashes = [0; 2 * AHEAD];
        let steps = if Pair::<K, V>::SLOT > 0 { 1 } else { 2 };
        for turn in 0..keys.len() + steps * AHEAD {
            if let Some(key) = keys.get(turn) {
                let hash = key.borrow().hash(self.shape.seed);
                hashes[turn % hashes.len()] = hash;
                self.ask_for_home(hash);
            }
            if steps == 2 && (AHEAD..AHEAD + keys.len()).contains(&turn) {
                self.ask_for_pair(hashes[(turn - AHEAD) % hashes.len()]);
            }
            if let Some(number) = turn.checked_sub(steps * AHEAD) {
                let hash = hashes[number % hashes.len()];
                found(number, self.find(keys[number].borrow(), hash));
            }
        }
    }

    #[inline(always)]
    pub(super) fn find(&self, key: &K, hash: u64) -> Option<&V> {
        match Pair::<K, V>::SLOT {
            0 => self.find_in_heap(key, hash),
            slot => self.find_in_slots(key, hash, slot),
        }
    }

    #[inline(always)]
    fn find_in_slots(&self, key: &K, hash: u64, size: usize) -> Option<&V> {
        let data = self.data.as_ref();
        let home = self.shape.home(hash) as usize;
        let start = home.checked_mul(size)?;
        let slots = data.get(start..)?.chunks_exact(size);
        for slot in slots.take(self.shape.longest as usize) {
            let (found, value) = Self::see(slot)?;
            if found == key {
                return V::seen_in(value);
            }
            if found.hash(self.shape.seed) > hash {
                return None;
            }
        }
        None
    }

    #[inline(always)]
    fn find_in_heap(&self, key: &K, hash: u64) -> Option<&V> {
        for &word in self.words_from(hash)? {
            if word == 0 {
                return None;
            }
            if word >> PLACE_BITS == hash << PLACE_BITS >> PLACE_BITS
                && let Some((found, value)) = self.pair_of(word)
                && found == key.as_bytes()
            {
                return V::seen_in(value);
            }
        }
        None
    }

    /// The words of the index among which a hash is.
    #[inline(always)]
    fn words_from(&self, hash: u64) -> Option<&[u64]> {
        let start = (self.shape.home(hash) as usize).checked_mul(LINE as usize)?;
        let words = self.words()?.get(start..)?;
        Some(&words[..words.len().min(self.shape.longest as usize)])
    }

    /// The index.
    #[inline(always)]
    pub(super) fn words(&self) -> Option<&[u64]> {
        let index = self.data.as_ref().get(self.shape.index_at()?..)?;
        bytemuck::try_cast_slice(index).ok()
    }

    /// The heap.
    #[inline(always)]
    pub(super) fn heap(&self) -> &[u8] {
        let data = self.data.as_ref();
        &data[..data.len().min(self.shape.heap as usize)]
    }

    /// The pair that a word of the index leads to.
    #[inline(always)]
    fn pair_of(&self, word: u64) -> Option<(&[u8], &[u8])> {
        let unit = (word & MOST_UNITS).checked_sub(1)? as usize;
        let start = unit.checked_mul(Pair::<K, V>::ALIGN)?;
        let (key, value, _) = Pair::<K, V>::parse(self.heap().get(start..)?)?;
        Some((key, value))
    }

    /// The key of a slot, and the bytes of its value.
    #[inline(always)]
    pub(super) fn see(slot: &[u8]) -> Option<(&K, &[u8])> {
        let (key, value, _) = Pair::<K, V>::parse(slot)?;
        Some((K::seen_in(key)?, value))
    }

    /// Asks for what a search sees first.
    #[inline(always)]
    fn ask_for_home(&self, hash: u64) {
        let home = self.shape.home(hash) as usize;
        let (start, length) = match Pair::<K, V>::SLOT {
            0 => {
                let index = self.shape.index_at().unwrap_or(0);
                (index.wrapping_add(home.wrapping_mul(64)), 64)
            }
            slot => (home.wrapping_mul(slot), 2 * slot),
        };
        prefetch_range(self.data.as_ref().as_ptr().wrapping_add(start), length);
    }

    /// Asks for the pair that the index leads to.
    #[inline(always)]
    fn ask_for_pair(&self, hash: u64) {
        let words = self.words_from(hash).unwrap_or_default();
        let tag = hash << PLACE_BITS >> PLACE_BITS;
        let first = words.iter().find(|&&word| word >> PLACE_BITS == tag);
        if let Some(word) = first {
            let unit = (word & MOST_UNITS).wrapping_sub(1) as usize;
            let start = unit.wrapping_mul(Pair::<K, V>::ALIGN);
            prefetch_range(self.data.as_ref().as_ptr().wrapping_add(start), 64);
        }
    }
}
