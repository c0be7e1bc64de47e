//! How a task is to be given to the workers, and in which way its results come.
//!
//! Checks what it is asked for; `results.rs` does it.

use std::cell::RefCell;
use std::fmt;
use std::iter;
use std::time::Duration;

use super::fallible::TryResults;
use super::results::{Results, Settings};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::open::Open;
use crate::workers::options::WhenWorkerDies;
use crate::workers::schedule::scheduler::{Depth, Scheduler};
use crate::workers::wire::message::Message;
use crate::workers::worker::{registry::index_of, task::Task};

/// How many tasks may be given to a worker one by one.
const ASYNC_DEPTH: usize = 16;

/// A call that is being put together: how a task is to be given to the workers, and then one of the ways in which
/// results come. Made by [`Workers::call`](crate::Workers::call).
///
/// ```
/// use std::time::Duration;
/// use millpond::{Failure, Start, Task, WhenWorkerDies, Worker, Workers, WorkersOptions};
///
/// static LENGTH: Task<(), String, usize> = Task { name: "length", run: length };
/// fn length(_: &mut Worker<'_, ()>, word: String) -> Result<usize, Failure> {
///     Ok(word.len())
/// }
///
/// Workers::begin(&[&LENGTH]);
/// let workers = Workers::start(WorkersOptions::new(2).start(Start::Threads))?;
/// let call = workers.call(&LENGTH).chunk_len(2).in_flight(4);
/// let words = ["one", "three", "eleven"].map(String::from);
/// assert_eq!(call.map(words)?, [3, 5, 6]);
/// # Ok::<(), millpond::Error>(())
/// ```
#[must_use = "a call does nothing before it has inputs"]
pub struct Call<'w, S: 'static, I: Message, O: Message> {
    scheduler: &'w RefCell<Scheduler>,
    task: &'w Task<S, I, O>,
    settings: Settings,
}

