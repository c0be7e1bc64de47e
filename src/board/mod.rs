//! The board: one value that a process publishes and any number fetch, whole and newest.
//!
//! The protocol is in `slots.rs`; how the newest value is read, in `newest.rs` and `lease.rs`; how one is
//! published, in `publish.rs`; many boards under one name, in `family.rs`. Imports the segment and the
//! records; knows no other structure.

mod family;
mod lease;
mod newest;
mod options;
mod parts;
mod publish;
mod reader;
mod slots;

use std::sync::Arc;
use std::time::Duration;

pub use family::Boards;
pub use lease::BoardLease;
pub use options::{BoardOptions, BoardsOptions};
pub use reader::BoardReader;

use crate::error::{Error, Result, check_records};
use crate::record::Record;
use crate::segment::{Attach, Header, Participant, Segment, check_option, open_or_create};
use crate::sync::Event;
use crate::sync::primitive::Channel;
use parts::Parts;
use slots::Newest;

/// One value of fixed size, such as the weights of a network: processes publish it (one at a time),
/// and any number read it, always whole and always the newest, with its version: a copy of it
/// ([`fetch`](Self::fetch)), or the value itself where it lies ([`lease`](Self::lease)).
///
/// Who fetches or leases takes no lock and never waits for a publisher, nor does a publisher wait for
/// them. A handle is `Send` and `Sync`, and clones of it are the same participant. Several values under
/// one name are [`Boards`].
///
/// # When a process dies
/// A publisher that is killed half way leaves the last whole value in place; who fetches holds nothing
/// that anybody waits for, and the leases of a process end with it.
///
/// # Example
/// ```
/// use millpond::{Board, BoardOptions};
///
/// // A learner …
/// let learner = Board::<f32>::create("board-example", BoardOptions::new(3))?;
/// assert_eq!(learner.publish(&[0.1, 0.2, 0.3])?, 1);
///
/// // … and a simulator, anywhere else on the machine.
/// let simulator = Board::<f32>::open("board-example")?;
/// let mut weights = [0.0; 3];
/// assert_eq!(simulator.fetch(&mut weights)?, 1);
/// assert_eq!(weights, [0.1, 0.2, 0.3]);
///
/// millpond::unlink("board-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct Board<T: Record> {
    inner: Arc<Inner<T>>,
}

const _: () = {
    const fn threads_may_share<T: Send + Sync>() {}
    threads_may_share::<Board<u8>>();
};

struct Inner<T> {
    segment: Segment<Parts>,
    published: Channel,
    holds: std::marker::PhantomData<fn(T) -> T>,
}

impl<T: Record> Clone for Board<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<T: Record> Board<T> {
    /// Creates a board under a name such as `cartpole/weights`; it holds no value yet.
    ///
    /// # Errors
    /// As [`Pool::create`](crate::Pool::create).
    pub fn create(name: &str, options: BoardOptions) -> Result<Self> {
        Self::new(Segment::create(name, options.plan::<T>()?)?)
    }

