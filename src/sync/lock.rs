//! The lock between processes: a robust lock with takeover, of one word. It is taken over when its owner is dead.
//!
//! Touches only its own words; [`Peers`] tells it which owners are alive. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! `word` is free (0), or the owner's 30 bits, with `WAITERS` if a process may be asleep on it
//! and `HANDED` if it was handed to that owner's process and is not accepted yet.
//!
//! 1. *Acquire*: compare-and-swap free → owner. Ownership is recorded by the same step that takes
//!    the lock, so there is no instant at which a dead owner is unknown.
//! 2. *Wait*: set `WAITERS`, then sleep on the word for a slice of time.
//! 3. *Take over*: if the word does not change during a slice, ask whether that owner is alive. If
//!    it is dead, compare-and-swap from the exact word seen. A dead owner's word never comes back
//!    (its generation is not used again), so the swap succeeds for one waiter only. A slow or a
//!    stopped owner is alive, and keeps the lock.
//! 4. *Sit*: a waiter that was passed over [`PATIENCE`] times takes the `seat`, unless another
//!    living process has it.
//! 5. *Release*: if no process waits, owner → free. Else, if the seat is taken, clear it and store
//!    seat | `HANDED`: the word is never free in between, so no other process can barge in. Else free
//!    it and wake one waiter.
//! 6. *Accept*: a thread of the process that the word was handed to, which has waited as long as a
//!    sitter has, swaps `HANDED` away. There is at least one, because a sitter stays until it has
//!    the lock and clears the seat only then. While `HANDED` is set no process is inside. So a waiter
//!    that saw the same word for a slice may swap it to itself: the process that it was handed to may be
//!    stopped, or dead, and nothing needs repair.
//! 7. *Repair*: a process that takes over, or finds `dirty` set, must repair the data that the lock
//!    guards. `dirty` is set before the repair and cleared after it, and a dead repairer is taken
//!    over like any owner, so the request to repair outlives it.

use std::time::{Duration, Instant};

use super::owner::{Owner, Peers};
use super::primitive::{AtomicU32, Channel, Ordering, relax};
use crate::os::fail_point;

const FREE: u32 = 0;
const WAITERS: u32 = 1 << 31;
const HANDED: u32 = 1 << 30;

/// The number of checks of a held lock before a waiter goes to sleep: about two microseconds.
const SPINS: u32 = if cfg!(loom) { 0 } else { 60 };
/// The number of sleeps after which a waiter takes the seat.
const PATIENCE: u32 = 2;
/// The first slice of sleep. It doubles up to [`LONGEST_SLICE`], which bounds the delay that a dead owner,
/// or a wake-up lost with a dead waiter, can cause.
const FIRST_SLICE: Duration = Duration::from_millis(1);
const LONGEST_SLICE: Duration = Duration::from_millis(8);

/// The shared words of a lock, alone on a cache line. All zero is a free, clean lock.
#[repr(C, align(64))]
pub(crate) struct LockWords {
    /// Written by: acquirers, releasers and waiters, as the protocol says.
    word: AtomicU32,
    /// The bits of a process that has waited for a long time, or 0. Written by: waiters and releasers.
    seat: AtomicU32,
    /// Not 0: the data that the lock guards must be repaired first. Written by: the owner.
    dirty: AtomicU32,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<LockWords>() == 64);

#[cfg(loom)]
impl LockWords {
    /// Free, clean words outside of a segment.
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU32::new(FREE),
            seat: AtomicU32::new(0),
            dirty: AtomicU32::new(0),
        }
    }

    /// Puts a process into the seat of a lock that is held, as if it had waited.
    pub(crate) fn seat_for_model(&self, sitter: Owner) {
        self.seat.store(sitter.bits(), Ordering::Relaxed);
        self.word.fetch_or(WAITERS, Ordering::Relaxed);
    }
}

/// The state in which the new owner of a lock finds the guarded data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// The guarded data is as the last owner left it.
    Clean,
    /// The last owner died or panicked during a change: repair the data, then call [`Lock::repaired`].
    Damaged,
}

/// A lock as one participant uses it.
pub(crate) struct Lock<'a> {
    pub(crate) words: &'a LockWords,
    pub(crate) me: Owner,
    pub(crate) channel: &'a Channel,
}

