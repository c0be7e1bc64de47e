//! The options of a worker group.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::open::Open;
use crate::workers::wire::chunk::ChunkBuilder;
use crate::workers::wire::message::Message;
use crate::workers::worker::{registry::index_of, task::Task};

/// Where workers run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// Each in a process of its own, which is this program again.
    #[default]
    Processes,
    /// Each in a thread of this process. For debugging: a task that ends its process ends the program, and time limits
    /// are not possible. `Workers::begin` need not be called.
    Threads,
    /// In the thread that asks for results. For debugging. `Workers::begin` need not be called.
    Inline,
}

/// A task that each worker runs once, with an input that is the same for all.
#[derive(Clone)]
pub(super) struct Once {
    pub(super) name: &'static str,
    pub(super) body: Vec<u8>,
}

/// The options of a worker group.
///
/// ```
/// use std::time::Duration;
/// use millpond::WorkersOptions;
///
/// let options = WorkersOptions::new(4)
///     .shared("spam") // opened by each worker, once
///     .lifespan(100_000)
///     .memory(4 << 20)
///     .exit_limit(Duration::from_secs(5));
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct WorkersOptions {
    pub(super) workers: usize,
    pub(super) start: Start,
    pub(super) shared: String,
    pub(super) init: Option<Once>,
    pub(super) exit: Option<Once>,
    pub(super) lifespan: Option<u64>,
    pub(super) pin: bool,
    pub(super) memory: usize,
    pub(super) start_limit: Duration,
    pub(super) init_limit: Option<Duration>,
    pub(super) exit_limit: Duration,
    pub(super) insights: bool,
}

impl WorkersOptions {
    /// Options for a number of workers.
    pub fn new(workers: usize) -> Self {
        Self {
            workers,
            start: Start::default(),
            shared: String::new(),
            init: None,
            exit: None,
            lifespan: None,
            pin: false,
            memory: 1 << 20,
            start_limit: Duration::from_secs(30),
            init_limit: None,
            exit_limit: Duration::from_secs(10),
            insights: false,
        }
    }

    /// Options for one worker for each processor that this process may use.
    ///
    /// # Errors
    /// [`Error::System`] if the system does not say how many there are.
    pub fn for_every_processor() -> Result<Self> {
        let found = std::thread::available_parallelism();
        let found = found.map_err(Error::system("count", "the processors"))?;
        Ok(Self::new(found.get()))
    }

    /// Sets where the workers run. Default: in processes.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Sets the name by which workers open the objects that tasks share: that of a structure, or of a struct that derives
    /// [`Open`]. Each worker opens them when its first task needs them. Default: none.
    pub fn shared(mut self, name: impl Into<String>) -> Self {
        self.shared = name.into();
        self
    }

