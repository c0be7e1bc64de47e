//! The buckets of an index: the search for a key, and what changes a slot.
//!
//! Linear probing over buckets (Knuth, The Art of Computer Programming, volume 3, 6.4): buckets of one or two cache
//! lines with a few slots are searched from a key's home on, to the first that has an empty slot. A slot is a key's
//! words and the row's number plus 1. A bucket is compared as a whole, so that the processor seldom guesses wrong
//! where the search ends, and has the cache misses of many searches under way at once.
//!
//! # What holds
//! Within one index a slot goes from empty to live to dead, and never back; those of a bucket are filled in
//! order. So a process that has read a slot twice and found it live, with no newer index in between, knows that the
//! key had this row all the time. Dead slots go when the next index is built (`grow.rs`).
//!
//! Touches its own words only. Written by: the owner of the lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::bucket::Slots;
use super::key::{MOST_WORDS, Words};
use super::seqlock::{DEAD, EMPTY, RowWord};
use super::shape::Size;
use crate::os::cpu::prefetch_range;

/// The buckets of an index, by their type.
pub(super) struct Table<'a, B> {
    size: Size,
    buckets: &'a [B],
}

impl<B> Clone for Table<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Table<'_, B> {}

/// What the search for a key found.
pub(super) enum Probe<'a> {
    /// The key, and its row.
    Live(Found<'a>),
    /// Not the key, and a bucket with an empty slot, where it would be.
    Vacant { bucket: usize },
    /// Neither: only in a damaged segment.
    Full,
}

/// A key in an index.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) slot: usize,
    pub(super) row: usize,
    pub(super) word: RowWord<'a>,
}

impl<'a, B: Slots> Table<'a, B> {
    #[inline(always)]
    pub(super) fn new(size: Size, buckets: &'a [B]) -> Self {
        Self { size, buckets }
    }