impl Lock<'_> {
    /// Acquires the lock; waits while a living participant holds it.
    #[inline]
    pub(crate) fn acquire(&self, peers: &impl Peers) -> Found {
        // Step 1.
        let taken = self.swap(FREE, self.me.bits());
        if !taken && self.acquire_slowly(peers) {
            fail_point("takeover.swapped");
            // Relaxed: only owners read and write it, and the word orders them.
            self.words.dirty.store(1, Ordering::Relaxed);
            fail_point("takeover.dirty");
        }
        match self.words.dirty.load(Ordering::Relaxed) {
            0 => Found::Clean,
            _ => Found::Damaged,
        }
    }

    /// Releases the lock. `self` must hold it.
    #[inline]
    pub(crate) fn release(&self) {
        // Step 5. Release: pairs with the Acquire of the next owner.
        let freed = self.words.word.compare_exchange(
            self.me.bits(),
            FREE,
            Ordering::Release,
            Ordering::Relaxed,
        );
        if freed.is_err() {
            self.release_to_waiters();
        }
    }

    /// Records that the repair is done. `self` must hold the lock.
    pub(crate) fn repaired(&self) {
        self.words.dirty.store(0, Ordering::Relaxed);
    }

    /// Returns `true` if the lock is free and nothing needs repair. The caller then sees all writes of the last owner.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        // Acquire: pairs with the Release by which the last owner freed the word.
        self.words.word.load(Ordering::Acquire) == FREE
            && self.words.dirty.load(Ordering::Relaxed) == 0
    }

    /// The owner, as bits; 0 if no process is inside.
    pub(crate) fn owner_bits(&self) -> u32 {
        match self.words.word.load(Ordering::Relaxed) {
            word if word & HANDED == 0 => word & Owner::MASK,
            _ => 0,
        }
    }

    /// Requests a repair from the next owner. `self` must hold the lock.
    pub(crate) fn needs_repair(&self) {
        self.words.dirty.store(1, Ordering::Relaxed);
    }

    /// Spins, then sleeps, until `self` holds the lock. Returns `true` if it was taken over from a dead owner.
    #[cold]
    fn acquire_slowly(&self, peers: &impl Peers) -> bool {
        for _ in 0..SPINS {
            relax();
            let free = self.words.word.load(Ordering::Relaxed) == FREE;
            if free && self.swap(FREE, self.me.bits()) {
                return false;
            }
        }
        let mut sleeps = 0;
        let taken_over = loop {
            if let Some(taken_over) = self.wait_once(peers, sleeps) {
                break taken_over;
            }
            sleeps += 1;
        };
        if sleeps >= PATIENCE {
            fail_point("seat.waited");
            // Leave the seat. Fails where it was handed over, or is another's: then it is not ours.
            let _ = self.swap_seat(self.me.bits(), 0);
            fail_point("seat.left");
        }
        taken_over
    }

    /// One round of waiting. Returns `Some` once `self` holds the lock, with `true` if it was taken over.
    fn wait_once(&self, peers: &impl Peers, sleeps: u32) -> Option<bool> {
        let mine = self.me.bits() | WAITERS;
        let seen = self.words.word.load(Ordering::Relaxed);
        // Others may sleep, so a lock that was waited for keeps `WAITERS` (steps 1 and 6).
        if seen == FREE {
            return self.swap(seen, mine).then_some(false);
        }
        if seen == mine | HANDED && sleeps >= PATIENCE {
            fail_point("seat.called");
            let accepted = self.swap(seen, mine);
            fail_point("seat.accepted");
            return accepted.then_some(false);
        }
        if sleeps >= PATIENCE {
            self.sit(peers);
        }
        let awaited = seen | WAITERS;
        if seen != awaited && !self.swap(seen, awaited) {
            return None;
        }
        let slice = (FIRST_SLICE * (1 << sleeps.min(3))).min(LONGEST_SLICE);
        let began = Instant::now();
        self.channel.wait(&self.words.word, awaited, slice);
        // A sleep may end early; in a model it takes no time.
        let passed = cfg!(loom) || began.elapsed() >= slice;
        if !passed || self.words.word.load(Ordering::Relaxed) != awaited {
            return None;
        }
        // Steps 3 and 6. A word that names no owner (a damaged segment) has no owner to wait for.
        let handed = awaited & HANDED != 0;
        let dead = || Owner::from_bits(awaited).is_none_or(|owner| !peers.is_alive(owner));
        ((handed || dead()) && self.swap(awaited, mine)).then_some(!handed)
    }

    /// Step 4.
    fn sit(&self, peers: &impl Peers) {
        let sitter = self.words.seat.load(Ordering::Relaxed);
        let dead = |bits| Owner::from_bits(bits).is_none_or(|owner| !peers.is_alive(owner));
        if sitter != self.me.bits() && (sitter == 0 || dead(sitter)) {
            let _ = self.swap_seat(sitter, self.me.bits());
            fail_point("seat.taken");
        }
    }

    /// Step 5, where `WAITERS` is set.
    #[cold]
    fn release_to_waiters(&self) {
        let word = &self.words.word;
        let sitter = self.words.seat.load(Ordering::Relaxed);
        if sitter != 0 && self.swap_seat(sitter, 0) {
            fail_point("seat.cleared");
            // Release: pairs with the Acquire of the thread that accepts.
            word.store((sitter & Owner::MASK) | HANDED | WAITERS, Ordering::Release);
            fail_point("seat.handed");
            self.channel.wake_all(word);
        } else {
            // Release: pairs with the Acquire of the next owner.
            word.store(FREE, Ordering::Release);
            self.channel.wake_one(word);
        }
    }

    fn swap(&self, from: u32, to: u32) -> bool {
        // Acquire: pairs with the Release of the process that freed the word or handed it over. Release: a
        // process that sees this owner sees that it joined, and does not take it for dead (`segment/entry.rs`).
        self.words
            .word
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    fn swap_seat(&self, from: u32, to: u32) -> bool {
        // Relaxed: the seat guards nothing. A sitter that is taken for dead, because its joining is not
        // seen yet, loses its turn and nothing else.
        self.words
            .seat
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}
