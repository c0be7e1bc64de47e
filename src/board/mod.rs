// The board: one value that a process publishes and any number fetch, whole and newest.
//
// The protocol is in `slots.rs`; how the newest value is read, in `newest.rs` and `lease.rs`; how one is
// published, in `publish.rs`; boards of a type, in `typed/`; many boards under one name, in `family.rs`.
// Imports the segment and the records; knows no other structure.

mod family;
mod lease;
mod newest;
mod options;
mod parts;
mod publish;
mod reader;
mod slots;
mod typed;

use std::sync::Arc;
use std::time::Duration;

pub use family::Boards;
pub use lease::DynBoardLease;
pub use options::{BoardOptions, BoardsOptions};
pub use reader::DynBoardReader;
pub use typed::{Board, BoardLease, BoardReader};

use crate::error::{Error, Result, check_schema};
use crate::record::Schema;
use crate::segment::{
    Attach, Header, Participant, Segment, check_option, open_methods, open_or_create,
};
use crate::sync::Event;
use crate::sync::primitive::Channel;
use parts::Parts;
use slots::Newest;

/// A [`Board`] whose elements are known at run time: by a [`Schema`], and as bytes.
///
/// It is the same board: of two processes that share one, the first may have a [`Board`] and the second a `DynBoard`.
/// A [`Board`] dereferences to it. Bytes that are given and taken need no alignment.
///
/// ```
/// use millpond::board::DynBoard;
/// use millpond::{Board, BoardOptions};
///
/// let board = Board::<f32>::create("dyn-board-example", BoardOptions::new(2))?;
/// board.publish(&[0.5, 0.25])?;
///
/// let any = DynBoard::open("dyn-board-example")?;
/// assert_eq!(any.schema().as_number(), Some(millpond::record::Scalar::F32));
/// let mut bytes = [0; 8];
/// assert_eq!(any.fetch(&mut bytes)?, 1);
/// assert_eq!(bytes[..4], 0.5f32.to_le_bytes());
/// # millpond::unlink("dyn-board-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone)]
pub struct DynBoard {
    inner: Arc<Inner>,
}

threads_may_share!(DynBoard);

struct Inner {
    segment: Segment<Parts>,
    published: Channel,
}

open_methods! {
    [] DynBoard, "a board", "cartpole/weights", BoardOptions;
    of(schema: &Schema) " of elements as `schema` says";
    create: |name, options| Self::new(Segment::create(name, options.plan(schema)?)?);
    open: |name, attach| Self::new(Segment::open(name, attach, |_| Ok(()))?), "";
    open_or_create: |name, options| {
        let attach = options.shared.attach();
        let open = || {
            let board = Self::open_of(name, schema, &attach)?;
            check_option(name, "length", options.len, board.len())?;
            check_option(name, "buffers", options.buffers, board.buffers())?;
            Ok(board)
        };
        open_or_create(open, || Self::create(name, schema, options.clone()))
    }, "As [`Board::open_or_create`];";
    anonymous: |options| Self::new(Segment::anonymous(options.plan(schema)?)?);
}

impl DynBoard {
    /// Attaches to a board that must have such elements.
    fn open_of(name: &str, schema: &Schema, attach: &Attach) -> Result<Self> {
        let check = |header: &Header| check_schema(name, &header.schema, schema);
        Self::new(Segment::open(name, attach, check)?)
    }

    fn new(segment: Segment<Parts>) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(Inner {
                published: segment.channel(0)?,
                segment,
            }),
        })
    }

    /// What an element of the value is.
    pub fn schema(&self) -> &Schema {
        &self.inner.parts().schema
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

    /// Copies the bytes of the newest value into `value`, and gives its version.
    ///
    /// # Errors
    /// [`Error::NothingPublished`] before the first; [`Error::InvalidArgument`] for a buffer of other bytes than the
    /// value has; [`Error::Forked`]; [`Error::Damaged`] where no publisher is at work and the newest value is still
    /// not whole.
    pub fn fetch(&self, value: &mut [u8]) -> Result<u64> {
        self.inner.segment.check_process()?;
        newest::fetch(self.inner.parts(), self.name(), value)
    }

    /// The bytes of the newest value in place; as [`Board::lease`].
    ///
    /// # Errors
    /// As [`Board::lease`].
    pub fn lease(&self) -> Result<DynBoardLease> {
        self.inner.segment.check_process()?;
        DynBoardLease::new(self)
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

impl Inner {
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

impl std::fmt::Debug for DynBoard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fmt_as("DynBoard", formatter)
    }
}

impl DynBoard {
    /// Shows it under another name.
    fn fmt_as(&self, name: &str, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct(name)
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
