//! The dispatcher passes each answer to the call that waits for it. It also keeps what the worker group itself needs
//! of answers: the outputs of init and exit tasks, the slowest tasks, and why the group cannot go on.

use std::time::Duration;

use super::calls::Calls;
use super::in_flight::{Answer, Work};
use crate::error::{Error, Result, TaskFailure};
use crate::workers::insights::{SlowTask, Slowest, WorkerInsights};
use crate::workers::wire::answer_kind::AnswerKind;

/// How many of the slowest tasks are kept.
const SLOWEST: usize = 10;

/// See the head of this file.
pub(crate) struct Dispatcher {
    pub(crate) calls: Calls,
    /// The outputs of the init and exit tasks, each with the number of its worker.
    pub(crate) initialised: Vec<(usize, Vec<u8>)>,
    pub(crate) exited: Vec<(usize, Vec<u8>)>,
    /// The slowest tasks, if the options ask for insights.
    pub(crate) slowest: Option<Slowest>,
    /// The worker for which the group cannot go on, and the reason.
    broken: Option<(usize, String)>,
    /// The first worker whose exit failed, and the reason.
    unexited: Option<(usize, String)>,
}

impl Dispatcher {
    pub(crate) fn new(insights: bool) -> Self {
        Self {
            calls: Calls::default(),
            initialised: Vec::new(),
            exited: Vec::new(),
            slowest: insights.then(|| Slowest::new(SLOWEST)),
            broken: None,
            unexited: None,
        }
    }

    /// Records that the worker group cannot go on. The first reason stays.
    pub(crate) fn give_up(&mut self, worker: usize, reason: String) {
        self.broken.get_or_insert((worker, reason));
    }

    /// Returns an error if the worker group cannot go on.
    pub(crate) fn check(&self) -> Result<()> {
        worker_failed(&self.broken)
    }

    /// Records that a worker did not exit as it should. The others go on. The first reason stays.
    pub(crate) fn failed_exit(&mut self, worker: usize, reason: String) {
        self.unexited.get_or_insert((worker, reason));
    }

    /// Returns an error if a worker did not exit as it should.
    pub(crate) fn check_exits(&self) -> Result<()> {
        worker_failed(&self.unexited)
    }

    /// Calls [`Receiver::held`](super::calls::Receiver::held) of a call that still waits.
    pub(crate) fn held(&self, call: u64, most: usize) -> Option<Option<u64>> {
        self.calls.get(call)?.borrow().held(most)
    }

    /// Passes an answer on. `past` counts what its worker did.
    pub(crate) fn deliver(&mut self, answer: &Answer<'_>, past: &mut WorkerInsights) {
        let time = Duration::from_nanos(answer.nanoseconds);
        match answer.of.request.work {
            Work::Chunk => self.deliver_to_call(answer, past, time),
            Work::Share => {}
            Work::Init => {
                past.init += time;
                match failure(answer) {
                    None => self.initialised.push((answer.worker, answer.body.to_vec())),
                    Some(why) => self.give_up(answer.worker, format!("its init task {why}")),
                }
            }
            Work::Exit => {
                past.exit += time;
                match failure(answer) {
                    None => self.exited.push((answer.worker, answer.body.to_vec())),
                    Some(why) => self.failed_exit(answer.worker, format!("its exit task {why}")),
                }
            }
        }
    }

    #[inline]
    fn deliver_to_call(&mut self, answer: &Answer<'_>, past: &mut WorkerInsights, time: Duration) {
        let (of, request) = (answer.of, &answer.of.request);
        past.tasks += u64::from(answer.kind != AnswerKind::Skipped);
        past.chunks += u64::from(of.is_answered());
        let Some(receiver) = self.calls.get(request.call) else {
            return;
        };
        let mut receiver = receiver.borrow_mut();
        if let Some(slowest) = &mut self.slowest
            && slowest.would_keep(time)
        {
            let (task, input) = receiver.show(answer.input());
            let worker = answer.worker;
            slowest.keep(SlowTask {
                task,
                worker,
                time,
                input,
            });
        }
        let index = request.first + u64::from(of.answered) - 1;
        match failure(answer) {
            None => receiver.output(index, answer.body, answer.worker),
            Some(failure) => receiver.failed(index, failure, answer.worker, answer.input()),
        }
        if of.is_answered() {
            receiver.measured(request.tasks, of.nanoseconds);
        }
    }
}

fn worker_failed(reason: &Option<(usize, String)>) -> Result<()> {
    match reason.clone() {
        None => Ok(()),
        Some((worker, reason)) => Err(Error::WorkerFailed { worker, reason }),
    }
}

/// Returns why a task returned no output, or `None` if it returned one.
#[inline]
fn failure(answer: &Answer<'_>) -> Option<TaskFailure> {
    match answer.kind {
        AnswerKind::Done => None,
        _ => Some(failure_of(answer)),
    }
}

#[cold]
fn failure_of(answer: &Answer<'_>) -> TaskFailure {
    let text = || String::from_utf8_lossy(answer.body).into_owned();
    match answer.kind {
        AnswerKind::Failed => TaskFailure::Error(text()),
        AnswerKind::Panicked => TaskFailure::Panic(text()),
        AnswerKind::Skipped => TaskFailure::Cancelled,
        AnswerKind::TooLarge => {
            let length = answer
                .body
                .first_chunk()
                .map_or(0, |&bytes| u64::from_le_bytes(bytes));
            TaskFailure::TooLarge(too_large("output", length))
        }
        AnswerKind::Done | AnswerKind::Ended => TaskFailure::WorkerDied(text()),
    }
}

/// Returns the text for an input or output that is too large.
pub(crate) fn too_large(what: &str, bytes: u64) -> String {
    format!(
        "has an {what} of {bytes} bytes, which is more than the worker group has room for; raise \
         `WorkersOptions::memory`"
    )
}
