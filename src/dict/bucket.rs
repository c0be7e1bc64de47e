//! A few slots of an index that lie together, on one or two cache lines.
//!
//! Touches its own words only.

use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::segment::Shared;

/// Slots: the words of their keys, and then their rows.
#[repr(C, align(64))]
pub struct Bucket<const WORDS: usize, const SLOTS: usize> {
    keys: [AtomicU64; WORDS],
    rows: [AtomicU32; SLOTS],
}

const _: () = assert!(size_of::<Bucket<5, 5>>() == 64);
const _: () = assert!(size_of::<Bucket<12, 6>>() == 128);
const _: () = assert!(size_of::<Bucket<12, 4>>() == 128);
const _: () = assert!(size_of::<Bucket<12, 3>>() == 128);

// SAFETY: made of atomic integers, and padding.
unsafe impl<const WORDS: usize, const SLOTS: usize> Shared for Bucket<WORDS, SLOTS> {}

/// What the index asks of a bucket, whatever the size of its keys.
pub trait Slots: Shared {
    /// How many slots there are.
    const SLOTS: usize;
    /// The words of the keys, those of the first slot first.
    fn keys(&self) -> &[AtomicU64];
    /// What the slots hold of their rows.
    fn rows(&self) -> &[AtomicU32];
}

impl<const WORDS: usize, const SLOTS: usize> Slots for Bucket<WORDS, SLOTS> {
    const SLOTS: usize = SLOTS;

    #[inline(always)]
    fn keys(&self) -> &[AtomicU64] {
        &self.keys
    }

    #[inline(always)]
    fn rows(&self) -> &[AtomicU32] {
        &self.rows
    }
}
