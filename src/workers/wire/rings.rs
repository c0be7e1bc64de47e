//! What a pool of workers keeps in its segment: for each worker a ring of tasks, a ring of results, and words.
//!
//! Frames are plain bytes, which the protocol in `ring.rs` gives to one side at a time. The two ends of a ring
//! are here, with all unsafe code of this folder that touches memory. Imports the segment.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytemuck::{Pod, Zeroable};

use super::control_words::ControlWords;
use super::ring::{GRAIN, Place, Writer};
use crate::segment::{Bytes, Carver, Header, Mapping, PARAMETERS, Region, Span, Structure};
use crate::sync::EventWords;

#[cfg(test)]
mod tests;

/// Where the numbers stand among the header's.
const WORKERS: usize = 0;
const CAPACITY: usize = 1;
const PINNED: usize = 2;

/// The regions of a pool of workers.
pub(crate) struct Rings {
    /// Raised for the pool: there are results.
    pub(crate) finished: Region<EventWords>,
    /// For each worker.
    pub(crate) words: Region<ControlWords>,
    tasks: Bytes,
    results: Bytes,
    capacity: usize,
}

pub(crate) struct Layout {
    finished: Span<EventWords>,
    words: Span<ControlWords>,
    tasks: Span<u8>,
    results: Span<u8>,
    capacity: usize,
}

/// The numbers of a segment for so many workers, with rings of `capacity` bytes; `pinned` to processors or not.
pub(crate) fn parameters(workers: usize, capacity: usize, pinned: bool) -> [u64; PARAMETERS] {
    let mut parameters = [0; PARAMETERS];
    parameters[WORKERS] = workers as u64;
    parameters[CAPACITY] = capacity as u64;
    parameters[PINNED] = pinned.into();
    parameters
}

/// Whether each worker is to stay on a processor.
pub(crate) fn pinned(header: &Header) -> bool {
    header.parameters[PINNED] != 0
}

impl Structure for Rings {
    const KIND: &'static str = "workers";
    const REMEDY: &'static str = "lower `WorkersOptions::memory` or the number of workers, as the rings of each worker \
                                  take four times `memory`; or set MILLPOND_DIR to a directory with more room";
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> Result<Layout, String> {
        let number = |parameter: usize| {
            usize::try_from(header.parameters[parameter]).map_err(|error| error.to_string())
        };
        let (workers, capacity) = (number(WORKERS)?, number(CAPACITY)?);
        if workers == 0 || capacity < 64 || !capacity.is_multiple_of(64) {
            return Err(format!(
                "{workers} workers with rings of {capacity} bytes cannot be"
            ));
        }
        let carved = (|| {
            let bytes = workers.checked_mul(capacity)?;
            Some(Layout {
                finished: carver.carve(1)?,
                words: carver.carve(workers)?,
                tasks: carver.carve(bytes)?,
                results: carver.carve(bytes)?,
                capacity,
            })
        })();
        carved.ok_or_else(|| "it is larger than the address space".into())
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        Self {
            finished: mapping.region(&layout.finished),
            words: mapping.region(&layout.words),
            tasks: mapping.bytes(&layout.tasks),
            results: mapping.bytes(&layout.results),
            capacity: layout.capacity,
        }
    }

    fn initialise(&self, _header: &Header) {}

    /// What a worker had, the pool gives to another.
    fn reset(&self, _entry: usize) {}
}

impl Rings {
    /// The bytes of the tasks of worker `number`.
    pub(crate) fn tasks(&self, number: usize) -> RingBytes {
        RingBytes::new(&self.tasks, number, self.capacity)
    }

    /// The bytes of its results.
    pub(crate) fn results(&self, number: usize) -> RingBytes {
        RingBytes::new(&self.results, number, self.capacity)
    }
}

/// What every frame begins with.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct FrameHeader {
    /// Bytes of the frame, this included; what is left to a multiple of [`GRAIN`] belongs to it.
    pub(crate) length: u32,
    /// What it is; 0 for a pad.
    pub(crate) kind: u32,
    /// Of a result: how long it took, in nanoseconds, or 0. Of a chunk: its number.
    pub(crate) number: u64,
}

