//! The pool's side: all workers, what goes to which of them, and what is done where one ends.
//!
//! Works in the thread of whoever asks for results, while he asks; there is no other. Imports the workers as
//! the pool sees them (`slot.rs`) and what is done with answers (`post.rs`); knows no type of a task.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::chunk::{self, Draft};
use super::insights::Insights;
use super::options::{Start, WorkersOptions};
use super::post::Post;
use super::process::names_of_tasks;
use super::rings::{Rings, parameters};
use super::slot::{Leaving, Sent, Slot, What};
use super::worker::POOL_CHANNEL;
use crate::error::{Error, Result, TaskFailure};
use crate::os::{self, fail_point};
use crate::segment::{Lifetime, Segment, SharedOptions};
use crate::sync::Event;
use crate::sync::primitive::Channel;

/// How often the pool looks whether its workers live, and keep their time.
const LOOK: Duration = Duration::from_millis(20);
/// How many of a worker's processes may end in a row before they have done anything.
const MOST_FAILURES: u32 = 5;

/// Tasks that were not sent, or whose worker died.
struct Waiting {
    sent: Sent,
    body: Vec<u8>,
}

/// A pool and its workers.
pub(super) struct Crew {
    segment: Arc<Segment<Rings>>,
    options: WorkersOptions,
    program: PathBuf,
    finished: Channel,
    slots: Vec<Slot>,
    pub(super) post: Post,
    /// To be sent before anything else.
    waiting: VecDeque<Waiting>,
    calls: u64,
    looked: Instant,
    /// Workers that ended before they had done anything, in a row.
    failures: u32,
    /// Whether no worker is to be replaced any more.
    finishing: bool,
}

impl Crew {
    /// Starts all workers, and waits until they are there and initialised.
    pub(super) fn start(options: WorkersOptions) -> Result<Self> {
        let plan = SharedOptions {
            participants: (2 * options.workers + 2).min(1022),
            lifetime: Lifetime::WhileAttached,
            role: "pool of workers".into(),
            ..SharedOptions::default()
        };
        let capacity = (2 * options.memory + 64).next_multiple_of(64);
        let parameters = parameters(options.workers, capacity, options.pin);
        let plan = plan.plan(parameters, 1, names_of_tasks());
        let segment = match options.start {
            Start::Processes => {
                let name = format!(
                    "workers-{}-{:08x}",
                    std::process::id(),
                    rand::random::<u32>()
                );
                Segment::create(&name, plan)?
            }
            Start::Threads | Start::Inline => Segment::anonymous(plan)?,
        };
        let segment = Arc::new(segment);
        let slots = (0..options.workers).map(|number| Slot::new(segment.clone(), number));
        let mut crew = Self {
            finished: segment.channel(POOL_CHANNEL)?,
            slots: slots.collect::<Result<_>>()?,
            program: os::this_program().map_err(Error::system("find", "this program"))?,
            post: Post::new(options.insights),
            waiting: VecDeque::new(),
            calls: 0,
            looked: Instant::now(),
            failures: 0,
            finishing: false,
            segment,
            options,
        };
        for number in 0..crew.slots.len() {
            crew.start_slot(number);
        }
        while !crew
            .slots
            .iter()
            .all(|slot| slot.is_ready && slot.queue.is_empty())
        {
            crew.post.check()?;
            if !crew.collect() {
                crew.wait();
            }
        }
        crew.post.check()?;
        Ok(crew)
    }

    /// The name by which workers open what they share, from now on; for tasks that are sent later.
    pub(super) fn share(&mut self, name: &str) -> Result<()> {
        self.options.shared = name.into();
        for number in 0..self.slots.len() {
            while !self.slots[number].send(chunk::SHARE, Sent::new(What::Share, 1), name.as_bytes())
            {
                self.post.check()?;
                if !self.collect() {
                    self.wait();
                }
            }
        }
        Ok(())
    }

    /// An error where the pool cannot go on.
    pub(super) fn check(&self) -> Result<()> {
        self.post.check()
    }

    /// An error for a time limit that this pool cannot keep.
    pub(super) fn check_limit(&self, limit: Option<Duration>) -> Result<()> {
        if limit.is_some() && self.options.start != Start::Processes {
            let found = format!(
                "given to workers that are started as `{:?}`",
                self.options.start
            );
            return Error::invalid("a task's time limit", found, "given to processes".into());
        }
        Ok(())
    }

