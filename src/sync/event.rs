//! An event (an eventcount): processes sleep on it until a condition in shared memory holds.
//!
//! Touches only its own words; the condition is the caller's. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! 1. A waiter reads `sequence`, sets `waiting`, fences, and only then looks at its condition; if
//!    the condition does not hold, it sleeps while `sequence` has the value that it read.
//! 2. A notifier changes the state that the condition reads, fences, and reads `waiting`. If it is set,
//!    the notifier clears it, raises `sequence` and wakes all waiters.
//!
//! `SeqCst` fences are totally ordered, so one of the two comes first. If the waiter's does, the
//! notifier sees `waiting` and raises `sequence`, so the sleep ends. If the notifier's does, the
//! waiter sees the condition hold. A waiter that dies leaves `waiting` set, which costs one
//! needless wake-up; a notifier that dies before it wakes costs the sleepers one slice.

use std::time::{Duration, Instant};

use super::primitive::{AtomicU32, Channel, Ordering, fence};

/// The longest sleep between two checks of the condition.
const SLICE: Duration = Duration::from_millis(20);

/// The shared words of an event, alone on a cache line. All zero is an event without waiters.
#[repr(C, align(64))]
pub(crate) struct EventWords {
    /// Raised by notifiers.
    sequence: AtomicU32,
    /// Set by waiters, cleared by notifiers.
    waiting: AtomicU32,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<EventWords>() == 64);

#[cfg(loom)]
impl EventWords {
    /// Words outside of a segment.
    pub(crate) fn new() -> Self {
        Self {
            sequence: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
        }
    }
}

/// An event as one participant uses it.
pub(crate) struct Event<'a> {
    pub(crate) words: &'a EventWords,
    pub(crate) channel: &'a Channel,
}

impl Event<'_> {
    /// Announces that the state that waiters check may have changed. Costs a fence and a load if no
    /// process waits.
    #[inline]
    pub(crate) fn notify(&self) {
        // SeqCst: step 2; pairs with the fence in `wait_for`.
        fence(Ordering::SeqCst);
        if self.words.waiting.load(Ordering::Relaxed) != 0 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        self.words.waiting.store(0, Ordering::Relaxed);
        // Release: a waiter that reads this value must see `waiting` cleared, so that its own
        // store to it comes later.
        self.words.sequence.fetch_add(1, Ordering::Release);
        self.channel.wake_all(&self.words.sequence);
    }

    /// Sleeps until `condition` returns a value, and returns it. Returns `None` if `limit` passes first.
    pub(crate) fn wait_for<R>(
        &self,
        limit: Duration,
        mut condition: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        let began = Instant::now();
        loop {
            // Acquire: pairs with the Release in `wake`.
            let sequence = self.words.sequence.load(Ordering::Acquire);
            self.words.waiting.store(1, Ordering::Relaxed);
            // SeqCst: step 1; pairs with the fence in `notify`.
            fence(Ordering::SeqCst);
            if let Some(value) = condition() {
                return Some(value);
            }
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() {
                return None;
            }
            self.channel
                .wait(&self.words.sequence, sequence, left.min(SLICE));
        }
    }
}
