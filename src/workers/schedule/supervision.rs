//! Workers that end: those that were told to, and those that die. What they had goes to others.
//!
//! The other half of `scheduler.rs`.

use std::time::Instant;

use super::in_flight::{InFlight, Work};
use super::scheduler::{Scheduler, Waiting};
use super::worker_handle::Leaving;
use crate::error::TaskFailure;
use crate::os::fail_point;
use crate::workers::wire::chunk::{self, ChunkBuilder};

/// How many of a worker's processes may end in a row before they have answered a task, and with none begun.
const MOST_FAILURES: u32 = 5;

impl Scheduler {
    /// The next step of a worker that is to leave.
    pub(crate) fn drain_worker(&mut self, number: usize) {
        let is_leaving = self.is_leaving(&self.workers[number]);
        let slot = &mut self.workers[number];
        if is_leaving && slot.leaving == Leaving::No {
            slot.leaving = Leaving::Asked;
        }
        let is_late = |since: Instant| since.elapsed() > self.options.exit_limit;
        match slot.leaving {
            Leaving::Asked if slot.queue.is_empty() => match &self.options.exit {
                Some(exit) => {
                    // The ring is empty, and the pool was not started with an input that is too long.
                    slot.send(chunk::CHUNK, InFlight::new(Work::Exit, 1), &exit.body);
                    slot.leaving = Leaving::Exiting(Instant::now());
                }
                None => slot.stop(),
            },
            Leaving::Exiting(_) if slot.queue.is_empty() => slot.stop(),
            Leaving::Exiting(since) | Leaving::Stopped(since) if is_late(since) => {
                let what = match slot.leaving {
                    Leaving::Exiting(_) => "its exit task took longer than",
                    _ => "it did not end within",
                };
                let limit = self.options.exit_limit;
                self.dispatcher
                    .failed_exit(number, format!("{what} {limit:?}"));
                slot.kill();
            }
            _ => {}
        }
    }

    /// A worker has ended, and all that it had answered was taken.
    pub(crate) fn reap(&mut self, number: usize, status: String) {
        fail_point("workers.ended");
        let slot = &mut self.workers[number];
        let mut status = slot.last_words.take().unwrap_or(status);
        if slot.was_started() && !slot.is_ready {
            status.push_str(
                " (before it was there: is `Workers::begin` called at the head of `main`? Its standard error \
                 may say more)",
            );
        }
        let queue = std::mem::take(&mut slot.queue);
        let (has_begun, is_late) = (slot.has_begun(), slot.is_late());
        for (place, sent) in queue.iter().enumerate() {
            if sent.what == Work::Chunk {
                self.give_back(number, sent, has_begun && place == 0, &status);
            }
        }
        if self.check_process().is_err() {
            return; // what shows an input forked
        }
        let slot = &mut self.workers[number];
        let is_initialising = queue.iter().any(|sent| sent.what == Work::Init);
        match slot.leaving {
            Leaving::Stopped(since) => slot.past.exit += since.elapsed(),
            Leaving::Exiting(_) => {
                let limit = self.options.exit_limit;
                let reason = match is_late {
                    true => format!("its exit task took longer than {limit:?}"),
                    false => format!("it ended before its exit task did: {status}"),
                };
                self.dispatcher.failed_exit(number, reason);
            }
            _ if is_late && is_initialising => {
                let limit = self.options.init_limit.unwrap_or_default();
                let reason = format!("its init task took longer than {limit:?}");
                self.dispatcher.give_up(number, reason);
            }
            // A task answers for what it did itself.
            _ if slot.has_worked() || (has_begun && !is_initialising) => slot.failures = 0,
            _ => {
                slot.failures += 1;
                if slot.failures >= MOST_FAILURES {
                    self.dispatcher.give_up(number, status);
                }
            }
        }
        slot.wait();
        let is_done = matches!(slot.leaving, Leaving::Stopped(_) | Leaving::Exiting(_));
        if self.finishing && is_done {
            slot.leaving = Leaving::Stopped(Instant::now());
        } else if self.dispatcher.check().is_ok() {
            self.start_worker(number);
        }
    }

    /// What a dead worker had of a call, goes to others; the task that it had begun, if it may.
    fn give_back(&mut self, number: usize, sent: &InFlight, has_begun: bool, status: &str) {
        let Some(inbox) = self.dispatcher.calls.get(sent.call).cloned() else {
            return;
        };
        let slot = &self.workers[number];
        let Ok(chunk) = slot.chunk(sent) else {
            return self
                .dispatcher
                .give_up(number, "its own tasks are damaged".into());
        };
        let mut next = sent.answered;
        let mut parts = Vec::new();
        if has_begun {
            let deaths = if next == 0 { sent.deaths + 1 } else { 1 };
            let failure = match slot.is_late() {
                true => Some(TaskFailure::TimedOut(sent.limit.unwrap_or_default())),
                false if deaths > sent.retries => Some(TaskFailure::WorkerDied(status.into())),
                false => None,
            };
            match failure {
                Some(failure) => {
                    let input = chunk
                        .bytes(next, next + 1)
                        .ok()
                        .and_then(chunk::first_input);
                    let index = sent.first + u64::from(next);
                    inbox.borrow_mut().failed(index, failure, number, input);
                }
                None => parts.push((next, next + 1, deaths)),
            }
            next += 1;
        }
        if next < sent.tasks {
            parts.push((next, sent.tasks, if next == 0 { sent.deaths } else { 0 }));
        }
        for (from, to, deaths) in parts {
            let Ok(inputs) = chunk.bytes(from, to) else {
                return self
                    .dispatcher
                    .give_up(number, "its own tasks are damaged".into());
            };
            let mut rest = ChunkBuilder::default();
            rest.begin(chunk.task);
            rest.add_all(inputs, to - from);
            let (sent, body) = (sent.part(from, to, deaths), rest.body);
            self.waiting.push_back(Waiting { sent, body });
        }
    }

    /// Starts a worker in this place, with what it is to do first.
    pub(crate) fn start_worker(&mut self, number: usize) {
        let slot = &mut self.workers[number];
        if let Err(error) = slot.start(self.options.start, &self.program) {
            // Seen as ended at the next look, and tried again.
            slot.last_words = Some(error.to_string());
            return;
        }
        // Both fit into an empty ring, as was checked.
        let shared = self.options.shared.as_bytes();
        slot.send(chunk::SHARE, InFlight::new(Work::Share, 1), shared);
        if let Some(init) = &self.options.init {
            slot.send(chunk::CHUNK, InFlight::new(Work::Init, 1), &init.body);
        }
    }
}
