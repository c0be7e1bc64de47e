//! Chunk sizing of one call: how many tasks a chunk has, and how many may be in flight. Enough that sending them costs
//! little, and so few that short tasks do not wait behind long ones.

/// The work that a chunk should be, in nanoseconds.
const CHUNK_TIME: f64 = 500_000.0;
/// The work that one worker should have before it, in nanoseconds.
const QUEUE_TIME: f64 = 2_000_000.0;
/// The most tasks of a chunk.
const LONGEST_CHUNK: usize = 4096;
/// The most chunks that a worker may have.
const DEEPEST_QUEUE: usize = 128;
/// How many tasks a worker may have in flight, however long they take. One long task does not stop the others at once.
const SLACK: usize = 64;

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct ChunkSizing {
    /// The options of the call.
    chunk_len: Option<usize>,
    in_flight: Option<usize>,
    workers: usize,
    /// The most tasks of the next chunk.
    length: usize,
    /// The time of a task in nanoseconds, as a moving average.
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

    /// Learns from a chunk of `tasks` tasks that took `nanoseconds`.
    pub(crate) fn measured(&mut self, tasks: u32, nanoseconds: u64) {
        let time = nanoseconds.max(1) as f64 / f64::from(tasks.max(1));
        let smooth = self
            .task_time
            .map_or(time, |before| 0.75 * before + 0.25 * time);
        self.task_time = Some(smooth);
        let wanted = (CHUNK_TIME / smooth) as usize;
        self.length = wanted.min(self.length * 4).clamp(1, LONGEST_CHUNK);
    }

    /// Returns how many tasks the next chunk may have. `left` is the number of inputs that are left, if it is known.
    pub(crate) fn chunk_len(&self, left: Option<usize>) -> usize {
        if let Some(asked) = self.chunk_len {
            return asked;
        }
        // The last chunks are smaller, so that all workers end at about the same time.
        let share = left.map_or(usize::MAX, |left| left / (2 * self.workers));
        let most = self
            .in_flight
            .map_or(usize::MAX, |tasks| tasks / self.workers);
        self.length.min(share).min(most).max(1)
    }

    /// Returns how many chunks a worker may have.
    pub(crate) fn depth(&self) -> usize {
        let length = self.chunk_len.unwrap_or(self.length);
        let chunk_time = self
            .task_time
            .map_or(QUEUE_TIME, |time| time * length as f64);
        ((QUEUE_TIME / chunk_time) as usize).clamp(1, DEEPEST_QUEUE)
    }

    /// Returns how many tasks may be in flight: sent, and their results not taken by the caller.
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
