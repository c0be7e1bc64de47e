//! The scheduler of a worker group: starts the workers, takes their answers, and ends them.
//!
//! It works in the thread that asks for results, while that thread asks; it has no other. It knows no type of a task.
//! Which worker gets which chunk is in `placement.rs`; workers that leave or die are in `supervision.rs`.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::calls::SharedReceiver;
use super::dispatcher::Dispatcher;
use super::in_flight::{InFlight, Request, Unsent, Work};
use super::worker_handle::{Leaving, WorkerHandle};
use crate::error::{Error, Result};
use crate::os;
use crate::segment::{Lifetime, LockWait, Plan, Segment, SharedOptions};
use crate::sync::Event;
use crate::sync::primitive::Channel;
use crate::workers::insights::Insights;
use crate::workers::options::{Once, Start, WorkersOptions};
use crate::workers::wire::channels::scheduler_channel;
use crate::workers::wire::chunk;
use crate::workers::wire::rings::{Rings, parameters};
use crate::workers::worker::registry::names_of_tasks;

/// Interval at which the scheduler looks at its workers while it works or waits.
const LOOK: Duration = Duration::from_millis(20);
/// The same while a worker is about to end, as nothing notifies the scheduler of the end of a process.
const LOOK_FOR_END: Duration = Duration::from_millis(1);

/// The scheduler of a worker group.
pub(crate) struct Scheduler {
    segment: Arc<Segment<Rings>>,
    pub(crate) options: WorkersOptions,
    pub(super) program: PathBuf,
    finished: Channel,
    pub(crate) workers: Vec<WorkerHandle>,
    pub(crate) dispatcher: Dispatcher,
    pub(super) unsent: VecDeque<Unsent>,
    /// When it last looked at its workers.
    pub(super) supervised: Instant,
    /// `true` once no worker is replaced any more.
    pub(super) finishing: bool,
}

impl Scheduler {
    /// Starts all workers, and waits until they are ready and have run their init task.
    pub(crate) fn start(options: WorkersOptions) -> Result<Self> {
        let plan = SharedOptions {
            participants: (2 * options.workers + 2).min(1022),
            lifetime: Lifetime::WhileAttached,
            role: "worker group".into(),
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
            finished: scheduler_channel(&segment)?,
            workers: workers.collect::<Result<_>>()?,
            program,
            dispatcher: Dispatcher::new(options.insights),
            unsent: VecDeque::new(),
            supervised: Instant::now(),
            finishing: false,
            segment,
            options,
        };
        scheduler.check_lengths()?;
        for number in 0..scheduler.workers.len() {
            scheduler.start_worker(number);
        }
        let is_initialised = |worker: &WorkerHandle| worker.is_ready && worker.in_flight.is_empty();
        scheduler.run_until(|scheduler| scheduler.workers.iter().all(is_initialised))?;
        Ok(scheduler)
    }

    /// Takes answers and supervises the workers, until `is_done`.
    fn run_until(&mut self, is_done: impl Fn(&Self) -> bool) -> Result<()> {
        while !is_done(self) {
            self.check()?;
            if !self.collect(None)? {
                self.wait();
            }
        }
        self.check()
    }

    /// Checks that what is sent to every worker fits into its ring.
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

    /// Sets the name by which workers open the shared objects, after all that was sent before is done.
    pub(crate) fn share(&mut self, name: &str) -> Result<()> {
        self.check()?;
        self.check_name(name)?;
        let is_idle = |worker: &WorkerHandle| worker.in_flight.is_empty();
        self.run_until(|scheduler| {
            scheduler.unsent.is_empty() && scheduler.workers.iter().all(is_idle)
        })?;
        self.options.shared = name.into();
        for worker in &mut self.workers {
            // There is room in an empty ring. A worker that has ended gets the name when it is started again.
            worker.send(chunk::SHARE, Request::new(Work::Share, 1), name.as_bytes());
        }
        self.check()
    }

