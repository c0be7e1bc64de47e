//! A call: a task and its inputs, sent as the results are taken.
//!
//! Imports the crew, which it has for the moments in which it sends or looks; never while it asks for an input,
//! as the inputs may be results of another call.

use std::cell::RefCell;
use std::fmt;
use std::iter::{self, Fuse};
use std::rc::Rc;
use std::time::Duration;

use super::chunk::{Draft, LENGTH};
use super::crew::Crew;
use super::inbox::{Inbox, shown};
use super::message::Message;
use super::options::WhenWorkerDies;
use super::pace::Pace;
use super::post::too_large;
#[cfg(feature = "progress")]
use super::progress::Progress;
use super::slot::{Sent, What};
use super::task::{Task, place_of};
use crate::cancel::CancelToken;
use crate::error::{Error, Result, TaskFailure};
use crate::open::Open;

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
    crew: &'w RefCell<Crew>,
    task: &'w Task<S, I, O>,
    settings: Settings,
    #[cfg(feature = "progress")]
    progress: bool,
}

#[derive(Clone, Default)]
struct Settings {
    chunk_len: Option<usize>,
    in_flight: Option<usize>,
    limit: Option<Duration>,
    cancel: Option<CancelToken>,
    when_worker_dies: WhenWorkerDies,
}

impl<'w, S: Open + 'static, I: Message, O: Message> Call<'w, S, I, O> {
    pub(super) fn new(crew: &'w RefCell<Crew>, task: &'w Task<S, I, O>) -> Self {
        Self {
            crew,
            task,
            settings: Settings::default(),
            #[cfg(feature = "progress")]
            progress: false,
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
    /// reported as [`TaskFailure::TimedOut`]. Looked at every 20 ms while results are waited for. Needs workers
    /// that are processes.
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
        self.progress = progress;
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

    /// The output of one task.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn apply(self, input: I::Value) -> Result<O::Value> {
        self.apply_async(input)?.wait()
    }

    /// Gives one task to a worker, and waits for a free place, but not for the output.
    ///
    /// # Errors
    /// As [`imap`](Self::imap).
    pub fn apply_async(self, input: I::Value) -> Result<Pending<'w, I, O>> {
        let mut results = self.begin(iter::once(input), true)?;
        while results.left_to_send() {
            results.pump()?;
        }
        Ok(Pending { results })
    }

    fn begin<J: Iterator<Item = I::Value>>(
        self,
        inputs: J,
        ordered: bool,
    ) -> Result<Results<'w, I, O, J>> {
        let place = place_of(self.task)?;
        let (crew, name, settings) = (self.crew, self.task.name, self.settings);
        for (what, number) in [
            ("the length of a chunk", settings.chunk_len),
            ("the number of tasks in flight", settings.in_flight),
        ] {
            if number == Some(0) {
                return Error::invalid(what, "0".into(), "1 or more".into());
            }
        }
        let mut inside = crew.borrow_mut();
        inside.check()?;
        inside.check_limit(settings.limit)?;
        let pace = Pace::new(settings.chunk_len, settings.in_flight, inside.workers());
        let inbox = Rc::new(RefCell::new(Inbox::new(name, ordered, pace)));
        let call = inside.new_call();
        inside.post.open(call, inbox.clone());
        let (memory, longest) = (inside.memory() * inside.workers(), inside.longest());
        drop(inside);
        #[cfg(feature = "progress")]
        let progress = self.progress.then(|| {
            let (least, most) = inputs.size_hint();
            Progress::new(
                name,
                most.filter(|&most| most == least).map(|most| most as u64),
            )
        });
        Ok(Results {
            crew,
            call,
            place,
            settings,
            inbox,
            inputs: inputs.fuse(),
            asked: Asked::More,
            draft: Draft::default(),
            is_full: false,
            carried: None,
            issued: 0,
            taken: 0,
            fed: 0,
            memory,
            longest,
            is_over: false,
            #[cfg(feature = "progress")]
            progress,
        })
    }
}

