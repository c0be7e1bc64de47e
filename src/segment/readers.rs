//! Readers beside a lock of a segment: what they keep in it, and a reader that is inside.
//!
//! A structure carves, places and resets [`Readers`]; with a lock of the segment it makes a [`ReadWrite`]
//! of them, which lets in many readers or one writer. The protocol is at the head of `sync/readers.rs`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::Segment;
use super::arena::{Carver, Mapping, Region, Shared, Span};
use super::guard::Guard;
use super::header::Header;
use super::structure::Structure;
use crate::os::fail_point;
use crate::sync::primitive::Channel;
use crate::sync::{self, Event, EventWords, READERS_A_WORD, ReaderCount};

// SAFETY: an `AtomicU64`.
unsafe impl Shared for ReaderCount {}

/// The regions of the readers beside one lock.
pub(crate) struct Readers {
    /// Raised when a participant's last reader has left.
    gone: Region<EventWords>,
    /// A bit for each entry in which somebody ever read.
    seen: Region<AtomicU64>,
    /// For each participant, how often it is inside.
    counts: Region<ReaderCount>,
}

/// Where these regions lie.
pub(crate) struct ReadersSpan {
    gone: Span<EventWords>,
    seen: Span<AtomicU64>,
    counts: Span<ReaderCount>,
}

impl Readers {
    /// The regions for as many participants as a segment has; `None` where they do not fit into an address.
    pub(crate) fn carve(header: &Header, carver: &mut Carver) -> Option<ReadersSpan> {
        Some(ReadersSpan {
            gone: carver.carve(1)?,
            seen: carver.carve(header.participants.div_ceil(READERS_A_WORD))?,
            counts: carver.carve(header.participants)?,
        })
    }

    /// Finds them in a mapping.
    pub(crate) fn place(span: &ReadersSpan, mapping: &Arc<Mapping>) -> Self {
        Self {
            gone: mapping.region(&span.gone),
            seen: mapping.region(&span.seen),
            counts: mapping.region(&span.counts),
        }
    }

    /// Forgets the readers of a former participant with this entry.
    pub(crate) fn reset(&self, entry: usize) {
        self.counts[entry].reset();
    }
}

/// A lock of a segment with the readers beside it: many readers, or one writer. Who writes takes the lock
/// (`Segment::lock`), and then excludes the readers.
pub(crate) struct ReadWrite<'a, S: Structure> {
    pub(crate) segment: &'a Segment<S>,
    /// The lock that writers take.
    pub(crate) number: usize,
    pub(crate) readers: &'a Readers,
    /// Where writers wait for readers.
    pub(crate) gone: &'a Channel,
}

impl<S: Structure> Clone for ReadWrite<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Structure> Copy for ReadWrite<'_, S> {}

impl<'a, S: Structure> ReadWrite<'a, S> {
    /// Enters as a reader, unless somebody has the lock or it orders a repair: then the caller takes the
    /// lock, and [`enter`](Self::enter)s under it. The caller has checked that the process is its own.
    #[inline]
    pub(crate) fn try_enter(self) -> Option<Reading<'a, S>> {
        let entered = self.words().try_enter();
        fail_point("read.tried");
        entered.then(|| Reading(self))
    }

    /// Enters as a reader, under the lock, which the caller then drops.
    pub(crate) fn enter(self, guard: &Guard<'_, S>) -> Reading<'a, S> {
        debug_assert_eq!(guard.number(), self.number);
        self.words().enter();
        fail_point("read.entered");
        Reading(self)
    }

    /// Waits until nobody reads who is alive. Nobody reads from then on, until `guard` is dropped.
    #[inline]
    pub(crate) fn exclude(self, guard: &Guard<'_, S>) {
        debug_assert_eq!(guard.number(), self.number);
        fail_point("write.locked");
        let is_alive = |entry| self.segment.is_entry_alive(entry);
        if self.words().exclude(is_alive) {
            self.segment.clean(); // else every writer from now on would find the dead one
        }
    }

    #[inline(always)]
    fn words(self) -> sync::Readers<'a> {
        sync::Readers {
            lock: self.segment.words(self.number),
            seen: &self.readers.seen,
            counts: &self.readers.counts,
            gone: Event {
                words: &self.readers.gone[0],
                channel: self.gone,
            },
        }
    }
}

/// A reader that is inside, until this is dropped.
pub(crate) struct Reading<'a, S: Structure>(ReadWrite<'a, S>);

impl<S: Structure> Drop for Reading<'_, S> {
    #[inline]
    fn drop(&mut self) {
        // What a forked child drops is its parent's.
        if self.0.segment.is_ours() {
            self.0.words().leave();
            fail_point("read.left");
        }
    }
}