impl<'w, S: Open + 'static, I: Message, O: Message> Call<'w, S, I, O> {
    pub(crate) fn new(scheduler: &'w RefCell<Scheduler>, task: &'w Task<S, I, O>) -> Self {
        Self {
            scheduler,
            task,
            settings: Settings::default(),
        }
    }

    /// How many tasks a worker gets at once. Default: as many as take about half a millisecond, as found while
    /// they run, and fewer towards the end where the number of inputs is known.
    pub fn chunk_len(mut self, tasks: usize) -> Self {
        self.settings.chunk_len = Some(tasks);
        self
    }

    /// How many tasks may be on their way: given to workers, and their results not taken from the iterator. No
    /// more inputs are asked for meanwhile. Default: 64 for each worker, or what takes each about 4 ms.
    pub fn in_flight(mut self, tasks: usize) -> Self {
        self.settings.in_flight = Some(tasks);
        self
    }

    /// How long a task may run. The worker of one that runs longer is killed and replaced, and the task is
    /// reported as [`TaskFailure::TimedOut`](crate::TaskFailure::TimedOut). Looked at every 20 ms while results
    /// are waited for. Needs workers that are processes.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.settings.limit = Some(limit);
        self
    }

    /// Ends the call with [`Error::Cancelled`] once the token is cancelled, at most 20 ms later. Tasks that run
    /// run to their end.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.settings.cancel = Some(token.clone());
        self
    }

    /// What is done where a worker dies with one of the tasks. Default: others try it twice.
    pub fn when_worker_dies(mut self, then: WhenWorkerDies) -> Self {
        self.settings.when_worker_dies = then;
        self
    }

    /// Whether to show a bar on the standard error, if that is a terminal. Default: no.
    #[cfg(feature = "progress")]
    pub fn progress(mut self, progress: bool) -> Self {
        self.settings.progress = progress;
        self
    }

    /// The outputs, in the order of the inputs. Ends at the first task that gives none.
    ///
    /// # Errors
    /// [`Error::TaskFailed`] for the first task, in the order of the inputs, that gives no output; the others are
    /// given up. Otherwise as [`imap`](Self::imap).
    pub fn map(self, inputs: impl IntoIterator<Item = I::Value>) -> Result<Vec<O::Value>> {
        self.imap(inputs)?.collect()
    }

    /// As [`map`](Self::map), in the order in which the tasks end.
    ///
    /// # Errors
    /// [`Error::TaskFailed`] for the first task that gives no output. Otherwise as [`imap`](Self::imap).
    pub fn map_unordered(
        self,
        inputs: impl IntoIterator<Item = I::Value>,
    ) -> Result<Vec<O::Value>> {
        self.imap_unordered(inputs)?.collect()
    }

    /// The outputs as an iterator, in the order of the inputs. Inputs are asked for while results are, and no
    /// more than are [in flight](Self::in_flight): who takes no results asks for no inputs.
    ///
    /// A task that gives no output is an error in its place, and the others go on.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a task that `Workers::begin` was not given, or options that cannot be;
    /// [`Error::WorkerFailed`] where the pool cannot go on. The iterator ends after the latter, and after
    /// [`Error::Cancelled`].
    pub fn imap<J>(self, inputs: J) -> Result<Results<'w, I, O, J::IntoIter>>
    where
        J: IntoIterator<Item = I::Value>,
    {
        self.begin(inputs.into_iter(), true)
    }

    /// As [`imap`](Self::imap), in the order in which the tasks end.
    ///
    /// # Errors
    /// As [`imap`](Self::imap).
    pub fn imap_unordered<J>(self, inputs: J) -> Result<Results<'w, I, O, J::IntoIter>>
    where
        J: IntoIterator<Item = I::Value>,
    {
        self.begin(inputs.into_iter(), false)
    }

    /// As [`imap`](Self::imap), for inputs that may fail, such as ranges of a file: the first that does so is the last
    /// that is asked for. Its error comes after the outputs of those before it, and is the last item.
    ///
    /// ```
    /// use millpond::{Failure, LineRanges, Start, Task, Worker, Workers, WorkersOptions};
    /// use std::{ops::Range, path::PathBuf};
    ///
    /// static LINES: Task<(), (PathBuf, Range<u64>), usize> = Task { name: "lines", run: lines };
    /// fn lines(worker: &mut Worker<'_, ()>, (path, range): (PathBuf, Range<u64>)) -> Result<usize, Failure> {
    ///     let text = worker.state::<String>();
    ///     LineRanges::read(path, &range, text)?;
    ///     Ok(text.lines().count())
    /// }
    ///
    /// Workers::begin(&[&LINES]);
    /// let workers = Workers::start(WorkersOptions::new(2).start(Start::Threads))?;
    /// let path = std::env::temp_dir().join(format!("try-imap-{}", std::process::id()));
    /// std::fs::write(&path, "one\ntwo\nthree\n")?;
    /// let ranges = LineRanges::open(&path, 5)?.map(|range| Ok((path.clone(), range?)));
    /// let mut count = 0;
    /// for lines in workers.call(&LINES).try_imap(ranges)? {
    ///     count += lines?;
    /// }
    /// assert_eq!(count, 3);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`imap`](Self::imap).
    pub fn try_imap<J>(self, inputs: J) -> Result<TryResults<'w, I, O, J::IntoIter>>
    where
        J: IntoIterator<Item = Result<I::Value>>,
    {
        TryResults::of(inputs.into_iter(), |inputs| self.begin(inputs, true))
    }

    /// As [`try_imap`](Self::try_imap), in the order in which the tasks end; the error of an input still comes last.
    ///
    /// # Errors
    /// As [`imap`](Self::imap).
    pub fn try_imap_unordered<J>(self, inputs: J) -> Result<TryResults<'w, I, O, J::IntoIter>>
    where
        J: IntoIterator<Item = Result<I::Value>>,
    {
        TryResults::of(inputs.into_iter(), |inputs| self.begin(inputs, false))
    }

    /// The output of one task.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn apply(self, input: I::Value) -> Result<O::Value> {
        self.apply_async(input)?.wait()
    }

    /// Gives one task to a worker, the one that has the least to do, and does not wait for the output. Waits only
    /// where each worker has 16 things to do already.
    ///
    /// # Errors
    /// As [`imap`](Self::imap).
    pub fn apply_async(mut self, input: I::Value) -> Result<Pending<'w, I, O>> {
        self.settings.depth = Some(Depth::patient(ASYNC_DEPTH));
        let mut results = self.begin(iter::once(input), true)?;
        results.send_only()?;
        Ok(Pending { results })
    }

    fn begin<J: Iterator<Item = I::Value>>(
        self,
        inputs: J,
        ordered: bool,
    ) -> Result<Results<'w, I, O, J>> {
        let place = index_of(self.task)?;
        for (what, number) in [
            ("the length of a chunk", self.settings.chunk_len),
            ("the number of tasks in flight", self.settings.in_flight),
        ] {
            if number == Some(0) {
                return Error::invalid(what, "0".into(), "1 or more".into());
            }
        }
        let task = (self.task.name, place);
        Results::new(self.scheduler, task, self.settings, ordered, inputs)
    }
}

/// The output of one task, that is not awaited yet. Made by [`Call::apply_async`].
///
/// Dropped, it gives up the task if it was not begun.
#[must_use = "dropped, it gives up the task"]
pub struct Pending<'w, I: Message, O: Message> {
    results: Results<'w, I, O, iter::Once<I::Value>>,
}

impl<I: Message, O: Message> Pending<'_, I, O> {
    /// Waits for the output.
    ///
    /// # Errors
    /// As [`Call::map`].
    pub fn wait(mut self) -> Result<O::Value> {
        self.results
            .next()
            .expect("a result for the input, or an error")
    }

    /// Returns `true` if the output, or an error, is there.
    pub fn is_ready(&mut self) -> bool {
        self.results.is_ready()
    }
}

impl<I: Message, O: Message> fmt::Debug for Pending<'_, I, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pending").finish_non_exhaustive()
    }
}
