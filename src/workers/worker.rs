//! The worker's side: takes chunks from its ring, runs their tasks, writes the answers.
//!
//! The same in a process, in a thread, and in the pool's own thread. Imports the rings, and the registry of
//! tasks; how a process becomes a worker is in `process.rs`.

use std::any::{Any, TypeId, type_name};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::chunk::{self, Chunk};
use super::ring::look;
use super::rings::{Inlet, MOST_CHUNKS, Outlet, Rings, Words};
use super::task::{AnyTask, registered};
use crate::error::Result;
use crate::open::Open;
use crate::os::fail_point;
use crate::segment::Segment;
use crate::sync::Event;
use crate::sync::primitive::Channel;

/// Where the pool's channel stands among the segment's. Then come two for each worker.
pub(super) const POOL_CHANNEL: u64 = 0;

/// Where a pool and one of its workers sleep.
pub(super) struct Channels {
    pub(super) ready: Channel,
    pub(super) room: Channel,
    pub(super) finished: Channel,
}

impl Channels {
    /// Those of worker `slot`.
    pub(super) fn new(segment: &Segment<Rings>, slot: usize) -> Result<Self> {
        let first = POOL_CHANNEL + 1 + 2 * slot as u64;
        Ok(Self {
            ready: segment.channel(first)?,
            room: segment.channel(first + 1)?,
            finished: segment.channel(POOL_CHANNEL)?,
        })
    }
}

/// How long the pool may wait for word of results while the worker has more to do.
const SILENCE: Duration = Duration::from_micros(200);
/// Looks for tasks before going to sleep.
const LOOKS: usize = 20;

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// The task's output.
    Done = 1,
    /// What it failed with, as text.
    Failed = 2,
    /// What it panicked with.
    Panicked = 3,
    /// It was cancelled before it began.
    Skipped = 4,
    /// Its output is larger than the ring; says how large.
    TooLarge = 5,
    /// The worker cannot go on; says why. Answers no task.
    Ended = 6,
}

impl Kind {
    /// Reads the kind of a frame.
    pub(super) fn read(kind: u32) -> Option<Self> {
        use Kind::{Done, Ended, Failed, Panicked, Skipped, TooLarge};
        let kinds = [Done, Failed, Panicked, Skipped, TooLarge, Ended];
        kinds.into_iter().find(|&known| known as u32 == kind)
    }
}

/// The worker is to end, as its pool is gone, or for this reason.
pub struct Gone(pub String);

/// What a task has besides its input: what the workers share, and who this one is.
///
/// ```
/// use millpond::{Failure, Task, Worker};
///
/// /// Numbers what it is given, in each worker from 0 on.
/// static NUMBER: Task<(), String, String> = Task { name: "number", run: number };
///
/// fn number(worker: &mut Worker<'_, ()>, line: String) -> Result<String, Failure> {
///     let who = worker.id();
///     let count = worker.state::<u64>();
///     *count += 1;
///     Ok(format!("{who}/{count}: {line}"))
/// }
/// # let _ = &NUMBER;
/// ```
pub struct Worker<'s, S> {
    shared: &'s S,
    id: usize,
    states: &'s mut HashMap<TypeId, Box<dyn Any>>,
    words: &'s Words,
    number: u64,
}

impl<'s, S> Worker<'s, S> {
    /// What all workers share, as this one has opened it.
    pub fn shared(&self) -> &'s S {
        self.shared
    }

    /// Which worker this is: 0, 1, and so on. A process that takes the place of another has its number.
    pub fn id(&self) -> usize {
        self.id
    }

    /// A value of this type that the worker keeps from task to task, one of each type; at first its default.
    /// It goes with the worker's process. A task that panics leaves it as it was at that time.
    pub fn state<T: Default + 'static>(&mut self) -> &mut T {
        let state = self.states.entry(TypeId::of::<T>());
        let state = state.or_insert_with(|| Box::new(T::default()));
        state.downcast_mut().expect("a state of this type")
    }

    /// Whether nobody wants this task's result any more: a long one may look, and end.
    pub fn is_cancelled(&self) -> bool {
        is_cancelled(self.words, self.number)
    }
}

/// Where a worker works.
pub struct Bench {
    segment: Arc<Segment<Rings>>,
    slot: usize,
    tasks: Vec<&'static dyn AnyTask>,
    results: Outlet,
    channels: Channels,
    /// Tasks that have ended.
    ended: u64,
    shared_name: String,
    shared: HashMap<TypeId, Rc<dyn Any>>,
    states: HashMap<TypeId, Box<dyn Any>>,
    /// Answers that the chunk still wants, and whether with the time of each.
    left: u32,
    timed: bool,
    /// When it last looked at the clock.
    clock: Instant,
    /// When the pool was last told of results.
    told: Instant,
    /// Answers that found no room, in the pool's own thread, which cannot wait for itself.
    overflow: Option<VecDeque<(u32, u64, Vec<u8>)>>,
}

