//! The stage of a worker: whether it has begun a task, and for how long the task runs.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::WorkerHandle;
use crate::workers::schedule::in_flight::Work;

impl WorkerHandle {
    /// Returns `true` if it has begun a task that it has not answered. Exact after its end, or after `collect`.
    pub(crate) fn has_begun(&self) -> bool {
        self.stage().div_ceil(2) > self.answers
    }

    /// Returns `true` if it was killed because of the task that it has begun and not answered.
    pub(crate) fn is_late(&self) -> bool {
        let task = self.stage().div_ceil(2);
        self.late.is_some_and(|late| late.div_ceil(2) == task)
    }

    /// Returns twice the number of tasks that have ended, plus 1 while a task runs.
    fn stage(&self) -> u64 {
        // Acquire: pairs with the Release in `Answers::set_stage`.
        self.words().from_worker.stage.load(Ordering::Acquire)
    }

    /// Kills it if its task was seen to run for longer than its limit.
    pub(crate) fn keep_limit(&mut self, init: Option<Duration>, exit: Duration) {
        let stage = self.stage();
        if self.watched.0 != stage {
            self.watched = (stage, Instant::now());
            return;
        }
        let request = self.in_flight.front().map(|front| front.request);
        let limit = request.and_then(|request| match request.work {
            Work::Chunk => request.limit,
            Work::Init => init,
            Work::Exit => Some(exit),
            Work::Share => None,
        });
        if stage % 2 == 1 && limit.is_some_and(|limit| self.watched.1.elapsed() >= limit) {
            self.late = Some(stage);
            self.kill();
        }
    }
}
