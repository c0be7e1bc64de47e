//! The results of a call as an iterator. It asks for inputs and sends them while results are taken from it.
//!
//! It borrows the scheduler for single steps, and never while it asks for an input: the inputs may be results of
//! another call of the same worker group.

use std::cell::RefCell;
use std::fmt;
use std::iter::Fuse;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::outputs::{Outputs, shown};
#[cfg(feature = "progress")]
use super::progress::Progress;
use crate::cancel::CancelToken;
use crate::error::{Error, Result, TaskFailure};
use crate::workers::options::WhenWorkerDies;
use crate::workers::schedule::chunk_sizing::ChunkSizing;
use crate::workers::schedule::dispatcher::too_large;
use crate::workers::schedule::in_flight::{Request, Work};
use crate::workers::schedule::placement::Depth;
use crate::workers::schedule::scheduler::Scheduler;
use crate::workers::wire::chunk::{ChunkBuilder, LENGTH};
use crate::workers::wire::message::Message;

/// The longest time that a chunk waits for its inputs.
const PATIENCE: Duration = Duration::from_millis(1);

/// The options of a call.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) chunk_len: Option<usize>,
    pub(super) in_flight: Option<usize>,
    /// How many chunks a worker may have. By default the chunk sizing says so.
    pub(super) depth: Option<Depth>,
    pub(super) limit: Option<Duration>,
    pub(super) cancel: Option<CancelToken>,
    pub(super) when_worker_dies: WhenWorkerDies,
    #[cfg(feature = "progress")]
    pub(super) progress: bool,
}

/// An input that came after the end of a chunk.
enum Carried {
    /// Its bytes, with the length before them.
    Input(Vec<u8>),
    /// The text of an input that cannot be sent, and why.
    Refused(String, TaskFailure),
}

/// The outputs of a call, as they arrive. Made by [`Call::imap`](crate::workers::Call::imap) and
/// [`Call::imap_unordered`](crate::workers::Call::imap_unordered).
///
/// If it is dropped before its end, tasks that were not begun are not run. Those that run do so to their end, and their
/// results are dropped.
pub struct Results<'w, I: Message, O: Message, J: Iterator<Item = I::Value>> {
    scheduler: &'w RefCell<Scheduler>,
    /// The number of the call, and the index of the task.
    call: u64,
    task: usize,
    settings: Settings,
    outputs: Rc<RefCell<Outputs<I, O>>>,
    inputs: Fuse<J>,
    /// `true` until the inputs have ended.
    has_inputs: bool,
    /// The next chunk. Invariant: between two steps it has no tasks, or is complete.
    chunk: ChunkBuilder,
    /// `true` if the inputs of the chunk took their time.
    is_slow: bool,
    carried: Option<Carried>,
    /// Inputs that were sent, and outputs that were taken.
    sent: u64,
    taken: u64,
    /// Once `taken` is so large, answers are collected and inputs are sent before the next result is taken.
    due: u64,
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
        if self.is_over {
            return None;
        }
        loop {
            let mut has_moved = true;
            if self.taken >= self.due {
                has_moved = match self.advance() {
                    Ok(has_moved) => has_moved,
                    Err(error) => return self.end(error),
                };
            }
            let next = self.outputs.borrow_mut().take();
            if let Some(result) = next {
                self.taken += 1;
                #[cfg(feature = "progress")]
                if let Some(progress) = &mut self.progress {
                    progress.advance(1);
                }
                return Some(result);
            }
            if self.sent == self.taken && !self.has_more_to_send() {
                #[cfg(feature = "progress")]
                if let Some(progress) = self.progress.take() {
                    progress.finish();
                }
                return None;
            }
            if let Err(error) = self.pause(has_moved) {
                return self.end(error);
            }
            self.due = self.taken;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.inputs.size_hint();
        let mut there = (self.sent - self.taken) as usize + self.chunk.tasks as usize;
        there += usize::from(self.carried.is_some());
        if self.is_over {
            return (0, Some(0));
        }
        // The next item may be an error that is the last, as when an endless call is cancelled.
        let least = least.max(there).min(1);
        (least, most.and_then(|most| most.checked_add(there)))
    }
}

