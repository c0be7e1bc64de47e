//! The pool's side: all workers, and what goes to which of them.
//!
//! Works in the thread of whoever asks for results, while he asks; there is no other. Imports the workers as
//! the pool sees them (`slot.rs`) and what is done with answers (`dispatcher.rs`); knows no type of a task. What is done
//! where a worker ends is in `deaths.rs`.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dispatcher::Dispatcher;
use super::in_flight::{InFlight, Work};
use super::worker_handle::{Leaving, WorkerHandle};
use crate::error::{Error, Result};
use crate::os;
use crate::segment::{Lifetime, LockWait, Plan, Segment, SharedOptions};
use crate::sync::Event;
use crate::sync::primitive::Channel;
use crate::workers::insights::Insights;
use crate::workers::options::{Once, Start, WorkersOptions};
use crate::workers::wire::chunk;
use crate::workers::wire::control_words::SCHEDULER_CHANNEL;
use crate::workers::wire::rings::{Rings, parameters};
use crate::workers::worker::process::names_of_tasks;

/// How often the pool looks whether its workers live, and keep their time.
const LOOK: Duration = Duration::from_millis(20);

/// Tasks that were not sent, or whose worker died.
pub(crate) struct Waiting {
    pub(crate) sent: InFlight,
    pub(crate) body: Vec<u8>,
}

/// How much a worker may have before it is given more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// Fewer chunks than these.
    chunks: usize,
    /// Also where it has not answered for long.
    even_if_stuck: bool,
}

impl Depth {
    /// Fewer than so many chunks, of which it does one after another.
    pub(crate) fn new(chunks: usize) -> Self {
        Self {
            chunks,
            even_if_stuck: false,
        }
    }

    /// Fewer than so many chunks, however long it takes for them.
    pub(crate) fn patient(chunks: usize) -> Self {
        Self {
            chunks,
            even_if_stuck: true,
        }
    }
}

/// A pool and its workers.
pub(crate) struct Scheduler {
    segment: Arc<Segment<Rings>>,
    pub(crate) options: WorkersOptions,
    pub(crate) program: PathBuf,
    finished: Channel,
    pub(crate) workers: Vec<WorkerHandle>,
    pub(crate) dispatcher: Dispatcher,
    /// To be sent before anything else.
    pub(crate) waiting: VecDeque<Waiting>,
    looked: Instant,
    /// Whether no worker is to be replaced any more.
    pub(crate) finishing: bool,
}

impl Scheduler {
    /// Starts all workers, and waits until they are there and initialised.
    pub(crate) fn start(options: WorkersOptions) -> Result<Self> {
        let plan = SharedOptions {
            participants: (2 * options.workers + 2).min(1022),
            lifetime: Lifetime::WhileAttached,
            role: "pool of workers".into(),
            ..SharedOptions::default()
        };
        let capacity = (2 * options.memory + 128).next_multiple_of(64);
        let parameters = parameters(options.workers, capacity, options.pin);
        let plan = Plan {
            wait: LockWait::within(options.start_limit),
            ..plan.plan(parameters, 1, names_of_tasks())
        };
        let (segment, program) = match options.start {
            Start::Processes => {
                let program = os::this_program().map_err(Error::system("find", "this program"))?;
                (create(&plan)?, program)
            }
            Start::Threads | Start::Inline => (Segment::anonymous(plan)?, PathBuf::new()),
        };
        let segment = Arc::new(segment);
        let workers = (0..options.workers).map(|number| WorkerHandle::new(segment.clone(), number));
        let mut scheduler = Self {
            finished: segment.channel(SCHEDULER_CHANNEL)?,
            workers: workers.collect::<Result<_>>()?,
            program,
            dispatcher: Dispatcher::new(options.insights),
            waiting: VecDeque::new(),
            looked: Instant::now(),
            finishing: false,
            segment,
            options,
        };
        scheduler.check_lengths()?;
        for number in 0..scheduler.workers.len() {
            scheduler.start_worker(number);
        }
        let is_initialised = |slot: &WorkerHandle| slot.is_ready && slot.queue.is_empty();
        scheduler.wait_until(|scheduler| scheduler.workers.iter().all(is_initialised))?;
        Ok(scheduler)
    }

    /// Takes results, and looks after the workers, until `is_done`.
    fn wait_until(&mut self, is_done: impl Fn(&Self) -> bool) -> Result<()> {
        while !is_done(self) {
            self.check()?;
            if !self.collect(None) {
                self.wait();
            }
        }
        self.check()
    }

