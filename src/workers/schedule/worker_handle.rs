//! A worker as its pool sees it: what was sent to it, what has come back, and whether it lives.
//!
//! Knows no call and no type of a task. Imports the rings.
//!
//! Code of the user's that runs in the pool's thread may fork: the iterator of the inputs, and what writes, reads and
//! shows them. The child comes back with a copy of the pool, and gets [`Error::Forked`](crate::Error::Forked) at the
//! next look at it. Whatever writes or waits here does nothing in it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::backend::Backend;
use super::in_flight::{Answer, InFlight, Work};
use crate::error::Result;
use crate::os::fail_point;
use crate::segment::Segment;
use crate::sync::Event;
use crate::workers::insights::WorkerInsights;
use crate::workers::options::Start;
use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::chunk::{self, Chunk};
use crate::workers::wire::control_words::{Channels, ControlWords, MOST_CHUNKS, set_cancelled};
use crate::workers::wire::ring::{free, look};
use crate::workers::wire::rings::{Consumer, Producer, Rings};

#[cfg(test)]
mod tests;

/// A worker that does not answer for so long has a task that takes longer than was thought.
const STUCK: Duration = Duration::from_millis(4);

/// How far a worker is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    No,
    /// It gets no more tasks.
    Asked,
    /// It has its last task.
    Exiting(Instant),
    /// It was told to stop.
    Stopped(Instant),
}

/// A worker.
pub(crate) struct WorkerHandle {
    pub(crate) number: usize,
    segment: Arc<Segment<Rings>>,
    channels: Channels,
    body: Backend,
    producer: Producer,
    consumer: Consumer,
    pub(crate) queue: VecDeque<InFlight>,
    /// Frames, tasks of calls, and answers of tasks, since it was started.
    frames: u64,
    pub(crate) tasks: u64,
    answers: u64,
    /// How many of its processes ended in a row without an answer of a task.
    pub(crate) failures: u32,
    started: Instant,
    pub(crate) is_ready: bool,
    pub(crate) leaving: Leaving,
    /// When it last answered, or was given something after it had nothing.
    moved: Instant,
    /// The stage that was seen, and since when; and the one at which it was killed for the time it took.
    watched: (u64, Instant),
    late: Option<u64>,
    /// Why it cannot go on, if it said so.
    pub(crate) last_words: Option<String>,
    /// What it and those before it did, and how much of their work were tasks before or after all others.
    pub(crate) past: WorkerInsights,
    once: Duration,
}

