//! Failures of tasks.

use std::time::Duration;

/// The reason why a task returned no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskFailure {
    /// It returned an error; this is the error's text, with its causes.
    #[error("failed: {0}")]
    Error(String),

    /// It panicked, with this message. The worker goes on with other tasks.
    #[error("panicked: {0}")]
    Panic(String),

    /// Its worker died while it ran, and the limit on such deaths is reached.
    #[error("ended its worker: {0}")]
    WorkerDied(String),

    /// It ran for longer than it may, and its worker was killed.
    #[error("ran for longer than {0:?}")]
    TimedOut(Duration),

    /// Its input or its output is too large.
    #[error("{0}")]
    TooLarge(String),

    /// Its input or its output cannot be serialised, or deserialised.
    #[error("{0}")]
    Unreadable(String),

    /// It was cancelled before it began.
    #[error("was cancelled")]
    Cancelled,
}
