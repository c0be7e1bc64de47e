//! An SPSC ring: where frames lie in a ring that one process writes and another reads.
//!
//! This file knows positions only, and touches no memory but the word that the caller passes. `loom` models it, see
//! `models/`.
//!
//! # The protocol
//! Positions count bytes from the beginning of the ring and never fall; the byte at position `p` is byte `p %
//! capacity` of the ring. A frame lies in one piece: if it would cross the end of the ring, a pad fills the rest.
//!
//! 1. *Write*: the writer fills bytes between `written` and `freed + capacity`, which the reader does not touch. Then
//!    it stores their end into `written`. This is one store, so a death leaves a whole frame or none.
//! 2. *Read*: the reader loads `written`, and reads the bytes before it.
//! 3. *Free*: bytes are free again once the writer knows that they are read. It learns so from a word that the reader
//!    stores (results), or from the answers to the tasks in them (tasks). The pad before a frame is read with that
//!    frame and not with the frame before it.

use crate::sync::primitive::{AtomicU64, Ordering};

/// Frames begin at multiples of this, and their lengths are multiples of it, in bytes.
pub(crate) const GRAIN: u64 = 16;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The end of the frame before it. The bytes before this position are free once the reader has read that frame.
    /// The pad is not: the reader steps over it together with the frame after it.
    pub(crate) begin: u64,
    /// The pad before it: its first byte in the ring, and its length.
    pub(crate) pad: Option<(u64, u64)>,
    /// Its position.
    pub(crate) start: u64,
    /// The position after it.
    pub(crate) end: u64,
}

/// The positions of the writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    capacity: u64,
    written: u64,
}

impl Writer {
    /// The writer of an empty ring of `capacity` bytes.
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            written: 0,
        }
    }

    /// Returns the length of the longest frame, which fits into an empty ring with any pad before it.
    pub(crate) fn longest(&self) -> u64 {
        self.capacity / 2 / GRAIN * GRAIN
    }

    /// Returns the position after the last frame.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Returns a place for a frame of `length` bytes, if all before position `freed` is free; `None` if there is no
    /// room now.
    pub(crate) fn place(&self, length: u64, freed: u64) -> Option<Place> {
        debug_assert!(length.is_multiple_of(GRAIN) && length <= self.longest());
        let offset = self.written % self.capacity;
        let left = self.capacity - offset;
        let pad = if length > left { left } else { 0 };
        let start = self.written + pad;
        let end = start + length;
        (end.checked_sub(freed)? <= self.capacity).then_some(Place {
            begin: self.written,
            pad: (pad > 0).then_some((offset, pad)),
            start,
            end,
        })
    }

    /// Step 1: publishes the bytes up to `end` to the reader.
    pub(crate) fn publish(&mut self, end: u64, written: &AtomicU64) {
        self.written = end;
        // Release: pairs with the Acquire in `look`; the bytes were written before.
        written.store(end, Ordering::Release);
    }
}

/// Steps 2 and 3: returns how far the other side is.
pub(crate) fn look(word: &AtomicU64) -> u64 {
    // Acquire: pairs with the Releases in `publish` and `free`.
    word.load(Ordering::Acquire)
}

/// Step 3: publishes that all before `position` was read.
pub(crate) fn free(word: &AtomicU64, position: u64) {
    // Release: pairs with the Acquire in `look`; the bytes were read before.
    word.store(position, Ordering::Release);
}