    /// Returns an error if the worker group cannot go on, or is that of another process.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_process()?;
        self.dispatcher.check()
    }

    /// Returns an error in a forked child, which has the handle and must not touch the workers' memory.
    pub(crate) fn check_process(&self) -> Result<()> {
        self.segment.check_process()
    }

    /// Returns an error for a time limit that these workers cannot keep.
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

    /// Returns how many bytes of a call's results may wait to be taken.
    pub(crate) fn memory(&self) -> usize {
        self.options.memory * self.workers.len()
    }

    /// Returns the most bytes of a chunk.
    pub(crate) fn longest(&self) -> usize {
        self.workers[0].longest()
    }

    /// Adds a call, and returns its number.
    pub(crate) fn open(&mut self, receiver: SharedReceiver) -> u64 {
        self.dispatcher.calls.open(receiver)
    }

    /// Cancels a call and forgets it.
    pub(crate) fn forget(&mut self, call: u64) {
        if self.check_process().is_err() {
            return; // the parent of this process wants its results
        }
        self.dispatcher.calls.close(call);
        self.unsent.retain(|unsent| unsent.request.call != call);
        self.workers
            .iter_mut()
            .for_each(|worker| worker.cancel(call));
    }

    /// Takes the answers that have arrived, and returns `true` if there were any. Supervises the workers at an interval.
    ///
    /// If the results of `call` that wait use up its memory, results that are not the next one stay in their rings, which
    /// holds their workers up.
    ///
    /// # Errors
    /// [`Error::Forked`] in a child that was forked before or meanwhile: outputs are read by code of the user's.
    pub(crate) fn collect(&mut self, call: Option<u64>) -> Result<bool> {
        self.check_process()?;
        let held = call.and_then(|call| self.held(call));
        let wants = |frame: &InFlight| match held {
            Some((call, next)) if frame.request.call == call => {
                next.is_some_and(|next| frame.has(call, next))
            }
            _ => true,
        };
        let mut came = false;
        for number in 0..self.workers.len() {
            came |= self.collect_from(number, wants);
        }
        self.check_process()?;
        let is_leaving = |worker| self.is_leaving(worker);
        if self.supervised.elapsed() > LOOK || self.workers.iter().any(is_leaving) {
            self.supervise();
            self.check_process()?;
        }
        self.send_unsent();
        Ok(came)
    }

    /// Returns a call whose results use up its memory, and the index of the result that it waits for, if it waits.
    ///
    /// Not if it waits for a result that no worker is at: the room that is held might be what that result waits for.
    fn held(&self, call: u64) -> Option<(u64, Option<u64>)> {
        let next = self.dispatcher.held(call, self.memory())?;
        let is_at = |next| {
            let mut fronts = self
                .workers
                .iter()
                .filter_map(|worker| worker.in_flight.front());
            fronts.any(|front| front.has(call, next))
        };
        next.is_none_or(is_at).then_some((call, next))
    }

    pub(super) fn collect_from(
        &mut self,
        number: usize,
        wants: impl Fn(&InFlight) -> bool,
    ) -> bool {
        let (worker, dispatcher) = (&mut self.workers[number], &mut self.dispatcher);
        let collected = worker.collect(wants, |answer, past| dispatcher.deliver(&answer, past));
        collected.unwrap_or_else(|why| {
            worker.kill();
            worker
                .last_words
                .get_or_insert(format!("its answers cannot be read: {why}"));
            false
        })
    }

    /// Sleeps until there are answers, or until it is time to look at the workers, and does that.
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
            let starts = |worker: &WorkerHandle| !worker.is_ready && worker.has_started();
            let has_news = |worker: &WorkerHandle| worker.has_answers() || starts(worker);
            workers.iter().any(has_news).then_some(())
        };
        let ends = |worker: &WorkerHandle| matches!(worker.leaving, Leaving::Stopped(_));
        let limit = match workers.iter().any(ends) {
            true => LOOK_FOR_END,
            false => LOOK,
        };
        if event.wait_for(limit, there).is_none() || workers.iter().any(|worker| !worker.is_ready) {
            self.supervise();
        }
    }

    /// Lets all workers do what they have, run their exit task, and end.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.finishing = true;
        self.run_until(|scheduler| scheduler.workers.iter().all(WorkerHandle::is_gone))?;
        self.dispatcher.check_exits()
    }

    /// Returns what the workers did so far.
    pub(crate) fn insights(&self) -> Insights {
        let slowest = self.dispatcher.slowest.as_ref();
        Insights {
            workers: self.workers.iter().map(WorkerHandle::insights).collect(),
            slowest: slowest.map_or_else(Vec::new, |slowest| slowest.tasks().to_vec()),
        }
    }
}

/// Creates the segment, under a name that no other segment has.
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
            return; // a forked child: the workers are its parent's
        }
        // All are killed first, so that none waits for another's end.
        self.workers.iter_mut().for_each(WorkerHandle::kill);
        self.workers.iter_mut().for_each(WorkerHandle::wait);
    }
}
