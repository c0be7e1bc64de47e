//! What can go wrong, in words for the person who reads it: what was expected, what was found, and
//! what to do. Imports `record`'s schema, to show two of them side by side, and what errors of the system mean.

mod task;
mod words;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::os;
use crate::record::{Record, Schema};
pub use task::TaskFailure;
use words::{advice, bytes, holder};

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and what to do about it.
///
/// An operation that returns an error has changed nothing, unless its page says otherwise.
///
/// ```
/// use millpond::{Error, Pool};
///
/// match Pool::<f32>::open("error-example/not-there") {
///     Err(Error::NotFound { name, .. }) => assert_eq!(name, "error-example/not-there"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    System {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },

    /// A name that cannot be a segment's.
    #[error(
        "`{name}` cannot name a segment: {reason}; use components of letters, digits, `_`, `-` and \
         `.`, joined by `/`, such as `cartpole/replay`"
    )]
    InvalidName {
        /// The name that was given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },

    /// The directory of the segments is not private to this user.
    #[error("the segment directory {} cannot be trusted: {reason}, or set MILLPOND_DIR", path.display())]
    UntrustedDirectory {
        /// The directory.
        path: PathBuf,
        /// Why it is not trusted, and what to do.
        reason: String,
    },

    /// No segment has this name.
    #[error(
        "no segment is named `{name}` in {}; create it first, or wait for its creator with \
         `Attach::wait`; processes meet only where MILLPOND_DIR is the same",
        root.display()
    )]
    NotFound {
        /// The name that was looked for.
        name: String,
        /// The directory in which it was looked for.
        root: PathBuf,
    },

    /// The name is taken.
    #[error(
        "a segment named `{name}` exists already, or is being created; open it, waiting with \
         `Attach::wait`, or unlink it first"
    )]
    AlreadyExists {
        /// The name.
        name: String,
    },

    /// Another process has the lock of the segment directory, and does not give it back.
    #[error(
        "{} is locked: {} has held it for longer than {waited:?}, which takes some microseconds unless that \
         process is stopped; let it go on, or end it", path.display(), holder(*process)
    )]
    DirectoryLocked {
        /// The file of the lock.
        path: PathBuf,
        /// The process that has it, as that process's own system counts it; `None` where that could not be found
        /// out.
        process: Option<u32>,
        /// How long this process has waited.
        waited: Duration,
    },

    /// The file system has no room for the segment, or for what it is to grow by.
    #[error(
        "{} has no room for {} more: {} free; free some, ask for less capacity, or set \
         MILLPOND_DIR to a directory with more room",
        directory.display(), bytes(*asked), bytes(*free)
    )]
    NoSpace {
        /// The directory of the segments.
        directory: PathBuf,
        /// Bytes that the segment needs, besides those that it has.
        asked: u64,
        /// Bytes that were free.
        free: u64,
    },

    /// The file is not a segment, or its contents contradict themselves.
    #[error("segment `{name}` is damaged: {reason}; unlink it and create it again")]
    Damaged {
        /// The segment's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The segment was made by a version of millpond, or a machine, that lays it out otherwise.
    #[error("segment `{name}` has {what} {found}, and this program reads {expected}")]
    WrongFormat {
        /// The segment's name.
        name: String,
        /// What differs.
        what: &'static str,
        /// What this program reads.
        expected: String,
        /// What the segment has.
        found: String,
    },

    /// The segment holds another structure.
    #[error("segment `{name}` holds a {found}, not a {expected}")]
    WrongKind {
        /// The segment's name.
        name: String,
        /// What was to be opened.
        expected: &'static str,
        /// What the segment holds.
        found: String,
    },

    /// The segment holds records of another type.
    #[error(
        "segment `{name}` holds other records than this program expects:\n{}use the same record \
         type, or another name",
        expected.difference(found)
    )]
    WrongRecord {
        /// The segment's name.
        name: String,
        /// The records of this program.
        expected: Box<Schema>,
        /// The records of the segment.
        found: Box<Schema>,
    },

    /// The read-only structure holds data of another type.
    #[error(
        "`{name}` holds other data than this program expects:\n  expected {expected}\n  found    {found}\nuse the same \
         types, or another name"
    )]
    WrongContent {
        /// The name, or the path.
        name: String,
        /// What this program expects.
        expected: String,
        /// What was published.
        found: String,
    },

    /// The segment exists, and was created with other options than the ones asked for.
    #[error("segment `{name}` was created with {what} {found}, not {expected}")]
    WrongOption {
        /// The segment's name.
        name: String,
        /// The option.
        what: &'static str,
        /// What was asked for.
        expected: String,
        /// What the segment has.
        found: String,
    },

    /// Every entry of the participant table belongs to a living process.
    #[error(
        "all {limit} places for participants of segment `{name}` are taken by living processes; \
         end one, or create the segment with more participants"
    )]
    TooManyParticipants {
        /// The segment's name.
        name: String,
        /// How many there may be.
        limit: usize,
    },

    /// The handle was made before this process was forked.
    #[error(
        "this handle on segment `{name}` belongs to the parent process; open the segment again in \
         the forked child"
    )]
    Forked {
        /// The segment's name.
        name: String,
    },

    /// An argument, or an option, that cannot be.
    #[error("{what} is {found}; it must be {expected}")]
    InvalidArgument {
        /// Which one.
        what: &'static str,
        /// What was given.
        found: String,
        /// What can be given.
        expected: String,
    },

    /// A priority that is NaN, infinite, negative, or too large to be summed.
    #[error(
        "priority {found} (number {index} of the call) must be finite, at least 0, and its power `priority^alpha` at most {limit:e}"
    )]
    InvalidPriority {
        /// Where it stands in the call's arguments.
        index: usize,
        /// The priority.
        found: f32,
        /// The largest power.
        limit: f32,
    },

    /// The pool has nothing that can be sampled.
    #[error(
        "nothing can be sampled: the pool holds {length} records{}; insert some first, or wait with \
         `Pool::wait_for_len`",
        if *length == 0 { "" } else { ", all of priority 0" }
    )]
    NothingToSample {
        /// How many records the pool holds.
        length: usize,
    },

    /// No record may come twice in the batch, and there are fewer than asked for.
    #[error(
        "a batch of {asked} different records was asked for, and {found} can be sampled; insert more \
         first, wait with `Pool::wait_for_len`, or ask for fewer"
    )]
    TooFewRecords {
        /// How many records were asked for.
        asked: usize,
        /// How many there are.
        found: usize,
    },

    /// Too few windows could be found whose records are all in the pool.
    #[error(
        "of {asked} windows of {length} records only {found} were found whole: the others begin with \
         records that have left the pool; ask for shorter ones, or create the pool with more capacity"
    )]
    TooFewWindows {
        /// How many windows were asked for.
        asked: usize,
        /// How many records each may have.
        length: usize,
        /// How many were found.
        found: usize,
    },

    /// A process died, or a thread panicked, while it changed the value.
    #[error(
        "value `{name}` was being changed when a process died or panicked, and may be half of each; `set` \
         it, or put it right by `write` and say that it is `repaired`"
    )]
    Unfinished {
        /// The segment's name.
        name: String,
    },

    /// The board has no value yet.
    #[error("nothing was published yet; wait with `Board::wait_newer`")]
    NothingPublished,

    /// Every buffer of the board but the newest is leased by a living process.
    #[error(
        "all {buffers} buffers of board `{name}` have the newest value or are leased by living \
         processes; drop some leases, or create the board with more buffers than {buffers}"
    )]
    NoFreeBuffer {
        /// The board's name.
        name: String,
        /// How many buffers it has.
        buffers: usize,
    },

    /// Every slot of the pool is leased to a batch or reserved by a writer.
    #[error(
        "all {capacity} slots of the pool are leased to batches or reserved by writers; drop some, \
         or create the pool with more capacity"
    )]
    NoFreeSlot {
        /// How many slots the pool has.
        capacity: usize,
    },

    /// The batches of this handle already hold as many leases as it may.
    #[error(
        "a batch of {asked} does not fit into the {limit} leases of this handle, of which {held} are \
         held by its other batches; drop some, or create the pool with more leases"
    )]
    TooManyLeases {
        /// How many leases the batch needs.
        asked: usize,
        /// How many are held.
        held: usize,
        /// How many leases a handle has.
        limit: usize,
    },

    /// The file is not a snapshot that this pool can load.
    #[error("snapshot {} cannot be loaded: {reason}", path.display())]
    WrongSnapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },

    /// Somebody else, who is alive, is saving.
    #[error("{what} is being saved already; wait until that is done, and save again")]
    AlreadySaving {
        /// The pool, or the file that it is saved to.
        what: String,
    },

    /// A column that does not fit the field that it is to receive.
    #[error("column `{field}` {reason}")]
    WrongColumn {
        /// The field that was named.
        field: String,
        /// What was expected and what was given.
        reason: String,
    },

    /// The waiting was cancelled.
    #[error("waiting for {what} was cancelled")]
    Cancelled {
        /// What was waited for.
        what: String,
    },

    /// A task gave no output. Others go on.
    #[error("task `{task}` {failure} (input {index}, in worker {worker}: {input})")]
    TaskFailed {
        /// Its name.
        task: &'static str,
        /// Which worker had it.
        worker: usize,
        /// The place of its input among those of the call, from 0 on.
        index: u64,
        /// The input, as its `Debug` shows it; the beginning of a long one.
        input: String,
        /// Why.
        failure: TaskFailure,
    },

    /// A worker could not be started, or cannot go on, and so its pool cannot.
    #[error("worker {worker} of the pool failed: {reason}")]
    WorkerFailed {
        /// Which one.
        worker: usize,
        /// What it said, or how it ended.
        reason: String,
    },

    /// Workers were to be started by a program that does not know how to be one.
    #[error(
        "this program starts itself again as its workers, and did not say how: call \
         `Workers::begin` with its tasks at the head of `main` (or, to look for mistakes, start with \
         `Start::Threads`)"
    )]
    NoWorkers,

    /// The time limit passed.
    #[error("waited {waited:?} for {what} in vain")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// For how long.
        waited: Duration,
    },
}

impl Error {
    /// Refuses an argument.
    pub(crate) fn invalid<R>(what: &'static str, found: String, expected: String) -> Result<R> {
        Err(Self::InvalidArgument {
            what,
            found,
            expected,
        })
    }

    /// Whether there was no room for a file.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::NoSpace { .. } => true,
            Self::System { source, .. } => os::is_full(source),
            _ => false,
        }
    }

    /// An [`Error::System`] maker for `map_err`.
    pub(crate) fn system(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::System {
            action,
            path,
            source,
        }
    }
}

/// Whether the schema in the header of segment `name` is that of `T`.
pub(crate) fn check_records<T: Record>(name: &str, text: &str) -> Result<()> {
    let expected = Schema::of::<T>();
    let found = Schema::parse(text).map_err(|why| Error::Damaged {
        name: name.into(),
        reason: format!("its schema: {why}"),
    })?;
    match expected == found {
        true => Ok(()),
        false => Err(Error::WrongRecord {
            name: name.into(),
            expected: Box::new(expected),
            found: Box::new(found),
        }),
    }
}
