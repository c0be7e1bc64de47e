//! A worker as its pool sees it: what was sent to it, what has come back, and whether it lives.
//!
//! Knows no call and no type of a task. Imports the rings.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::chunk::{self, Chunk};
use super::insights::WorkerInsights;
use super::options::Start;
use super::process;
use super::ring::{free, look};
use super::rings::{Inlet, MOST_CHUNKS, Outlet, Rings, Words};
use super::worker::{Bench, Channels, Kind, set_cancelled};
use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::segment::Segment;
use crate::sync::Event;

#[cfg(test)]
mod tests;

/// A worker that does not answer for so long has a task that takes longer than was thought.
const STUCK: Duration = Duration::from_millis(4);

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Tasks of a call.
    Chunk,
    /// The name of the shared objects.
    Share,
    /// The task before all others, and the one after them.
    Init,
    Exit,
}

/// A frame that a worker has, or will read.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) what: What,
    /// The call, and the place of the first task among its inputs.
    pub(super) call: u64,
    pub(super) first: u64,
    pub(super) tasks: u32,
    /// How often a worker died with the first of them.
    pub(super) deaths: u32,
    pub(super) retries: u32,
    pub(super) limit: Option<Duration>,
    /// Tasks that were answered, and how long those took that were measured.
    pub(super) answered: u32,
    pub(super) nanoseconds: u64,
    /// Where it lies in the ring, and where its pad does, or else it.
    pub(super) position: u64,
    pub(super) begin: u64,
    pub(super) length: usize,
    pub(super) number: u64,
}

impl Sent {
    /// Not sent yet.
    pub(super) fn new(what: What, tasks: u32) -> Self {
        Self {
            what,
            call: 0,
            first: 0,
            tasks,
            deaths: 0,
            retries: 0,
            limit: None,
            answered: 0,
            nanoseconds: 0,
            position: 0,
            begin: 0,
            length: 0,
            number: 0,
        }
    }

    /// Its tasks `from..to`, not sent yet; so often a worker died with the first of them.
    pub(super) fn part(&self, from: u32, to: u32, deaths: u32) -> Self {
        Self {
            call: self.call,
            first: self.first + u64::from(from),
            deaths,
            retries: self.retries,
            limit: self.limit,
            ..Self::new(self.what, to - from)
        }
    }
}

/// An answer to one task, where it lies.
pub(super) struct Answer<'a> {
    pub(super) worker: usize,
    /// What it answers a task of, the answer counted.
    pub(super) sent: &'a Sent,
    pub(super) kind: Kind,
    pub(super) body: &'a [u8],
    pub(super) nanoseconds: u64,
    outlet: &'a Outlet,
}

impl Answer<'_> {
    /// The input of the task.
    pub(super) fn input(&self) -> Option<&[u8]> {
        let body = self.outlet.body(self.sent.position, self.sent.length);
        let at = self.sent.answered.checked_sub(1)?;
        chunk::first_input(Chunk::read(body).ok()?.bytes(at, at + 1).ok()?)
    }
}

/// Where a worker runs.
enum Body {
    Process(Child),
    Thread(JoinHandle<()>),
    Inline(Box<Bench>, Inlet),
    Gone,
}

/// How far a worker is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    No,
    /// It gets no more tasks.
    Asked,
    /// It has its last task.
    Exiting(Instant),
    /// It was told to stop.
    Stopped(Instant),
}

/// A worker.
pub(super) struct Slot {
    pub(super) number: usize,
    segment: Arc<Segment<Rings>>,
    channels: Channels,
    body: Body,
    outlet: Outlet,
    inlet: Inlet,
    pub(super) queue: VecDeque<Sent>,
    /// Frames, tasks of calls, and answers of tasks, since it was started.
    frames: u64,
    pub(super) tasks: u64,
    answers: u64,
    started: Instant,
    pub(super) is_ready: bool,
    pub(super) leaving: Leaving,
    /// When it last answered, or was given something after it had nothing.
    moved: Instant,
    /// The task that was seen to run, and since when; whether it was killed for it.
    watched: (u64, Instant),
    pub(super) is_late: bool,
    /// Why it cannot go on, if it said so.
    pub(super) last_words: Option<String>,
    /// What it and those before it did.
    pub(super) past: WorkerInsights,
}

