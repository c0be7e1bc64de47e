//! The handle of one worker: what it was sent, what it has answered, and whether it lives.
//!
//! Knows no call and no type of a task.
//!
//! Code of the user's that runs in the scheduler's thread may fork: the iterator of the inputs, and what writes, reads
//! and shows them. The child returns here with a copy of the handle, and gets [`Error::Forked`](crate::Error::Forked)
//! at the next check. Until then, all that would write or wait here does nothing in the child.

use std::cell::Cell;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::backend::Backend;
use super::in_flight::{Answer, InFlight, Request, Work};
use crate::error::Result;
use crate::os::fail_point;
use crate::segment::Segment;
use crate::workers::insights::WorkerInsights;
use crate::workers::options::Start;
use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::channels::Channels;
use crate::workers::wire::chunk::{self, Chunk};
use crate::workers::wire::control_words::{ControlWords, MOST_CHUNKS};
use crate::workers::wire::frames::{Consumer, Producer};
use crate::workers::wire::ring::{free, look};
use crate::workers::wire::rings::Rings;

mod limits;
#[cfg(test)]
mod tests;

/// A worker that has not answered for longer runs a task that takes longer than was expected.
const STUCK: Duration = Duration::from_millis(4);

/// The steps in which a worker leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    No,
    /// It gets no more tasks.
    Asked,
    /// It has its exit task, since then.
    Exiting(Instant),
    /// It was told to stop, at that time.
    Stopped(Instant),
}

/// One worker, as its scheduler sees it.
pub(crate) struct WorkerHandle {
    pub(crate) number: usize,
    segment: Arc<Segment<Rings>>,
    channels: Channels,
    backend: Backend,
    tasks: Producer,
    results: Consumer,
    /// What it was sent and has not answered, in the order in which it answers.
    pub(crate) in_flight: VecDeque<InFlight>,
    /// Frames and tasks of calls that were sent, and answers to tasks, since it was started.
    frames: u64,
    pub(crate) tasks_sent: u64,
    answers: u64,
    /// How many of its processes ended in a row without an answer to a task.
    pub(crate) failures: u32,
    started: Instant,
    pub(crate) is_ready: bool,
    pub(crate) leaving: Leaving,
    /// When it last answered, or got a frame while it had none.
    moved: Instant,
    /// The stage that was seen last, and when it was first seen.
    watched: (u64, Instant),
    /// The stage at which it was killed for a time limit.
    late: Option<u64>,
    /// Why it cannot go on, if it said so.
    pub(crate) last_words: Option<String>,
    /// What its processes before this one did, and counts of this one.
    pub(crate) past: WorkerInsights,
    /// Work in init and exit tasks, of all its processes.
    once: Duration,
}

impl WorkerHandle {
    /// The handle of a worker that is not started yet.
    pub(crate) fn new(segment: Arc<Segment<Rings>>, number: usize) -> Result<Self> {
        let (rings, now) = (&segment.structure, Instant::now());
        Ok(Self {
            number,
            channels: Channels::new(&segment, number)?,
            backend: Backend::Gone,
            tasks: Producer::new(rings.tasks(number)),
            results: Consumer::new(rings.results(number)),
            in_flight: VecDeque::new(),
            frames: 0,
            tasks_sent: 0,
            answers: 0,
            failures: 0,
            started: now,
            is_ready: false,
            leaving: Leaving::No,
            moved: now,
            watched: (0, now),
            late: None,
            last_words: None,
            past: WorkerInsights {
                worker: number,
                ..WorkerInsights::default()
            },
            once: Duration::ZERO,
            segment,
        })
    }

    /// Starts the worker, with empty rings. Its last backend is gone.
    pub(crate) fn start(&mut self, start: Start, program: &Path) -> Result<()> {
        self.segment.check_process()?;
        self.past = self.total();
        self.words().clear();
        let rings = &self.segment.structure;
        self.tasks = Producer::new(rings.tasks(self.number));
        self.results = Consumer::new(rings.results(self.number));
        (self.frames, self.tasks_sent, self.answers) = (0, 0, 0);
        (self.is_ready, self.late, self.leaving) = (start == Start::Inline, None, Leaving::No);
        self.started = Instant::now();
        self.watched = (0, self.started);
        self.past.starts += 1;
        self.backend = Backend::start(start, program, &self.segment, self.number)?;
        Ok(())
    }

