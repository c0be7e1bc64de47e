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

/// A group of worker processes, to which tasks are streamed.
///
/// Each worker is this program, started again. So tasks are known by name, and the objects that they share are opened by
/// name. Nothing is inherited, and it works in the same way on every system. The group asks for inputs while results are
/// taken, so any number of tasks run in bounded memory. It works in the thread that asks for results, while that thread
/// asks. Workers stay from call to call. `docs/workers.md` describes all of it.
///
/// # When a process dies
/// A thread that waits for results notices within 20 ms that a worker has died, and replaces it. Tasks that the worker
/// had not begun go to others. The task that it had begun goes to another or is reported, as
/// [`when_worker_dies`](Call::when_worker_dies) says. Each input has one result.
///
/// When the process that started the group dies, its workers end at once and remove their segment. If no worker lived at
/// that instant, and on Windows, a later program that lists or creates segments removes it. A `Workers` that is dropped
/// kills its workers; [`finish`](Self::finish) lets them end in order. Ctrl-C at the terminal reaches the process that
/// started the group, and no worker.
///
/// # Example
/// ```standalone_crate
/// use millpond::workers::{Failure, Worker};
/// use millpond::{Task, Workers, WorkersOptions};
///
/// static SQUARE: Task<(), u64, u64> = Task { name: "square", run: square };
///
/// fn square(_: &mut Worker<'_, ()>, number: u64) -> Result<u64, Failure> {
///     Ok(number * number)
/// }
///
/// fn main() -> millpond::Result<()> {
///     Workers::begin(&[&SQUARE]); // in a worker, this runs its tasks and does not return
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
    /// Registers the tasks of this program. Call it at the head of `main`, before arguments are read and threads are
    /// started. In a process that was started as a worker it runs tasks, and ends the process. In others it returns at
    /// once.
    ///
    /// # Panics
    /// If two tasks have the same name.
    pub fn begin(tasks: &[&'static dyn AnyTask]) {
        registry::register(tasks);
        process::become_worker_if_asked();
    }

    /// Starts workers, and waits until they are ready and have run their [init](WorkersOptions::init) task.
    ///
    /// # Errors
    /// [`Error::NoWorkers`] if [`begin`](Self::begin) was not called and workers are to be processes;
    /// [`Error::InvalidArgument`] for options that cannot be; [`Error::WorkerFailed`] if a worker cannot start or its
    /// init task fails; the errors of creating a segment.
    pub fn start(options: WorkersOptions) -> Result<Self> {
        if options.start == Start::Processes && registry::registered().is_empty() {
            return Err(Error::NoWorkers);
        }
        options.check()?;
        Ok(Self {
            scheduler: RefCell::new(Scheduler::start(options)?),
        })
    }

    /// Returns a call, whose options can be set.
    pub fn call<'w, S, I, O>(&'w self, task: &'w Task<S, I, O>) -> Call<'w, S, I, O>
    where
        S: Open + 'static,
        I: Message,
        O: Message,
    {
        Call::new(&self.scheduler, task)
    }

    /// Runs a task for all inputs, and returns the outputs in the order of the inputs.
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

    /// Like [`map`](Self::map), but returns the outputs in the order in which the tasks end.
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

    /// Returns the outputs as an iterator, in the order of the inputs.
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

    /// Returns the outputs as an iterator, in the order in which the tasks end.
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

    /// Runs a task for one input, and returns its output.
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

    /// Sends one task to a worker, and does not wait for its output.
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

    /// Sets the name by which workers open the shared objects, for all tasks that are sent from now on. The workers stay,
    /// and drop the objects that they had open.
    ///
    /// # Errors
    /// [`Error::WorkerFailed`] if the worker group cannot go on. If nothing has this name, the tasks that use the shared
    /// objects fail.
    pub fn share(&self, name: &str) -> Result<()> {
        self.scheduler.borrow_mut().share(name)
    }

    /// The number of workers.
    pub fn len(&self) -> usize {
        self.scheduler.borrow().workers.len()
    }

    /// Always `false`: a group has at least one worker.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The outputs of the init task, each with the number of its worker: one for each process that ran it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a task that was not passed to [`WorkersOptions::init`].
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
    /// [`Error::WorkerFailed`] if an exit task returns no output, or a worker does not end in
    /// [time](WorkersOptions::exit_limit). All workers have ended then, too.
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