impl Slot {
    /// A worker that was not started yet.
    pub(super) fn new(segment: Arc<Segment<Rings>>, number: usize) -> Result<Self> {
        let rings = &segment.structure;
        Ok(Self {
            number,
            channels: Channels::new(&segment, number)?,
            body: Body::Gone,
            outlet: Outlet::new(rings.tasks(number)),
            inlet: Inlet::new(rings.results(number)),
            queue: VecDeque::new(),
            frames: 0,
            tasks: 0,
            answers: 0,
            started: Instant::now(),
            is_ready: false,
            leaving: Leaving::No,
            moved: Instant::now(),
            watched: (0, Instant::now()),
            is_late: false,
            last_words: None,
            past: WorkerInsights {
                worker: number,
                ..WorkerInsights::default()
            },
            segment,
        })
    }

    /// Starts it, with empty rings. There is none in this place.
    pub(super) fn start(&mut self, start: Start, program: &PathBuf, segment: &str) -> Result<()> {
        self.remember();
        let segment_of = self.segment.clone();
        let words = &segment_of.structure.words[self.number];
        let (pool, worker) = (&words.from_pool, &words.from_worker);
        let cancelled = pool.cancelled.iter();
        let all = cancelled.chain([
            &pool.tasks,
            &pool.read,
            &pool.end,
            &worker.results,
            &worker.stage,
            &worker.start,
            &worker.waiting,
            &worker.working,
        ]);
        // Relaxed: nobody else uses them until the worker is started, which orders them.
        all.for_each(|word| word.store(0, Ordering::Relaxed));
        let rings = &segment_of.structure;
        self.outlet = Outlet::new(rings.tasks(self.number));
        self.inlet = Inlet::new(rings.results(self.number));
        (self.frames, self.tasks, self.answers) = (0, 0, 0);
        (self.is_ready, self.is_late, self.leaving) = (false, false, Leaving::No);
        self.started = Instant::now();
        self.watched = (0, self.started);
        self.past.starts += 1;
        let (number, began) = (self.number, self.started);
        let cannot = |error| Error::WorkerFailed {
            worker: number,
            reason: format!("it cannot be started: {error}"),
        };
        self.body = match start {
            Start::Processes => {
                Body::Process(process::start(program, segment, number).map_err(cannot)?)
            }
            Start::Threads => {
                let thread = thread::Builder::new().name(format!("worker {number}"));
                let channels = Channels::new(&segment_of, number)?;
                // There, as what it keeps stays in its thread.
                let work = move || Bench::new(segment_of, channels, number, false).work(began);
                Body::Thread(thread.spawn(work).map_err(cannot)?)
            }
            Start::Inline => {
                words.from_worker.start.store(1, Ordering::Relaxed);
                let channels = Channels::new(&segment_of, number)?;
                let bench = Bench::new(segment_of.clone(), channels, number, true);
                let inlet = bench.inlet();
                Body::Inline(Box::new(bench), inlet)
            }
        };
        Ok(())
    }

    /// Sends a frame; `false` where there is no room now.
    pub(super) fn send(&mut self, kind: u32, mut sent: Sent, body: &[u8]) -> bool {
        if self.queue.len() as u64 >= MOST_CHUNKS {
            return false;
        }
        let freed = self
            .queue
            .front()
            .map_or(self.outlet.written(), |front| front.begin);
        let words = &self.segment.structure.words[self.number];
        set_cancelled(words, self.frames, false);
        let Some(place) =
            self.outlet
                .push((kind, self.frames), body, freed, &words.from_pool.tasks)
        else {
            return false;
        };
        fail_point("workers.sent");
        (sent.begin, sent.position) = (place.begin, place.start);
        (sent.length, sent.number) = (body.len(), self.frames);
        self.frames += 1;
        if self.queue.is_empty() {
            self.moved = Instant::now();
        }
        if sent.what == What::Chunk {
            self.tasks += u64::from(sent.tasks);
        }
        self.queue.push_back(sent);
        self.notify_ready();
        true
    }

