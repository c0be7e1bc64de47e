//! The two ends of a ring: a [`Producer`] writes frames, a [`Consumer`] reads them.
//!
//! A frame is a header and bytes. The protocol in `ring.rs` gives each byte of a ring to one side at a time. All unsafe
//! code of `workers` is in this file.

use std::sync::atomic::AtomicU64;

use bytemuck::{Pod, Zeroable};

use super::ring::{GRAIN, Place, Writer};
use crate::segment::Bytes;

#[cfg(test)]
mod tests;

/// What every frame begins with.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct FrameHeader {
    /// Bytes of the frame, with this header. The fill up to a multiple of [`GRAIN`] is not counted.
    pub(crate) length: u32,
    /// A kind of `chunk.rs` (to a worker) or of `answer_kind.rs` (from a worker); [`PAD`] for a pad.
    pub(crate) kind: u32,
    /// Of an answer: the nanoseconds that its task took, or 0. Of a chunk: its number.
    pub(crate) number: u64,
}

// SAFETY: integers, for which zero is a value.
unsafe impl Zeroable for FrameHeader {}
// SAFETY: integers without padding, as the assertion below says, `repr(C)`.
unsafe impl Pod for FrameHeader {}

const HEADER: usize = size_of::<FrameHeader>();
const _: () = assert!(HEADER as u64 == GRAIN && HEADER == 4 + 4 + 8);

/// The kind of a pad.
const PAD: u32 = 0;

/// The bytes of one ring.
pub(crate) struct RingBytes {
    bytes: Bytes,
    base: usize,
    capacity: usize,
}

impl RingBytes {
    /// The bytes of ring `number` among equal ones. Panics if they do not lie inside.
    pub(super) fn new(all: &Bytes, number: usize, capacity: usize) -> Self {
        let base = number * capacity;
        all.at(base, capacity);
        Self {
            bytes: all.clone(),
            base,
            capacity,
        }
    }

    /// # Safety
    /// No process writes the bytes while the slice lives, and what was written before happened before.
    unsafe fn slice(&self, offset: usize, length: usize) -> &[u8] {
        assert!(offset <= self.capacity && length <= self.capacity - offset);
        let start = self.bytes.at(self.base + offset, length);
        // SAFETY: `at` says that they lie inside the mapping, which `self` keeps; the caller, that no process
        // writes them.
        unsafe { std::slice::from_raw_parts(start, length) }
    }

    /// # Safety
    /// No other thread or process reads or writes the bytes meanwhile.
    unsafe fn fill(&self, offset: usize, from: &[u8]) {
        assert!(offset <= self.capacity && from.len() <= self.capacity - offset);
        let start = self.bytes.at(self.base + offset, from.len());
        // SAFETY: `at` says that they lie inside the mapping, which a plain slice of this process cannot
        // overlap; the caller, that nothing else touches them.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), start, from.len()) };
    }
}

/// The end of a ring at which frames are written. Invariant: each ring has one producer until it is reset.
pub(crate) struct Producer {
    ring: RingBytes,
    writer: Writer,
}

impl Producer {
    /// The producer of an empty ring, which must have no other.
    pub(crate) fn new(ring: RingBytes) -> Self {
        let writer = Writer::new(ring.capacity as u64);
        Self { ring, writer }
    }

    /// Returns the most bytes that a frame may hold after its header.
    pub(crate) fn longest(&self) -> usize {
        self.writer.longest() as usize - HEADER
    }

    /// Returns the position after the last frame.
    pub(crate) fn written(&self) -> u64 {
        self.writer.written()
    }

    /// Writes a frame, publishes it in `written`, and returns its place; `None` if there is no room now. All bytes
    /// before `freed` are free. `body` is no longer than [`longest`](Self::longest).
    pub(crate) fn push(
        &mut self,
        (kind, number): (u32, u64),
        body: &[u8],
        freed: u64,
        written: &AtomicU64,
    ) -> Option<Place> {
        let length = HEADER + body.len();
        let place = self
            .writer
            .place((length as u64).next_multiple_of(GRAIN), freed)?;
        if let Some((offset, length)) = place.pad {
            let pad = FrameHeader {
                length: length as u32,
                kind: PAD,
                number: 0,
            };
            // SAFETY: a place has room from what is written to its end, which is free: the other side has read
            // what was there, and touches it only when it is published, below.
            unsafe { self.ring.fill(offset as usize, bytemuck::bytes_of(&pad)) };
        }
        let header = FrameHeader {
            length: length as u32,
            kind,
            number,
        };
        let offset = (place.start % self.ring.capacity as u64) as usize;
        // SAFETY: as above.
        unsafe { self.ring.fill(offset, bytemuck::bytes_of(&header)) };
        // SAFETY: as above.
        unsafe { self.ring.fill(offset + HEADER, body) };
        self.writer.publish(place.end, written);
        Some(place)
    }

    /// Returns the body of a frame that this producer wrote and that is not free yet.
    pub(crate) fn body(&self, position: u64, length: usize) -> &[u8] {
        let offset = (position % self.ring.capacity as u64) as usize;
        // SAFETY: only `push` writes to the ring, and it needs `self` alone. No other producer exists.
        unsafe { self.ring.slice(offset + HEADER, length) }
    }
}

/// The end of a ring at which frames are read.
pub(crate) struct Consumer {
    ring: RingBytes,
    read: u64,
}

impl Consumer {
    /// The consumer of an empty ring.
    pub(crate) fn new(ring: RingBytes) -> Self {
        Self { ring, read: 0 }
    }

    /// Returns the position up to which frames are read.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// Returns the next frame, if there is one before `written`, the position that the caller has loaded.
    ///
    /// # Errors
    /// A text for a frame that cannot be: nothing that the other side wrote is trusted.
    pub(crate) fn peek(&mut self, written: u64) -> Result<Option<(FrameHeader, &[u8])>, String> {
        while self.read != written {
            let header = self.header(written)?;
            if header.kind == PAD {
                self.step(header);
                continue;
            }
            let offset = (self.read % self.ring.capacity as u64) as usize;
            // SAFETY: `header` checked that the frame lies before `written`, and inside the ring. The producer
            // writes there only when it knows that it is read, which it learns after the slice is gone.
            let frame = unsafe { self.ring.slice(offset, header.length as usize) };
            return Ok(Some((header, &frame[HEADER..])));
        }
        Ok(None)
    }

    /// Steps over the frame that [`peek`](Self::peek) returned with this header.
    pub(crate) fn step(&mut self, header: FrameHeader) {
        self.read += u64::from(header.length).next_multiple_of(GRAIN);
    }

    fn header(&self, written: u64) -> Result<FrameHeader, String> {
        let wrong = |what: &str, found: u64| Err(format!("a frame {what} ({found})"));
        let there = written.wrapping_sub(self.read);
        if there > self.ring.capacity as u64 || !written.is_multiple_of(GRAIN) {
            return wrong("ends where it cannot", written);
        }
        let offset = (self.read % self.ring.capacity as u64) as usize;
        // SAFETY: at least one header lies before `written`, as both are multiples of its length; see `peek`.
        let bytes = unsafe { self.ring.slice(offset, HEADER) };
        let header: FrameHeader = bytemuck::pod_read_unaligned(bytes);
        let length = u64::from(header.length);
        let left = (self.ring.capacity - offset) as u64;
        match length >= GRAIN && length.next_multiple_of(GRAIN) <= there.min(left) {
            true => Ok(header),
            false => wrong("is as long as it cannot be", length),
        }
    }
}