    /// Returns `true` if it runs, or did until it was waited for.
    pub(crate) fn was_started(&self) -> bool {
        !matches!(self.backend, Backend::Gone)
    }

    /// Sends a frame. Returns `false` if there is no room now. `body` is no longer than [`longest`](Self::longest).
    pub(crate) fn send(&mut self, kind: u32, request: Request, body: &[u8]) -> bool {
        if self.in_flight.len() as u64 >= MOST_CHUNKS || !self.segment.is_ours() {
            return false;
        }
        let front = self.in_flight.front();
        let freed = front.map_or(self.tasks.written(), |front| front.begin);
        let words = &self.segment.structure.words[self.number];
        words.set_cancelled(self.frames, false);
        let (frame, written) = ((kind, self.frames), &words.from_scheduler.tasks);
        let Some(place) = self.tasks.push(frame, body, freed, written) else {
            return false;
        };
        fail_point("workers.sent");
        if self.in_flight.is_empty() {
            self.moved = Instant::now();
        }
        if request.work == Work::Chunk {
            self.tasks_sent += u64::from(request.tasks);
        }
        self.in_flight.push_back(InFlight {
            request,
            answered: 0,
            nanoseconds: 0,
            position: place.start,
            begin: place.begin,
            length: body.len(),
            number: self.frames,
            cursor: Cell::default(),
        });
        self.frames += 1;
        self.notify_ready();
        true
    }

    /// Returns the most bytes that a frame may hold.
    pub(crate) fn longest(&self) -> usize {
        self.tasks.longest()
    }

    /// Tells the worker to stop. Nothing is in flight.
    pub(crate) fn stop(&mut self) {
        if !self.segment.is_ours() {
            return;
        }
        // There is room, as the ring is empty.
        let words = &self.segment.structure.words[self.number];
        let (freed, written) = (self.tasks.written(), &words.from_scheduler.tasks);
        self.tasks.push((chunk::STOP, 0), &[], freed, written);
        self.leaving = Leaving::Stopped(Instant::now());
        self.notify_ready();
        if let Backend::Inline(..) = self.backend {
            self.backend = Backend::Gone;
        }
    }

    /// Takes the answers that have arrived, while `wants` those to the frame that is next. Returns `true` if there were
    /// any.
    ///
    /// # Errors
    /// A text for an answer that cannot be.
    pub(crate) fn collect(
        &mut self,
        wants: impl Fn(&InFlight) -> bool,
        mut deliver: impl FnMut(Answer<'_>, &mut WorkerInsights),
    ) -> std::result::Result<bool, String> {
        if let Some(reason) = self.backend.run_inline() {
            self.last_words = Some(reason);
        }
        let words = &self.segment.structure.words[self.number];
        let written = look(&words.from_worker.results);
        let before = self.results.read();
        while self.in_flight.front().is_none_or(&wants)
            && let Some((header, body)) = self.results.peek(written)?
        {
            let nanoseconds = header.number;
            let kind = AnswerKind::read(header.kind).ok_or("an answer of an unknown kind")?;
            if kind == AnswerKind::Ended {
                self.last_words = Some(String::from_utf8_lossy(body).into_owned());
                self.results.step(header);
                continue;
            }
            let of = self.in_flight.front_mut().ok_or("an answer to nothing")?;
            of.answered += 1;
            of.nanoseconds = of.nanoseconds.saturating_add(nanoseconds);
            self.answers += u64::from(of.request.work != Work::Share);
            if matches!(of.request.work, Work::Init | Work::Exit) {
                let time = Duration::from_nanos(nanoseconds);
                self.once = self.once.saturating_add(time);
            }
            let answer = Answer {
                worker: self.number,
                of,
                kind,
                body,
                nanoseconds,
                tasks: &self.tasks,
            };
            deliver(answer, &mut self.past);
            if of.is_answered() {
                self.in_flight.pop_front();
            }
            self.results.step(header);
        }
        let read = self.results.read();
        // Code of the user's, which reads an output, may have forked.
        if read == before || !self.segment.is_ours() {
            return Ok(false);
        }
        free(&words.from_scheduler.read, read);
        self.notify_room();
        self.moved = Instant::now();
        Ok(true)
    }

    /// Returns `true` if there may be answers.
    pub(crate) fn has_answers(&self) -> bool {
        let is_busy = matches!(self.backend, Backend::Inline(..)) && !self.in_flight.is_empty();
        is_busy || look(&self.words().from_worker.results) != self.results.read()
    }

    /// Returns `true` once the worker says that it is ready.
    pub(crate) fn has_started(&self) -> bool {
        // Relaxed: the word publishes nothing else; the rings order the rest.
        self.is_ready || self.words().from_worker.is_there.load(Ordering::Relaxed) != 0
    }

    /// Notes that the worker is ready, once it says so.
    pub(crate) fn update_ready(&mut self) {
        if !self.is_ready && self.has_started() {
            self.is_ready = true;
            self.past.start += self.started.elapsed();
        }
    }

    /// Returns `true` if it has answered a task since it was started.
    pub(crate) fn has_worked(&self) -> bool {
        self.answers > 0
    }

    /// Returns `true` if at `now` it has not answered for so long that no task should wait behind those it has.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.moved) > STUCK
    }