    /// The word of a slot that has its row.
    #[inline(always)]
    fn row_word(self, slot: usize) -> &'a AtomicU32 {
        &self.buckets[slot / B::SLOTS].rows()[slot % B::SLOTS]
    }

    /// Asks the processor for the bucket at which the search for a hash begins.
    #[inline(always)]
    pub(super) fn prefetch(self, hash: u64) {
        let bucket = &raw const self.buckets[self.size.home(hash)];
        prefetch_range(bucket.cast(), size_of::<B>());
    }

    /// Searches for a key where nearly all are: in the bucket at which the search begins. `None` where it
    /// goes on from there.
    ///
    /// The processor should do many of these at once. So there are no branches but those that it guesses
    /// right, and few instructions.
    #[inline(always)]
    pub(super) fn look(self, words: &Words, hash: u64) -> Option<Probe<'a>> {
        let number = self.size.home(hash);
        let bucket = &self.buckets[number];
        let mut matches = 0u32;
        for slot in 0..B::SLOTS {
            matches |= u32::from(Self::is_key(bucket.keys(), slot, words)) << slot;
        }
        if matches == 0 {
            return Self::has_empty(bucket).then_some(Probe::Vacant { bucket: number });
        }
        let at = matches.trailing_zeros() as usize;
        let row = Self::confirm(bucket, at, words)?;
        Some(Probe::Live(Found {
            slot: number * B::SLOTS + at,
            row,
            word: RowWord(&bucket.rows()[at]),
        }))
    }

    /// Searches for a key.
    #[inline(always)]
    pub(super) fn find(self, words: &Words, hash: u64) -> Probe<'a> {
        match self.look(words, hash) {
            Some(found) => found,
            None => self.find_from(self.size.home(hash), words),
        }
    }

    /// Searches for a key, slot by slot, from a bucket on.
    #[inline(never)]
    fn find_from(self, home: usize, words: &Words) -> Probe<'a> {
        let mask = self.size.buckets() - 1;
        for number in (home..=home + mask).map(|number| number & mask) {
            let bucket = &self.buckets[number];
            for (at, word) in bucket.rows().iter().enumerate() {
                if let Some(row) = Self::confirm(bucket, at, words) {
                    let slot = number * B::SLOTS + at;
                    return Probe::Live(Found {
                        slot,
                        row,
                        word: RowWord(word),
                    });
                }
            }
            if Self::has_empty(bucket) {
                return Probe::Vacant { bucket: number };
            }
        }
        Probe::Full
    }

    /// The row of a slot, if it is live and has this key.
    #[inline(always)]
    fn confirm(bucket: &B, slot: usize, words: &Words) -> Option<usize> {
        let row = RowWord(bucket.rows().get(slot)?);
        row.find(|| Self::is_key(bucket.keys(), slot, words))
    }

    #[inline(always)]
    fn has_empty(bucket: &B) -> bool {
        bucket.rows()[B::SLOTS - 1].load(Ordering::Relaxed) == EMPTY
    }

    #[inline(always)]
    fn is_key(keys: &[AtomicU64], slot: usize, words: &Words) -> bool {
        let mut different = 0;
        for (number, word) in words[..B::WORDS].iter().enumerate() {
            different |= keys[slot * B::WORDS + number].load(Ordering::Relaxed) ^ word;
        }
        different == 0
    }

    /// Whether a slot leads to a row.
    #[inline(always)]
    pub(super) fn leads_to(self, slot: usize, row: usize) -> bool {
        self.row_word(slot).load(Ordering::Relaxed) == row as u32 + 1
    }

    /// Whether a slot's key was removed.
    pub(super) fn is_dead(self, slot: usize) -> bool {
        self.row_word(slot).load(Ordering::Relaxed) == DEAD
    }

    /// The first empty slot of a bucket that has one.
    #[inline(always)]
    pub(super) fn first_empty(self, bucket: usize) -> usize {
        let rows = self.buckets[bucket].rows();
        let is_filled = |row: &&AtomicU32| row.load(Ordering::Relaxed) != EMPTY;
        let filled = rows.iter().take_while(is_filled).count();
        bucket * B::SLOTS + filled.min(B::SLOTS - 1)
    }

    /// Writes a key into an empty slot and makes it lead to a row, which holds what it is to hold.
    #[inline(always)]
    pub(super) fn publish(self, slot: usize, words: &Words, row: usize) {
        let keys = self.buckets[slot / B::SLOTS].keys();
        let start = slot % B::SLOTS * B::WORDS;
        RowWord(self.row_word(slot)).publish(row, || {
            for (to, word) in keys[start..start + B::WORDS].iter().zip(words) {
                to.store(*word, Ordering::Relaxed);
            }
        });
    }

    /// Marks a slot's key as removed.
    pub(super) fn kill(self, slot: usize) {
        RowWord(self.row_word(slot)).kill();
    }

    /// Makes all slots empty.
    pub(super) fn empty(self) {
        for bucket in self.buckets {
            for row in bucket.rows() {
                row.store(EMPTY, Ordering::Relaxed);
            }
        }
    }

    /// How many slots are not empty.
    pub(super) fn used(self) -> u64 {
        let rows = self.buckets.iter().flat_map(|bucket| bucket.rows());
        rows.filter(|row| row.load(Ordering::Relaxed) != EMPTY)
            .count() as u64
    }

    /// The live slots in order: the words of the key, and the row. Only for the owner of the lock.
    #[inline(always)]
    pub(super) fn live(self) -> impl Iterator<Item = (usize, Words, usize)> + 'a {
        (0..self.buckets.len() * B::SLOTS).filter_map(move |slot| {
            let row = self.row_word(slot).load(Ordering::Relaxed);
            let is_live = row != EMPTY && row != DEAD;
            is_live.then(|| (slot, self.words(slot), row as usize - 1))
        })
    }

    /// Returns the words of a slot's key.
    #[inline(always)]
    fn words(self, slot: usize) -> Words {
        let keys = self.buckets[slot / B::SLOTS].keys();
        let mut words = [0; MOST_WORDS];
        let start = slot % B::SLOTS * B::WORDS;
        for (to, from) in words.iter_mut().zip(&keys[start..start + B::WORDS]) {
            *to = from.load(Ordering::Relaxed);
        }
        words
    }
}