    /// Sets a task that every worker runs before all others. The group starts only if it succeeds.
    /// [`Workers::initialised`](crate::Workers::initialised) returns its outputs. A process that replaces another runs it
    /// again.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a task that was not passed to `Workers::begin`, or an input that cannot be
    /// serialised.
    pub fn init<S: Open + 'static, I: Message, O: Message>(
        mut self,
        task: &Task<S, I, O>,
        input: &I::Value,
    ) -> Result<Self> {
        self.init = Some(once(task, input)?);
        Ok(self)
    }

    /// Sets a task that every worker runs after all others: when the group is [finished](crate::Workers::finish), and at
    /// the end of a lifespan. A worker that is killed does not run it, nor do those of a group that is dropped.
    ///
    /// # Errors
    /// As [`init`](Self::init).
    pub fn exit<S: Open + 'static, I: Message, O: Message>(
        mut self,
        task: &Task<S, I, O>,
        input: &I::Value,
    ) -> Result<Self> {
        self.exit = Some(once(task, input)?);
        Ok(self)
    }

    /// Sets after how many tasks a worker is replaced by a fresh process, at the end of the chunk. For libraries that leak.
    /// Default: never.
    pub fn lifespan(mut self, tasks: u64) -> Self {
        self.lifespan = Some(tasks);
        self
    }

    /// Pins each worker to one processor, in turn to those that the process may use. Default: `false`. Works on Linux and
    /// Windows; elsewhere the start fails.
    pub fn pin(mut self, pin: bool) -> Self {
        self.pin = pin;
        self
    }

    /// Sets how many bytes the largest input or output may have. For each worker, twice as much shared memory is reserved
    /// for tasks in flight, and twice as much for results. Results that wait to be taken may use as much again for each
    /// worker. Default: 1 MiB.
    ///
    /// So 20 workers need 80 MiB in the directory of the segments. In a container `/dev/shm` may have less (64 MiB is
    /// Docker's default, which its option `--shm-size` changes). Then [`Workers::start`](crate::Workers::start) fails with
    /// [`Error::NoSpace`].
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets how long a worker may take until it is ready. Default: 30 s.
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.start_limit = limit;
        self
    }

    /// Sets how long the [`init`](Self::init) task may take. A worker that takes longer is killed. Default: no limit.
    pub fn init_limit(mut self, limit: Duration) -> Self {
        self.init_limit = Some(limit);
        self
    }

    /// Sets how long a worker may take to run its [exit](Self::exit) task and end. Then it is killed. Default: 10 s.
    pub fn exit_limit(mut self, limit: Duration) -> Self {
        self.exit_limit = limit;
        self
    }

    /// Measures each task and keeps the slowest, for [`Workers::insights`](crate::Workers::insights). Each task costs one
    /// read of the clock. Default: `false`.
    pub fn insights(mut self, insights: bool) -> Self {
        self.insights = insights;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let invalid =
            |what, found: String, expected: &str| Error::invalid(what, found, expected.into());
        if !(1..=MOST_WORKERS).contains(&self.workers) {
            let expected = format!("1 to {MOST_WORKERS}");
            return Error::invalid("the number of workers", self.workers.to_string(), expected);
        }
        if !(1 << 10..=1 << 30).contains(&self.memory) {
            let found = self.memory.to_string();
            return invalid("the memory of a worker", found, "1 KiB to 1 GiB");
        }
        if self.lifespan == Some(0) {
            return invalid("the lifespan of a worker", "0".into(), "1 task or more");
        }
        if self.start != Start::Processes && (self.pin || self.init_limit.is_some()) {
            let found = format!("`{:?}` with a time limit or pinned", self.start);
            return invalid("the start of workers", found, "`Processes` for that");
        }
        Ok(())
    }
}

/// The most workers of a group. The scheduler and its workers are participants of one segment, which has 1022 entries. A
/// worker that replaces another needs an entry before the other's is free.
const MOST_WORKERS: usize = 500;

fn once<S: Open + 'static, I: Message, O: Message>(
    task: &Task<S, I, O>,
    input: &I::Value,
) -> Result<Once> {
    let place = index_of(task)?;
    let mut chunk = ChunkBuilder::default();
    chunk.begin(place);
    let written = chunk.add(|out| I::write(input, out));
    if let Err(why) = written {
        return Error::invalid(
            "the input of a task",
            why,
            "one that can be serialised".into(),
        );
    }
    Ok(Once {
        name: task.name,
        body: chunk.body,
    })
}

/// What happens to a task whose worker dies while it runs: killed, aborted, out of memory. Tasks that the worker had not
/// begun always go to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenWorkerDies {
    /// The task is given to another worker, at most this many times. Then it is reported as
    /// [`TaskFailure::WorkerDied`](crate::error::TaskFailure::WorkerDied). Its changes to shared objects before a death remain.
    Retry(u32),
    /// The task is reported at once.
    Report,
}

impl Default for WhenWorkerDies {
    fn default() -> Self {
        Self::Retry(2)
    }
}

impl WhenWorkerDies {
    pub(super) fn retries(self) -> u32 {
        match self {
            Self::Retry(times) => times,
            Self::Report => 0,
        }
    }
}
