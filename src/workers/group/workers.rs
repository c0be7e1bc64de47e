//! The handle of a worker group: starts it, gives it tasks, ends it.

use std::cell::RefCell;
use std::fmt;

use super::call::{Call, Pending};
use super::finished::{Finished, check_name, read};
use super::results::Results;
use crate::error::{Error, Result};
use crate::open::Open;
use crate::workers::insights::Insights;
use crate::workers::options::{Start, WorkersOptions};
use crate::workers::schedule::scheduler::Scheduler;
use crate::workers::wire::message::Message;
use crate::workers::worker::process;
use crate::workers::worker::registry;
use crate::workers::worker::task::{AnyTask, Task};

/// Worker processes, to which tasks are streamed.
///
/// Each is this program, started again, so tasks are known by name, and what they share is opened by name: nothing
/// is inherited, and it is the same on every system. Inputs are asked for as results are taken, so any number of
/// tasks run in bounded memory. The pool works in the thread that asks for results, while it asks; workers stay
/// from call to call. `docs/workers.md` has the whole picture.
///
/// # When a process dies
/// A worker that dies is noticed within 20 ms by whoever waits for results, and replaced. What it had not begun
/// goes to others; the task that it had begun goes to others or is reported, as
/// [`when_worker_dies`](Call::when_worker_dies) says. Each input gives one result.
///
/// When the process of the pool dies, its workers end at once, and their segment goes with them; if none lived at
/// that instant, and on Windows, with the next program that lists segments, or one of the next that create some.
/// A `Workers` that is dropped kills them;
/// [`finish`](Self::finish) lets them end in order. Ctrl-C at the terminal reaches the pool's process alone.
///
/// # Example
/// ```standalone_crate
/// use millpond::{Failure, Task, Worker, Workers, WorkersOptions};
///
/// static SQUARE: Task<(), u64, u64> = Task { name: "square", run: square };
///
/// fn square(_: &mut Worker<'_, ()>, number: u64) -> Result<u64, Failure> {
///     Ok(number * number)
/// }
///
/// fn main() -> millpond::Result<()> {
///     Workers::begin(&[&SQUARE]); // in a worker, this does its work and does not return
///
///     let workers = Workers::start(WorkersOptions::new(2))?;
///     let squares = workers.map(&SQUARE, 0..1000)?;
///     assert_eq!(squares[30], 900);
///
///     let mut sum = 0;
///     for square in workers.imap_unordered(&SQUARE, 0..1000)? {
///         sum += square?;
///     }
///     assert_eq!(sum, squares.iter().sum::<u64>());
///     Ok(())
/// }
/// ```
pub struct Workers {
    scheduler: RefCell<Scheduler>,
}

impl Workers {
    /// Says which tasks there are, at the head of `main`: before the arguments are read, and before threads are
    /// started. In a process that was started as a worker it does the work and ends the process; in others it
    /// returns at once.
    ///
    /// # Panics
    /// Where two tasks have one name.
    pub fn begin(tasks: &[&'static dyn AnyTask]) {
        registry::register(tasks);
        process::become_worker_if_asked();
    }

    /// Starts workers, and waits until they are there and have run their [init](WorkersOptions::init) task.
    ///
    /// # Errors
    /// [`Error::NoWorkers`] where [`begin`](Self::begin) was not called, and workers are to be processes;
    /// [`Error::InvalidArgument`] for options that cannot be; [`Error::WorkerFailed`] where a worker cannot begin, or its init task fails;
    /// what creating a segment fails with.
    pub fn start(options: WorkersOptions) -> Result<Self> {
        if options.start == Start::Processes && registry::registered().is_empty() {
            return Err(Error::NoWorkers);
        }
        options.check()?;
        Ok(Self {
            scheduler: RefCell::new(Scheduler::start(options)?),
        })
    }

    /// A call with options.
    pub fn call<'w, S, I, O>(&'w self, task: &'w Task<S, I, O>) -> Call<'w, S, I, O>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
    {
        Call::new(&self.scheduler, task)
    }

    /// The outputs of a task for all inputs, in the order of the inputs.
    ///
    /// # Errors
    /// As [`Call::map`].
    pub fn map<S, I, O>(
        &self,
        task: &Task<S, I, O>,
        inputs: impl IntoIterator<Item = I::Value>,
    ) -> Result<Vec<O::Value>>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
    {
        self.call(task).map(inputs)
    }

    /// As [`map`](Self::map), in the order in which the tasks end.
    ///
    /// # Errors
    /// As [`Call::map_unordered`].
    pub fn map_unordered<S, I, O>(
        &self,
        task: &Task<S, I, O>,
        inputs: impl IntoIterator<Item = I::Value>,
    ) -> Result<Vec<O::Value>>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
    {
        self.call(task).map_unordered(inputs)
    }

    /// The outputs as an iterator, in the order of the inputs.
    ///
    /// # Errors
    /// As [`Call::imap`].
    pub fn imap<'w, S, I, O, J>(
        &'w self,
        task: &'w Task<S, I, O>,
        inputs: J,
    ) -> Result<Results<'w, I, O, J::IntoIter>>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
        J: IntoIterator<Item = I::Value>,
    {
        self.call(task).imap(inputs)
    }