// SAFETY: integers, for which zero is a value.
unsafe impl Zeroable for FrameHeader {}
// SAFETY: integers without padding, as the assertion below says, `repr(C)`.
unsafe impl Pod for FrameHeader {}

const HEADER: usize = size_of::<FrameHeader>();
const _: () = assert!(HEADER as u64 == GRAIN && HEADER == 4 + 4 + 8);

/// The kind of a pad.
pub(crate) const PAD: u32 = 0;

/// The bytes of one ring.
pub(crate) struct RingBytes {
    bytes: Bytes,
    base: usize,
    capacity: usize,
}

impl RingBytes {
    fn new(all: &Bytes, number: usize, capacity: usize) -> Self {
        let base = number * capacity;
        all.at(base, capacity); // panics where it does not lie inside
        Self {
            bytes: all.clone(),
            base,
            capacity,
        }
    }

    /// # Safety
    /// Nobody writes them while the slice lives, and what was written before happened before.
    unsafe fn slice(&self, offset: usize, length: usize) -> &[u8] {
        assert!(offset <= self.capacity && length <= self.capacity - offset);
        let start = self.bytes.at(self.base + offset, length);
        // SAFETY: `at` says that they lie inside the mapping, which `self` keeps; the caller that nobody
        // writes them.
        unsafe { std::slice::from_raw_parts(start, length) }
    }

    /// # Safety
    /// Nobody else reads or writes them meanwhile.
    unsafe fn fill(&self, offset: usize, from: &[u8]) {
        assert!(offset <= self.capacity && from.len() <= self.capacity - offset);
        let start = self.bytes.at(self.base + offset, from.len());
        // SAFETY: `at` says that they lie inside the mapping, which a plain slice of this process cannot
        // overlap; the caller that nobody else touches them.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), start, from.len()) };
    }
}

/// Where a process writes frames; it alone does, for as long as the ring is not reset.
pub(crate) struct Producer {
    ring: RingBytes,
    writer: Writer,
}

impl Producer {
    /// Of a ring that is empty, and into which nobody else writes.
    pub(crate) fn new(ring: RingBytes) -> Self {
        let writer = Writer::new(ring.capacity as u64);
        Self { ring, writer }
    }

    /// The most bytes that a frame may hold after its header.
    pub(crate) fn longest(&self) -> usize {
        self.writer.longest() as usize - HEADER
    }

    /// How far it has written.
    pub(crate) fn written(&self) -> u64 {
        self.writer.written()
    }

    /// Writes a frame, and publishes it in `written`; gives its place. `None` where there is no room now:
    /// all before `freed` is free. `body` is no longer than [`longest`](Self::longest).
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

    /// The body of a frame that this wrote, and that is not free yet.
    pub(crate) fn body(&self, position: u64, length: usize) -> &[u8] {
        let offset = (position % self.ring.capacity as u64) as usize;
        // SAFETY: only `push` writes to the ring, and it needs `self` alone. Nobody else does.
        unsafe { self.ring.slice(offset + HEADER, length) }
    }
}

/// Where a process reads frames.
pub(crate) struct Consumer {
    ring: RingBytes,
    read: u64,
}

impl Consumer {
    /// Of a ring that is empty.
    pub(crate) fn new(ring: RingBytes) -> Self {
        Self { ring, read: 0 }
    }

    /// How far it has read.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// The next frame, where the other side has written up to `written`, as the caller has looked. Believes
    /// nothing that it reads: a frame that cannot be is an error.
    pub(crate) fn peek(&mut self, written: u64) -> Result<Option<(FrameHeader, &[u8])>, String> {
        while self.read != written {
            let header = self.header(written)?;
            if header.kind == PAD {
                self.step(header);
                continue;
            }
            let offset = (self.read % self.ring.capacity as u64) as usize;
            // SAFETY: `header` checked that the frame lies before `written`, and inside the ring. The writer
            // writes there only when it knows that it is read, which it learns after the slice is gone.
            let frame = unsafe { self.ring.slice(offset, header.length as usize) };
            return Ok(Some((header, &frame[HEADER..])));
        }
        Ok(None)
    }

    /// Steps over the frame that [`peek`](Self::peek) gave, with its header.
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