/// Whether there may be more inputs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    More,
    All,
}

/// What came after the end of a chunk.
enum Carried {
    /// An input, as it lies in a chunk.
    Input(Vec<u8>),
    /// One that cannot be sent, in words, and why.
    Refused(String, TaskFailure),
}

/// The outputs of a call, as they come. Made by [`Call::imap`] and [`Call::imap_unordered`].
///
/// Dropped before its end, it gives up the tasks that were not begun; those that run do so to their end, and
/// nobody gets their results.
pub struct Results<'w, I: Message, O: Message, J: Iterator<Item = I::Value>> {
    crew: &'w RefCell<Crew>,
    call: u64,
    place: usize,
    settings: Settings,
    inbox: Rc<RefCell<Inbox<I, O>>>,
    inputs: Fuse<J>,
    asked: Asked,
    /// The next chunk, and whether it is complete.
    draft: Draft,
    is_full: bool,
    carried: Option<Carried>,
    /// Inputs that were sent, and outputs that were taken; the latter also when inputs were last asked for.
    issued: u64,
    taken: u64,
    fed: u64,
    /// How many bytes of results may wait, and a chunk may have.
    memory: usize,
    longest: usize,
    is_over: bool,
    #[cfg(feature = "progress")]
    progress: Option<Progress>,
}

impl<I: Message, O: Message, J: Iterator<Item = I::Value>> Iterator for Results<'_, I, O, J> {
    type Item = Result<O::Value>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.taken >= self.fed
                && let Err(error) = self.refresh()
            {
                return self.end(error);
            }
            let next = self.inbox.borrow_mut().take();
            if let Some(result) = next {
                self.taken += 1;
                #[cfg(feature = "progress")]
                if let Some(progress) = &mut self.progress {
                    progress.advance(1);
                }
                return Some(result);
            }
            if self.is_over || (self.issued == self.taken && !self.left_to_send()) {
                #[cfg(feature = "progress")]
                if let Some(progress) = self.progress.take() {
                    progress.finish();
                }
                return None;
            }
            if let Err(error) = self.pump() {
                return self.end(error);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.inputs.size_hint();
        let mut there = (self.issued - self.taken) as usize + self.draft.tasks as usize;
        there += usize::from(self.carried.is_some());
        match self.is_over {
            true => (0, Some(there)),
            false => (
                least.saturating_add(there),
                most.and_then(|most| most.checked_add(there)),
            ),
        }
    }
}

