//! What a pool and a worker say to each other besides frames: words in shared memory, and where they sleep.
//!
//! Each word is written by one side. Imports the segment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::rings::Rings;
use crate::error::Result;
use crate::segment::{Segment, Shared};
use crate::sync::EventWords;
use crate::sync::primitive::Channel;

/// How many chunks of a worker may be cancelled one by one.
pub(crate) const MOST_CHUNKS: u64 = 256;

/// What a pool and one of its workers say to each other, besides frames.
#[repr(C)]
pub(crate) struct ControlWords {
    /// Raised for the worker: there are tasks.
    pub(crate) ready: EventWords,
    /// Raised for the worker: there is room for results.
    pub(crate) room: EventWords,
    pub(crate) from_scheduler: FromScheduler,
    pub(crate) from_worker: FromWorker,
}

/// Written by the pool.
#[repr(C, align(64))]
pub(crate) struct FromScheduler {
    /// How far tasks are written.
    pub(crate) tasks: AtomicU64,
    /// How far results are read.
    pub(crate) read: AtomicU64,
    /// A bit for each chunk that nobody wants any more, by its number modulo [`MOST_CHUNKS`].
    pub(crate) cancelled: [AtomicU64; MOST_CHUNKS as usize / 64],
    /// Not 0: the worker is to end. For threads, as processes are killed.
    pub(crate) end: AtomicU64,
    unused: u64,
}

/// Written by the worker; times are in nanoseconds.
#[repr(C, align(64))]
pub(crate) struct FromWorker {
    /// How far results are written.
    pub(crate) results: AtomicU64,
    /// Twice the tasks that have ended, and 1 while one runs.
    pub(crate) stage: AtomicU64,
    /// 1 when it is ready for tasks.
    pub(crate) is_there: AtomicU64,
    /// Waited for tasks, or for room for results.
    pub(crate) waiting: AtomicU64,
    /// Worked on tasks.
    pub(crate) working: AtomicU64,
    unused: [u64; 3],
}

// SAFETY: made of atomic integers, and of integers that nobody reads or writes.
unsafe impl Shared for ControlWords {}

/// Where the pool's channel stands among the segment's. Then come two for each worker.
pub(crate) const SCHEDULER_CHANNEL: u64 = 0;

/// Where a pool and one of its workers sleep.
pub(crate) struct Channels {
    pub(crate) ready: Channel,
    pub(crate) room: Channel,
    pub(crate) finished: Channel,
}

impl Channels {
    /// Those of worker `slot`.
    pub(crate) fn new(segment: &Segment<Rings>, slot: usize) -> Result<Self> {
        let first = SCHEDULER_CHANNEL + 1 + 2 * slot as u64;
        Ok(Self {
            ready: segment.channel(first)?,
            room: segment.channel(first + 1)?,
            finished: segment.channel(SCHEDULER_CHANNEL)?,
        })
    }
}

impl ControlWords {
    /// As for a worker that was not started yet.
    pub(crate) fn clear(&self) {
        let (pool, worker) = (&self.from_scheduler, &self.from_worker);
        let own = [&pool.tasks, &pool.read, &pool.end];
        let its = [
            &worker.results,
            &worker.stage,
            &worker.is_there,
            &worker.waiting,
            &worker.working,
        ];
        // Relaxed: nobody else uses them until the worker is started, which orders them.
        let all = pool.cancelled.iter().chain(own).chain(its);
        all.for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// How long the worker has waited and worked.
    pub(crate) fn times(&self) -> (Duration, Duration) {
        let time = |word: &AtomicU64| Duration::from_nanos(word.load(Ordering::Relaxed));
        (
            time(&self.from_worker.waiting),
            time(&self.from_worker.working),
        )
    }
}

/// Whether a thread is to end.
pub(crate) fn is_ended(words: &ControlWords) -> bool {
    words.from_scheduler.end.load(Ordering::Relaxed) != 0
}

/// Where the bit of a chunk is, and which.
fn cancelled_bit(words: &ControlWords, number: u64) -> (&AtomicU64, u64) {
    let bit = number % MOST_CHUNKS;
    (
        &words.from_scheduler.cancelled[(bit / 64) as usize],
        1 << (bit % 64),
    )
}

#[inline]
pub(crate) fn is_cancelled(words: &ControlWords, number: u64) -> bool {
    let (word, bit) = cancelled_bit(words, number);
    // Relaxed: says only that nobody wants it; and `end` of a thread comes alone.
    word.load(Ordering::Relaxed) & bit != 0 || is_ended(words)
}

/// Says whether anybody wants a chunk. Before the chunk is sent, or while it is on its way.
pub(crate) fn set_cancelled(words: &ControlWords, number: u64, cancelled: bool) {
    let (word, bit) = cancelled_bit(words, number);
    match cancelled {
        true => word.fetch_or(bit, Ordering::Relaxed),
        false => word.fetch_and(!bit, Ordering::Relaxed),
    };
}