    /// Attaches to a board that exists.
    ///
    /// # Errors
    /// As [`Pool::open`](crate::Pool::open).
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, &Attach::new())
    }

    /// As [`open`](Self::open), with a role, or waiting for a board that is not there yet.
    ///
    /// # Errors
    /// As [`Pool::open_with`](crate::Pool::open_with).
    pub fn open_with(name: &str, attach: &Attach) -> Result<Self> {
        let check = |header: &Header| check_records::<T>(name, &header.schema);
        Self::new(Segment::open(name, attach, check)?)
    }

    /// Attaches to the board of this name, or creates it: for processes that start in any order.
    ///
    /// # Errors
    /// [`Error::WrongOption`] where the board exists with another length or number of buffers; else as
    /// [`create`](Self::create) and [`open`](Self::open).
    pub fn open_or_create(name: &str, options: BoardOptions) -> Result<Self> {
        let attach = options.shared.attach();
        let open = || {
            let board = Self::open_with(name, &attach)?;
            check_option(name, "length", options.len, board.len())?;
            check_option(name, "buffers", options.buffers, board.buffers())?;
            Ok(board)
        };
        open_or_create(open, || Self::create(name, options.clone()))
    }

    /// A board without a name, in the memory of this process, with the same behaviour.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for options that cannot be; [`Error::System`].
    pub fn anonymous(options: BoardOptions) -> Result<Self> {
        Self::new(Segment::anonymous(options.plan::<T>()?)?)
    }

    fn new(segment: Segment<Parts>) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(Inner {
                published: segment.channel(0)?,
                segment,
                holds: std::marker::PhantomData,
            }),
        })
    }

    /// The board's name; `None` for one without.
    pub fn name(&self) -> Option<&str> {
        self.inner.segment.name()
    }

    /// How many elements the value has.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a board has one element or more"
    )]
    pub fn len(&self) -> usize {
        self.inner.parts().len
    }

    /// The version of the newest value; 0 before the first. Costs one load.
    pub fn version(&self) -> u64 {
        self.inner.parts().versions().newest().version
    }

    /// How many values the board has room for, [leased](Self::lease) ones and the one that is being written
    /// among them.
    pub fn buffers(&self) -> usize {
        self.inner.parts().buffers()
    }

    /// Everybody who is attached and alive.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn participants(&self) -> Result<Vec<Participant>> {
        self.inner.segment.participants()
    }

    /// Copies the newest value into `value`, and gives its version.
    ///
    /// # Errors
    /// [`Error::NothingPublished`] before the first; [`Error::InvalidArgument`] for a buffer of
    /// another length than the board's; [`Error::Forked`]; [`Error::Damaged`] where no publisher is
    /// at work and the newest value is still not whole.
    pub fn fetch(&self, value: &mut [T]) -> Result<u64> {
        self.inner.segment.check_process()?;
        newest::fetch(self.inner.parts(), self.name(), value)
    }

    /// A copy of the newest value in memory of its own, and its version.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    ///
    /// ```
    /// use millpond::{Board, BoardOptions};
    ///
    /// let board = Board::<f32>::anonymous(BoardOptions::new(2))?;
    /// board.publish(&[0.5, 0.6])?;
    /// assert_eq!(board.fetch_vec()?, (vec![0.5, 0.6], 1));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn fetch_vec(&self) -> Result<(Vec<T>, u64)> {
        self.inner.segment.check_process()?;
        newest::fetch_vec(self.inner.parts(), self.name())
    }

    /// The newest value in place: nothing is copied, and it stays as it is until the lease is dropped,
    /// while newer ones are published into the board's other buffers.
    ///
    /// A lease keeps its buffer from the publishers, who fail with [`Error::NoFreeBuffer`] where leases have
    /// all of them: so drop it soon, or give the board [more](BoardOptions::buffers).
    ///
    /// # Errors
    /// [`Error::NothingPublished`] before the first; [`Error::Forked`]; [`Error::Damaged`] as
    /// [`fetch`](Self::fetch).
    pub fn lease(&self) -> Result<BoardLease<T>> {
        self.inner.segment.check_process()?;
        BoardLease::new(self)
    }

    /// Waits for a version after `version`, and gives the newest. Sleeps meanwhile.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after `limit`; [`Error::Forked`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use millpond::{Board, BoardOptions, Error};
    ///
    /// let board = Board::<f64>::anonymous(BoardOptions::new(1))?;
    /// board.publish(&[0.5])?;
    /// assert_eq!(board.wait_newer(0, Duration::from_secs(5))?, 1);
    /// let waited = board.wait_newer(1, Duration::from_millis(1));
    /// assert!(matches!(waited, Err(Error::TimedOut { .. })));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn wait_newer(&self, version: u64, limit: Duration) -> Result<u64> {
        self.inner.segment.check_process()?;
        let newer = || Some(self.version()).filter(|&newest| newest > version);
        let waited = self.inner.event().wait_for(limit, newer);
        waited.ok_or_else(|| no_newer(version, limit))
    }
}

impl<T> Inner<T> {
    fn parts(&self) -> &Parts {
        &self.segment.structure
    }

    /// Does `attempt` with what is newest, until it succeeds. Gives what was newest then.
    fn with_newest(&self, attempt: impl FnMut(Newest) -> bool) -> Result<Newest> {
        newest::with_newest(self.parts(), self.segment.name(), attempt)
    }

    fn event(&self) -> Event<'_> {
        Event {
            words: &self.parts().published[0],
            channel: &self.published,
        }
    }
}

impl<T: Record> std::fmt::Debug for Board<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Board")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

fn no_newer(version: u64, limit: Duration) -> Error {
    Error::TimedOut {
        what: format!("a version after {version}"),
        waited: limit,
    }
}
