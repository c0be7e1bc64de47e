//! The results of a call, and its inputs, which are asked for and sent as results are taken.
//!
//! Imports the scheduler, which it has for the moments in which it sends or looks; never while it asks for an input,
//! as the inputs may be results of another call.

use std::cell::RefCell;
use std::fmt;
use std::iter::Fuse;
use std::rc::Rc;
use std::time::{Duration, Instant};

#[cfg(feature = "progress")]
use super::progress::Progress;
use crate::cancel::CancelToken;
use crate::error::{Error, Result, TaskFailure};
use crate::workers::options::WhenWorkerDies;
use crate::workers::schedule::chunk_sizing::ChunkSizing;
use crate::workers::schedule::dispatcher::too_large;
use crate::workers::schedule::in_flight::{InFlight, Work};
use crate::workers::schedule::reorder_buffer::{Inbox, shown};
use crate::workers::schedule::scheduler::{Depth, Scheduler};
use crate::workers::wire::chunk::{ChunkBuilder, LENGTH};
use crate::workers::wire::message::Message;

/// How long a chunk may wait for its inputs.
const PATIENCE: Duration = Duration::from_millis(1);

/// What was asked for.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) chunk_len: Option<usize>,
    pub(crate) in_flight: Option<usize>,
    /// How many chunks a worker may have, if not as the sizing says.
    pub(crate) depth: Option<Depth>,
    pub(crate) limit: Option<Duration>,
    pub(crate) cancel: Option<CancelToken>,
    pub(crate) when_worker_dies: WhenWorkerDies,
    #[cfg(feature = "progress")]
    pub(crate) progress: bool,
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

/// The outputs of a call, as they come. Made by [`Call::imap`](crate::Call::imap) and
/// [`Call::imap_unordered`](crate::Call::imap_unordered).
///
/// Dropped before its end, it gives up the tasks that were not begun; those that run do so to their end, and
/// nobody gets their results.
pub struct Results<'w, I: Message, O: Message, J: Iterator<Item = I::Value>> {
    scheduler: &'w RefCell<Scheduler>,
    call: u64,
    place: usize,
    settings: Settings,
    inbox: Rc<RefCell<Inbox<I, O>>>,
    inputs: Fuse<J>,
    asked: Asked,
    /// The next chunk: without tasks, or complete.
    chunk: ChunkBuilder,
    /// Whether its inputs took their time.
    is_slow: bool,
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
        if self.is_over {
            return None;
        }
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
            if self.issued == self.taken && !self.left_to_send() {
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
        let mut there = (self.issued - self.taken) as usize + self.chunk.tasks as usize;
        there += usize::from(self.carried.is_some());
        if self.is_over {
            return (0, Some(0));
        }
        // The next may be an error that is the last, as where an endless call is cancelled.
        let least = least.max(there).min(1);
        (least, most.and_then(|most| most.checked_add(there)))
    }
}

impl<'w, I: Message, O: Message, J: Iterator<Item = I::Value>> Results<'w, I, O, J> {
    /// Of a task, by its name and its place in the list.
    pub(crate) fn new(
        scheduler: &'w RefCell<Scheduler>,
        (name, place): (&'static str, usize),
        settings: Settings,
        ordered: bool,
        inputs: J,
    ) -> Result<Self> {
        let mut inside = scheduler.borrow_mut();
        inside.check()?;
        inside.check_limit(settings.limit)?;
        let sizing = ChunkSizing::new(settings.chunk_len, settings.in_flight, inside.workers.len());
        let inbox = Rc::new(RefCell::new(Inbox::new(name, ordered, sizing)));
        let call = inside.dispatcher.calls.open(inbox.clone());
        Ok(Self {
            scheduler,
            call,
            place,
            #[cfg(feature = "progress")]
            progress: settings
                .progress
                .then(|| Progress::new(name, known_length(&inputs).map(|length| length as u64))),
            settings,
            inbox,
            inputs: inputs.fuse(),
            asked: Asked::More,
            chunk: ChunkBuilder::default(),
            is_slow: false,
            carried: None,
            issued: 0,
            taken: 0,
            fed: 0,
            memory: inside.memory(),
            longest: inside.longest(),
            is_over: false,
        })
    }

    /// Whether there is a result.
    pub(crate) fn has(&self) -> bool {
        self.inbox.borrow().has()
    }

    /// Whether the pool cannot go on.
    pub(crate) fn is_broken(&self) -> bool {
        self.scheduler.borrow().check().is_err()
    }

    /// The last item.
    #[cold]
    fn end(&mut self, error: Error) -> Option<Result<O::Value>> {
        self.is_over = true;
        self.scheduler.borrow_mut().forget(self.call);
        Some(Err(error))
    }

    /// Sends the first input, which is the only one, and waits only until a worker has room for it.
    pub(crate) fn send_only(&mut self) -> Result<()> {
        while self.issued == 0 {
            self.pump()?;
        }
        self.asked = Asked::All;
        self.chunk = ChunkBuilder::default(); // many calls may wait, each without the memory of its input
        Ok(())
    }

    fn left_to_send(&self) -> bool {
        self.asked == Asked::More || self.chunk.tasks > 0 || self.carried.is_some()
    }

    /// Sends more where there are places, and waits where nothing has come.
    pub(crate) fn pump(&mut self) -> Result<()> {
        let sent = self.refresh()?;
        let mut scheduler = self.scheduler.borrow_mut();
        if !sent && !self.inbox.borrow().has() && !scheduler.collect(Some(self.call)) {
            scheduler.wait();
        }
        scheduler.check()
    }

    /// Takes what has come, and sends more where there are places; says whether it did either.
    pub(crate) fn refresh(&mut self) -> Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        self.scheduler.borrow().check_process()?;
        if self
            .settings
            .cancel
            .as_ref()
            .is_some_and(CancelToken::is_cancelled)
        {
            let what = "the results of workers".into();
            return Err(Error::Cancelled { what });
        }
        let came = self.scheduler.borrow_mut().collect(Some(self.call));
        self.scheduler.borrow().check_process()?;
        let sent = self.feed()?;
        // Again before all that may be on its way is taken.
        let quarter = self.inbox.borrow().sizing.window() as u64 / 4;
        self.fed = self.taken + quarter.clamp(1, 1024);
        Ok(came || sent)
    }