    /// The most bytes that a frame may hold.
    pub(super) fn longest(&self) -> usize {
        self.outlet.longest()
    }

    /// Tells it to stop.
    pub(super) fn stop(&mut self) {
        // There is room, as nothing is on its way.
        let words = &self.segment.structure.words[self.number];
        let freed = self.outlet.written();
        self.outlet
            .push((chunk::STOP, 0), &[], freed, &words.from_pool.tasks);
        self.leaving = Leaving::Stopped(Instant::now());
        self.notify_ready();
        if let Body::Inline(..) = self.body {
            self.body = Body::Gone;
        }
    }

    /// Takes all answers that are there. Says whether there were any; an error where they cannot be read.
    pub(super) fn drain(
        &mut self,
        mut take: impl FnMut(Answer<'_>),
    ) -> std::result::Result<bool, String> {
        if let Body::Inline(bench, inlet) = &mut self.body {
            let _ = bench
                .next(inlet)
                .map_err(|gone| self.last_words = Some(gone.0));
            bench.flush();
        }
        let words = &self.segment.structure.words[self.number];
        let written = look(&words.from_worker.results);
        let before = self.inlet.read();
        while let Some((header, body)) = self.inlet.peek(written)? {
            let kind = Kind::read(header.kind).ok_or("an answer of an unknown kind")?;
            if kind == Kind::Ended {
                self.last_words = Some(String::from_utf8_lossy(body).into_owned());
                self.inlet.step(header);
                continue;
            }
            let sent = self.queue.front_mut().ok_or("an answer to nothing")?;
            sent.answered += 1;
            sent.nanoseconds = sent.nanoseconds.saturating_add(header.number);
            self.answers += u64::from(sent.what != What::Share);
            take(Answer {
                worker: self.number,
                sent,
                kind,
                body,
                nanoseconds: header.number,
                outlet: &self.outlet,
            });
            if sent.answered >= sent.tasks {
                self.queue.pop_front();
            }
            self.inlet.step(header);
        }
        let read = self.inlet.read();
        if read == before {
            return Ok(false);
        }
        free(&words.from_pool.read, read);
        self.notify_room();
        self.moved = Instant::now();
        Ok(true)
    }

    /// Whether there may be answers.
    pub(super) fn has_answers(&self) -> bool {
        let busy = matches!(self.body, Body::Inline(..)) && !self.queue.is_empty();
        busy || look(&self.words().from_worker.results) != self.inlet.read()
    }

    /// Looks whether it is there by now.
    pub(super) fn look_ready(&mut self) {
        if !self.is_ready && self.has_started() {
            self.is_ready = true;
            self.past.start += self.started.elapsed();
        }
    }

    /// Whether it says that it is there.
    pub(super) fn has_started(&self) -> bool {
        self.words().from_worker.start.load(Ordering::Relaxed) != 0
    }

    /// Whether it has answered a task since it was started.
    pub(super) fn has_worked(&self) -> bool {
        self.answers > 0
    }

    /// Whether it has not answered for so long that nothing more should wait for it.
    pub(super) fn is_stuck(&self) -> bool {
        self.moved.elapsed() > STUCK
    }

    /// Whether it was told to stop, and has ended.
    pub(super) fn is_gone(&self) -> bool {
        matches!(
            (&self.body, self.leaving),
            (Body::Gone, Leaving::Stopped(_))
        )
    }

    /// How long it has been there, or been awaited.
    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// How its process or thread ended, if it did.
    pub(super) fn ended(&mut self) -> Option<String> {
        match &mut self.body {
            Body::Process(child) => match child.try_wait() {
                Ok(None) => None,
                Ok(Some(status)) => Some(format!("its process {} ended: {status}", child.id())),
                Err(error) => Some(format!("its process is lost: {error}")),
            },
            Body::Thread(thread) => thread.is_finished().then(|| "its thread ended".into()),
            Body::Inline(..) => self.last_words.clone(),
            Body::Gone => Some("it was not started".into()),
        }
    }

    /// Whether it has begun a task that it did not answer; after its end, or after a `drain`.
    pub(super) fn has_begun(&self) -> bool {
        // Acquire: pairs with the Release in `Bench::stage`.
        let stage = self.words().from_worker.stage.load(Ordering::Acquire);
        stage.div_ceil(2) > self.answers
    }

    /// Whether it was killed for the task that it has begun and did not answer; after its end, and a `drain`.
    pub(super) fn has_late_task(&self) -> bool {
        // Acquire: as in `has_begun`.
        let stage = self.words().from_worker.stage.load(Ordering::Acquire);
        self.is_late && stage.div_ceil(2) == self.watched.0.div_ceil(2)
    }

    /// Kills it where its task has run for longer than it may, as seen between two looks.
    pub(super) fn keep_limit(&mut self, init: Option<Duration>, exit: Duration) {
        // Acquire: as in `has_begun`.
        let stage = self.words().from_worker.stage.load(Ordering::Acquire);
        if self.watched.0 != stage {
            self.watched = (stage, Instant::now());
            return;
        }
        let limit = self.queue.front().and_then(|front| match front.what {
            What::Chunk => front.limit,
            What::Init => init,
            What::Exit => Some(exit),
            What::Share => None,
        });
        if stage % 2 == 1 && limit.is_some_and(|limit| self.watched.1.elapsed() > limit) {
            self.is_late = true;
            self.kill();
        }
    }

    /// Ends it at once, and waits until it is gone. A thread ends after its task.
    pub(super) fn kill(&mut self) {
        self.words().from_pool.end.store(1, Ordering::Relaxed);
        self.notify_ready();
        self.notify_room();
        if let Body::Process(child) = &mut self.body {
            // Errors say that it is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends it as [`kill`](Self::kill), for good.
    pub(super) fn end(&mut self) {
        self.kill();
        if let Body::Thread(thread) = std::mem::replace(&mut self.body, Body::Gone) {
            let _ = thread.join();
        }
    }

    /// The body of a frame that it still has.
    pub(super) fn chunk(&self, sent: &Sent) -> std::result::Result<Chunk<'_>, String> {
        Chunk::read(self.outlet.body(sent.position, sent.length))
    }

    /// Nobody wants the results of a call any more.
    pub(super) fn cancel(&mut self, call: u64) {
        let words = &self.segment.structure.words[self.number];
        let of_call = |sent: &&Sent| sent.what == What::Chunk && sent.call == call;
        for sent in self.queue.iter().filter(of_call) {
            set_cancelled(words, sent.number, true);
        }
    }

    /// What it and those before it in this place did.
    pub(super) fn insights(&self) -> WorkerInsights {
        let worker = &self.words().from_worker;
        let time = |nanoseconds: &std::sync::atomic::AtomicU64| {
            Duration::from_nanos(nanoseconds.load(Ordering::Relaxed))
        };
        let mut all = self.past.clone();
        all.waiting += time(&worker.waiting);
        all.working += time(&worker.working);
        all
    }

    /// Keeps what the last one did.
    fn remember(&mut self) {
        self.past = self.insights();
        let worker = &self.words().from_worker;
        worker.waiting.store(0, Ordering::Relaxed);
        worker.working.store(0, Ordering::Relaxed);
    }

    fn words(&self) -> &Words {
        &self.segment.structure.words[self.number]
    }

    fn notify_ready(&self) {
        let words = &self.words().ready;
        Event {
            words,
            channel: &self.channels.ready,
        }
        .notify();
    }

    fn notify_room(&self) {
        let words = &self.words().room;
        Event {
            words,
            channel: &self.channels.room,
        }
        .notify();
    }
}