    /// What is sent to every worker has to fit into its ring.
    fn check_lengths(&self) -> Result<()> {
        let length = |once: &Option<Once>| once.as_ref().map_or(0, |once| once.body.len());
        self.check_length("the input of the init task", length(&self.options.init))?;
        self.check_length("the input of the exit task", length(&self.options.exit))?;
        self.check_name(&self.options.shared)
    }

    fn check_name(&self, shared: &str) -> Result<()> {
        self.check_length("the name of the shared objects", shared.len())
    }

    fn check_length(&self, what: &'static str, length: usize) -> Result<()> {
        let longest = self.longest();
        if length <= longest {
            return Ok(());
        }
        let found = format!("{length} bytes long");
        let expected = format!("at most {longest}, or `WorkersOptions::memory` more");
        Error::invalid(what, found, expected)
    }

    /// The name by which workers open what they share, from now on. What was sent before is done first.
    pub(crate) fn share(&mut self, name: &str) -> Result<()> {
        self.check()?;
        self.check_name(name)?;
        let has_nothing = |slot: &WorkerHandle| slot.queue.is_empty();
        self.wait_until(|scheduler| {
            scheduler.waiting.is_empty() && scheduler.workers.iter().all(has_nothing)
        })?;
        self.options.shared = name.into();
        for slot in &mut self.workers {
            // Its ring is empty; one that has ended gets the name when it is started again.
            slot.send(chunk::SHARE, InFlight::new(Work::Share, 1), name.as_bytes());
        }
        self.check()
    }

