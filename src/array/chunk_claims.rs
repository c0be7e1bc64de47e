//! How chunks of an array are handed out: each to one owner at a time, without a lock.
//!
//! Touches only the word of a chunk; who is alive it asks. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! Each chunk has a word: in its upper half the pass in which it was taken last, in its lower half the bits
//! of its owner (none where nobody has it), `DONE` where it is done in that pass, and `LEFT` where somebody
//! died or panicked with it and it is not done since.
//!
//! 1. *Take for a pass*: a chunk of an earlier pass, or one of this pass that is not done, by one
//!    compare-and-swap from the exact word seen to pass | owner. That of a living owner is not taken.
//! 2. *Take whatever the pass*: the same, and pass and `DONE` stay.
//! 3. *Take from the dead*: where the owner is dead, by one compare-and-swap from the exact word seen, to the
//!    same with `LEFT` and without `DONE`. A dead owner's word never comes back, so one succeeds.
//!    Until then its chunk is not done, whatever the word says.
//! 4. *Give back*: the owner stores the word without its bits, with `DONE` where it is done, or with `LEFT`
//!    where its thread panicked.
//!
//! So a chunk has one owner at a time, who sees what the last one wrote; and when no word says that its
//! chunk is not done, each was done in this pass, or somebody has begun a later one.

use crate::os::fail_point;
use crate::sync::primitive::{AtomicU64, Ordering};
use crate::sync::{Owner, Peers};

const DONE: u32 = 1 << 31;
const LEFT: u32 = 1 << 30;

/// What comes of asking for a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attempt {
    /// The chunk is the caller's. `left`: somebody may have begun to change it, and did not end.
    Taken { left: bool },
    /// It is done in this pass, or a later pass has begun.
    Done,
    /// Somebody who is alive has it.
    Held(Owner),
}

/// What came of one compare-and-swap.
enum Swapped {
    Taken {
        left: bool,
    },
    Held(Owner),
    /// The word was this one, so nothing was tried.
    Changed(u64),
}

/// How a chunk is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Done in its pass.
    Done,
    /// Done if it was done when it was taken.
    AsItWas,
    /// Not done, and perhaps changed.
    Left,
}

/// The word of a chunk, as one participant uses it.
pub(crate) struct ChunkWord<'a> {
    pub(crate) word: &'a AtomicU64,
    pub(crate) me: Owner,
}

impl ChunkWord<'_> {
    /// Step 1, and step 3.
    pub(crate) fn take_for(&self, pass: u32, peers: &impl Peers) -> Attempt {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if is_done(seen, pass, peers) {
                return Attempt::Done;
            }
            match self.swap(seen, pass, seen as u32 & LEFT, peers) {
                Swapped::Taken { left } => return Attempt::Taken { left },
                Swapped::Held(owner) => return Attempt::Held(owner),
                Swapped::Changed(other) => seen = other,
            }
        }
    }

    /// Step 2, and step 3. Says whether the chunk was left, or who has it.
    pub(crate) fn take_now(&self, peers: &impl Peers) -> Result<bool, Owner> {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            match self.swap(seen, pass_of(seen), seen as u32 & (DONE | LEFT), peers) {
                Swapped::Taken { left } => return Ok(left),
                Swapped::Held(owner) => return Err(owner),
                Swapped::Changed(other) => seen = other,
            }
        }
    }

    /// Takes the chunk if its word is still what was seen, and names nobody who is alive.
    fn swap(&self, seen: u64, pass: u32, mut flags: u32, peers: &impl Peers) -> Swapped {
        if let Some(owner) = Owner::from_bits(seen as u32) {
            if peers.is_alive(owner) {
                return Swapped::Held(owner);
            }
            flags = LEFT;
        }
        let taken = u64::from(pass) << 32 | u64::from(flags | self.me.bits());
        // Acquire: pairs with the Release in `give_back`. Release: who sees this owner sees that it joined,
        // and does not take it for dead (`segment/entry.rs`).
        let swapped = self
            .word
            .compare_exchange(seen, taken, Ordering::AcqRel, Ordering::Relaxed);
        if let Err(other) = swapped {
            return Swapped::Changed(other);
        }
        fail_point("chunk.taken");
        Swapped::Taken {
            left: flags & LEFT != 0,
        }
    }

    /// Step 4. The chunk is the caller's.
    pub(crate) fn give_back(&self, ending: Ending) {
        fail_point("chunk.ending");
        // Relaxed: nobody writes the word of a living owner.
        let seen = self.word.load(Ordering::Relaxed);
        let flags = match ending {
            Ending::Done => DONE,
            Ending::AsItWas => seen as u32 & (DONE | LEFT),
            Ending::Left => LEFT,
        };
        let given = seen >> 32 << 32 | u64::from(flags);
        // Release: pairs with the Acquire in `take`; what was written was written before.
        self.word.store(given, Ordering::Release);
        fail_point("chunk.given");
    }

    /// Whether the chunk is done in a pass, or a later one has begun.
    pub(crate) fn is_done(&self, pass: u32, peers: &impl Peers) -> bool {
        is_done(self.word.load(Ordering::Relaxed), pass, peers)
    }
}

fn pass_of(word: u64) -> u32 {
    (word >> 32) as u32
}

/// What was done, and then taken by somebody who died with it, is not done.
fn is_done(word: u64, pass: u32, peers: &impl Peers) -> bool {
    let is_whole = || Owner::from_bits(word as u32).is_none_or(|owner| peers.is_alive(owner));
    pass_of(word) > pass || pass_of(word) == pass && word as u32 & DONE != 0 && is_whole()
}
