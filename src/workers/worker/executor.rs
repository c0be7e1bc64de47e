//! The worker's side: takes chunks from its ring, has their tasks run, writes the answers.
//!
//! The same in a process, in a thread, and in the pool's own thread. Imports the rings, and the registry of
//! tasks; how a process becomes a worker is in `process.rs`.
//!
//! A task, and what it calls, may fork. The child returns here with a copy of everything, and would be a second writer
//! of what its parent writes. So after code of the user's, and before anything is written, stands
//! [`Executor::end_if_forked`].

use std::any::{Any, TypeId, type_name};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::context::{States, Worker};
use super::task::{AnyTask, registered, unnamed};
use crate::open::Open;
use crate::os::{self, Origin, fail_point};
use crate::segment::Segment;
use crate::sync::Event;
use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::chunk::{self, Chunk};
use crate::workers::wire::control_words::{Channels, ControlWords, is_cancelled, is_ended};
use crate::workers::wire::ring::look;
use crate::workers::wire::rings::{Consumer, Producer, Rings};

/// How long the pool may wait for word of results while the worker has more to do.
const SILENCE: Duration = Duration::from_micros(200);
/// Looks for tasks before going to sleep.
const LOOKS: usize = 20;

/// The worker is to end, as its pool is gone, or for this reason.
pub struct Fatal(pub String);

/// An answer that is not written yet: its kind, how long the task took, and what it says.
type Answer = (AnswerKind, u64, Vec<u8>);

/// Where a worker works.
pub struct Executor {
    /// Where it was made. A forked child ends.
    origin: Origin,
    segment: Arc<Segment<Rings>>,
    slot: usize,
    tasks: Vec<&'static dyn AnyTask>,
    results: Producer,
    channels: Channels,
    /// Tasks that have ended.
    ended: u64,
    shared_name: String,
    shared: HashMap<TypeId, Rc<dyn Any>>,
    states: States,
    /// Answers that the chunk still wants, and whether with the time of each.
    left: u32,
    timed: bool,
    /// The last answer of a chunk, which is written when nobody reads the chunk any more: then its place is free.
    last: Option<Answer>,
    /// When it last looked at the clock, and what was worked before and not told yet.
    clock: Instant,
    worked: u64,
    /// When the pool was last told of results.
    told: Instant,
    /// Answers that found no room, in the pool's own thread, which cannot wait for itself.
    overflow: Option<VecDeque<Answer>>,
}

/// What is left to do after a frame.
pub(crate) enum Next {
    /// Perhaps more.
    Frame,
    /// Nothing now.
    Nothing,
    /// Nothing any more.
    End,
}