    /// Returns `true` if it was told to stop, and has ended.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(
            (&self.backend, self.leaving),
            (Backend::Gone, Leaving::Stopped(_))
        )
    }

    /// Returns the time since it was started.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns how its process or thread ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<String> {
        if !self.segment.is_ours() {
            return None; // the parent of this process sees that
        }
        if let (Backend::Inline(..), Some(reason)) = (&self.backend, &self.last_words) {
            return Some(reason.clone());
        }
        self.backend
            .ended(matches!(self.leaving, Leaving::Stopped(_)))
    }

    /// Kills its process, or tells its thread to end after its task.
    pub(crate) fn kill(&mut self) {
        if !self.segment.is_ours() {
            return;
        }
        // Relaxed: the flag publishes nothing else. A thread that sleeps is woken after it.
        self.words().from_scheduler.end.store(1, Ordering::Relaxed);
        self.notify_ready();
        self.notify_room();
        self.backend.kill();
    }

    /// Waits until it is gone, after [`kill`](Self::kill) or once it has ended.
    pub(crate) fn wait(&mut self) {
        if self.segment.is_ours() {
            self.backend.wait();
        }
    }

    /// Returns the chunk of a frame that is in flight.
    pub(crate) fn chunk(&self, frame: &InFlight) -> std::result::Result<Chunk<'_>, String> {
        Chunk::read(self.tasks.body(frame.position, frame.length))
    }

    /// Cancels all chunks of a call.
    pub(crate) fn cancel(&mut self, call: u64) {
        if !self.segment.is_ours() {
            return;
        }
        for frame in &self.in_flight {
            if frame.request.work == Work::Chunk && frame.request.call == call {
                self.words().set_cancelled(frame.number, true);
            }
        }
    }

    /// Returns what it and its processes before this one did, without the work in init and exit tasks.
    pub(crate) fn insights(&self) -> WorkerInsights {
        let mut all = self.total();
        all.working = all.working.saturating_sub(self.once);
        all
    }

    /// The same, with all work.
    fn total(&self) -> WorkerInsights {
        let (waiting, working) = self.words().times();
        let mut all = self.past.clone();
        all.waiting += waiting;
        all.working += working;
        all
    }

    fn words(&self) -> &ControlWords {
        &self.segment.structure.words[self.number]
    }

    fn notify_ready(&self) {
        self.channels.ready(&self.segment.structure).notify();
    }

    fn notify_room(&self) {
        self.channels.room(&self.segment.structure).notify();
    }
}
