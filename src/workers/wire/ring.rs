//! Where frames lie in a ring that one process writes and one reads.
//!
//! Knows positions only, and touches no memory but the word that the caller hands over. Modelled in `loom`,
//! see `models/`.
//!
//! # The protocol
//! Positions count bytes from the ring's beginning on and never fall; the byte at position `p` is byte `p %
//! capacity` of the ring. A frame lies in one piece: where it would go over the end, a pad fills what is left.
//!
//! 1. *Write*: the writer fills bytes between `written` and `freed + capacity`, which nobody else touches, and
//!    then stores where they end into `written`: one store, so that a death leaves a frame whole or not there.
//! 2. *Read*: the reader looks at `written`, and reads what lies before it.
//! 3. *Free*: bytes are free again when the writer knows that they are read: by a word that the reader stores
//!    (results), or because it has the answers to what they asked (tasks). The pad before a frame is read
//!    with that frame and not with the one before it.

use crate::sync::primitive::{AtomicU64, Ordering};

/// Frames begin at multiples of this, and are as long as one.
pub(crate) const GRAIN: u64 = 16;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The position where the frame before it ends: all before this is free once the reader is through with
    /// that one. The pad is not, as the reader steps over it only with the frame behind it.
    pub(crate) begin: u64,
    /// The pad before it: its first byte in the ring, and its length.
    pub(crate) pad: Option<(u64, u64)>,
    /// Its position.
    pub(crate) start: u64,
    /// The position after it.
    pub(crate) end: u64,
}

/// The writer's side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    capacity: u64,
    written: u64,
}

impl Writer {
    /// Of a ring that is empty, and `capacity` bytes long.
    pub(crate) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            written: 0,
        }
    }

    /// The longest frame: however the pad falls, it fits into an empty ring.
    pub(crate) fn longest(&self) -> u64 {
        self.capacity / 2 / GRAIN * GRAIN
    }

    /// How far it has written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// A place for a frame of `length` bytes where all before position `freed` is free; `None` if there is
    /// none now.
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

    /// Step 1: what was filled, up to `end`, is the reader's.
    pub(crate) fn publish(&mut self, end: u64, written: &AtomicU64) {
        self.written = end;
        // Release: pairs with the Acquire in `look`; the bytes were written before.
        written.store(end, Ordering::Release);
    }
}

/// Steps 2 and 3: how far the other side is.
pub(crate) fn look(word: &AtomicU64) -> u64 {
    // Acquire: pairs with the Releases in `publish` and `free`.
    word.load(Ordering::Acquire)
}

/// Step 3: all before `position` was read.
pub(crate) fn free(word: &AtomicU64, position: u64) {
    // Release: pairs with the Acquire in `look`; the bytes were read before.
    word.store(position, Ordering::Release);
}