impl Executor {
    /// Of worker `slot`. `inline`: in the pool's own thread.
    pub(crate) fn new(
        segment: Arc<Segment<Rings>>,
        channels: Channels,
        slot: usize,
        inline: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            origin: Origin::here(),
            tasks: registered(),
            results: Producer::new(segment.structure.results(slot)),
            channels,
            ended: 0,
            shared_name: String::new(),
            shared: HashMap::new(),
            states: HashMap::new(),
            left: 0,
            timed: false,
            last: None,
            clock: now,
            worked: 0,
            told: now,
            overflow: inline.then(VecDeque::new),
            segment,
            slot,
        }
    }

    /// Where its tasks come from.
    pub(crate) fn consumer(&self) -> Consumer {
        Consumer::new(self.segment.structure.tasks(self.slot))
    }

    /// Works until it is told to stop.
    pub(crate) fn work(&mut self) {
        let mut consumer = self.consumer();
        // Relaxed: says that it is there, and nothing of what else it did.
        self.words()
            .from_worker
            .is_there
            .store(1, Ordering::Relaxed);
        self.event_finished().notify();
        let ended = loop {
            match self.next(&mut consumer) {
                Ok(Next::Frame) => {}
                Ok(Next::Nothing) if is_ended(self.words()) => break Ok(()),
                Ok(Next::Nothing) => self.wait_for_tasks(&consumer),
                Ok(Next::End) => break Ok(()),
                Err(gone) => break Err(gone),
            }
        };
        if let Err(Fatal(reason)) = ended {
            let _ = self.put(AnswerKind::Ended, 0, reason.as_bytes());
            self.event_finished().notify();
        }
        self.drop_what_is_kept();
    }

    /// Ends this process if it is a child that code of the user's has forked.
    #[inline(always)]
    pub(crate) fn end_if_forked(&self) {
        if !self.origin.is_here() {
            os::end_forked_child();
        }
    }

    /// Does what the next frame asks for.
    pub(crate) fn next(&mut self, consumer: &mut Consumer) -> Result<Next, Fatal> {
        let written = look(&self.words().from_scheduler.tasks);
        let Some((header, body)) = consumer.peek(written).map_err(Fatal)? else {
            return Ok(Next::Nothing);
        };
        if self.overflow.is_some() {
            self.count(|words| &words.from_worker.waiting); // the pool had the thread
        }
        match header.kind {
            chunk::CHUNK | chunk::TIMED => {
                self.timed = header.kind == chunk::TIMED;
                self.chunk(header.number, Chunk::read(body).map_err(Fatal)?)?;
            }
            chunk::SHARE => {
                self.shared_name = String::from_utf8_lossy(body).into_owned();
                self.shared.clear(); // which drops what the user has made
                self.end_if_forked();
                self.last = Some((AnswerKind::Done, 0, Vec::new()));
            }
            chunk::STOP => return Ok(Next::End),
            other => return Err(Fatal(format!("a frame of an unknown kind ({other})"))),
        }
        consumer.step(header);
        // The pool may fill the chunk's place as soon as it has this.
        if let Some((kind, nanoseconds, body)) = self.last.take() {
            self.put(kind, nanoseconds, &body)?;
        }
        let is_idle = look(&self.words().from_scheduler.tasks) == consumer.read();
        if is_idle || self.clock - self.told > SILENCE {
            self.event_finished().notify();
            self.told = self.clock;
        }
        Ok(Next::Frame)
    }

    fn chunk(&mut self, number: u64, chunk: Chunk<'_>) -> Result<(), Fatal> {
        let named = self.tasks.get(chunk.task).copied();
        let Some(task) = named.or_else(|| unnamed(chunk.task)) else {
            return Err(Fatal(format!("there is no task {}", chunk.task)));
        };
        self.left = chunk.tasks;
        task.run(self, number, chunk)
    }

    /// What the workers share, opened if it was not yet; or why it cannot be.
    #[inline]
    pub(crate) fn shared<S: Open + 'static>(&mut self) -> Result<Rc<S>, String> {
        if let Some(shared) = self.shared.get(&TypeId::of::<S>()) {
            return Ok(shared.clone().downcast().expect("objects of this type"));
        }
        let opened = Rc::new(self.open::<S>()?);
        self.shared.insert(TypeId::of::<S>(), opened.clone());
        Ok(opened)
    }

    fn open<S: Open + 'static>(&self) -> Result<S, String> {
        let name = &self.shared_name;
        if name.is_empty() && TypeId::of::<S>() != TypeId::of::<()>() {
            return Err(format!(
                "it wants shared objects of type `{}`, and the workers were given none; name them with \
                 `WorkersOptions::shared` or `Workers::share`",
                type_name::<S>()
            ));
        }
        S::open_by_name(name)
            .map_err(|error| format!("the shared objects `{name}` cannot be opened: {error}"))
    }

    /// What a task gets.
    pub(crate) fn worker<'b, S>(&'b mut self, shared: &'b S, number: u64) -> Worker<'b, S> {
        Worker {
            shared,
            id: self.slot,
            states: &mut self.states,
            words: &self.segment.structure.words[self.slot],
            number,
        }
    }

    #[inline]
    pub(crate) fn is_cancelled(&self, number: u64) -> bool {
        is_cancelled(self.words(), number)
    }

    #[inline]
    pub(crate) fn begin_task(&mut self) {
        self.stage(2 * self.ended + 1);
        fail_point("workers.begun");
    }

    #[inline]
    pub(crate) fn end_task(&mut self) {
        self.end_if_forked();
        fail_point("workers.ran");
        self.ended += 1;
        self.stage(2 * self.ended);
    }

    fn stage(&self, stage: u64) {
        let word = &self.words().from_worker.stage;
        // Release: pairs with the Acquire in `WorkerHandle::stage`; what was answered before, was answered before.
        word.store(stage, Ordering::Release);
    }

    /// Answers one task; takes what it says if that has to wait. Waits while there is no room.
    pub(crate) fn answer(&mut self, mut kind: AnswerKind, body: &mut Vec<u8>) -> Result<(), Fatal> {
        self.left = self.left.saturating_sub(1);
        let nanoseconds = match self.timed || self.left == 0 {
            true => {
                self.work_until_now();
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
            body.truncate(self.results.longest()); // words, of which the beginning says most
        }
        if self.left == 0 {
            self.last = Some((kind, nanoseconds, std::mem::take(body)));
            return Ok(());
        }
        self.put(kind, nanoseconds, body)
    }

    fn put(&mut self, kind: AnswerKind, nanoseconds: u64, body: &[u8]) -> Result<(), Fatal> {
        self.end_if_forked();
        loop {
            let words = &self.segment.structure.words[self.slot];
            let read = look(&words.from_scheduler.read);
            let head = (kind as u32, nanoseconds);
            match &mut self.overflow {
                Some(later) if !later.is_empty() => {
                    later.push_back((kind, nanoseconds, body.to_vec()));
                    return Ok(());
                }
                _ => {}
            }
            let written = &words.from_worker.results;
            if self.results.push(head, body, read, written).is_some() {
                fail_point("workers.answered");
                return Ok(());
            }
            if let Some(later) = &mut self.overflow {
                later.push_back((kind, nanoseconds, body.to_vec()));
                return Ok(());
            }
            self.wait_for_room(read)?;
        }
    }

    fn wait_for_room(&mut self, read: u64) -> Result<(), Fatal> {
        self.work_until_now();
        self.event_finished().notify();
        let words = self.words();
        let room = || (look(&words.from_scheduler.read) != read || is_ended(words)).then_some(());
        self.event_room().wait_for(Duration::MAX, room);
        self.count(|words| &words.from_worker.waiting);
        match is_ended(self.words()) {
            true => Err(Fatal("its pool is gone".into())),
            false => Ok(()),
        }
    }

    /// Writes what had found no room. For the pool's own thread.
    pub(crate) fn flush(&mut self) {
        let Some(later) = &mut self.overflow else {
            return;
        };
        let words = &self.segment.structure.words[self.slot];
        while let Some((kind, nanoseconds, body)) = later.front() {
            let (head, read) = (
                (*kind as u32, *nanoseconds),
                look(&words.from_scheduler.read),
            );
            let written = &words.from_worker.results;
            if self.results.push(head, body, read, written).is_none() {
                return;
            }
            later.pop_front();
        }
    }

    fn wait_for_tasks(&mut self, consumer: &Consumer) {
        let words = self.words();
        let there = || look(&words.from_scheduler.tasks) != consumer.read() || is_ended(words);
        if !(0..LOOKS).any(|_| {
            thread::yield_now();
            there()
        }) {
            let there = || there().then_some(());
            self.event_ready().wait_for(Duration::MAX, there);
        }
        self.count(|words| &words.from_worker.waiting);
    }

    /// Counts what has passed since it last looked at the clock as work.
    fn work_until_now(&mut self) {
        self.worked += self.count(|words| &words.from_worker.working);
    }

    /// Counts what has passed since it last looked at the clock. Gives it, in nanoseconds.
    fn count(&mut self, word: impl Fn(&ControlWords) -> &AtomicU64) -> u64 {
        let now = Instant::now();
        let passed = u64::try_from((now - self.clock).as_nanos()).unwrap_or(u64::MAX);
        self.clock = now;
        // Relaxed: a time, to be shown.
        word(self.words()).fetch_add(passed, Ordering::Relaxed);
        passed
    }

    fn words(&self) -> &ControlWords {
        &self.segment.structure.words[self.slot]
    }

    /// Drops what the tasks have kept, and what they share; for the end.
    pub(crate) fn drop_what_is_kept(&mut self) {
        self.shared.clear();
        self.states.clear();
        self.end_if_forked();
    }

    fn event_ready(&self) -> Event<'_> {
        let words = &self.words().ready;
        let channel = &self.channels.ready;
        Event { words, channel }
    }

    fn event_room(&self) -> Event<'_> {
        let words = &self.words().room;
        let channel = &self.channels.room;
        Event { words, channel }
    }

    fn event_finished(&self) -> Event<'_> {
        let words = &self.segment.structure.finished[0];
        let channel = &self.channels.finished;
        Event { words, channel }
    }
}
