//! Keeps the slowest of any number of tasks, and quickly refuses all others.

use std::time::Duration;

use super::SlowTask;

/// The slowest tasks so far, at most `count`.
#[derive(Debug)]
pub(crate) struct Slowest {
    count: usize,
    /// The slowest first; of equal ones the one that was kept first.
    tasks: Vec<SlowTask>,
}

impl Slowest {
    pub(crate) fn new(count: usize) -> Self {
        let tasks = Vec::new();
        Slowest { count, tasks }
    }

    /// Returns `true` if a task that took this time is among them. Called for every task, before its input is made a text.
    #[inline]
    pub(crate) fn would_keep(&self, time: Duration) -> bool {
        match self.tasks.last() {
            Some(fastest) if self.tasks.len() == self.count => time > fastest.time,
            _ => self.count > 0,
        }
    }

    /// Keeps a task if it is among the slowest, in place of the fastest of them.
    pub(crate) fn keep(&mut self, task: SlowTask) {
        if !self.would_keep(task.time) {
            return;
        }
        let at = self.tasks.partition_point(|kept| kept.time >= task.time);
        self.tasks.insert(at, task);
        self.tasks.truncate(self.count);
    }

    /// Returns the tasks that were kept, the slowest first.
    pub(crate) fn tasks(&self) -> &[SlowTask] {
        &self.tasks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn task(nanoseconds: u64, worker: usize) -> SlowTask {
        SlowTask {
            task: "square",
            worker,
            time: Duration::from_nanos(nanoseconds),
            input: String::new(),
        }
    }

    #[test]
    fn none_are_kept_where_none_are_asked_for() {
        let mut slowest = Slowest::new(0);
        assert!(!slowest.would_keep(Duration::MAX));
        slowest.keep(task(1, 0));
        assert!(slowest.tasks().is_empty());
    }

    #[test]
    fn of_tasks_that_took_as_long_the_first_stays() {
        let mut slowest = Slowest::new(2);
        for worker in 0..4 {
            slowest.keep(task(7, worker));
        }
        let workers: Vec<_> = slowest.tasks().iter().map(|kept| kept.worker).collect();
        assert_eq!(workers, [0, 1]);
    }

    proptest! {
        #[test]
        fn the_kept_are_the_first_of_all_sorted(
            times in prop::collection::vec(0u64..50, 0..100),
            count in 0usize..8,
        ) {
            let mut slowest = Slowest::new(count);
            for (worker, &time) in times.iter().enumerate() {
                slowest.keep(task(time, worker));
            }
            let mut all: Vec<_> = times.into_iter().zip(0usize..).collect();
            all.sort_by_key(|&(time, _)| std::cmp::Reverse(time));
            all.truncate(count);
            let kept = slowest.tasks().iter().map(|kept| (kept.time.as_nanos() as u64, kept.worker));
            prop_assert_eq!(kept.collect::<Vec<_>>(), all);
        }
    }
}
