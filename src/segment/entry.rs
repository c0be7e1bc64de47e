//! An entry of the participant table: how it is taken and given back, and who has it.
//!
//! Touches only its own words; whether its byte is locked it asks. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! Each entry has a byte of the segment's file, whose lock the system drops however its holder ends, and another one,
//! its gate. Only the holder of the gate locks the byte. The holder of the byte writes the entry, and while no process
//! holds the byte, the holder of the gate does. The generation is odd while the entry is in use.
//!
//! 1. *Join*: lock the gate of an entry whose byte is not locked, retire a participant that died with the entry, lock
//!    the byte, unlock the gate, reset what the structure keeps for the entry, describe oneself, note what was counted
//!    before, and only then raise the generation: it is odd now.
//! 2. *Leave*: retire (raise the generation: it is even now), and unlock the byte.
//! 3. *Clean up after the dead*: lock the gate of an entry in use whose byte is not locked, retire, reset, unlock.
//! 4. *Ask for an owner*: it is alive if the entry's generation is its own, the byte is locked, and the generation is
//!    its own still. A generation never comes back, so an owner that was once found dead stays dead.
//!
//! 5. *Read what a participant has counted*: read its generation, the counters and what they were before
//!    it, and then its generation again, which must be the same.
//!
//! Counters only rise, and stay with the entry when its owner leaves or dies: nothing is moved, so no kill
//! loses a count. Noting what was counted before is repeated by the next participant where it was cut short.
//! The note comes after the generation that says that the owner before is gone, and a fence: so who reads the
//! note, or what was counted after it, and then asks for the generation, does not find the owner before.
//!
//! Who asks has read the owner somewhere, in a lock's word for one. The owner joined before it wrote
//! itself there, with a Release, and the asker fences after it read: so it sees the generation of a
//! living owner and never an older one. And what a dead owner wrote was written before the system
//! unlocked its byte: a process that finds the byte unlocked, or by an Acquire the generation that the gate's next
//! holder Released, sees that. The byte of a dead owner is locked again only after its generation has gone, so it
//! never looks alive.

use crate::os::fail_point;
use crate::sync::Owner;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering, fence};

/// How many counters an entry has.
pub(crate) const COUNTERS: usize = if cfg!(loom) { 2 } else { 16 };
pub(super) const ROLE_WORDS: usize = 4;

/// One participant. Written by: the holder of the entry's byte lock, or of its gate where there is none.
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
    /// What the structure counts, on lines of their own: all that participants with this entry ever counted.
    pub(super) counters: [AtomicU64; COUNTERS],
    /// What the counters were when the participant joined that has the entry now.
    before: [AtomicU64; COUNTERS],
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Entry>() == 320);
#[cfg(not(loom))]
const _: () = assert!(std::mem::offset_of!(Entry, counters) == 64);
#[cfg(not(loom))]
const _: () = assert!(std::mem::offset_of!(Entry, before) == 192);

impl Entry {
    /// Marks a locked entry that was retired as in use. Gives the owner's generation.
    pub(super) fn occupy(&self) -> u32 {
        let generation = self.generation.load(Ordering::Relaxed).wrapping_add(1) | 1;
        // Pairs with the fence in `counted`: who sees what follows sees that the owner before is gone.
        fence(Ordering::Release);
        for (counter, before) in self.counters.iter().zip(&self.before) {
            before.store(counter.load(Ordering::Relaxed), Ordering::Relaxed);
            fail_point("join.counted");
        }
        // Release: who sees the entry in use sees its description, what its last owner did, and what was counted.
        self.generation.store(generation, Ordering::Release);
        generation >> 1
    }

    /// Marks an entry as free.
    pub(super) fn retire(&self) {
        let generation = self.generation.load(Ordering::Relaxed);
        if generation & 1 == 1 {
            // Release: who sees the entry free sees what its last owner did.
            self.generation
                .store(generation.wrapping_add(1), Ordering::Release);
        }
    }

    /// Step 5, for the participant of this generation; `None` where it has left.
    pub(super) fn counted(&self, generation: u32) -> Option<[u64; COUNTERS]> {
        let counted = std::array::from_fn(|index| {
            let all = self.counters[index].load(Ordering::Relaxed);
            all.wrapping_sub(self.before[index].load(Ordering::Relaxed))
        });
        // Acquire: pairs with the fence in `occupy`.
        fence(Ordering::Acquire); // before the generation is read again
        let now = self.generation.load(Ordering::Relaxed);
        (now == generation << 1 | 1).then_some(counted)
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
        let is_its = || {
            let generation = self.generation();
            generation.is_some_and(|generation| owner.is_generation(generation))
        };
        // The second look: the byte may have been locked by the next owner, which retired this one before.
        is_its() && is_locked() && is_its()
    }
}
