//! Supervision: workers that leave, and workers that die. What a dead worker had goes to others.
//!
//! A part of the scheduler.

use std::time::Instant;

use super::in_flight::{InFlight, Request, Unsent, Work};
use super::scheduler::Scheduler;
use super::worker_handle::Leaving;
use crate::error::TaskFailure;
use crate::os::fail_point;
use crate::workers::wire::chunk::{self, ChunkBuilder};

/// How many processes of a worker may end in a row, each without an answer to a task and before it began one.
const MOST_FAILURES: u32 = 5;

/// Why the worker group gives up if its own bytes in a ring of tasks cannot be read.
const DAMAGED: &str = "its own tasks are damaged";

impl Scheduler {
    /// Looks at every worker: whether it is ready, lives, keeps its time limits, and should leave.
    pub(super) fn supervise(&mut self) {
        self.supervised = Instant::now();
        for number in 0..self.workers.len() {
            if self.check_process().is_err() {
                return; // code of the user's, which shows an input, has forked
            }
            let worker = &mut self.workers[number];
            if self.finishing && worker.is_gone() {
                continue;
            }
            worker.update_ready();
            if let Some(status) = worker.ended() {
                self.collect_from(number, |_| true); // its last answers
                self.reap(number, status);
                continue;
            }
            worker.keep_limit(self.options.init_limit, self.options.exit_limit);
            if !worker.is_ready && worker.age() > self.options.start_limit {
                worker.kill();
                let limit = self.options.start_limit;
                let reason = format!("it was not ready within {limit:?}");
                self.dispatcher.give_up(number, reason);
            }
            self.drain(number);
        }
    }

    /// Takes the next step with a worker that leaves: it answers what it has, runs its exit task, and stops.
    fn drain(&mut self, number: usize) {
        let is_leaving = self.is_leaving(&self.workers[number]);
        let worker = &mut self.workers[number];
        if is_leaving && worker.leaving == Leaving::No {
            worker.leaving = Leaving::Asked;
        }
        let is_late = |since: Instant| since.elapsed() > self.options.exit_limit;
        match worker.leaving {
            Leaving::Asked if worker.in_flight.is_empty() => match &self.options.exit {
                Some(exit) => {
                    // It fits: the ring is empty, and the length of the input was checked at the start.
                    worker.send(chunk::CHUNK, Request::new(Work::Exit, 1), &exit.body);
                    worker.leaving = Leaving::Exiting(Instant::now());
                }
                None => worker.stop(),
            },
            Leaving::Exiting(_) if worker.in_flight.is_empty() => worker.stop(),
            Leaving::Exiting(since) | Leaving::Stopped(since) if is_late(since) => {
                let what = match worker.leaving {
                    Leaving::Exiting(_) => "its exit task took longer than",
                    _ => "it did not end within",
                };
                let limit = self.options.exit_limit;
                let reason = format!("{what} {limit:?}");
                self.dispatcher.failed_exit(number, reason);
                worker.kill();
            }
            _ => {}
        }
    }

    /// Replaces a worker that has ended, after its last answers were taken.
    fn reap(&mut self, number: usize, status: String) {
        fail_point("workers.ended");
        let worker = &mut self.workers[number];
        let mut status = worker.last_words.take().unwrap_or(status);
        if worker.was_started() && !worker.is_ready {
            status.push_str(
                " (before it was ready: is `Workers::begin` called at the head of `main`? Its standard error \
                 may say more)",
            );
        }
        let frames = std::mem::take(&mut worker.in_flight);
        let has_begun = worker.has_begun();
        for (at, frame) in frames.iter().enumerate() {
            if frame.request.work == Work::Chunk {
                self.give_back(number, frame, has_begun && at == 0, &status);
            }
        }
        if self.check_process().is_err() {
            return; // code of the user's, which shows an input, has forked
        }
        let is_initialising = frames.iter().any(|frame| frame.request.work == Work::Init);
        self.record_end(number, status, is_initialising);
        let worker = &mut self.workers[number];
        worker.wait();
        let has_left = matches!(worker.leaving, Leaving::Stopped(_) | Leaving::Exiting(_));
        if self.finishing && has_left {
            worker.leaving = Leaving::Stopped(Instant::now());
        } else if self.dispatcher.check().is_ok() {
            self.start_worker(number);
        }
    }

    /// Records how a worker has ended: as an exit that failed, as a reason to give up, or as one more failure in a row.
    fn record_end(&mut self, number: usize, status: String, is_initialising: bool) {
        let worker = &mut self.workers[number];
        let (has_begun, is_late) = (worker.has_begun(), worker.is_late());
        match worker.leaving {
            Leaving::Stopped(since) => worker.past.exit += since.elapsed(),
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
            // The death is counted for the task that it had begun, and not for the worker.
            _ if worker.has_worked() || (has_begun && !is_initialising) => worker.failures = 0,
            _ => {
                worker.failures += 1;
                if worker.failures >= MOST_FAILURES {
                    self.dispatcher.give_up(number, status);
                }
            }
        }
    }

    /// Gives the unanswered tasks of a dead worker's chunk to others. A task that was begun is given only if it may be
    /// tried again, and is reported otherwise.
    fn give_back(&mut self, number: usize, frame: &InFlight, has_begun: bool, status: &str) {
        let (worker, request) = (&self.workers[number], &frame.request);
        let Some(receiver) = self.dispatcher.calls.get(request.call) else {
            return;
        };
        let Ok(chunk) = worker.chunk(frame) else {
            return self.dispatcher.give_up(number, DAMAGED.into());
        };
        let mut next = frame.answered;
        let mut parts = Vec::new();
        if has_begun {
            let deaths = if next == 0 { request.deaths + 1 } else { 1 };
            let failure = match worker.is_late() {
                true => Some(TaskFailure::TimedOut(request.limit.unwrap_or_default())),
                false if deaths > request.retries => Some(TaskFailure::WorkerDied(status.into())),
                false => None,
            };
            match failure {
                Some(failure) => {
                    let input = chunk.input(next, &frame.cursor);
                    let index = request.first + u64::from(next);
                    receiver.borrow_mut().failed(index, failure, number, input);
                }
                None => parts.push((next, next + 1, deaths)),
            }
            next += 1;
        }
        if next < request.tasks {
            parts.push((
                next,
                request.tasks,
                if next == 0 { request.deaths } else { 0 },
            ));
        }
        for (from, to, deaths) in parts {
            let Ok(inputs) = chunk.bytes(from, to) else {
                return self.dispatcher.give_up(number, DAMAGED.into());
            };
            let mut builder = ChunkBuilder::default();
            builder.begin(chunk.task);
            builder.add_all(inputs, to - from);
            self.unsent.push_back(Unsent {
                request: request.part(from, to, deaths),
                body: builder.body,
            });
        }
    }

    /// Starts a worker, and sends it what it does first.
    pub(super) fn start_worker(&mut self, number: usize) {
        let worker = &mut self.workers[number];
        if let Err(error) = worker.start(self.options.start, &self.program) {
            // The next look sees it as ended, and tries again.
            worker.last_words = Some(error.to_string());
            return;
        }
        // Both fit into an empty ring, as was checked at the start.
        let shared = self.options.shared.as_bytes();
        worker.send(chunk::SHARE, Request::new(Work::Share, 1), shared);
        if let Some(init) = &self.options.init {
            worker.send(chunk::CHUNK, Request::new(Work::Init, 1), &init.body);
        }
    }
}
