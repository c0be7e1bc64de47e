//! What was sent to a worker, and what it answers.
//!
//! Computes only; touches the ring where an answer's input is asked for.

use std::time::Duration;

use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::chunk::{self, Chunk};
use crate::workers::wire::rings::Producer;

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Tasks of a call.
    Chunk,
    /// The name of the shared objects.
    Share,
    /// The task before all others, and the one after them.
    Init,
    Exit,
}

/// A frame that a worker has, or will read.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub(crate) what: Work,
    /// The call, and the place of the first task among its inputs.
    pub(crate) call: u64,
    pub(crate) first: u64,
    pub(crate) tasks: u32,
    /// How often a worker died with the first of them.
    pub(crate) deaths: u32,
    pub(crate) retries: u32,
    pub(crate) limit: Option<Duration>,
    /// Tasks that were answered, and how long those took that were measured.
    pub(crate) answered: u32,
    pub(crate) nanoseconds: u64,
    /// Where it lies in the ring, and where its pad does, or else it.
    pub(crate) position: u64,
    pub(crate) begin: u64,
    pub(crate) length: usize,
    pub(crate) number: u64,
}

impl InFlight {
    /// Not sent yet.
    pub(crate) fn new(what: Work, tasks: u32) -> Self {
        Self {
            what,
            call: 0,
            first: 0,
            tasks,
            deaths: 0,
            retries: 0,
            limit: None,
            answered: 0,
            nanoseconds: 0,
            position: 0,
            begin: 0,
            length: 0,
            number: 0,
        }
    }

    /// Whether the task of a call with the input of this number is among those that were not answered.
    pub(crate) fn has(&self, call: u64, index: u64) -> bool {
        let left = self.first + u64::from(self.answered)..self.first + u64::from(self.tasks);
        self.what == Work::Chunk && self.call == call && left.contains(&index)
    }

    /// Its tasks `from..to`, not sent yet; so often a worker died with the first of them.
    pub(crate) fn part(&self, from: u32, to: u32, deaths: u32) -> Self {
        Self {
            call: self.call,
            first: self.first + u64::from(from),
            deaths,
            retries: self.retries,
            limit: self.limit,
            ..Self::new(self.what, to - from)
        }
    }
}

/// An answer to one task, where it lies.
pub(crate) struct Answer<'a> {
    pub(crate) worker: usize,
    /// What it answers a task of, the answer counted.
    pub(crate) sent: &'a InFlight,
    pub(crate) kind: AnswerKind,
    pub(crate) body: &'a [u8],
    pub(crate) nanoseconds: u64,
    pub(crate) producer: &'a Producer,
}

impl Answer<'_> {
    /// The input of the task.
    pub(crate) fn input(&self) -> Option<&[u8]> {
        let body = self.producer.body(self.sent.position, self.sent.length);
        let at = self.sent.answered.checked_sub(1)?;
        chunk::first_input(Chunk::read(body).ok()?.bytes(at, at + 1).ok()?)
    }
}
