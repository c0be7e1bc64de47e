//! The kinds of answers that a worker writes into its ring of results.

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum AnswerKind {
    /// The task's output.
    Done = 1,
    /// The text of the error that the task returned.
    Failed = 2,
    /// The text that the task panicked with.
    Panicked = 3,
    /// The task was cancelled before it began.
    Skipped = 4,
    /// The output is larger than the ring has room for; the answer holds its length.
    TooLarge = 5,
    /// The worker cannot go on; the answer holds the reason, and answers no task.
    Ended = 6,
}

impl AnswerKind {
    /// Reads the kind of a frame.
    #[inline]
    pub(crate) fn read(kind: u32) -> Option<Self> {
        use AnswerKind::{Done, Ended, Failed, Panicked, Skipped, TooLarge};
        // In the order of their numbers, which begin at 1.
        let kinds = [Done, Failed, Panicked, Skipped, TooLarge, Ended];
        kinds.get((kind as usize).wrapping_sub(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_read_as_the_kind_that_has_it_and_others_are_refused() {
        for number in 1..=6 {
            assert_eq!(AnswerKind::read(number).unwrap() as u32, number);
        }
        assert!(
            [0, 7, u32::MAX]
                .iter()
                .all(|&number| AnswerKind::read(number).is_none())
        );
    }
}
