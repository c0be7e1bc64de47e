//! What was sent to a worker, and what it answers.
//!
//! Computes only; touches the ring where an answer's input is asked for.

use std::time::Duration;

use super::chunk::{self, Chunk};
use super::kind::Kind;
use super::rings::Outlet;

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
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
pub(super) struct Sent {
    pub(super) what: What,
    /// The call, and the place of the first task among its inputs.
    pub(super) call: u64,
    pub(super) first: u64,
    pub(super) tasks: u32,
    /// How often a worker died with the first of them.
    pub(super) deaths: u32,
    pub(super) retries: u32,
    pub(super) limit: Option<Duration>,
    /// Tasks that were answered, and how long those took that were measured.
    pub(super) answered: u32,
    pub(super) nanoseconds: u64,
    /// Where it lies in the ring, and where its pad does, or else it.
    pub(super) position: u64,
    pub(super) begin: u64,
    pub(super) length: usize,
    pub(super) number: u64,
}

impl Sent {
    /// Not sent yet.
    pub(super) fn new(what: What, tasks: u32) -> Self {
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
    pub(super) fn has(&self, call: u64, index: u64) -> bool {
        let left = self.first + u64::from(self.answered)..self.first + u64::from(self.tasks);
        self.what == What::Chunk && self.call == call && left.contains(&index)
    }

    /// Its tasks `from..to`, not sent yet; so often a worker died with the first of them.
    pub(super) fn part(&self, from: u32, to: u32, deaths: u32) -> Self {
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
pub(super) struct Answer<'a> {
    pub(super) worker: usize,
    /// What it answers a task of, the answer counted.
    pub(super) sent: &'a Sent,
    pub(super) kind: Kind,
    pub(super) body: &'a [u8],
    pub(super) nanoseconds: u64,
    pub(super) outlet: &'a Outlet,
}

impl Answer<'_> {
    /// The input of the task.
    pub(super) fn input(&self) -> Option<&[u8]> {
        let body = self.outlet.body(self.sent.position, self.sent.length);
        let at = self.sent.answered.checked_sub(1)?;
        chunk::first_input(Chunk::read(body).ok()?.bytes(at, at + 1).ok()?)
    }
}
