//! The segment of a worker group: for each worker a ring of tasks, a ring of results, and control words.

use std::sync::Arc;

use super::control_words::ControlWords;
use super::frames::RingBytes;
use crate::segment::{
    Bytes, Carver, Header, Mapping, PARAMETERS, Region, Span, Structure, too_large,
};
use crate::sync::EventWords;

/// Where the numbers stand among the header's parameters.
const WORKERS: usize = 0;
const CAPACITY: usize = 1;
const PINNED: usize = 2;

/// The regions of a worker group's segment.
pub(crate) struct Rings {
    /// Raised for the scheduler: there are results.
    pub(crate) finished: Region<EventWords>,
    /// One for each worker.
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

/// Returns the parameters of a segment for `workers` workers with rings of `capacity` bytes.
pub(crate) fn parameters(workers: usize, capacity: usize, pinned: bool) -> [u64; PARAMETERS] {
    let mut parameters = [0; PARAMETERS];
    parameters[WORKERS] = workers as u64;
    parameters[CAPACITY] = capacity as u64;
    parameters[PINNED] = pinned.into();
    parameters
}

/// Returns `true` if each worker is to stay on one processor.
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
        carved.ok_or_else(too_large)
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

    /// The scheduler gives what a dead worker had to another one.
    fn reset(&self, _entry: usize) {}
}

impl Rings {
    /// Returns the bytes of the ring of tasks of worker `number`.
    pub(crate) fn tasks(&self, number: usize) -> RingBytes {
        RingBytes::new(&self.tasks, number, self.capacity)
    }

    /// Returns the bytes of its ring of results.
    pub(crate) fn results(&self, number: usize) -> RingBytes {
        RingBytes::new(&self.results, number, self.capacity)
    }
}
