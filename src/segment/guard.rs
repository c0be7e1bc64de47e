//! A lock of a segment, held.

use std::thread;

use super::Segment;
use super::structure::Structure;

/// A lock of a segment, held.
pub(crate) struct Guard<'a, S: Structure> {
    pub(super) segment: &'a Segment<S>,
    pub(super) number: usize,
    pub(super) damaged: bool,
    /// Whether the thread was panicking already when it took the lock.
    pub(super) panicking: bool,
}

impl<S: Structure> Guard<'_, S> {
    /// Which lock it is.
    #[inline(always)]
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Whether what the lock guards must be repaired, because its last owner died or panicked.
    #[inline(always)]
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether the thread has begun to panic since it took the lock: then the next owner is to repair.
    #[inline(always)]
    pub(crate) fn is_panicking(&self) -> bool {
        thread::panicking() && !self.panicking
    }

    /// The repair is done. Nothing happens in a forked child, whose parent's the lock is.
    pub(crate) fn repaired(&mut self) {
        if !self.segment.is_ours() {
            return;
        }
        self.damaged = false;
        self.segment.words(self.number).repaired();
    }
}

impl<S: Structure> Drop for Guard<'_, S> {
    #[inline]
    fn drop(&mut self) {
        // What a forked child drops is its parent's.
        if !self.segment.is_ours() {
            return;
        }
        if self.is_panicking() {
            self.segment.words(self.number).needs_repair();
        }
        self.segment.words(self.number).release();
    }
}
