//! Simulators fill the pond, learners draw from it.
//!
//! `millpond` lets independent operating-system processes share an experience pool (a prioritized
//! replay buffer) and other structures in memory-mapped segments: attached by name, read and written
//! in place, with no copy and no server, on Linux, macOS and Windows.
//!
//! * [`Pool`] is the experience pool: simulators insert records, learners sample prioritized batches
//!   of them in place and update their priorities.
//! * [`Board`] holds one value, such as the weights of a network, that one process publishes and any
//!   number fetch, whole and newest, or read in place; [`Boards`] are any number of values by name.
//! * [`SharedArray`] and [`SharedValue`] hold a fixed number of elements, or one, with a lock for many
//!   readers or one writer; [`AtomicArray`] and [`AtomicValue`] hold numbers that each change in one step;
//!   and a [`ChunkedArray`] is filled or changed by many processes at once, each its own ranges.
//! * [`ArrayDict`] is a dictionary from integers or short byte strings to rows of numbers, which grows while
//!   processes use it.
//! * `Archive` (with the feature `archive`), [`Lookup`] and `Trie` (with the feature `trie`) are read-only
//!   structures of any size, of which the machine has one copy: any Rust structure, a dictionary, ordered keys.
//!   The next version replaces one while processes use it. [`Open`] opens several by one name.
//! * [`Record`] is what they hold: derive it for a plain struct of numbers.
//! * [`NStep`] folds the steps of an episode into n-step transitions, and [`Schedule`] is a
//!   hyper-parameter that changes with the training step.
//!
//! # A first pool
//!
//! A simulator is a process that attaches by name and inserts:
//!
//! ```
//! use millpond::{Pool, PoolOptions, Record};
//!
//! #[derive(Clone, Copy, Record)]
//! #[repr(C)]
//! struct Transition {
//!     observation: [f32; 4],
//!     action: u32,
//!     reward: f32,
//! }
//!
//! let pool = Pool::<Transition>::open_or_create("first/replay", PoolOptions::new(50_000))?;
//! pool.insert(&Transition { observation: [0.1; 4], action: 1, reward: 1.0 })?;
//! # millpond::unlink_all("first")?;
//! # Ok::<(), millpond::Error>(())
//! ```
//!
//! A learner is another one, that attaches by the same name, samples, and says how surprising each
//! record was:
//!
//! ```
//! # use millpond::{Pool, PoolOptions, Record};
//! # #[derive(Clone, Copy, Record)]
//! # #[repr(C)]
//! # struct Transition { observation: [f32; 4], action: u32, reward: f32 }
//! use millpond::Column;
//!
//! let pool = Pool::<Transition>::open_or_create("second/replay", PoolOptions::new(50_000))?;
//! # pool.insert(&Transition { observation: [0.1; 4], action: 1, reward: 1.0 })?;
//! let batch = pool.sample(256, &mut rand::rng())?;
//! let mut rewards = vec![0f32; 256];
//! batch.gather(&mut [Column::new("reward", &mut rewards)])?; // or use batch.records() in place
//! pool.update_priorities(batch.keys(), &rewards)?;
//! # millpond::unlink_all("second")?;
//! # Ok::<(), millpond::Error>(())
//! ```
//!
//! # Where segments live
//!
//! In the directory that the environment variable `MILLPOND_DIR` names, else in a private directory
//! of the user on the fastest file system that processes share: in `/dev/shm` on Linux, in the user's
//! temporary directory on macOS, in the user's local application data on Windows. Processes meet only
//! where that directory is the same, so a relative path is refused. A directory on a disk gives pools that are larger than memory and
//! outlive a reboot. [`list`] and [`unlink_all`] look after what is there.
//!
//! To share segments with other users, of one group, make a directory for the group, such as
//! `install -d -m 2770 -g lab /dev/shm/lab`, and set `MILLPOND_DIR` to it and `MILLPOND_GROUP` to the
//! group's name or number in every process. Then all members may attach to, list and remove what any of
//! them makes there, and nobody else may; they must trust each other as processes of one user do. A
//! directory that lets in others is refused (not on Windows, where access lists are not read). Windows has no
//! such groups: the variable is an error there.
//!
//! # Snapshots
//!
//! [`Pool::save`](DynPool::save) writes a pool to a file while processes go on using it: the records and priorities of one
//! instant, checked by checksums, whole or not at all. [`Pool::load`](DynPool::load) brings them back, also into a pool of
//! another size. `docs/snapshots.md` has the file byte by byte.
//!
//! # What it costs, and what it does not do
//!
//! Sampling costs what touching the memory costs: see `docs/performance.md`. Records have a fixed size
//! and hold no pointers. The processes must trust each other as threads do: a process that writes
//! where it should not can damage what all of them share, which millpond answers with an error where
//! it can tell. All participants run on one machine and one byte order.