    /// Sends chunks while there are places for them, inputs, and room for results.
    fn feed(&mut self) -> Result<bool> {
        let mut any = false;
        loop {
            let (depth, window, bytes) = {
                let inbox = self.inbox.borrow();
                let asked = self.settings.depth;
                let depth = asked.unwrap_or_else(|| Depth::new(inbox.sizing.depth()));
                (depth, inbox.sizing.window() as u64, inbox.bytes)
            };
            if self.chunk.tasks == 0 {
                let free = window.saturating_sub(self.issued - self.taken);
                let is_stuck = bytes > self.memory && self.issued > self.taken;
                if free == 0 || is_stuck || !self.left_to_send() {
                    return Ok(any);
                }
                if !self.scheduler.borrow_mut().has_place(depth) {
                    return Ok(any);
                }
                self.fill(free as usize);
                // What gives, writes and shows inputs is the user's, and may have forked.
                self.scheduler.borrow().check_process()?;
                if self.chunk.tasks == 0 {
                    any |= self.inbox.borrow().has();
                    return Ok(any);
                }
            }
            let sent = InFlight {
                call: self.call,
                first: self.issued,
                retries: self.settings.when_worker_dies.retries(),
                limit: self.settings.limit,
                ..InFlight::new(Work::Chunk, self.chunk.tasks)
            };
            if !self
                .scheduler
                .borrow_mut()
                .send(&sent, &self.chunk.body, depth)
            {
                return Ok(any);
            }
            self.issued += u64::from(self.chunk.tasks);
            (self.chunk.tasks, any) = (0, true);
            if self.is_slow {
                return Ok(any); // there may be results
            }
        }
    }

    /// Puts a chunk of at most `free` tasks together.
    fn fill(&mut self, free: usize) {
        let left = known_length(&self.inputs);
        let length = self.inbox.borrow().sizing.chunk_len(left).min(free);
        self.chunk.begin(self.place);
        let began = Instant::now();
        self.is_slow = false;
        while (self.chunk.tasks as usize) < length && self.chunk.body.len() < self.longest / 2 {
            match self.carried.take() {
                Some(Carried::Input(bytes)) => {
                    self.chunk.add_all(&bytes, 1);
                    continue;
                }
                Some(Carried::Refused(input, failure)) => {
                    if self.chunk.tasks > 0 {
                        self.carried = Some(Carried::Refused(input, failure));
                        break; // in its turn
                    }
                    let mut inbox = self.inbox.borrow_mut();
                    let error = inbox.error(self.issued, failure, 0, input);
                    inbox.put(self.issued, Err(error), 0);
                    self.issued += 1;
                    break; // as a chunk of its own
                }
                None => {}
            }
            // Over, should this panic.
            self.is_over = true;
            let input = self.inputs.next();
            self.is_over = false;
            let Some(input) = input else {
                self.asked = Asked::All;
                break;
            };
            self.add(&input);
            if self.chunk.tasks.is_power_of_two() || self.chunk.tasks.is_multiple_of(8) {
                // What is there does not wait for inputs that take their time.
                self.is_slow = began.elapsed() > PATIENCE;
                if self.is_slow {
                    break;
                }
            }
        }
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
            .field("sent", &self.issued)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

/// How many items an iterator has left, if it says so. It may be wrong: for what is fast, and not for what is right.
fn known_length(inputs: &impl Iterator) -> Option<usize> {
    let (least, most) = inputs.size_hint();
    most.filter(|&most| most == least)
}
