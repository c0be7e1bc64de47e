//! Where answers go: to the calls that wait for them, and what else the pool keeps of them.
//!
//! Knows no process. A call's own part, which knows its types, is in `inbox.rs`.

use std::time::Duration;

use super::calls::Calls;
use super::in_flight::{Answer, Work};
use crate::error::{Error, Result, TaskFailure};
use crate::workers::insights::{SlowTask, Slowest, WorkerInsights};
use crate::workers::wire::answer_kind::AnswerKind;

/// How many of the slowest tasks are kept.
const SLOWEST: usize = 10;

/// What a call does with what comes for it.
pub(crate) trait Receiver {
    /// The task at `index` gave an output.
    fn done(&mut self, index: u64, output: &[u8], worker: usize);
    /// It gave none.
    fn failed(&mut self, index: u64, failure: TaskFailure, worker: usize, input: Option<&[u8]>);
    /// A chunk of so many tasks took so long.
    fn measured(&mut self, tasks: u32, nanoseconds: u64);
    /// Where more than so many bytes of results wait to be taken: the next result that it waits for, if it waits.
    fn held(&self, most: usize) -> Option<Option<u64>>;
    /// The task's name, and an input in words.
    fn show(&self, input: Option<&[u8]>) -> (&'static str, String);
}

/// What the pool keeps of answers.
pub(crate) struct Dispatcher {
    pub(crate) calls: Calls,
    /// What the init and exit tasks gave, by worker.
    pub(crate) initialised: Vec<(usize, Vec<u8>)>,
    pub(crate) exited: Vec<(usize, Vec<u8>)>,
    /// The slowest tasks, if that was asked for.
    pub(crate) slowest: Option<Slowest>,
    /// Why the pool cannot go on, and why a worker did not exit.
    broken: Option<(usize, String)>,
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

    /// The pool cannot go on.
    pub(crate) fn give_up(&mut self, worker: usize, reason: String) {
        self.broken.get_or_insert((worker, reason));
    }

    /// An error if it cannot.
    pub(crate) fn check(&self) -> Result<()> {
        failed(&self.broken)
    }

    /// A worker did not exit; the others go on.
    pub(crate) fn failed_exit(&mut self, worker: usize, reason: String) {
        self.unexited.get_or_insert((worker, reason));
    }

    /// An error if there was one.
    pub(crate) fn check_exits(&self) -> Result<()> {
        failed(&self.unexited)
    }

    /// See [`Receiver::held`].
    pub(crate) fn held(&self, call: u64, most: usize) -> Option<Option<u64>> {
        self.calls.get(call)?.borrow().held(most)
    }

    /// Takes an answer to where it belongs.
    pub(crate) fn deliver(&mut self, answer: &Answer<'_>, past: &mut WorkerInsights) {
        let time = Duration::from_nanos(answer.nanoseconds);
        match answer.sent.what {
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

    fn deliver_to_call(&mut self, answer: &Answer<'_>, past: &mut WorkerInsights, time: Duration) {
        let sent = answer.sent;
        past.tasks += u64::from(answer.kind != AnswerKind::Skipped);
        past.chunks += u64::from(sent.answered == sent.tasks);
        let Some(inbox) = self.calls.get(sent.call).cloned() else {
            return;
        };
        let mut inbox = inbox.borrow_mut();
        if let Some(slowest) = &mut self.slowest
            && slowest.would_keep(time)
        {
            let (task, input) = inbox.show(answer.input());
            let worker = answer.worker;
            slowest.keep(SlowTask {
                task,
                worker,
                time,
                input,
            });
        }
        let index = sent.first + u64::from(sent.answered) - 1;
        match failure(answer) {
            None => inbox.done(index, answer.body, answer.worker),
            Some(failure) => inbox.failed(index, failure, answer.worker, answer.input()),
        }
        if sent.answered == sent.tasks {
            inbox.measured(sent.tasks, sent.nanoseconds);
        }
    }
}

fn failed(reason: &Option<(usize, String)>) -> Result<()> {
    match reason.clone() {
        None => Ok(()),
        Some((worker, reason)) => Err(Error::WorkerFailed { worker, reason }),
    }
}

/// Why a task gave no output.
fn failure(answer: &Answer<'_>) -> Option<TaskFailure> {
    let text = || String::from_utf8_lossy(answer.body).into_owned();
    Some(match answer.kind {
        AnswerKind::Done => return None,
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
        AnswerKind::Ended => TaskFailure::WorkerDied(text()),
    })
}

/// In words.
pub(crate) fn too_large(what: &str, bytes: u64) -> String {
    format!(
        "has an {what} of {bytes} bytes, which is more than the pool has room for; raise \
         `WorkersOptions::memory`"
    )
}