#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

#[cfg(target_endian = "big")]
compile_error!("millpond's segments are little-endian, and nobody has tried it on this processor");
#[cfg(not(target_has_atomic = "64"))]
compile_error!("millpond needs atomic 64-bit integers, which this processor does not have");

/// Does not compile where a type is not `Send` and `Sync`.
macro_rules! threads_may_share {
    ($($type:ty),+) => {
        const _: () = {
            const fn is_send_and_sync<T: Send + Sync>() {}
            $(is_send_and_sync::<$type>();)+
        };
    };
}

#[cfg(feature = "archive")]
mod archive;
mod array;
mod board;
mod cancel;
mod dict;
mod episode;
mod error;
mod hash;
mod lookup;
mod open;
mod os;
mod pool;
mod record;
mod schedule;
mod segment;
mod sorting;
mod sync;
mod tree;
#[cfg(feature = "trie")]
mod trie;
mod volume;
#[cfg(feature = "workers")]
mod workers;

#[cfg(feature = "archive")]
pub use archive::{Archivable, Archive};
pub use array::{
    ArrayOptions, ArrayReadGuard, ArrayWriteGuard, Atomic, AtomicArray, AtomicNumber, AtomicValue,
    Chunk, ChunkedArray, DynArray, DynArrayReadGuard, DynArrayWriteGuard, DynAtomicArray,
    DynAtomicValue, DynChunk, DynChunkedArray, DynSplit, DynValue, SharedArray, SharedValue, Split,
    ValueOptions, ValueReadGuard, ValueWriteGuard,
};
pub use board::{
    Board, BoardLease, BoardOptions, BoardReader, Boards, BoardsOptions, DynBoard, DynBoardLease,
    DynBoardReader,
};
pub use cancel::CancelToken;
pub use dict::{
    ArrayDict, Checkout, DictEntry, DictOptions, DictReader, DictView, DynArrayDict, DynCheckout,
    DynDictReader, Key,
};
pub use episode::{NStep, NStepTransition, Sequences, Step};
pub use error::{Error, ErrorKind, Result, TaskFailure};
#[cfg(feature = "trie")]
pub use fst;
pub use lookup::{
    DynLookup, DynLookupBuilder, Lookup, LookupBuilder, LookupKey, LookupValue, ValueType,
};
pub use millpond_derive::{Open, Record};
pub use open::Open;
pub use pool::{
    Batch, Column, Distribution, DynBatch, DynEpisodeWriter, DynPool, DynReservation, DynWindow,
    DynWindows, EpisodeWriter, Fill, InputColumn, Loaded, Patience, Pool, PoolOptions, RateLimiter,
    Remover, Reservation, Sampler, Saved, Statistics, ViewOptions, Window, Windows,
};
#[doc(hidden)]
pub use record::__private;
pub use record::{
    Difference, Element, Field, KeyType, Number, Record, Scalar, Schema, SchemaBuilder, ShownRecord,
};
#[cfg(feature = "archive")]
pub use rkyv;
pub use schedule::Schedule;
pub use segment::{Attach, Lifetime, Participant, SegmentInfo, info, list, unlink, unlink_all};
#[cfg(feature = "trie")]
pub use trie::{Entries, Fuzzy, Prefixes, Trie};
pub use volume::{Check, Handle, OpenOptions, Place, PublishOptions};
#[cfg(feature = "workers")]
pub use workers::{
    AnyTask, Call, Csv, CsvRange, CsvRanges, CsvRecord, CsvRecords, Failure, Finished, InPlace,
    Insights, LineRanges, Message, Pending, Results, SlowTask, Start, Task, TaskFunction,
    TryResults, WhenWorkerDies, Worker, WorkerInsights, Workers, WorkersOptions, WrongField,
};

/// The README's code, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