impl WorkerHandle {
    /// A worker that was not started yet.
    pub(crate) fn new(segment: Arc<Segment<Rings>>, number: usize) -> Result<Self> {
        let (rings, now) = (&segment.structure, Instant::now());
        Ok(Self {
            number,
            channels: Channels::new(&segment, number)?,
            body: Backend::Fatal,
            producer: Producer::new(rings.tasks(number)),
            consumer: Consumer::new(rings.results(number)),
            queue: VecDeque::new(),
            frames: 0,
            tasks: 0,
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

    /// Starts it, with empty rings. There is none in this place.
    pub(crate) fn start(&mut self, start: Start, program: &Path) -> Result<()> {
        self.segment.check_process()?;
        self.past = self.total();
        self.words().clear();
        let rings = &self.segment.structure;
        self.producer = Producer::new(rings.tasks(self.number));
        self.consumer = Consumer::new(rings.results(self.number));
        (self.frames, self.tasks, self.answers) = (0, 0, 0);
        (self.is_ready, self.late, self.leaving) = (start == Start::Inline, None, Leaving::No);
        self.started = Instant::now();
        self.watched = (0, self.started);
        self.past.starts += 1;
        self.body = Backend::start(start, program, &self.segment, self.number)?;
        Ok(())
    }

    /// Whether it runs, or did until it was waited for.
    pub(crate) fn was_started(&self) -> bool {
        !matches!(self.body, Backend::Fatal)
    }

    /// Sends a frame; `false` where there is no room now. `body` is no longer than [`longest`](Self::longest).
    pub(crate) fn send(&mut self, kind: u32, mut sent: InFlight, body: &[u8]) -> bool {
        if self.queue.len() as u64 >= MOST_CHUNKS || !self.segment.is_ours() {
            return false;
        }
        let front = self.queue.front();
        let freed = front.map_or(self.producer.written(), |front| front.begin);
        let words = &self.segment.structure.words[self.number];
        set_cancelled(words, self.frames, false);
        let frame = (kind, self.frames);
        let pushed = self
            .producer
            .push(frame, body, freed, &words.from_scheduler.tasks);
        let Some(place) = pushed else {
            return false;
        };
        fail_point("workers.sent");
        (sent.begin, sent.position) = (place.begin, place.start);
        (sent.length, sent.number) = (body.len(), self.frames);
        self.frames += 1;
        if self.queue.is_empty() {
            self.moved = Instant::now();
        }
        if sent.what == Work::Chunk {
            self.tasks += u64::from(sent.tasks);
        }
        self.queue.push_back(sent);
        self.notify_ready();
        true
    }

    /// The most bytes that a frame may hold.
    pub(crate) fn longest(&self) -> usize {
        self.producer.longest()
    }

    /// Tells it to stop.
    pub(crate) fn stop(&mut self) {
        if !self.segment.is_ours() {
            return;
        }
        // There is room, as nothing is on its way.
        let words = &self.segment.structure.words[self.number];
        let freed = self.producer.written();
        let stop = (chunk::STOP, 0);
        self.producer
            .push(stop, &[], freed, &words.from_scheduler.tasks);
        self.leaving = Leaving::Stopped(Instant::now());
        self.notify_ready();
        if let Backend::Inline(..) = self.body {
            self.body = Backend::Fatal;
        }
    }

    /// Takes the answers that are there, while `wants` those of the frame that is answered. Says whether there
    /// were any; an error where they cannot be read.
    pub(crate) fn drain(
        &mut self,
        wants: impl Fn(&InFlight) -> bool,
        mut take: impl FnMut(Answer<'_>, &mut WorkerInsights),
    ) -> std::result::Result<bool, String> {
        if let Some(reason) = self.body.work() {
            self.last_words = Some(reason);
        }
        let words = &self.segment.structure.words[self.number];
        let written = look(&words.from_worker.results);
        let before = self.consumer.read();
        while self.queue.front().is_none_or(&wants)
            && let Some((header, body)) = self.consumer.peek(written)?
        {
            let kind = AnswerKind::read(header.kind).ok_or("an answer of an unknown kind")?;
            if kind == AnswerKind::Ended {
                self.last_words = Some(String::from_utf8_lossy(body).into_owned());
                self.consumer.step(header);
                continue;
            }
            let sent = self.queue.front_mut().ok_or("an answer to nothing")?;
            sent.answered += 1;
            sent.nanoseconds = sent.nanoseconds.saturating_add(header.number);
            match sent.what {
                Work::Share => {}
                Work::Chunk => self.answers += 1,
                Work::Init | Work::Exit => {
                    self.answers += 1;
                    self.once = self
                        .once
                        .saturating_add(Duration::from_nanos(header.number));
                }
            }
            let answer = Answer {
                worker: self.number,
                sent,
                kind,
                body,
                nanoseconds: header.number,
                producer: &self.producer,
            };
            take(answer, &mut self.past);
            if sent.answered >= sent.tasks {
                self.queue.pop_front();
            }
            self.consumer.step(header);
        }
        let read = self.consumer.read();
        // What reads an output is the user's, and may have forked.
        if read == before || !self.segment.is_ours() {
            return Ok(false);
        }
        free(&words.from_scheduler.read, read);
        self.notify_room();
        self.moved = Instant::now();
        Ok(true)
    }

    /// Whether there may be answers.
    pub(crate) fn has_answers(&self) -> bool {
        let busy = matches!(self.body, Backend::Inline(..)) && !self.queue.is_empty();
        busy || look(&self.words().from_worker.results) != self.consumer.read()
    }

    /// Whether it says that it is there.
    pub(crate) fn has_started(&self) -> bool {
        // Relaxed: what it says besides, its rings order.
        self.is_ready || self.words().from_worker.is_there.load(Ordering::Relaxed) != 0
    }

    /// Looks whether it is there by now.
    pub(crate) fn look_ready(&mut self) {
        if !self.is_ready && self.has_started() {
            self.is_ready = true;
            self.past.start += self.started.elapsed();
        }
    }

    /// Whether it has answered a task since it was started.
    pub(crate) fn has_worked(&self) -> bool {
        self.answers > 0
    }

    /// Whether it has not answered for so long that nothing more should wait for it.
    pub(crate) fn is_stuck(&self) -> bool {
        self.moved.elapsed() > STUCK
    }

    /// Whether it was told to stop, and has ended.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(
            (&self.body, self.leaving),
            (Backend::Fatal, Leaving::Stopped(_))
        )
    }

    /// How long it has been there, or been awaited.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// How its process or thread ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<String> {
        if !self.segment.is_ours() {
            return None; // its parent sees that
        }
        if let (Backend::Inline(..), Some(reason)) = (&self.body, &self.last_words) {
            return Some(reason.clone());
        }
        self.body.ended(matches!(self.leaving, Leaving::Stopped(_)))
    }

    /// Whether it has begun a task that it did not answer; after its end, or after a `drain`.
    pub(crate) fn has_begun(&self) -> bool {
        self.stage().div_ceil(2) > self.answers
    }

    /// Whether it was killed because of the task that it has begun and did not answer.
    pub(crate) fn is_late(&self) -> bool {
        let task = self.stage().div_ceil(2);
        self.late.is_some_and(|late| late.div_ceil(2) == task)
    }

    /// Twice the tasks that have ended, and 1 while one runs.
    fn stage(&self) -> u64 {
        // Acquire: pairs with the Release in `Executor::stage`.
        self.words().from_worker.stage.load(Ordering::Acquire)
    }

    /// Kills it where its task has run for longer than it may, as seen between two looks.
    pub(crate) fn keep_limit(&mut self, init: Option<Duration>, exit: Duration) {
        let stage = self.stage();
        if self.watched.0 != stage {
            self.watched = (stage, Instant::now());
            return;
        }
        let limit = self.queue.front().and_then(|front| match front.what {
            Work::Chunk => front.limit,
            Work::Init => init,
            Work::Exit => Some(exit),
            Work::Share => None,
        });
        if stage % 2 == 1 && limit.is_some_and(|limit| self.watched.1.elapsed() >= limit) {
            self.late = Some(stage);
            self.kill();
        }
    }

    /// Ends it at once. A thread ends after its task.
    pub(crate) fn kill(&mut self) {
        if !self.segment.is_ours() {
            return;
        }
        // Relaxed: comes alone; whoever sleeps is woken after it.
        self.words().from_scheduler.end.store(1, Ordering::Relaxed);
        self.notify_ready();
        self.notify_room();
        self.body.kill();
    }

    /// Waits until it is gone, after [`kill`](Self::kill) or where it has ended.
    pub(crate) fn wait(&mut self) {
        if !self.segment.is_ours() {
            return;
        }
        self.body.wait();
    }

    /// The chunk in a frame that it still has.
    pub(crate) fn chunk(&self, sent: &InFlight) -> std::result::Result<Chunk<'_>, String> {
        Chunk::read(self.producer.body(sent.position, sent.length))
    }

    /// Nobody wants the results of a call any more.
    pub(crate) fn cancel(&mut self, call: u64) {
        if !self.segment.is_ours() {
            return;
        }
        let words = &self.segment.structure.words[self.number];
        let of_call = |sent: &&InFlight| sent.what == Work::Chunk && sent.call == call;
        for sent in self.queue.iter().filter(of_call) {
            set_cancelled(words, sent.number, true);
        }
    }

    /// What it and those before it in this place did.
    pub(crate) fn insights(&self) -> WorkerInsights {
        let mut all = self.total();
        all.working = all.working.saturating_sub(self.once);
        all
    }

    /// The same, with all that was worked.
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
        let (words, channel) = (&self.words().ready, &self.channels.ready);
        Event { words, channel }.notify();
    }

    fn notify_room(&self) {
        let (words, channel) = (&self.words().room, &self.channels.room);
        Event { words, channel }.notify();
    }
}
