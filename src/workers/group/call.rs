//! The options of one call, and the ways in which its results come. `results.rs` does the work.

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
use crate::workers::schedule::placement::Depth;
use crate::workers::schedule::scheduler::Scheduler;
use crate::workers::wire::message::Message;
use crate::workers::worker::{registry::index_of, task::Task};

/// How many tasks a worker may have from calls of one task each.
const ASYNC_DEPTH: usize = 16;

/// A call and its options. The last method says in which way results come. Made by
/// [`Workers::call`](crate::Workers::call).
///
/// ```
/// use std::time::Duration;
/// use millpond::workers::{Failure, Start, WhenWorkerDies, Worker};
/// use millpond::{Task, Workers, WorkersOptions};
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

    /// Sets how many tasks a chunk has. Default: as many as take about half a millisecond, which is measured while they
    /// run, and fewer in the last chunks if the number of inputs is known.
    pub fn chunk_len(mut self, tasks: usize) -> Self {
        self.settings.chunk_len = Some(tasks);
        self
    }

    /// Sets how many tasks may be in flight: sent to workers, and their results not taken from the iterator. No more
    /// inputs are asked for meanwhile. Default: 64 for each worker, or as many as take each about 4 ms.
    pub fn in_flight(mut self, tasks: usize) -> Self {
        self.settings.in_flight = Some(tasks);
        self
    }

    /// Sets how long a task may run. If a task runs longer, its worker is killed and replaced, and the task is reported as
    /// [`TaskFailure::TimedOut`](crate::error::TaskFailure::TimedOut). Limits are checked every 20 ms while the caller waits for
    /// results. Needs workers that are processes.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.settings.limit = Some(limit);
        self
    }

    /// Ends the call with [`Error::Cancelled`] once the token is cancelled, at most 20 ms later. Tasks that are running
    /// run to their end.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.settings.cancel = Some(token.clone());
        self
    }

    /// Sets what happens to a task whose worker dies. Default: others try it twice.
    pub fn when_worker_dies(mut self, then: WhenWorkerDies) -> Self {
        self.settings.when_worker_dies = then;
        self
    }

    /// Shows a bar on the standard error, if that is a terminal. Default: `false`.
    #[cfg(feature = "progress")]
    pub fn progress(mut self, progress: bool) -> Self {
        self.settings.progress = progress;
        self
    }

    /// Returns the outputs in the order of the inputs. Ends at the first task that returns none.
    ///
    /// # Errors
    /// [`Error::TaskFailed`] for the first task, in the order of the inputs, that returns no output. The others are
    /// cancelled. Otherwise as [`imap`](Self::imap).
    pub fn map(self, inputs: impl IntoIterator<Item = I::Value>) -> Result<Vec<O::Value>> {
        self.imap(inputs)?.collect()
    }

    /// Like [`map`](Self::map), but returns the outputs in the order in which the tasks end.
    ///
    /// # Errors
    /// [`Error::TaskFailed`] for the first task that returns no output. Otherwise as [`imap`](Self::imap).
    pub fn map_unordered(
        self,
        inputs: impl IntoIterator<Item = I::Value>,
    ) -> Result<Vec<O::Value>> {
        self.imap_unordered(inputs)?.collect()
    }

    /// Returns the outputs as an iterator, in the order of the inputs. Inputs are asked for while results are taken, and
    /// no more than are [in flight](Self::in_flight): a caller that takes no results reads no inputs.
    ///
    /// A task that returns no output is an error in its place, and the others go on.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a task that was not passed to `Workers::begin`, or options that cannot be;
    /// [`Error::WorkerFailed`] if the worker group cannot go on. The iterator ends after the latter, and after
    /// [`Error::Cancelled`].
    pub fn imap<J>(self, inputs: J) -> Result<Results<'w, I, O, J::IntoIter>>
    where
        J: IntoIterator<Item = I::Value>,
    {
        self.begin(inputs.into_iter(), true)
    }

    /// Like [`imap`](Self::imap), but in the order in which the tasks end.
    ///
    /// # Errors
    /// As [`imap`](Self::imap).
    pub fn imap_unordered<J>(self, inputs: J) -> Result<Results<'w, I, O, J::IntoIter>>
    where
        J: IntoIterator<Item = I::Value>,
    {
        self.begin(inputs.into_iter(), false)
    }

    /// Like [`imap`](Self::imap), for inputs that may fail, such as ranges of a file. After the first input that fails no
    /// other is asked for. Its error comes after the outputs of the inputs before it, and is the last item.
    ///
    /// ```
    /// use millpond::workers::{Failure, LineRanges, Start, Worker};
    /// use millpond::{Task, Workers, WorkersOptions};
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

    /// Like [`try_imap`](Self::try_imap), but in the order in which the tasks end. The error of an input comes last.
    ///
    /// # Errors
    /// As [`imap`](Self::imap).
    pub fn try_imap_unordered<J>(self, inputs: J) -> Result<TryResults<'w, I, O, J::IntoIter>>
    where
        J: IntoIterator<Item = Result<I::Value>>,
    {
        TryResults::of(inputs.into_iter(), |inputs| self.begin(inputs, false))
    }

    /// Runs the task for one input, and returns its output.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn apply(self, input: I::Value) -> Result<O::Value> {
        self.apply_async(input)?.wait()
    }

    /// Sends one task to the worker with the fewest chunks, and does not wait for the output. Waits only if each worker
    /// has 16 chunks already.
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

/// The output of one task, which may not have arrived. Made by [`Call::apply_async`].
///
/// If it is dropped, the task is cancelled unless it was begun.
#[must_use = "if it is dropped, the task is cancelled"]
pub struct Pending<'w, I: Message, O: Message> {
    results: Results<'w, I, O, iter::Once<I::Value>>,
}

impl<I: Message, O: Message> Pending<'_, I, O> {
    /// Waits for the output, and returns it.
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
