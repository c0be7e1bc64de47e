//! How many tasks go to a worker at once, and how many are on their way: so many that going there costs
//! little, and so few that short tasks do not wait behind long ones. Computes only.

/// Work that a chunk should be, and that should wait for one worker, in nanoseconds.
const CHUNK_TIME: f64 = 500_000.0;
const QUEUE_TIME: f64 = 2_000_000.0;
/// The most tasks of a chunk, and chunks of a worker.
const LONGEST_CHUNK: usize = 4096;
const DEEPEST_QUEUE: usize = 128;
/// Tasks of a worker that may be on their way, or wait for their turn, however long they take: so that one
/// that takes long does not keep others waiting at once.
const SLACK: usize = 64;

/// The sizing of one call.
#[derive(Debug)]
pub(crate) struct ChunkSizing {
    /// What was asked for.
    chunk_len: Option<usize>,
    in_flight: Option<usize>,
    workers: usize,
    /// What a chunk may have now.
    length: usize,
    /// Nanoseconds that a task takes, lately.
    task_time: Option<f64>,
}

impl ChunkSizing {
    pub(crate) fn new(chunk_len: Option<usize>, in_flight: Option<usize>, workers: usize) -> Self {
        Self {
            chunk_len,
            in_flight,
            workers,
            length: 1,
            task_time: None,
        }
    }

    /// So many tasks took so long.
    pub(crate) fn measured(&mut self, tasks: u32, nanoseconds: u64) {
        let time = nanoseconds.max(1) as f64 / f64::from(tasks.max(1));
        let smooth = self
            .task_time
            .map_or(time, |before| 0.75 * before + 0.25 * time);
        self.task_time = Some(smooth);
        let wanted = (CHUNK_TIME / smooth) as usize;
        self.length = wanted.min(self.length * 4).clamp(1, LONGEST_CHUNK);
    }

    /// How many tasks the next chunk may have, where so many inputs are left, if that is known.
    pub(crate) fn chunk_len(&self, left: Option<usize>) -> usize {
        if let Some(asked) = self.chunk_len {
            return asked;
        }
        // Towards the end smaller, so that all workers end at about the same time.
        let share = left.map_or(usize::MAX, |left| left / (2 * self.workers));
        let most = self
            .in_flight
            .map_or(usize::MAX, |tasks| tasks / self.workers);
        self.length.min(share).min(most).max(1)
    }

    /// How many chunks a worker may have.
    pub(crate) fn depth(&self) -> usize {
        let length = self.chunk_len.unwrap_or(self.length);
        let chunk_time = self
            .task_time
            .map_or(QUEUE_TIME, |time| time * length as f64);
        ((QUEUE_TIME / chunk_time) as usize).clamp(1, DEEPEST_QUEUE)
    }

    /// How many tasks may have begun their way and not have been taken by the caller.
    pub(crate) fn window(&self) -> usize {
        let length = self.chunk_len.unwrap_or(self.length);
        let each = length.saturating_mul(2 * self.depth()).max(SLACK);
        let usual = each.saturating_mul(self.workers);
        self.in_flight.unwrap_or(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(mut sizing: ChunkSizing, nanoseconds: u64) -> ChunkSizing {
        for _ in 0..100 {
            let tasks = sizing.chunk_len(None) as u32;
            sizing.measured(tasks, u64::from(tasks) * nanoseconds);
        }
        sizing
    }

    #[test]
    fn long_tasks_go_one_by_one_and_nothing_waits_behind_them() {
        let sizing = settled(ChunkSizing::new(None, None, 2), 50_000_000);
        assert_eq!((sizing.chunk_len(None), sizing.depth()), (1, 1));
    }

    #[test]
    fn short_tasks_go_in_chunks_of_half_a_millisecond() {
        let sizing = settled(ChunkSizing::new(None, None, 2), 1000);
        assert_eq!((sizing.chunk_len(None), sizing.depth()), (500, 4));
        assert_eq!(sizing.chunk_len(Some(100)), 25);
        assert_eq!(sizing.chunk_len(Some(0)), 1);
    }

    #[test]
    fn what_was_asked_for_is_kept() {
        let sizing = settled(ChunkSizing::new(Some(1), None, 2), 100);
        assert_eq!((sizing.chunk_len(None), sizing.depth()), (1, DEEPEST_QUEUE));
        let sizing = settled(ChunkSizing::new(None, Some(10), 2), 100);
        assert_eq!((sizing.chunk_len(None), sizing.window()), (5, 10));
    }
}
