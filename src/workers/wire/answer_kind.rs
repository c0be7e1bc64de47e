//! The kinds of answers that a worker writes into its ring of results.

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum AnswerKind {
    /// The task's output.
    Done = 1,
    /// What it failed with, as text.
    Failed = 2,
    /// What it panicked with.
    Panicked = 3,
    /// It was cancelled before it began.
    Skipped = 4,
    /// Its output is larger than the ring; says how large.
    TooLarge = 5,
    /// The worker cannot go on; says why. Answers no task.
    Ended = 6,
}

impl AnswerKind {
    /// Reads the kind of a frame.
    pub(crate) fn read(kind: u32) -> Option<Self> {
        use AnswerKind::{Done, Ended, Failed, Panicked, Skipped, TooLarge};
        let kinds = [Done, Failed, Panicked, Skipped, TooLarge, Ended];
        kinds.into_iter().find(|&known| known as u32 == kind)
    }
}
