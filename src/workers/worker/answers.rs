//! Writes a worker's answers into its ring of results, and measures how long the worker worked and waited.
//!
//! A task, and what it calls, may fork. The child returns here with a copy of everything, and would be a second writer
//! to the rings of its parent. Invariant: between code of the user's and the next write stands
//! [`Answers::end_if_forked`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::os::{self, Origin, fail_point};
use crate::segment::Segment;
use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::channels::Channels;
use crate::workers::wire::control_words::ControlWords;
use crate::workers::wire::frames::Producer;
use crate::workers::wire::ring::look;
use crate::workers::wire::rings::Rings;

/// A worker with more to do notifies the scheduler of its answers at this interval.
const NOTIFY_EVERY: Duration = Duration::from_micros(200);

/// How often a worker yields its processor and looks for tasks before it sleeps.
const YIELDS: usize = 20;

/// The worker must end: its worker group is gone, or for the reason in the text.
pub struct Fatal(pub String);

/// An answer that is not written yet.
struct Queued {
    kind: AnswerKind,
    nanoseconds: u64,
    body: Vec<u8>,
}

/// The answers of one worker.
pub struct Answers {
    /// Tells the worker's process from a child that it forked.
    origin: Origin,
    segment: Arc<Segment<Rings>>,
    channels: Channels,
    worker: usize,
    results: Producer,
    /// Tasks that have ended.
    ended: u64,
    /// The number of the chunk, and how many of its tasks have no answer yet.
    number: u64,
    left: u32,
    /// `true` if each answer of the chunk says how long its task took.
    is_timed: bool,
    /// The last answer of a chunk. It is written after the chunk was read, as it frees the chunk's bytes.
    last: Option<Queued>,
    /// When the clock was last read, and nanoseconds of work that no answer has told yet.
    clock: Instant,
    worked: u64,
    /// When the scheduler was last notified.
    notified: Instant,
    /// Answers without room. Only a worker in the scheduler's own thread has it, as that cannot wait for itself.
    overflow: Option<VecDeque<Queued>>,
}