    /// A number for a call.
    pub(super) fn new_call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    pub(super) fn workers(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn memory(&self) -> usize {
        self.options.memory
    }

    /// The most bytes of a chunk.
    pub(super) fn longest(&self) -> usize {
        self.slots[0].longest()
    }

    /// Whether a worker has fewer than `depth` chunks, and nothing waits that goes before.
    pub(super) fn has_place(&mut self, depth: usize) -> bool {
        self.send_waiting();
        self.waiting.is_empty() && self.best(depth).is_some()
    }

    /// Sends a chunk to the worker that has the least to do; `false` where none has room now.
    pub(super) fn send(&mut self, sent: &Sent, body: &[u8], depth: usize) -> bool {
        let kind = match self.options.insights {
            true => chunk::TIMED,
            false => chunk::CHUNK,
        };
        self.best(depth)
            .is_some_and(|number| self.slots[number].send(kind, sent.clone(), body))
    }

    fn best(&self, depth: usize) -> Option<usize> {
        let free = self.slots.iter().filter(|slot| {
            let queued = slot.queue.len();
            queued < depth && !self.is_leaving(slot) && (queued == 0 || !slot.is_stuck())
        });
        free.min_by_key(|slot| slot.queue.len())
            .map(|slot| slot.number)
    }

    fn send_waiting(&mut self) {
        while let Some(waiting) = self.waiting.pop_front() {
            if !self.send(&waiting.sent, &waiting.body, 1) {
                return self.waiting.push_front(waiting);
            }
        }
    }

    /// Takes all results that are there; says whether there were any. Looks after the workers now and then.
    pub(super) fn collect(&mut self) -> bool {
        let mut came = false;
        for number in 0..self.slots.len() {
            came |= self.drain(number);
        }
        if self.looked.elapsed() > LOOK || self.slots.iter().any(|slot| self.is_leaving(slot)) {
            self.look_after();
        }
        self.send_waiting();
        came
    }

    fn drain(&mut self, number: usize) -> bool {
        let (slot, post) = (&mut self.slots[number], &mut self.post);
        let mut past = std::mem::take(&mut slot.past);
        let drained = slot.drain(|answer| post.deliver(&answer, &mut past));
        slot.past = past;
        match drained {
            Ok(came) => {
                if slot.has_worked() {
                    self.failures = 0;
                }
                came
            }
            Err(why) => {
                slot.kill();
                slot.last_words
                    .get_or_insert(format!("its answers cannot be read: {why}"));
                false
            }
        }
    }

    /// Sleeps until there are results, or until it is time to look after the workers; and does that.
    pub(super) fn wait(&mut self) {
        let event = Event {
            words: &self.segment.structure.finished[0],
            channel: &self.finished,
        };
        let slots = &self.slots;
        let there = || {
            let starts = |slot: &Slot| !slot.is_ready && slot.has_started();
            let any = slots.iter().any(|slot| slot.has_answers() || starts(slot));
            any.then_some(())
        };
        // Nobody says when a process ends.
        let leaves = |slot: &Slot| matches!(slot.leaving, Leaving::Stopped(_));
        let limit = match slots.iter().any(leaves) {
            true => Duration::from_millis(1),
            false => LOOK,
        };
        if event.wait_for(limit, there).is_none() || slots.iter().any(|slot| !slot.is_ready) {
            self.look_after();
        }
    }

    fn is_leaving(&self, slot: &Slot) -> bool {
        slot.leaving != Leaving::No
            || self
                .options
                .lifespan
                .is_some_and(|tasks| slot.tasks >= tasks)
    }

    /// Looks at every worker: whether it is there, lives, keeps its time, and should leave.
    fn look_after(&mut self) {
        self.looked = Instant::now();
        for number in 0..self.slots.len() {
            if self.finishing && self.slots[number].is_gone() {
                continue;
            }
            self.slots[number].look_ready();
            if let Some(status) = self.slots[number].ended() {
                self.drain(number); // what it had answered before
                self.bury(number, status);
                continue;
            }
            let (init, exit) = (self.options.init_limit, self.options.exit_limit);
            let slot = &mut self.slots[number];
            slot.keep_limit(init, exit);
            if !slot.is_ready && slot.age() > self.options.start_limit {
                slot.kill();
                let limit = self.options.start_limit;
                let reason = format!("it was not there within {limit:?}");
                self.post.give_up(number, reason);
            }
            self.see_out(number);
        }
    }

    /// The next step of a worker that is to leave.
    fn see_out(&mut self, number: usize) {
        let is_leaving = self.is_leaving(&self.slots[number]);
        let slot = &mut self.slots[number];
        if is_leaving && slot.leaving == Leaving::No {
            slot.leaving = Leaving::Asked;
        }
        let is_late = |since: Instant| since.elapsed() > self.options.exit_limit;
        match slot.leaving {
            Leaving::Asked if slot.queue.is_empty() => match &self.options.exit {
                Some(exit) => {
                    slot.send(chunk::CHUNK, Sent::new(What::Exit, 1), &exit.body);
                    slot.leaving = Leaving::Exiting(Instant::now());
                }
                None => slot.stop(),
            },
            Leaving::Exiting(_) if slot.queue.is_empty() => slot.stop(),
            Leaving::Exiting(since) | Leaving::Stopped(since) if is_late(since) => {
                slot.is_late = true;
                slot.kill();
            }
            _ => {}
        }
    }

    /// A worker has ended, and all that it had answered was taken.
    fn bury(&mut self, number: usize, status: String) {
        fail_point("workers.ended");
        let slot = &mut self.slots[number];
        let status = slot.last_words.take().unwrap_or(status);
        let queue = std::mem::take(&mut slot.queue);
        let has_begun = slot.has_begun();
        for (place, sent) in queue.iter().enumerate() {
            if sent.what == What::Chunk {
                self.give_back(number, sent, has_begun && place == 0, &status);
            }
        }
        let slot = &mut self.slots[number];
        let is_initialising = queue.iter().any(|sent| sent.what == What::Init);
        match slot.leaving {
            Leaving::Stopped(since) => {
                slot.past.exit += since.elapsed();
                if slot.is_late && self.finishing {
                    let limit = self.options.exit_limit;
                    self.post
                        .give_up(number, format!("it did not end within {limit:?}"));
                }
            }
            Leaving::Exiting(_) => self
                .post
                .give_up(number, format!("it did not exit: {status}")),
            _ if slot.is_late && is_initialising => {
                let limit = self.options.init_limit.unwrap_or_default();
                self.post
                    .give_up(number, format!("its init task took longer than {limit:?}"));
            }
            _ if !slot.is_ready || is_initialising => {
                self.failures += 1;
                if self.failures >= MOST_FAILURES {
                    self.post.give_up(number, status);
                }
            }
            _ => {}
        }
        slot.end();
        let is_done = self.finishing && matches!(slot.leaving, Leaving::Stopped(_));
        if !is_done && self.post.check().is_ok() {
            self.start_slot(number);
        }
    }

    /// What a dead worker had of a call, goes to others; the task that it had begun, if it may.
    fn give_back(&mut self, number: usize, sent: &Sent, has_begun: bool, status: &str) {
        let Some(inbox) = self.post.inbox(sent.call).cloned() else {
            return;
        };
        let slot = &self.slots[number];
        let Ok(chunk) = slot.chunk(sent) else {
            return self
                .post
                .give_up(number, "its own tasks are damaged".into());
        };
        let mut next = sent.answered;
        let part = |from: u32, to: u32, deaths: u32| {
            let mut draft = Draft::default();
            draft.begin(chunk.task);
            draft.add_all(chunk.bytes(from, to).unwrap_or_default(), to - from);
            Waiting {
                sent: sent.part(from, to, deaths),
                body: draft.body,
            }
        };
        if has_begun {
            let deaths = if next == 0 { sent.deaths + 1 } else { 1 };
            let failure = match slot.is_late {
                true => Some(TaskFailure::TimedOut(sent.limit.unwrap_or_default())),
                false if deaths > sent.retries => Some(TaskFailure::WorkerDied(status.into())),
                false => None,
            };
            match failure {
                Some(failure) => {
                    let input = chunk
                        .bytes(next, next + 1)
                        .ok()
                        .and_then(chunk::first_input);
                    let index = sent.first + u64::from(next);
                    inbox.borrow_mut().failed(index, failure, number, input);
                }
                None => self.waiting.push_back(part(next, next + 1, deaths)),
            }
            next += 1;
        }
        if next < sent.tasks {
            let deaths = if next == 0 { sent.deaths } else { 0 };
            self.waiting.push_back(part(next, sent.tasks, deaths));
        }
    }

    /// Starts a worker in this place, with what it is to do first.
    fn start_slot(&mut self, number: usize) {
        let name = self.segment.name().unwrap_or_default().to_string();
        let slot = &mut self.slots[number];
        if let Err(error) = slot.start(self.options.start, &self.program, &name) {
            // Seen as ended at the next look, and tried again.
            slot.last_words = Some(error.to_string());
            return;
        }
        if self.finishing {
            slot.leaving = Leaving::Asked;
        }
        let shared = self.options.shared.as_bytes();
        slot.send(chunk::SHARE, Sent::new(What::Share, 1), shared);
        if let Some(init) = &self.options.init {
            slot.send(chunk::CHUNK, Sent::new(What::Init, 1), &init.body);
        }
    }

    /// Nobody wants the results of a call any more.
    pub(super) fn forget(&mut self, call: u64) {
        self.post.close(call);
        self.waiting.retain(|waiting| waiting.sent.call != call);
        self.slots.iter_mut().for_each(|slot| slot.cancel(call));
    }

    /// Lets all workers do what they have, exit, and end.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.finishing = true;
        for slot in &mut self.slots {
            if slot.leaving == Leaving::No {
                slot.leaving = Leaving::Asked;
            }
        }
        while !self.slots.iter().all(Slot::is_gone) {
            self.post.check()?;
            self.collect();
            self.look_after();
            if !self.slots.iter().all(Slot::is_gone) {
                self.wait();
            }
        }
        self.post.check()
    }

    /// What was done so far.
    pub(super) fn insights(&self) -> Insights {
        Insights {
            workers: self.slots.iter().map(Slot::insights).collect(),
            slowest: self
                .post
                .slowest
                .as_ref()
                .map_or_else(Vec::new, |slowest| slowest.tasks().to_vec()),
        }
    }

    pub(super) fn init_name(&self) -> Option<&'static str> {
        self.options.init.as_ref().map(|once| once.name)
    }

    pub(super) fn exit_name(&self) -> Option<&'static str> {
        self.options.exit.as_ref().map(|once| once.name)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // All of them first, so that none waits for another's end.
        self.slots.iter_mut().for_each(Slot::end);
    }
}