impl<'w, I: Message, O: Message, J: Iterator<Item = I::Value>> Results<'w, I, O, J> {
    /// The results of a task, which is known by its name and its index.
    pub(super) fn new(
        scheduler: &'w RefCell<Scheduler>,
        (name, task): (&'static str, usize),
        settings: Settings,
        is_ordered: bool,
        inputs: J,
    ) -> Result<Self> {
        let mut inside = scheduler.borrow_mut();
        inside.check()?;
        inside.check_limit(settings.limit)?;
        let workers = inside.workers.len();
        let sizing = ChunkSizing::new(settings.chunk_len, settings.in_flight, workers);
        let outputs = Rc::new(RefCell::new(Outputs::new(name, is_ordered, sizing)));
        let call = inside.open(outputs.clone());
        Ok(Self {
            scheduler,
            call,
            task,
            #[cfg(feature = "progress")]
            progress: settings
                .progress
                .then(|| Progress::new(name, known_length(&inputs).map(|length| length as u64))),
            settings,
            outputs,
            inputs: inputs.fuse(),
            has_inputs: true,
            chunk: ChunkBuilder::default(),
            is_slow: false,
            carried: None,
            sent: 0,
            taken: 0,
            due: 0,
            memory: inside.memory(),
            longest: inside.longest(),
            is_over: false,
        })
    }

    /// Returns `true` if the next result, or an error, is there. Waits for nothing.
    pub(super) fn is_ready(&mut self) -> bool {
        let has_failed = self.advance().is_err();
        has_failed || self.outputs.borrow().has_next() || self.scheduler.borrow().check().is_err()
    }

    /// Sends the first input, which is the only one. Waits until a worker has room for it.
    pub(super) fn send_only(&mut self) -> Result<()> {
        while self.sent == 0 {
            let has_moved = self.advance()?;
            self.pause(has_moved)?;
        }
        self.has_inputs = false;
        self.chunk = ChunkBuilder::default(); // many calls may wait, each without the memory of its input
        Ok(())
    }

    /// Returns an error as the last item.
    #[cold]
    fn end(&mut self, error: Error) -> Option<Result<O::Value>> {
        self.is_over = true;
        self.scheduler.borrow_mut().forget(self.call);
        Some(Err(error))
    }

    fn has_more_to_send(&self) -> bool {
        self.has_inputs || self.chunk.tasks > 0 || self.carried.is_some()
    }

    /// Takes the answers that have arrived, and sends inputs while there is room. Returns `true` if it did either.
    fn advance(&mut self) -> Result<bool> {
        let came = self.scheduler.borrow_mut().collect(Some(self.call))?;
        let cancel = self.settings.cancel.as_ref();
        if cancel.is_some_and(CancelToken::is_cancelled) {
            let what = "the results of workers".into();
            return Err(Error::Cancelled { what });
        }
        let has_sent = self.feed()?;
        // Due again before all that may be in flight is taken.
        let quarter = self.outputs.borrow().sizing.window() as u64 / 4;
        self.due = self.taken + quarter.clamp(1, 1024);
        Ok(came || has_sent)
    }

    /// Sleeps until there is news, unless the last step `has_moved` something.
    fn pause(&self, has_moved: bool) -> Result<()> {
        let mut scheduler = self.scheduler.borrow_mut();
        if !has_moved {
            scheduler.wait();
        }
        scheduler.check()
    }

    /// Sends chunks while workers have room, there are inputs, and results have room. Returns `true` if it sent one.
    fn feed(&mut self) -> Result<bool> {
        let mut has_sent = false;
        loop {
            let (depth, free) = self.room();
            if self.chunk.tasks == 0 && (free == 0 || !self.has_more_to_send()) {
                return Ok(has_sent);
            }
            let Some(worker) = self.scheduler.borrow_mut().free_worker(depth) else {
                return Ok(has_sent);
            };
            if self.chunk.tasks == 0 {
                self.is_slow = self.fill(free);
                if self.chunk.tasks == 0 {
                    // Code of the user's, which makes, writes and shows inputs, may have forked.
                    self.scheduler.borrow().check_process()?;
                    return Ok(has_sent || self.outputs.borrow().has_next());
                }
            }
            let request = Request {
                call: self.call,
                first: self.sent,
                retries: self.settings.when_worker_dies.retries(),
                limit: self.settings.limit,
                ..Request::new(Work::Chunk, self.chunk.tasks)
            };
            let mut scheduler = self.scheduler.borrow_mut();
            if !scheduler.send(worker, request, &self.chunk.body, depth)? {
                return Ok(has_sent);
            }
            self.sent += u64::from(self.chunk.tasks);
            (self.chunk.tasks, has_sent) = (0, true);
            if self.is_slow {
                return Ok(true); // there may be results by now
            }
        }
    }

    /// Returns how many chunks a worker may have, and how many tasks may be sent now.
    fn room(&self) -> (Depth, usize) {
        let outputs = self.outputs.borrow();
        let depth = self.settings.depth;
        let depth = depth.unwrap_or_else(|| Depth::new(outputs.sizing.depth()));
        let in_flight = self.sent - self.taken;
        let free = match outputs.bytes() > self.memory && in_flight > 0 {
            true => 0,
            false => (outputs.sizing.window() as u64).saturating_sub(in_flight),
        };
        (depth, free as usize)
    }

    /// Fills the chunk with at most `free` tasks. Returns `true` if its inputs took their time.
    fn fill(&mut self, free: usize) -> bool {
        let left = known_length(&self.inputs);
        let length = self.outputs.borrow().sizing.chunk_len(left).min(free);
        self.chunk.begin(self.task);
        let began = Instant::now();
        while (self.chunk.tasks as usize) < length && self.chunk.body.len() < self.longest / 2 {
            match self.carried.take() {
                Some(Carried::Input(bytes)) => {
                    self.chunk.add_all(&bytes, 1);
                    continue;
                }
                Some(refused @ Carried::Refused(..)) if self.chunk.tasks > 0 => {
                    self.carried = Some(refused); // its turn is after this chunk
                    break;
                }
                Some(Carried::Refused(input, failure)) => {
                    let mut outputs = self.outputs.borrow_mut();
                    outputs.put_error(self.sent, failure, 0, input);
                    self.sent += 1;
                    break;
                }
                None => {}
            }
            self.is_over = true; // stays so if this panics
            let input = self.inputs.next();
            self.is_over = false;
            let Some(input) = input else {
                self.has_inputs = false;
                break;
            };
            self.add(&input);
            let tasks = self.chunk.tasks;
            let looks_at_clock = tasks.is_power_of_two() || tasks.is_multiple_of(8);
            if looks_at_clock && began.elapsed() > PATIENCE {
                return true; // what is there does not wait for slow inputs
            }
        }
        false
    }

    /// Adds an input to the chunk, or carries it.
    #[inline]
    fn add(&mut self, input: &I::Value) {
        let start = self.chunk.body.len();
        if let Err(why) = self.chunk.add(|out| I::write(input, out)) {
            let failure = TaskFailure::Unreadable(format!("has an input that is wrong: {why}"));
            self.carried = Some(Carried::Refused(shown::<I>(input), failure));
            return;
        }
        if self.chunk.body.len() <= self.longest {
            return;
        }
        let bytes = self.chunk.take_last(start);
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
        if let Ok(mut scheduler) = self.scheduler.try_borrow_mut() {
            scheduler.forget(self.call);
        }
    }
}

impl<I: Message, O: Message, J: Iterator<Item = I::Value>> fmt::Debug for Results<'_, I, O, J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Results")
            .field("sent", &self.sent)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

/// Returns how many items an iterator has left, if it says so. It may be wrong: a wrong number costs speed only.
fn known_length(inputs: &impl Iterator) -> Option<usize> {
    let (least, most) = inputs.size_hint();
    most.filter(|&most| most == least)
}
