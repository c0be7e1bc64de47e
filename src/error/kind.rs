//! The groups of errors: for exit codes, and for the exceptions of other languages.

use std::io;

use super::Error;

/// The group that an [`Error`] belongs to, by the possible reaction of a program.
///
/// ```
/// use millpond::{ErrorKind, Pool};
///
/// let error = Pool::<f32>::open("kind-example/not-there").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No structure has the name. It may appear later: wait for it.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// The directory, or a file in it, belongs to another user, or is open to others.
    Permission,
    /// There is no room: on the file system, or for another participant, lease, buffer or record.
    Full,
    /// The contents contradict themselves.
    Damaged,
    /// The program and the structure do not fit together: another format, structure, type or option.
    Mismatch,
    /// An argument is invalid, whatever the structure holds.
    InvalidArgument,
    /// There are fewer records, windows or values than requested. More may come.
    NotEnough,
    /// Another process runs an operation that this operation must wait for.
    Busy,
    /// A time limit passed.
    TimedOut,
    /// The operation was cancelled.
    Cancelled,
    /// The handle belongs to the parent of this process: open one here.
    Forked,
    /// A process died while it changed the value, which must be set or repaired.
    DeadParticipant,
    /// A worker, or a task that it ran, failed.
    Worker,
    /// The system refused something for another reason.
    System,
}

impl Error {
    /// Returns the group that this error belongs to.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::AlreadyExists { .. } => ErrorKind::AlreadyExists,
            Self::UntrustedDirectory { .. } => ErrorKind::Permission,
            Self::NoSpace { .. }
            | Self::TooManyParticipants { .. }
            | Self::NoFreeBuffer { .. }
            | Self::NoFreeSlot { .. }
            | Self::TooManyLeases { .. } => ErrorKind::Full,
            Self::Damaged { .. } => ErrorKind::Damaged,
            Self::WrongFormat { .. }
            | Self::WrongKind { .. }
            | Self::WrongRecord { .. }
            | Self::WrongContent { .. }
            | Self::WrongOption { .. }
            | Self::WrongSnapshot { .. } => ErrorKind::Mismatch,
            Self::InvalidName { .. }
            | Self::InvalidArgument { .. }
            | Self::InvalidPriority { .. }
            | Self::WrongColumn { .. } => ErrorKind::InvalidArgument,
            Self::NothingToSample { .. }
            | Self::TooFewRecords { .. }
            | Self::TooFewWindows { .. }
            | Self::NothingPublished => ErrorKind::NotEnough,
            Self::DirectoryLocked { .. } | Self::AlreadySaving { .. } => ErrorKind::Busy,
            Self::TimedOut { .. } => ErrorKind::TimedOut,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::Forked { .. } => ErrorKind::Forked,
            Self::Unfinished { .. } => ErrorKind::DeadParticipant,
            Self::TaskFailed { .. } | Self::WorkerFailed { .. } | Self::NoWorkers => {
                ErrorKind::Worker
            }
            Self::System { .. } if self.is_full() => ErrorKind::Full,
            Self::System { cause, .. } => match cause.kind() {
                io::ErrorKind::NotFound => ErrorKind::NotFound,
                io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
                io::ErrorKind::PermissionDenied => ErrorKind::Permission,
                _ => ErrorKind::System,
            },
        }
    }
}