    /// An error where the pool cannot go on, or is another process's.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_process()?;
        self.dispatcher.check()
    }

    /// An error in a forked child, which has the handle and must not touch what the workers have.
    pub(crate) fn check_process(&self) -> Result<()> {
        self.segment.check_process()
    }

    /// An error for a time limit that this pool cannot keep.
    pub(crate) fn check_limit(&self, limit: Option<Duration>) -> Result<()> {
        if limit.is_some() && self.options.start != Start::Processes {
            let found = format!(
                "given to workers that are started as `{:?}`",
                self.options.start
            );
            return Error::invalid("a task's time limit", found, "given to processes".into());
        }
        Ok(())
    }

    /// How many bytes of a call's results may wait.
    pub(crate) fn memory(&self) -> usize {
        self.options.memory * self.workers.len()
    }

    /// The most bytes of a chunk.
    pub(crate) fn longest(&self) -> usize {
        self.workers[0].longest()
    }

    /// Whether a worker has fewer than `depth` chunks, and nothing waits that goes before.
    pub(crate) fn has_place(&mut self, depth: Depth) -> bool {
        self.send_waiting();
        self.waiting.is_empty() && self.best(depth).is_some()
    }

    /// Sends a chunk to the worker that has the least to do; `false` where none has room now.
    pub(crate) fn send(&mut self, sent: &InFlight, body: &[u8], depth: Depth) -> bool {
        let kind = match self.options.insights {
            true => chunk::TIMED,
            false => chunk::CHUNK,
        };
        self.best(depth)
            .is_some_and(|number| self.workers[number].send(kind, sent.clone(), body))
    }

    fn best(&self, depth: Depth) -> Option<usize> {
        let free = self.workers.iter().filter(|slot| {
            let queued = slot.queue.len();
            let waits = queued == 0 || depth.even_if_stuck || !slot.is_stuck();
            queued < depth.chunks && waits && !self.is_leaving(slot)
        });
        free.min_by_key(|slot| slot.queue.len())
            .map(|slot| slot.number)
    }

    pub(crate) fn is_leaving(&self, slot: &WorkerHandle) -> bool {
        let is_old = |tasks| slot.tasks >= tasks;
        let is_to = self.finishing || self.options.lifespan.is_some_and(is_old);
        is_to || slot.leaving != Leaving::No
    }

    fn send_waiting(&mut self) {
        while let Some(waiting) = self.waiting.pop_front() {
            if !self.send(&waiting.sent, &waiting.body, Depth::new(1)) {
                return self.waiting.push_front(waiting);
            }
        }
    }

    /// Takes the results that are there; says whether there were any. Looks after the workers now and then.
    ///
    /// Where so many results of `call` wait that its memory is used up, those that are not needed for the next
    /// stay in their ring, and so hold their worker up.
    pub(crate) fn collect(&mut self, call: Option<u64>) -> bool {
        let held = call.and_then(|call| Some((call, self.dispatcher.held(call, self.memory())?)));
        let has = |slot: &WorkerHandle, call, next| {
            slot.queue
                .front()
                .is_some_and(|front| front.has(call, next))
        };
        // Only while a worker has the next, or it is there: else what is held might be what it waits for.
        let held = held.filter(|&(call, next)| {
            next.is_none_or(|next| self.workers.iter().any(|slot| has(slot, call, next)))
        });
        let mut came = false;
        for number in 0..self.workers.len() {
            came |= self.drain(number, |sent| {
                held.is_none_or(|(call, next)| {
                    sent.call != call || next.is_some_and(|next| sent.has(call, next))
                })
            });
        }
        if self.check_process().is_err() {
            return came; // what reads an output forked
        }
        if self.looked.elapsed() > LOOK || self.workers.iter().any(|slot| self.is_leaving(slot)) {
            self.look_after();
        }
        self.send_waiting();
        came
    }

    pub(crate) fn drain(&mut self, number: usize, wants: impl Fn(&InFlight) -> bool) -> bool {
        let (slot, dispatcher) = (&mut self.workers[number], &mut self.dispatcher);
        let drained = slot.drain(wants, |answer, past| dispatcher.deliver(&answer, past));
        drained.unwrap_or_else(|why| {
            slot.kill();
            slot.last_words
                .get_or_insert(format!("its answers cannot be read: {why}"));
            false
        })
    }

    /// Sleeps until there are results, or until it is time to look after the workers; and does that.
    pub(crate) fn wait(&mut self) {
        if self.check_process().is_err() {
            return;
        }
        let event = Event {
            words: &self.segment.structure.finished[0],
            channel: &self.finished,
        };
        let workers = &self.workers;
        let there = || {
            let starts = |slot: &WorkerHandle| !slot.is_ready && slot.has_started();
            let any = workers
                .iter()
                .any(|slot| slot.has_answers() || starts(slot));
            any.then_some(())
        };
        // Nobody says when a process ends.
        let leaves = |slot: &WorkerHandle| matches!(slot.leaving, Leaving::Stopped(_));
        let limit = match workers.iter().any(leaves) {
            true => Duration::from_millis(1),
            false => LOOK,
        };
        if event.wait_for(limit, there).is_none() || workers.iter().any(|slot| !slot.is_ready) {
            self.look_after();
        }
    }

    /// Looks at every worker: whether it is there, lives, keeps its time, and should leave.
    fn look_after(&mut self) {
        self.looked = Instant::now();
        for number in 0..self.workers.len() {
            if self.check_process().is_err() {
                return; // what shows an input forked
            }
            let slot = &mut self.workers[number];
            if self.finishing && slot.is_gone() {
                continue;
            }
            slot.look_ready();
            if let Some(status) = slot.ended() {
                self.drain(number, |_| true); // what it had answered before
                self.reap(number, status);
                continue;
            }
            slot.keep_limit(self.options.init_limit, self.options.exit_limit);
            if !slot.is_ready && slot.age() > self.options.start_limit {
                slot.kill();
                let limit = self.options.start_limit;
                let reason = format!("it was not there within {limit:?}");
                self.dispatcher.give_up(number, reason);
            }
            self.drain_worker(number);
        }
    }

    /// Nobody wants the results of a call any more.
    pub(crate) fn forget(&mut self, call: u64) {
        if self.check_process().is_err() {
            return; // its parent wants them
        }
        self.dispatcher.calls.close(call);
        self.waiting.retain(|waiting| waiting.sent.call != call);
        self.workers.iter_mut().for_each(|slot| slot.cancel(call));
    }

    /// Lets all workers do what they have, exit, and end.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.finishing = true;
        self.wait_until(|scheduler| scheduler.workers.iter().all(WorkerHandle::is_gone))?;
        self.dispatcher.check_exits()
    }

    /// What was done so far.
    pub(crate) fn insights(&self) -> Insights {
        let slowest = self.dispatcher.slowest.as_ref();
        Insights {
            workers: self.workers.iter().map(WorkerHandle::insights).collect(),
            slowest: slowest.map_or_else(Vec::new, |slowest| slowest.tasks().to_vec()),
        }
    }
}

/// The segment, under a name that no other has.
fn create(plan: &Plan) -> Result<Segment<Rings>> {
    loop {
        let number = os::random().map_err(Error::system("draw", "a random number"))? as u32;
        let name = format!("workers-{}-{number:08x}", std::process::id());
        match Segment::create(&name, plan.clone()) {
            Err(Error::AlreadyExists { .. }) => {}
            other => return other,
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        if !self.segment.is_ours() {
            return; // a forked child; the workers are its parent's
        }
        // All of them first, so that none waits for another's end.
        self.workers.iter_mut().for_each(WorkerHandle::kill);
        self.workers.iter_mut().for_each(WorkerHandle::wait);
    }
}
