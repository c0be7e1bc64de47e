//! An entry of the participant table: how it is taken and given back, and who has it.
//!
//! Touches only its own words; whether its byte is locked it asks. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! Each entry has a byte of the segment's file, whose lock the system drops however its holder ends.
//! Only the holder of that lock writes the entry; the generation is odd while the entry is in use.
//!
//! 1. *Join*: lock the byte, retire whoever died with the entry, reset what the structure keeps for it,
//!    describe oneself, and only then raise the generation: it is odd now.
//! 2. *Leave*: retire (raise the generation: it is even now), and unlock the byte.
//! 3. *Clean up after the dead*: lock the byte of an entry in use, retire, reset, unlock.
//! 4. *Ask for an owner*: it is alive if the entry's generation is its own and the byte is locked. A
//!    generation never comes back, so an owner that was once found dead stays dead.
//!
//! Who asks has read the owner somewhere, in a lock's word for one. The owner joined before it wrote
//! itself there, with a Release, and the asker fences after it read: so it sees the generation of a
//! living owner and never an older one. And what a dead owner wrote was written before the system
//! unlocked its byte: who finds the byte unlocked, or by an Acquire the generation that the byte's next
//! holder Released, sees that.

use crate::os::fail_point;
use crate::sync::Owner;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering, fence};

/// How many counters an entry has.
pub(crate) const COUNTERS: usize = 16;
pub(super) const ROLE_WORDS: usize = 4;

/// One participant. Written by: the holder of the entry's byte lock.
#[repr(C, align(64))]
#[cfg_attr(loom, derive(Default))]
pub(crate) struct Entry {
    /// Odd while the entry is in use; raised when it is taken and when it is given back.
    generation: AtomicU32,
    pub(super) process: AtomicU32,
    /// Microseconds since 1970.
    pub(super) joined: AtomicU64,
    /// Up to 32 bytes of text, filled up with zeros.
    pub(super) role: [AtomicU64; ROLE_WORDS],
    unused: [AtomicU64; 2],
    /// What the structure counts, on lines of their own.
    pub(super) counters: [AtomicU64; COUNTERS],
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Entry>() == 192);
#[cfg(not(loom))]
const _: () = assert!(std::mem::offset_of!(Entry, counters) == 64);

impl Entry {
    /// Marks a locked entry as in use. Gives the owner's generation.
    pub(super) fn occupy(&self) -> u32 {
        let generation = self.generation.load(Ordering::Relaxed).wrapping_add(1) | 1;
        // Release: who sees the entry in use sees its description, and what its last owner did.
        self.generation.store(generation, Ordering::Release);
        generation >> 1
    }

    /// Marks a locked entry as free, and moves its counters to the entry of those who `departed`.
    pub(super) fn retire(&self, departed: &Self) {
        let generation = self.generation.load(Ordering::Relaxed);
        if generation & 1 == 1 {
            for (mine, sum) in self.counters.iter().zip(&departed.counters) {
                sum.fetch_add(mine.swap(0, Ordering::Relaxed), Ordering::Relaxed);
                fail_point("leave.counter");
            }
            // Release: who sees the entry free sees what its last owner did.
            self.generation
                .store(generation.wrapping_add(1), Ordering::Release);
        }
    }

    /// The generation of who has this entry, or died with it and was not cleaned up after.
    #[inline]
    pub(super) fn generation(&self) -> Option<u32> {
        // Acquire: pairs with the Releases in `occupy` and `retire`.
        let generation = self.generation.load(Ordering::Acquire);
        (generation & 1 == 1).then_some(generation >> 1)
    }

    /// Step 4, where `is_locked` asks for the entry's byte.
    pub(super) fn is_held_by(&self, owner: Owner, is_locked: impl FnOnce() -> bool) -> bool {
        // Acquire: pairs with the Release by which the owner wrote itself where it was read.
        fence(Ordering::Acquire);
        let generation = self.generation();
        generation.is_some_and(|generation| owner.is_generation(generation)) && is_locked()
    }
}
