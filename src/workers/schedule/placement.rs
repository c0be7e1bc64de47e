//! Which worker gets which chunk. A part of the scheduler.

use std::time::Instant;

use super::in_flight::Request;
use super::scheduler::Scheduler;
use super::worker_handle::{Leaving, WorkerHandle};
use crate::error::Result;
use crate::workers::wire::chunk;

/// How many chunks a worker may have when it is given one more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// It has fewer chunks than these.
    chunks: usize,
    /// Also if it has not answered for long.
    even_if_stuck: bool,
}

impl Depth {
    /// Fewer than `chunks`, and none behind a task that takes longer than was expected.
    pub(crate) fn new(chunks: usize) -> Self {
        Self {
            chunks,
            even_if_stuck: false,
        }
    }

    /// Fewer than `chunks`, however long they take.
    pub(crate) fn patient(chunks: usize) -> Self {
        Self {
            chunks,
            even_if_stuck: true,
        }
    }
}

impl Scheduler {
    /// Returns the worker that should get the next chunk: the one with the fewest, if it may have one more. `None` also
    /// while tasks of a dead worker wait, which go first.
    pub(crate) fn free_worker(&mut self, depth: Depth) -> Option<usize> {
        self.send_unsent();
        match self.unsent.is_empty() {
            true => self.least_busy(depth),
            false => None,
        }
    }

    fn least_busy(&self, depth: Depth) -> Option<usize> {
        let now = Instant::now();
        let free = self.workers.iter().filter(|worker| {
            let is_patient = worker.in_flight.is_empty() || depth.even_if_stuck;
            self.may_have(worker, depth) && (is_patient || !worker.is_stuck(now))
        });
        free.min_by_key(|worker| worker.in_flight.len())
            .map(|worker| worker.number)
    }

    fn may_have(&self, worker: &WorkerHandle, depth: Depth) -> bool {
        worker.in_flight.len() < depth.chunks && !self.is_leaving(worker)
    }

    /// Returns `true` if a worker gets no more tasks.
    pub(super) fn is_leaving(&self, worker: &WorkerHandle) -> bool {
        let is_old = |tasks| worker.tasks_sent >= tasks;
        let is_asked = self.finishing || self.options.lifespan.is_some_and(is_old);
        is_asked || worker.leaving != Leaving::No
    }

    /// Sends a chunk to a worker that [`free_worker`](Self::free_worker) returned, after code of the caller's has filled
    /// the chunk. Returns `false` if the worker has no room, or may not have the chunk any more: that code may have used
    /// the worker group.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked) in a child that was forked meanwhile.
    pub(crate) fn send(
        &mut self,
        number: usize,
        request: Request,
        body: &[u8],
        depth: Depth,
    ) -> Result<bool> {
        self.check_process()?;
        Ok(self.may_have(&self.workers[number], depth) && self.send_to(number, request, body))
    }

    fn send_to(&mut self, number: usize, request: Request, body: &[u8]) -> bool {
        let kind = match self.options.insights {
            true => chunk::TIMED,
            false => chunk::CHUNK,
        };
        self.workers[number].send(kind, request, body)
    }

    /// Sends the tasks of dead workers to workers without a chunk.
    pub(super) fn send_unsent(&mut self) {
        while let Some(unsent) = self.unsent.pop_front() {
            let is_sent = self
                .least_busy(Depth::new(1))
                .is_some_and(|number| self.send_to(number, unsent.request, &unsent.body));
            if !is_sent {
                return self.unsent.push_front(unsent);
            }
        }
    }
}
