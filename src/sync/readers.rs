//! Readers beside a lock: many of them at once, or the owner of the lock alone.
//!
//! Touches only its own words and looks at the lock's; who is alive it asks. Modelled in `loom`, see
//! `models/`.
//!
//! # The protocol
//! The lock is the writers' (`lock.rs`), with its takeover, its repair and its fairness. Each participant
//! has a count of its own, of those of its threads that read, and a bit in `seen` that says that it ever
//! read, so that a writer looks at no counts but those.
//!
//! 1. *Enter*: set the own bit, raise the own count, fence, and look at the lock. If it is free, with
//!    nothing to repair, the reader is in.
//! 2. *Step back*: else lower the count as in 4, take the lock as a writer does, raise the count, and
//!    release the lock. So a writer that waits for readers is not passed by new ones.
//! 3. *Exclude readers*: whoever has the lock fences, and then waits for each count whose bit is set:
//!    until it is zero, or its participant is dead.
//! 4. *Leave*: lower the count; if it is zero now, say so to who waits.
//! 5. *Reset*: who has the byte of a dead participant's entry clears its count. The bit stays.
//!
//! Of the fences in 1 and 3 one comes first in the order that all agree on. If the reader's does, the
//! writer sees its bit and its count, and waits for it. If the writer's does, the reader sees the lock
//! taken by that writer, or released by it since, and then what it wrote. A count that was zero once
//! after the writer's fence is not raised for long: whoever raises it finds the lock taken. So counts are
//! waited for one after another. In 2 the count is raised before the lock is released, so the next
//! owner sees it.
//!
//! For the same reason the writer sees that a reader who is in has joined, and does not take it for dead.
//! One whose joining it does not see is not in, and steps back.

use std::time::Duration;

use super::event::Event;
use super::lock::Lock;
use super::primitive::{AtomicU64, Ordering, fence, relax};

/// Looks at a count before going to sleep: about two microseconds.
const SPINS: u32 = if cfg!(loom) { 0 } else { 60 };
/// Participants whose bits are in one word.
pub(crate) const READERS_A_WORD: usize = u64::BITS as usize;

/// How often a participant is inside, alone on a cache line.
#[repr(C, align(64))]
#[cfg_attr(loom, derive(Default))]
pub(crate) struct ReaderCount {
    /// Written by: the participant's threads, and who resets its entry. So many that no number of guards
    /// that are never dropped can bring it back to zero.
    inside: AtomicU64,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<ReaderCount>() == 64);

/// The readers beside a lock, as one participant uses them.
pub(crate) struct Readers<'a> {
    /// The lock that excludes them.
    pub(crate) lock: Lock<'a>,
    /// A bit for each entry in which somebody ever read.
    pub(crate) seen: &'a [AtomicU64],
    /// One for each participant.
    pub(crate) counts: &'a [ReaderCount],
    /// Raised when a participant's last reader has left.
    pub(crate) gone: Event<'a>,
}

impl Readers<'_> {
    /// Enters, unless somebody has the lock or it orders a repair.
    #[inline]
    pub(crate) fn try_enter(&self) -> bool {
        // Step 1.
        self.enter();
        // SeqCst: step 1; pairs with the fence in `exclude`.
        fence(Ordering::SeqCst);
        if self.lock.is_open() {
            return true;
        }
        self.leave();
        false
    }

    /// Enters in any case. The caller has the lock, or looks at it afterwards.
    #[inline]
    pub(crate) fn enter(&self) {
        let entry = self.lock.me.entry();
        let (word, bit) = (
            &self.seen[entry / READERS_A_WORD],
            1 << (entry % READERS_A_WORD),
        );
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        self.counts[entry].inside.fetch_add(1, Ordering::Relaxed);
    }

    /// Step 4.
    #[inline]
    pub(crate) fn leave(&self) {
        let count = &self.counts[self.lock.me.entry()].inside;
        // Release: pairs with the Acquire in `is_empty`; what was read was read before.
        if count.fetch_sub(1, Ordering::Release) == 1 {
            self.gone.notify();
        }
    }

    /// Step 3: waits until nobody reads who is alive. `self` has the lock. Says whether there were dead ones,
    /// whose counts stay until they are cleaned up after.
    #[inline]
    pub(crate) fn exclude(&self, is_alive: impl Fn(usize) -> bool) -> bool {
        let mut dead = false;
        // SeqCst: step 3; pairs with the fence in `try_enter`.
        fence(Ordering::SeqCst);
        for (number, word) in self.seen.iter().enumerate() {
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let entry = number * READERS_A_WORD + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                // In a damaged segment there are bits of nobody.
                if let Some(count) = self.counts.get(entry)
                    && !count.is_empty()
                {
                    dead |= self.wait_for(count, || is_alive(entry));
                }
            }
        }
        dead
    }

    /// Says whether it is dead.
    #[cold]
    fn wait_for(&self, count: &ReaderCount, is_alive: impl Fn() -> bool) -> bool {
        for _ in 0..SPINS {
            relax();
            if count.is_empty() {
                return false;
            }
        }
        let gone = || match count.is_empty() {
            true => Some(false),
            false => (!is_alive()).then_some(true),
        };
        self.gone.wait_for(Duration::MAX, gone).unwrap_or(false)
    }
}

impl ReaderCount {
    fn is_empty(&self) -> bool {
        // Acquire: pairs with the Releases in `leave` and `reset`.
        self.inside.load(Ordering::Acquire) == 0
    }

    /// Step 5. The caller has the byte of the entry.
    pub(crate) fn reset(&self) {
        // Release: pairs with the Acquire in `is_empty`; what the dead read, it read before.
        self.inside.store(0, Ordering::Release);
    }
}
