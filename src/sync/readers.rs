//! Readers beside a lock: many of them at once, or the owner of the lock alone.
//!
//! Touches only its own words and reads the lock's; the caller tells it which participants are alive. Modelled in
//! `loom`, see `models/`.
//!
//! # The protocol
//! The lock is the writers' (`lock.rs`), with its takeover, its repair and its fairness. Each participant
//! has its own count of the threads that read, and a bit in `seen` that is set once it has ever read. So a
//! writer inspects only the counts of participants whose bit is set.
//!
//! 1. *Enter*: set the own bit, raise the own count, fence, and look at the lock. If it is free, with
//!    nothing to repair, the reader is in.
//! 2. *Step back*: else lower the count as in 4, take the lock as a writer does, raise the count, and
//!    release the lock. So a writer that waits for readers is not passed by new ones.
//! 3. *Exclude readers*: the owner of the lock fences, and then waits for each count whose bit is set:
//!    until it is zero, or its participant is dead.
//! 4. *Leave*: lower the count; if it is zero now, notify the waiting writer.
//! 5. *Reset*: the holder of the byte lock of a dead participant's entry clears its count. The bit stays.
//!
//! `SeqCst` fences are totally ordered, so of those in 1 and 3 one comes first. If the reader's does, the
//! writer sees its bit and its count, and waits for it. If the writer's does, the reader sees the lock
//! taken by that writer, or released by it since, and then what it wrote. A count that was zero once
//! after the writer's fence is not raised for long: a reader that raises it finds the lock taken. So the
//! writer waits for the counts one after another. In 2 the count is raised before the lock is released, so the next
//! owner sees it.
//!
//! For the same reason the writer sees that a reader that is in has joined, and does not take it for dead.
//! A reader whose joining the writer does not see is not in, and steps back.

use std::time::Duration;

use super::event::Event;
use super::lock::Lock;
use super::marks::Marks;
use super::primitive::{AtomicU64, Ordering, fence, relax};

/// The number of checks of a count before a writer goes to sleep: about two microseconds.
const SPINS: u32 = if cfg!(loom) { 0 } else { 60 };

/// The number of times that a participant is inside, alone on a cache line.
#[repr(C, align(64))]
#[cfg_attr(loom, derive(Default))]
pub(crate) struct ReaderCount {
    /// Written by: the participant's threads, and the process that resets its entry. It has 64 bits, so no
    /// number of guards that are never dropped can bring it back to zero.
    inside: AtomicU64,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<ReaderCount>() == 64);

/// The readers beside a lock, as one participant uses them.
pub(crate) struct Readers<'a> {
    /// The lock that excludes them.
    pub(crate) lock: Lock<'a>,
    /// The marks of the participants that ever read.
    pub(crate) seen: &'a [AtomicU64],
    /// One for each participant.
    pub(crate) counts: &'a [ReaderCount],
    /// Raised when a participant's last reader has left.
    pub(crate) gone: Event<'a>,
}

impl Readers<'_> {
    /// Enters and returns `true`, unless a process has the lock or a repair is needed.
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

    /// Enters unconditionally. The caller must hold the lock, or check it afterwards.
    #[inline]
    pub(crate) fn enter(&self) {
        let entry = self.lock.me.entry();
        Marks(self.seen).set(entry);
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

    /// Step 3: waits until no living participant reads. `self` must hold the lock. Returns `true` if there were
    /// dead readers; their counts stay until their entries are cleaned up.
    #[inline]
    pub(crate) fn exclude(&self, is_alive: impl Fn(usize) -> bool) -> bool {
        let mut dead = false;
        // SeqCst: step 3; pairs with the fence in `try_enter`.
        fence(Ordering::SeqCst);
        for entry in Marks(self.seen).iter() {
            if let Some(count) = self.counts.get(entry)
                && !count.is_empty()
            {
                dead |= self.wait_for(count, || is_alive(entry));
            }
        }
        dead
    }

    /// Waits until the count is zero or its participant is dead. Returns `true` if it is dead.
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

    /// Step 5. The caller must hold the byte lock of the entry.
    pub(crate) fn reset(&self) {
        // Release: pairs with the Acquire in `is_empty`; what the dead read, it read before.
        self.inside.store(0, Ordering::Release);
    }
}
