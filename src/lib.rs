//! Simulators fill the pond, learners draw from it.
//!
//! `millpond` lets independent operating-system processes share an experience pool (a prioritized
//! replay buffer) and other structures in memory-mapped segments: attached by name, read and written
//! in place, with no copy and no server, on Linux, macOS and Windows.
//!
//! * [`Pool`] is the experience pool: simulators insert records, learners sample prioritized batches
//!   of them in place and update their priorities.
//! * [`Board`] holds one value, such as the weights of a network, that one process publishes and any
//!   number fetch, whole and newest, or read in place; [`Boards`](board::Boards) are any number of values by name.
//! * [`SharedArray`] and [`SharedValue`] hold a fixed number of elements, or one, with a lock for many
//!   readers or one writer; [`AtomicArray`] and [`AtomicValue`] hold numbers that each change in one step;
//!   and a [`ChunkedArray`] is filled or changed by many processes at once, each in its own ranges.
//! * [`ArrayDict`] is a dictionary from integers or short byte strings to rows of numbers, which grows while
//!   processes use it.
//! * `Archive` (with the feature `archive`), [`Lookup`] and `Trie` (with the feature `trie`) are read-only
//!   structures of any size, of which the machine has one copy: any Rust structure, a dictionary, ordered keys.
//!   The next version replaces one while processes use it. [`Open`] opens several by one name.
//! * [`Record`] is what they hold: derive it for a plain struct of numbers.
//! * [`NStep`](episode::NStep) folds the steps of an episode into n-step transitions, and [`Schedule`] is a
//!   hyper-parameter that changes with the training step.
//!
//! The everyday names are here; what belongs to a structure is in its module, such as [`pool`] or [`readonly`]. There are
//! also the same structures for records that are known at run time only, such as [`DynPool`](pool::DynPool).
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
//! A learner is another process, which attaches by the same name, samples, and updates each record's
//! priority:
//!
//! ```
//! # use millpond::{Pool, PoolOptions, Record};
//! # #[derive(Clone, Copy, Record)]
//! # #[repr(C)]
//! # struct Transition { observation: [f32; 4], action: u32, reward: f32 }
//! use millpond::pool::Column;
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
//! group's name or number in every process. Then all members may attach to, list and remove the segments that any
//! of them creates there, and no other user may. They must trust each other as processes of one user do. A
//! directory that lets in others is refused (not on Windows, where access lists are not read). Windows has no
//! such groups: the variable is an error there.
//!
//! # Snapshots
//!
//! [`Pool::save`](pool::DynPool::save) writes a pool to a file while processes go on using it: the records and priorities of one
//! instant, checked by checksums, whole or not at all. [`Pool::load`](pool::DynPool::load) brings them back, also into a pool of
//! another size. `docs/snapshots.md` has the file byte by byte.
//!
//! # What it costs, and what it does not do
//!
//! The cost of sampling is that of touching the memory: see `docs/performance.md`. Records have a fixed size
//! and hold no pointers. The processes must trust each other as threads do: a process that writes
//! where it should not can damage what all of them share, which millpond answers with an error where
//! it can tell. All participants run on one machine and one byte order.

#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks)]

#[cfg(target_endian = "big")]
compile_error!("millpond's segments are little-endian, and it is untested on this processor");
#[cfg(not(target_has_atomic = "64"))]
compile_error!("millpond needs atomic 64-bit integers, which this processor does not have");

/// Does not compile if a type is not `Send` and `Sync`.
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
/// Arrays and values: a fixed number of elements, or one, that processes read and change in place.
pub mod array;
/// Boards: one value that a process publishes, and any number fetch or read in place.
pub mod board;
mod cancel;
/// Dictionaries that grow while processes use them.
pub mod dict;
/// Processing of an episode's steps before a simulator stores them.
pub mod episode;
/// Errors, and their remedies.
pub mod error;
mod hash;
mod lookup;
mod open;
mod os;
/// The experience pool: a prioritized replay buffer.
pub mod pool;
pub mod readonly;
/// Records, and their schemas: the types of what processes share.
pub mod record;
mod schedule;
/// Segments of any content: attaching, listing and removing.
pub mod segment;
mod sorting;
mod sync;
mod tree;
#[cfg(feature = "trie")]
mod trie;
mod volume;
/// Worker processes that stream tasks over shared objects.
#[cfg(feature = "workers")]
pub mod workers;

#[cfg(feature = "archive")]
pub use archive::Archive;
pub use array::{
    ArrayOptions, AtomicArray, AtomicValue, ChunkedArray, SharedArray, SharedValue, ValueOptions,
};
pub use board::{Board, BoardOptions};
pub use cancel::CancelToken;
pub use dict::{ArrayDict, DictOptions};
pub use error::{Error, ErrorKind, Result};
#[cfg(feature = "trie")]
pub use fst;
pub use lookup::Lookup;
pub use millpond_derive::{Open, Record};
pub use open::Open;
pub use pool::{Batch, Pool, PoolOptions, Sampler};
#[doc(hidden)]
pub use record::__private;
pub use record::{Record, Schema};
#[cfg(feature = "archive")]
pub use rkyv;
pub use schedule::Schedule;
pub use segment::{Attach, Lifetime, info, list, unlink, unlink_all};
#[cfg(feature = "trie")]
pub use trie::Trie;
#[cfg(feature = "workers")]
pub use workers::{Task, Workers, WorkersOptions};

/// The README's code, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