impl Answers {
    /// The answers of worker `worker`; `is_inline` if it runs in the scheduler's own thread.
    pub(super) fn new(
        segment: Arc<Segment<Rings>>,
        channels: Channels,
        worker: usize,
        is_inline: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            origin: Origin::here(),
            results: Producer::new(segment.structure.results(worker)),
            channels,
            worker,
            ended: 0,
            number: 0,
            left: 0,
            is_timed: false,
            last: None,
            clock: now,
            worked: 0,
            notified: now,
            overflow: is_inline.then(VecDeque::new),
            segment,
        }
    }

    pub(super) fn words(&self) -> &ControlWords {
        &self.segment.structure.words[self.worker]
    }

    /// Returns the number of the chunk that is executed.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Ends this process if it is a child that code of the user's has forked.
    #[inline(always)]
    pub(super) fn end_if_forked(&self) {
        if !self.origin.is_here() {
            os::end_forked_child();
        }
    }

    /// Prepares the answers to a frame.
    pub(super) fn begin_frame(&mut self) {
        if self.overflow.is_some() {
            self.count_waiting(); // the scheduler had the thread
        }
    }

    /// Prepares the answers of a chunk of `tasks` tasks.
    pub(super) fn begin_chunk(&mut self, number: u64, tasks: u32, is_timed: bool) {
        (self.number, self.left, self.is_timed) = (number, tasks, is_timed);
    }

    /// Returns `true` if the results of the chunk are no longer wanted.
    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        self.words().is_cancelled(self.number)
    }

    #[inline]
    pub(super) fn begin_task(&mut self) {
        self.set_stage(2 * self.ended + 1);
        fail_point("workers.begun");
    }

    #[inline]
    pub(super) fn end_task(&mut self) {
        self.end_if_forked();
        fail_point("workers.ran");
        self.ended += 1;
        self.set_stage(2 * self.ended);
    }

    fn set_stage(&self, stage: u64) {
        let word = &self.words().from_worker.stage;
        // Release: pairs with the Acquire in `WorkerHandle::stage`; earlier answers are visible before it.
        word.store(stage, Ordering::Release);
    }

    /// Answers one task. Waits while there is no room. Takes `body` if the answer is written later.
    pub(super) fn answer(&mut self, mut kind: AnswerKind, body: &mut Vec<u8>) -> Result<(), Fatal> {
        self.left = self.left.saturating_sub(1);
        let nanoseconds = match self.is_timed || self.left == 0 {
            true => {
                self.count_working();
                std::mem::take(&mut self.worked)
            }
            false => 0,
        };
        if body.len() > self.results.longest() {
            if kind == AnswerKind::Done {
                let length = body.len() as u64;
                body.clear();
                body.extend_from_slice(&length.to_le_bytes());
                kind = AnswerKind::TooLarge;
            }
            body.truncate(self.results.longest()); // a text, whose beginning says most
        }
        if self.left == 0 {
            self.answer_last(kind, nanoseconds, std::mem::take(body));
            return Ok(());
        }
        self.put(kind, nanoseconds, body)
    }

    /// Keeps the last answer to a frame for [`write_last`](Self::write_last).
    pub(super) fn answer_last(&mut self, kind: AnswerKind, nanoseconds: u64, body: Vec<u8>) {
        self.last = Some(Queued {
            kind,
            nanoseconds,
            body,
        });
    }

    /// Writes the last answer to a frame. The scheduler may overwrite the frame as soon as it has the answer.
    pub(super) fn write_last(&mut self) -> Result<(), Fatal> {
        match self.last.take() {
            Some(last) => self.put(last.kind, last.nanoseconds, &last.body),
            None => Ok(()),
        }
    }

    fn put(&mut self, kind: AnswerKind, nanoseconds: u64, body: &[u8]) -> Result<(), Fatal> {
        self.end_if_forked();
        loop {
            // Before the ring is found full: a change after this ends the wait below.
            let read = look(&self.words().from_scheduler.read);
            let is_next = self.overflow.as_ref().is_none_or(VecDeque::is_empty);
            if is_next && self.push(kind, nanoseconds, body, read) {
                fail_point("workers.answered");
                return Ok(());
            }
            if let Some(overflow) = &mut self.overflow {
                let body = body.to_vec();
                overflow.push_back(Queued {
                    kind,
                    nanoseconds,
                    body,
                });
                return Ok(());
            }
            self.wait_for_room(read)?;
        }
    }

    fn push(&mut self, kind: AnswerKind, nanoseconds: u64, body: &[u8], read: u64) -> bool {
        let written = &self.segment.structure.words[self.worker]
            .from_worker
            .results;
        let frame = (kind as u32, nanoseconds);
        self.results.push(frame, body, read, written).is_some()
    }

    /// Waits until the scheduler has read more than up to `read`.
    fn wait_for_room(&mut self, read: u64) -> Result<(), Fatal> {
        self.count_working();
        let rings = &self.segment.structure;
        self.channels.finished(rings).notify();
        let words = self.words();
        let room = || (look(&words.from_scheduler.read) != read || words.is_ended()).then_some(());
        self.channels.room(rings).wait_for(Duration::MAX, room);
        self.count_waiting();
        match self.words().is_ended() {
            true => Err(Fatal("its worker group is gone".into())),
            false => Ok(()),
        }
    }

    /// Writes answers for which there was no room, in the scheduler's own thread.
    pub(super) fn flush(&mut self) {
        let Some(mut overflow) = self.overflow.take() else {
            return;
        };
        while let Some(next) = overflow.front() {
            let read = look(&self.words().from_scheduler.read);
            if !self.push(next.kind, next.nanoseconds, &next.body, read) {
                break;
            }
            overflow.pop_front();
        }
        self.overflow = Some(overflow);
    }

    /// Writes why the worker ends.
    pub(super) fn write_end(&mut self, reason: &str) {
        let _ = self.put(AnswerKind::Ended, 0, reason.as_bytes());
        self.notify();
    }

    /// Notifies the scheduler, if the worker is idle or has not notified it for [`NOTIFY_EVERY`].
    pub(super) fn notify_when_due(&mut self, is_idle: bool) {
        if is_idle || self.clock - self.notified > NOTIFY_EVERY {
            self.notify();
            self.notified = self.clock;
        }
    }

    /// Notifies the scheduler that there are answers, or that the worker is ready.
    pub(super) fn notify(&self) {
        self.channels.finished(&self.segment.structure).notify();
    }

    /// Waits for a frame after position `read` of the ring of tasks, or until the worker is to end.
    pub(super) fn wait_for_tasks(&mut self, read: u64) {
        let words = self.words();
        let there = || look(&words.from_scheduler.tasks) != read || words.is_ended();
        let is_there_soon = (0..YIELDS).any(|_| {
            thread::yield_now();
            there()
        });
        if !is_there_soon {
            let ready = self.channels.ready(&self.segment.structure);
            ready.wait_for(Duration::MAX, || there().then_some(()));
        }
        self.count_waiting();
    }

    /// Counts the time since the clock was last read as work.
    fn count_working(&mut self) {
        self.worked += self.count(|words| &words.from_worker.working);
    }

    /// Counts the time since the clock was last read as waiting.
    fn count_waiting(&mut self) {
        self.count(|words| &words.from_worker.waiting);
    }

    /// Reads the clock, and returns the nanoseconds since it was last read.
    fn count(&mut self, word: impl Fn(&ControlWords) -> &AtomicU64) -> u64 {
        let now = Instant::now();
        let passed = u64::try_from((now - self.clock).as_nanos()).unwrap_or(u64::MAX);
        self.clock = now;
        // Relaxed: a time, to be shown.
        word(self.words()).fetch_add(passed, Ordering::Relaxed);
        passed
    }
}
