//! Control words: what a scheduler and a worker tell each other besides frames.
//!
//! Plain atomics; each word is written by one side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::segment::Shared;
use crate::sync::EventWords;

/// The most chunks that a worker may have at a time, as each has a bit in `cancelled`.
pub(crate) const MOST_CHUNKS: u64 = 256;

/// The control words of one worker.
#[repr(C)]
pub(crate) struct ControlWords {
    /// Raised for the worker: there are tasks.
    pub(crate) ready: EventWords,
    /// Raised for the worker: there is room for results.
    pub(crate) room: EventWords,
    pub(crate) from_scheduler: FromScheduler,
    pub(crate) from_worker: FromWorker,
}

/// Written by the scheduler.
#[repr(C, align(64))]
pub(crate) struct FromScheduler {
    /// The position up to which tasks are written.
    pub(crate) tasks: AtomicU64,
    /// The position up to which results are read.
    pub(crate) read: AtomicU64,
    /// One bit for each cancelled chunk, by its number modulo [`MOST_CHUNKS`].
    pub(crate) cancelled: [AtomicU64; MOST_CHUNKS as usize / 64],
    /// Not 0 once the worker is to end. For threads, as processes are killed.
    pub(crate) end: AtomicU64,
    unused: u64,
}

/// Written by the worker. Times are in nanoseconds.
#[repr(C, align(64))]
pub(crate) struct FromWorker {
    /// The position up to which results are written.
    pub(crate) results: AtomicU64,
    /// Twice the number of tasks that have ended, plus 1 while a task runs.
    pub(crate) stage: AtomicU64,
    /// 1 once the worker is ready for tasks.
    pub(crate) is_there: AtomicU64,
    /// Time without a task, or without room for a result.
    pub(crate) waiting: AtomicU64,
    /// Time in tasks.
    pub(crate) working: AtomicU64,
    unused: [u64; 3],
}

// SAFETY: made of atomic integers, and of integers that no process reads or writes.
unsafe impl Shared for ControlWords {}

impl ControlWords {
    /// Resets all words, for a worker that is not started yet.
    pub(crate) fn clear(&self) {
        let (scheduler, worker) = (&self.from_scheduler, &self.from_worker);
        let own = [&scheduler.tasks, &scheduler.read, &scheduler.end];
        let its = [
            &worker.results,
            &worker.stage,
            &worker.is_there,
            &worker.waiting,
            &worker.working,
        ];
        // Relaxed: no other process uses them until the worker is started, which orders them.
        let all = scheduler.cancelled.iter().chain(own).chain(its);
        all.for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Returns for how long the worker has waited, and worked.
    pub(crate) fn times(&self) -> (Duration, Duration) {
        let time = |word: &AtomicU64| Duration::from_nanos(word.load(Ordering::Relaxed));
        (
            time(&self.from_worker.waiting),
            time(&self.from_worker.working),
        )
    }

    /// Returns `true` once a worker in a thread is to end.
    pub(crate) fn is_ended(&self) -> bool {
        self.from_scheduler.end.load(Ordering::Relaxed) != 0
    }

    /// Returns `true` if the results of chunk `number` are no longer wanted.
    #[inline]
    pub(crate) fn is_cancelled(&self, number: u64) -> bool {
        let (word, bit) = self.cancelled_bit(number);
        // Relaxed: a cancelled bit and the end flag publish nothing else.
        word.load(Ordering::Relaxed) & bit != 0 || self.is_ended()
    }

    /// Sets or clears the bit of a chunk, before the chunk is sent or while it is in flight.
    pub(crate) fn set_cancelled(&self, number: u64, cancelled: bool) {
        let (word, bit) = self.cancelled_bit(number);
        match cancelled {
            true => word.fetch_or(bit, Ordering::Relaxed),
            false => word.fetch_and(!bit, Ordering::Relaxed),
        };
    }

    /// Returns the word with the bit of a chunk, and the bit.
    fn cancelled_bit(&self, number: u64) -> (&AtomicU64, u64) {
        let bit = number % MOST_CHUNKS;
        let word = &self.from_scheduler.cancelled[(bit / 64) as usize];
        (word, 1 << (bit % 64))
    }
}