/// What is left to do after a frame.
pub(super) enum Next {
    /// Perhaps more.
    Frame,
    /// Nothing now.
    Nothing,
    /// Nothing any more.
    End,
}

impl Bench {
    /// Of worker `slot`. `inline`: in the pool's own thread.
    pub(super) fn new(
        segment: Arc<Segment<Rings>>,
        channels: Channels,
        slot: usize,
        inline: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            tasks: registered(),
            results: Outlet::new(segment.structure.results(slot)),
            channels,
            ended: 0,
            shared_name: String::new(),
            shared: HashMap::new(),
            states: HashMap::new(),
            left: 0,
            timed: false,
            clock: now,
            told: now,
            overflow: inline.then(VecDeque::new),
            segment,
            slot,
        }
    }

    /// Where its tasks come from.
    pub(super) fn inlet(&self) -> Inlet {
        Inlet::new(self.segment.structure.tasks(self.slot))
    }

    /// Works until it is told to stop.
    pub(super) fn work(&mut self, started: Instant) {
        let mut inlet = self.inlet();
        let start = nanoseconds(started.elapsed()).max(1);
        // Relaxed: a time, to be shown.
        self.words()
            .from_worker
            .start
            .store(start, Ordering::Relaxed);
        self.event_finished().notify();
        let ended = loop {
            match self.next(&mut inlet) {
                Ok(Next::Frame) => {}
                Ok(Next::Nothing) if is_ended(self.words()) => break Ok(()),
                Ok(Next::Nothing) => self.wait_for_tasks(&inlet),
                Ok(Next::End) => break Ok(()),
                Err(gone) => break Err(gone),
            }
        };
        if let Err(Gone(reason)) = ended {
            self.left = 0;
            let _ = self.answer(Kind::Ended, reason.as_bytes());
            self.event_finished().notify();
        }
    }

    /// Does what the next frame asks for.
    pub(super) fn next(&mut self, inlet: &mut Inlet) -> std::result::Result<Next, Gone> {
        let written = look(&self.words().from_pool.tasks);
        let Some((header, body)) = inlet.peek(written).map_err(Gone)? else {
            return Ok(Next::Nothing);
        };
        if self.overflow.is_some() {
            self.count(|words| &words.from_worker.waiting); // the pool had the thread
        }
        let next = match header.kind {
            chunk::CHUNK | chunk::TIMED => {
                self.timed = header.kind == chunk::TIMED;
                self.chunk(header.number, Chunk::read(body).map_err(Gone)?)?;
                Next::Frame
            }
            chunk::SHARE => {
                self.shared.clear();
                self.shared_name = String::from_utf8_lossy(body).into_owned();
                self.left = 1;
                self.answer(Kind::Done, &[])?;
                Next::Frame
            }
            chunk::STOP => Next::End,
            other => return Err(Gone(format!("a frame of an unknown kind ({other})"))),
        };
        inlet.step(header);
        let is_idle = look(&self.words().from_pool.tasks) == inlet.read();
        if is_idle || self.clock - self.told > SILENCE {
            self.event_finished().notify();
            self.told = self.clock;
        }
        Ok(next)
    }

    fn chunk(&mut self, number: u64, chunk: Chunk<'_>) -> std::result::Result<(), Gone> {
        let Some(&task) = self.tasks.get(chunk.task) else {
            return Err(Gone(format!("there is no task {}", chunk.task)));
        };
        self.left = chunk.tasks;
        task.run(self, number, chunk)
    }

    /// What the workers share, opened if it was not yet; or why it cannot be.
    pub(super) fn shared<S: Open + 'static>(&mut self) -> std::result::Result<Rc<S>, String> {
        if let Some(shared) = self.shared.get(&TypeId::of::<S>()) {
            return Ok(shared.clone().downcast().expect("objects of this type"));
        }
        let name = &self.shared_name;
        if name.is_empty() && TypeId::of::<S>() != TypeId::of::<()>() {
            return Err(format!(
                "it wants shared objects of type `{}`, and the workers were given none; name them with \
                 `WorkersOptions::shared` or `Workers::share`",
                type_name::<S>()
            ));
        }
        let opened = S::open_by_name(name)
            .map_err(|error| format!("the shared objects `{name}` cannot be opened: {error}"))?;
        let opened = Rc::new(opened);
        self.shared.insert(TypeId::of::<S>(), opened.clone());
        Ok(opened)
    }

    /// What a task gets.
    pub(super) fn worker<'b, S>(&'b mut self, shared: &'b S, number: u64) -> Worker<'b, S> {
        Worker {
            shared,
            id: self.slot,
            states: &mut self.states,
            words: &self.segment.structure.words[self.slot],
            number,
        }
    }

    #[inline]
    pub(super) fn is_cancelled(&self, number: u64) -> bool {
        is_cancelled(self.words(), number)
    }

    #[inline]
    pub(super) fn begin_task(&mut self) {
        self.stage(2 * self.ended + 1);
        fail_point("workers.begun");
    }

    #[inline]
    pub(super) fn end_task(&mut self) {
        fail_point("workers.ran");
        self.ended += 1;
        self.stage(2 * self.ended);
    }

    fn stage(&self, stage: u64) {
        // Release: pairs with the Acquire in `Slot::running`; what was answered before, was answered before.
        self.words()
            .from_worker
            .stage
            .store(stage, Ordering::Release);
    }

    /// Answers one task. Waits while there is no room.
    pub(super) fn answer(&mut self, kind: Kind, body: &[u8]) -> std::result::Result<(), Gone> {
        self.left = self.left.saturating_sub(1);
        let nanoseconds = match self.timed || self.left == 0 {
            true => self.count(|words| &words.from_worker.working),
            false => 0,
        };
        match body.len() > self.results.longest() {
            true => {
                let length = (body.len() as u64).to_le_bytes();
                self.put(Kind::TooLarge as u32, nanoseconds, &length)
            }
            false => self.put(kind as u32, nanoseconds, body),
        }
    }

    fn put(&mut self, kind: u32, number: u64, body: &[u8]) -> std::result::Result<(), Gone> {
        loop {
            let words = &self.segment.structure.words[self.slot];
            let read = look(&words.from_pool.read);
            let later = self.overflow.as_mut();
            if later.as_ref().is_none_or(|later| later.is_empty())
                && self
                    .results
                    .push((kind, number), body, read, &words.from_worker.results)
                    .is_some()
            {
                fail_point("workers.answered");
                return Ok(());
            }
            if let Some(later) = later {
                later.push_back((kind, number, body.to_vec()));
                return Ok(());
            }
            self.event_finished().notify();
            let room = || {
                let there = look(&words.from_pool.read) != read;
                (there || is_ended(words)).then_some(())
            };
            self.event_room().wait_for(Duration::MAX, room);
            self.count(|words| &words.from_worker.waiting);
            let words = &self.segment.structure.words[self.slot];
            if is_ended(words) {
                return Err(Gone("its pool is gone".into()));
            }
        }
    }

    /// Writes what had found no room. For the pool's own thread.
    pub(super) fn flush(&mut self) {
        let words = &self.segment.structure.words[self.slot];
        while let Some((kind, number, body)) = self.overflow.as_mut().and_then(VecDeque::pop_front)
        {
            let read = look(&words.from_pool.read);
            let written =
                self.results
                    .push((kind, number), &body, read, &words.from_worker.results);
            if written.is_none() {
                self.overflow
                    .get_or_insert_default()
                    .push_front((kind, number, body));
                return;
            }
        }
    }

    fn wait_for_tasks(&mut self, inlet: &Inlet) {
        let words = self.words();
        let there = || look(&words.from_pool.tasks) != inlet.read() || is_ended(words);
        if !(0..LOOKS).any(|_| {
            thread::yield_now();
            there()
        }) {
            let there = || there().then_some(());
            self.event_ready().wait_for(Duration::MAX, there);
        }
        self.count(|words| &words.from_worker.waiting);
    }

    /// Counts what has passed since it last looked at the clock. Gives it, in nanoseconds.
    fn count(&mut self, word: impl Fn(&Words) -> &AtomicU64) -> u64 {
        let now = Instant::now();
        let passed = nanoseconds(now - self.clock);
        self.clock = now;
        // Relaxed: a time, to be shown.
        word(self.words()).fetch_add(passed, Ordering::Relaxed);
        passed
    }

    fn words(&self) -> &Words {
        &self.segment.structure.words[self.slot]
    }

    fn event_ready(&self) -> Event<'_> {
        Event {
            words: &self.words().ready,
            channel: &self.channels.ready,
        }
    }

    fn event_room(&self) -> Event<'_> {
        Event {
            words: &self.words().room,
            channel: &self.channels.room,
        }
    }

    fn event_finished(&self) -> Event<'_> {
        Event {
            words: &self.segment.structure.finished[0],
            channel: &self.channels.finished,
        }
    }
}

/// Whether a thread is to end.
pub(super) fn is_ended(words: &Words) -> bool {
    words.from_pool.end.load(Ordering::Relaxed) != 0
}

/// Where the bit of a chunk is, and which.
fn cancelled_bit(words: &Words, number: u64) -> (&AtomicU64, u64) {
    let bit = number % MOST_CHUNKS;
    (
        &words.from_pool.cancelled[(bit / 64) as usize],
        1 << (bit % 64),
    )
}

#[inline]
fn is_cancelled(words: &Words, number: u64) -> bool {
    let (word, bit) = cancelled_bit(words, number);
    // Relaxed: says only that nobody wants it; and `end` of a thread comes alone.
    word.load(Ordering::Relaxed) & bit != 0 || is_ended(words)
}

/// Says whether anybody wants a chunk. Before the chunk is sent, or while it is on its way.
pub(super) fn set_cancelled(words: &Words, number: u64, cancelled: bool) {
    let (word, bit) = cancelled_bit(words, number);
    match cancelled {
        true => word.fetch_or(bit, Ordering::Relaxed),
        false => word.fetch_and(!bit, Ordering::Relaxed),
    };
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