impl<I: Message, O: Message, J: Iterator<Item = I::Value>> Results<'_, I, O, J> {
    /// The last item.
    #[cold]
    fn end(&mut self, error: Error) -> Option<Result<O::Value>> {
        if self.is_over {
            return None;
        }
        self.is_over = true;
        Some(Err(error))
    }

    fn left_to_send(&self) -> bool {
        self.asked == Asked::More || self.draft.tasks > 0 || self.carried.is_some()
    }

    /// Sends more where there are places, and waits where nothing has come.
    fn pump(&mut self) -> Result<()> {
        let sent = self.refresh()?;
        let mut crew = self.crew.borrow_mut();
        if !sent && !self.inbox.borrow().has() && !crew.collect() {
            crew.wait();
        }
        crew.check()
    }

    /// Takes what has come, and sends more where there are places; says whether it did either.
    fn refresh(&mut self) -> Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        if self
            .settings
            .cancel
            .as_ref()
            .is_some_and(CancelToken::is_cancelled)
        {
            let what = "the results of workers".into();
            return Err(Error::Cancelled { what });
        }
        let came = self.crew.borrow_mut().collect();
        let sent = self.feed();
        // Again before all that may be on its way is taken.
        let quarter = self.inbox.borrow().pace.window() as u64 / 4;
        self.fed = self.taken + quarter.clamp(1, 1024);
        Ok(came || sent)
    }

    /// Sends chunks while there are places for them, inputs, and room for results.
    fn feed(&mut self) -> bool {
        let mut any = false;
        loop {
            let (depth, window, bytes) = {
                let inbox = self.inbox.borrow();
                (inbox.pace.depth(), inbox.pace.window() as u64, inbox.bytes)
            };
            if !self.is_full {
                let free = window.saturating_sub(self.issued - self.taken);
                let is_stuck = bytes > self.memory && self.issued > self.taken;
                if free == 0 || is_stuck || !self.left_to_send() {
                    return any;
                }
                if !self.crew.borrow_mut().has_place(depth) {
                    return any;
                }
                self.fill(free as usize);
                if !self.is_full {
                    return any;
                }
            }
            let sent = Sent {
                call: self.call,
                first: self.issued,
                retries: self.settings.when_worker_dies.retries(),
                limit: self.settings.limit,
                ..Sent::new(What::Chunk, self.draft.tasks)
            };
            if !self.crew.borrow_mut().send(&sent, &self.draft.body, depth) {
                return any;
            }
            self.issued += u64::from(self.draft.tasks);
            (self.draft.tasks, self.is_full, any) = (0, false, true);
        }
    }

    /// Puts a chunk of at most `free` tasks together.
    fn fill(&mut self, free: usize) {
        let (least, most) = self.inputs.size_hint();
        let left = most.filter(|&most| most == least);
        let length = self.inbox.borrow().pace.chunk_len(left).min(free);
        self.draft.begin(self.place);
        while (self.draft.tasks as usize) < length && self.draft.body.len() < self.longest / 2 {
            match self.carried.take() {
                Some(Carried::Input(bytes)) => {
                    self.draft.add_all(&bytes, 1);
                    continue;
                }
                Some(Carried::Refused(input, failure)) => {
                    if self.draft.tasks > 0 {
                        self.carried = Some(Carried::Refused(input, failure));
                        break; // in its turn
                    }
                    let mut inbox = self.inbox.borrow_mut();
                    let error = inbox.error(self.issued, failure, 0, input);
                    inbox.put(self.issued, Err(error), 0);
                    self.issued += 1;
                    continue;
                }
                None => {}
            }
            let Some(input) = self.inputs.next() else {
                self.asked = Asked::All;
                break;
            };
            self.add(&input);
        }
        if self.inputs.size_hint().1 == Some(0) {
            self.asked = Asked::All;
        }
        self.is_full = self.draft.tasks > 0;
    }

    /// Adds an input to the draft, or carries it.
    #[inline]
    fn add(&mut self, input: &I::Value) {
        let start = self.draft.body.len();
        if let Err(why) = self.draft.add(|out| I::write(input, out)) {
            let failure = TaskFailure::Unreadable(format!("has an input that is wrong: {why}"));
            self.carried = Some(Carried::Refused(shown::<I>(input), failure));
            return;
        }
        if self.draft.body.len() <= self.longest {
            return;
        }
        let bytes = self.draft.take_last(start);
        self.carried = Some(match bytes.len() + 8 <= self.longest {
            true => Carried::Input(bytes),
            false => {
                let failure = too_large("input", (bytes.len() - LENGTH) as u64);
                Carried::Refused(shown::<I>(input), TaskFailure::TooLarge(failure))
            }
        });
    }
}

impl<I: Message, O: Message, J: Iterator<Item = I::Value>> Drop for Results<'_, I, O, J> {
    fn drop(&mut self) {
        if let Ok(mut crew) = self.crew.try_borrow_mut() {
            crew.forget(self.call);
        }
    }
}

impl<I: Message, O: Message, J: Iterator<Item = I::Value>> fmt::Debug for Results<'_, I, O, J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Results")
            .field("sent", &self.issued)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
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

    /// Whether it is there, or an error is.
    pub fn is_ready(&mut self) -> bool {
        let failed = self.results.refresh().is_err();
        failed || self.results.inbox.borrow().has() || self.results.crew.borrow().check().is_err()
    }
}

impl<I: Message, O: Message> fmt::Debug for Pending<'_, I, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Pending").finish_non_exhaustive()
    }
}
