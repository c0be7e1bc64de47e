//! The in-flight list of a worker: the frames that it was sent and has not answered.

use std::cell::Cell;
use std::time::Duration;

use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::chunk::{Chunk, Cursor};
use crate::workers::wire::frames::Producer;

/// What a worker is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Tasks of a call.
    Chunk,
    /// To open the shared objects by another name.
    Share,
    /// The task before all others.
    Init,
    /// The task after all others.
    Exit,
}

/// A frame that is sent, or is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) work: Work,
    /// The number of the call, and the index of the first task among its inputs.
    pub(crate) call: u64,
    pub(crate) first: u64,
    pub(crate) tasks: u32,
    /// How many workers died while they ran the first of the tasks, and how many may.
    pub(crate) deaths: u32,
    pub(crate) retries: u32,
    /// The time limit of each task.
    pub(crate) limit: Option<Duration>,
}

impl Request {
    pub(crate) fn new(work: Work, tasks: u32) -> Self {
        Self {
            work,
            call: 0,
            first: 0,
            tasks,
            deaths: 0,
            retries: 0,
            limit: None,
        }
    }

    /// Returns the request for the tasks `from..to` of this one. `deaths` workers died with the first of them.
    pub(crate) fn part(&self, from: u32, to: u32, deaths: u32) -> Self {
        Self {
            first: self.first + u64::from(from),
            tasks: to - from,
            deaths,
            ..*self
        }
    }
}

/// Tasks of a dead worker, which go to another before any new chunk does.
pub(crate) struct Unsent {
    pub(crate) request: Request,
    pub(crate) body: Vec<u8>,
}

/// A frame that a worker has or will read, and has not answered completely.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) request: Request,
    /// Tasks that are answered, and the sum of the times in their answers, in nanoseconds.
    pub(crate) answered: u32,
    pub(crate) nanoseconds: u64,
    /// The positions in the ring of the frame, and of the pad before it. Without a pad they are the same.
    pub(crate) position: u64,
    pub(crate) begin: u64,
    /// The length of the frame's body, in bytes, and its number among the worker's frames.
    pub(crate) length: usize,
    pub(crate) number: u64,
    /// The input that was asked for last.
    pub(crate) cursor: Cell<Cursor>,
}

impl InFlight {
    /// Returns `true` if the task of a call with input `index` is among those without an answer.
    pub(crate) fn has(&self, call: u64, index: u64) -> bool {
        let request = &self.request;
        let left =
            request.first + u64::from(self.answered)..request.first + u64::from(request.tasks);
        request.work == Work::Chunk && request.call == call && left.contains(&index)
    }

    /// Returns `true` if each task is answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.answered >= self.request.tasks
    }
}

/// An answer to one task, where it lies in the ring.
pub(crate) struct Answer<'a> {
    pub(crate) worker: usize,
    /// The frame that is answered, this answer counted.
    pub(crate) of: &'a InFlight,
    pub(crate) kind: AnswerKind,
    pub(crate) body: &'a [u8],
    pub(crate) nanoseconds: u64,
    pub(crate) tasks: &'a Producer,
}

impl Answer<'_> {
    /// Returns the input of the task, as bytes.
    pub(crate) fn input(&self) -> Option<&[u8]> {
        let body = self.tasks.body(self.of.position, self.of.length);
        let at = self.of.answered.checked_sub(1)?;
        Chunk::read(body).ok()?.input(at, &self.of.cursor)
    }
}
