// Errors, in words for the reader: the expected state, the found state, and the remedy.
// Imports `record`'s schema, to show two of them side by side, and what errors of the system mean.

mod kind;
mod make;
mod task;
#[cfg(test)]
mod tests;
mod words;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::record::Schema;
pub use kind::ErrorKind;
pub(crate) use make::{check_records, check_schema};
pub use task::TaskFailure;
pub(crate) use words::ANONYMOUS;
use words::advice;

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The reason why an operation failed, and the remedy.
///
/// An operation that returns an error has changed nothing, unless its page says otherwise.
///
/// `Debug` shows the same text as `Display`, because a program whose `main` returns an error shows it by `Debug`.
/// The text is complete, and contains the system's own words. So
/// [`source`](std::error::Error::source) is `None`, and a report of a chain of errors repeats nothing.
///
/// ```
/// use millpond::{Error, Pool};
///
/// match Pool::<f32>::open("error-example/not-there") {
///     Err(Error::NotFound { name, .. }) => assert_eq!(name, "error-example/not-there"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something.
    #[error("cannot {action} {}: {cause}{}", path.display(), advice(cause))]
    System {
        /// The attempted action.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's own words.
        cause: io::Error,
    },

    /// The name is not a valid name of a segment.
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
    #[error("{}; processes meet only where MILLPOND_DIR is the same", words::not_found(name, root, *waited))]
    NotFound {
        /// The requested name.
        name: String,
        /// The directory that was searched.
        root: PathBuf,
        /// The time that the call waited.
        waited: Duration,
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
         process is stopped; let it go on, or end it", path.display(), words::holder(*process)
    )]
    DirectoryLocked {
        /// The file of the lock.
        path: PathBuf,
        /// The process that has it, by its number in its own system; `None` if the number could not be
        /// determined.
        process: Option<u32>,
        /// How long this process has waited.
        waited: Duration,
    },

    /// The file system has no room for the segment, or for what it is to grow by.
    #[error("{} has no room {}; free some, or {remedy}", directory.display(), words::room(*asked, *free))]
    NoSpace {
        /// The directory of the file.
        directory: PathBuf,
        /// The number of bytes that are needed besides those that the file has.
        asked: u64,
        /// The number of bytes that were free; `None` if the file system does not report it.
        free: Option<u64>,
        /// A remedy besides freeing some.
        remedy: &'static str,
    },

    /// The file is not a segment, or its contents contradict themselves.
    #[error(
        "{} is damaged: {reason}; {}",
        words::structure(name),
        words::anew(name)
    )]
    Damaged {
        /// The segment's name, or the file's path.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The segment was made by a version of millpond, or a machine, that uses another layout.
    #[error(
        "{}, or {}",
        words::wrong_format(name, what, found, expected),
        words::anew(name)
    )]
    WrongFormat {
        /// The segment's name.
        name: String,
        /// The property that differs.
        what: &'static str,
        /// The value that this program reads.
        expected: String,
        /// What the segment has.
        found: String,
    },

    /// The segment holds another structure.
    #[error(
        "{} holds a {found}, not a {expected}; open it as what it is, or use another name",
        words::structure(name)
    )]
    WrongKind {
        /// The segment's name.
        name: String,
        /// The structure to be opened.
        expected: &'static str,
        /// The structure that the segment holds.
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
        /// The data that this program expects.
        expected: String,
        /// The data that was published.
        found: String,
    },

    /// The segment exists, and was created with other options than the ones asked for.
    #[error(
        "{} was created with {what} {found}, not {expected}; ask for what it has, or use another name",
        words::structure(name)
    )]
    WrongOption {
        /// The segment's name, or the file's path.
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
        /// The limit on participants.
        limit: usize,
    },

    /// The handle was made before this process was forked.
    #[error("{}", words::forked(name))]
    Forked {
        /// The segment's name.
        name: String,
    },

    /// An argument, or an option, is invalid.
    #[error("{what} is {found}; it must be {expected}")]
    InvalidArgument {
        /// Which one.
        what: &'static str,
        /// The value that was given.
        found: String,
        /// The values that are valid.
        expected: String,
    },

    /// A priority is NaN, infinite, negative, or too large to be summed.
    #[error(
        "priority {found} (number {index} of the call) must be finite, at least 0, and its power `priority^alpha` at most {limit:e}"
    )]
    InvalidPriority {
        /// Its position in the call's arguments.
        index: usize,
        /// The priority.
        found: f32,
        /// The largest power.
        limit: f32,
    },

    /// The pool has nothing that can be sampled.
    #[error("nothing can be sampled: {}", words::nothing_to_sample(*length, *used_up))]
    NothingToSample {
        /// The number of records that the pool holds.
        length: usize,
        /// The number of them that cannot be sampled whatever their priorities. They have reached their limit of
        /// samples ([`sampled_at_most`](crate::PoolOptions::sampled_at_most)), or are not in the view.
        used_up: usize,
    },

    /// Fewer records than requested can be sampled: each may come only once in the batch, or only as often as its
    /// limit of samples allows.
    #[error(
        "a batch of {asked} was asked for, and {found} can be sampled without sampling a record more often than it \
         may be; insert more first, wait with `Pool::wait_for_len`, or ask for fewer"
    )]
    TooFewRecords {
        /// The number of records that were requested.
        asked: usize,
        /// The number of records that can be sampled.
        found: usize,
    },

    /// The pool has too few windows whose records are all in it.
    #[error(
        "of {asked} windows of {length} records only {found} were found whole: the others reach back to \
         records that have left the pool; ask for shorter ones, or create the pool with more capacity"
    )]
    TooFewWindows {
        /// The number of windows that were requested.
        asked: usize,
        /// The largest number of records of each window.
        length: usize,
        /// The number of windows that were found.
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
    #[error("nothing was published yet; wait with `wait_newer`")]
    NothingPublished,

    /// Every buffer of the board but the newest is leased by a living process.
    #[error(
        "all {buffers} buffers of board `{name}` have the newest value or are leased by living \
         processes; drop some leases, or create the board with more buffers than {buffers}"
    )]
    NoFreeBuffer {
        /// The board's name.
        name: String,
        /// The number of its buffers.
        buffers: usize,
    },

    /// Every slot of the pool is leased to a batch or reserved by a writer.
    #[error(
        "all {capacity} slots of the pool are leased to batches or reserved by writers, or hold records that its \
         remover keeps; drop some, or create the pool with more capacity"
    )]
    NoFreeSlot {
        /// The number of slots of the pool.
        capacity: usize,
    },

    /// The batches of this handle hold so many leases that another batch would exceed its limit.
    #[error(
        "a batch of {asked} does not fit into the {limit} leases of this handle, of which {held} are \
         held by its other batches; drop some, or create the pool with more leases"
    )]
    TooManyLeases {
        /// The number of leases that the batch needs.
        asked: usize,
        /// The number of leases that are held.
        held: usize,
        /// The number of leases of a handle.
        limit: usize,
    },

    /// The file is not a snapshot that this pool can load.
    #[error("snapshot {} cannot be loaded: {reason}", path.display())]
    WrongSnapshot {
        /// The file.
        path: PathBuf,
        /// The defect, and the remedy.
        reason: String,
    },

    /// Another living process or thread is saving.
    #[error("{what} is being saved already; wait until that is done, and save again")]
    AlreadySaving {
        /// The pool, or the file that it is saved to.
        what: String,
    },

    /// A column does not fit the field that it is to receive.
    #[error("column `{field}` {reason}")]
    WrongColumn {
        /// The field that was named.
        field: String,
        /// The expected and the given type.
        reason: String,
    },

    /// The waiting was cancelled.
    #[error("waiting for {what} was cancelled")]
    Cancelled {
        /// What was waited for.
        what: String,
    },

    /// A task returned no output. Other tasks continue.
    #[error("task `{task}` {failure} (input {index}, in worker {worker}: {input})")]
    TaskFailed {
        /// Its name.
        task: &'static str,
        /// The worker that ran it.
        worker: usize,
        /// The index of its input among those of the call, from 0.
        index: u64,
        /// The input, as its `Debug` shows it; the beginning of a long one.
        input: String,
        /// The reason.
        failure: TaskFailure,
    },

    /// A worker could not be started, or cannot go on, and so its worker group cannot.
    #[error("worker {worker} of its group failed: {reason}")]
    WorkerFailed {
        /// Which one.
        worker: usize,
        /// Its message, or the way it ended.
        reason: String,
    },

    /// The program cannot act as a worker, so it cannot start workers.
    #[error(
        "this program starts itself again as its workers, and did not say how: call `Workers::begin` with its \
         tasks at the head of `main` (or, for debugging, start with `Start::Threads`, which does without that)"
    )]
    NoWorkers,

    /// The time limit passed.
    #[error("waited {waited:?} for {what} without success")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The time that the call waited.
        waited: Duration,
    },
}