    /// The outputs as an iterator, in the order in which the tasks end.
    ///
    /// # Errors
    /// As [`Call::imap_unordered`].
    pub fn imap_unordered<'w, S, I, O, J>(
        &'w self,
        task: &'w Task<S, I, O>,
        inputs: J,
    ) -> Result<Results<'w, I, O, J::IntoIter>>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
        J: IntoIterator<Item = I::Value>,
    {
        self.call(task).imap_unordered(inputs)
    }

    /// The output of one task.
    ///
    /// # Errors
    /// As [`Call::apply`].
    pub fn apply<S, I, O>(&self, task: &Task<S, I, O>, input: I::Value) -> Result<O::Value>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
    {
        self.call(task).apply(input)
    }

    /// Gives one task to a worker, and does not wait for its output.
    ///
    /// # Errors
    /// As [`Call::apply_async`].
    pub fn apply_async<'w, S, I, O>(
        &'w self,
        task: &'w Task<S, I, O>,
        input: I::Value,
    ) -> Result<Pending<'w, I, O>>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
    {
        self.call(task).apply_async(input)
    }

    /// The name by which workers open what tasks share, for all that is given to them from now on. They go on
    /// as they are, and drop what they had open.
    ///
    /// # Errors
    /// [`Error::WorkerFailed`] where the pool cannot go on. That nothing has this name is an error of the tasks
    /// that want it.
    pub fn share(&self, name: &str) -> Result<()> {
        self.scheduler.borrow_mut().share(name)
    }

    /// How many workers there are.
    pub fn len(&self) -> usize {
        self.scheduler.borrow().workers.len()
    }

    /// Never: a pool has a worker.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the init task gave, by the number of the worker: one entry for each process that ran it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for another task than [`WorkersOptions::init`] was given.
    pub fn initialised<S, I, O>(&self, task: &Task<S, I, O>) -> Result<Vec<(usize, O::Value)>>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
    {
        let scheduler = self.scheduler.borrow();
        check_name(
            task.name,
            scheduler.options.init.as_ref().map(|once| once.name),
        )?;
        read::<O>(&scheduler.dispatcher.initialised)
    }

    /// What the workers did with their time so far.
    pub fn insights(&self) -> Insights {
        self.scheduler.borrow().insights()
    }

    /// Lets the workers run their [exit](WorkersOptions::exit) task, and end.
    ///
    /// # Errors
    /// [`Error::WorkerFailed`] where an exit task gives no output, or a worker does not end in
    /// [time](WorkersOptions::exit_limit); they have all ended then, too.
    pub fn finish(self) -> Result<Finished> {
        let mut scheduler = self.scheduler.borrow_mut();
        scheduler.finish()?;
        Ok(Finished {
            insights: scheduler.insights(),
            exit: scheduler.options.exit.as_ref().map(|once| once.name),
            exited: std::mem::take(&mut scheduler.dispatcher.exited),
        })
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Workers").finish_non_exhaustive()
    }
}
