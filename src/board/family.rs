//! Any number of named values under one name: a board for each.
//!
//! Composes boards, which it opens when they are asked for, and keeps; touches no memory of a segment.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::{Board, BoardLease, BoardsOptions, no_newer};
use crate::error::{Error, Result};
use crate::os::Origin;
use crate::record::Record;
use crate::segment::{Name, check_option, list};

/// The boards of one type and of others that have the same name, by their types.
type Handles = Vec<Box<dyn Any + Send + Sync>>;

/// Any number of named values under one name, such as the networks of an agent: each with a type, a length
/// and versions of its own, published, fetched, leased and waited for as the value of a [`Board`].
///
/// Value `actor` of the family `cartpole/weights` is the board `cartpole/weights/actor`. It comes to be when
/// it is first published, by whoever comes first, with the length that it has then; from then on its type and
/// length stay. A value that was not published yet is [`Error::NotFound`]. Each has a lock of its own, so
/// who publishes one never waits for who publishes another, and versions of different values are not of one
/// instant: what must change together is one value, a struct for example.
///
/// Boards are opened when they are asked for and kept, so this process is a participant of those that it
/// has used. A family is `Send` and `Sync`, and clones share the boards. One whose name is taken away
/// ([`unlink`](crate::unlink)) stays with who has it.
///
/// # When a process dies
/// As for a [`Board`], for each value.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use millpond::board::{Boards, BoardsOptions};
///
/// // A learner …
/// let learner = Boards::new("family-example/weights", BoardsOptions::new())?;
/// learner.publish::<f32>("actor", &[0.1, 0.2, 0.3])?;
/// learner.publish::<f64>("temperature", &[0.5])?;
///
/// // … and a simulator, anywhere else on the machine.
/// let simulator = Boards::new("family-example/weights", BoardsOptions::new())?;
/// assert_eq!(simulator.wait_newer::<f32>("actor", 0, Duration::from_secs(5))?, 1);
/// assert_eq!(simulator.lease::<f32>("actor")?[2], 0.3);
/// assert_eq!(simulator.fetch_vec::<f64>("temperature")?, (vec![0.5], 1));
/// assert_eq!(simulator.names()?, ["actor", "temperature"]);
///
/// millpond::unlink_all("family-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone)]
pub struct Boards {
    inner: Arc<Inner>,
}

struct Inner {
    name: Name,
    options: BoardsOptions,
    boards: RwLock<HashMap<String, Handles>>,
    origin: Origin,
}

threads_may_share!(Boards);

impl Boards {
    /// The family of this name, which need not have values yet. Touches no segment.
    ///
    /// # Errors
    /// [`Error::InvalidName`].
    pub fn new(name: &str, options: BoardsOptions) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(Inner {
                name: Name::new(name)?,
                options,
                boards: RwLock::default(),
                origin: Origin::here(),
            }),
        })
    }

    /// The family's name.
    pub fn name(&self) -> &str {
        self.inner.name.as_str()
    }

    /// The names of the values that exist, sorted. Looks at every segment of the directory.
    ///
    /// # Errors
    /// As [`list`](crate::list).
    pub fn names(&self) -> Result<Vec<String>> {
        let mut segments = list(Some(self.name()))?;
        segments.retain(|segment| segment.kind == "board");
        let names = segments.iter().filter_map(|segment| {
            let inside = segment.name.strip_prefix(self.name())?;
            Some(inside.strip_prefix('/')?.to_string())
        });
        Ok(names.collect())
    }

    /// Publishes a value as [`Board::publish`] does, and gives its version: 1 for the first, which also
    /// creates the value's board.
    ///
    /// # Errors
    /// [`Error::WrongRecord`], [`Error::WrongOption`] for a value that exists with another type, length or
    /// number of buffers; [`Error::NoFreeBuffer`]; as [`Board::create`] where it is the first.
    pub fn publish<T: Record>(&self, value: &str, elements: &[T]) -> Result<u64> {
        let create = |name: &str| {
            let options = self.inner.options.of(elements.len());
            Board::open_or_create(name, options)
        };
        let board = self.find_or(value, create)?;
        self.check_len(value, &board, elements.len())?;
        board.publish(elements)
    }

    /// Copies a value into `elements` as [`Board::fetch`] does, and gives its version.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::NothingPublished`] before the first; [`Error::WrongRecord`],
    /// [`Error::WrongOption`] for another type or length; as [`Board::fetch`].
    pub fn fetch<T: Record>(&self, value: &str, elements: &mut [T]) -> Result<u64> {
        let board = self.board::<T>(value)?;
        self.check_len(value, &board, elements.len())?;
        board.fetch(elements)
    }

    /// A copy of a value in memory of its own, and its version.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn fetch_vec<T: Record>(&self, value: &str) -> Result<(Vec<T>, u64)> {
        self.board(value)?.fetch_vec()
    }

    /// A value in place, as [`Board::lease`] gives it.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn lease<T: Record>(&self, value: &str) -> Result<BoardLease<T>> {
        self.board(value)?.lease()
    }

    /// Waits for a version of a value after `version`, also for a value that does not exist yet, and gives the
    /// newest.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after `limit`; [`Error::WrongRecord`]; as [`Board::open`].
    pub fn wait_newer<T: Record>(&self, value: &str, version: u64, limit: Duration) -> Result<u64> {
        let began = Instant::now();
        let wait = self.inner.options.shared.attach().wait(limit);
        let opened = self.find_or(value, |name| Board::<T>::open_with(name, &wait));
        match opened {
            Ok(board) => {
                let left = limit.saturating_sub(began.elapsed());
                let waited = board.wait_newer(version, left);
                waited.map_err(|error| match error {
                    Error::TimedOut { .. } => no_newer(version, limit),
                    other => other,
                })
            }
            Err(Error::NotFound { .. }) => Err(no_newer(version, limit)),
            Err(other) => Err(other),
        }
    }

    /// The board of a value, for everything else that can be done with one.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a value that was not published yet; as [`Board::open`].
    pub fn board<T: Record>(&self, value: &str) -> Result<Board<T>> {
        let attach = self.inner.options.shared.attach();
        self.find_or(value, |name| Board::open_with(name, &attach))
    }

    /// The handle that is kept, or else the one that `open` gives for the board's whole name.
    fn find_or<T: Record>(
        &self,
        value: &str,
        open: impl FnOnce(&str) -> Result<Board<T>>,
    ) -> Result<Board<T>> {
        // Before the lock, which another thread of the parent may have had.
        if !self.inner.origin.is_here() {
            return Err(Error::Forked {
                name: self.name().into(),
            });
        }
        let find = |handles: &Handles| {
            let mut boards = handles.iter().filter_map(|board| board.downcast_ref());
            boards.next().cloned()
        };
        let boards = self.inner.boards.read();
        let boards = boards.unwrap_or_else(PoisonError::into_inner);
        if let Some(board) = boards.get(value).and_then(find) {
            return Ok(board);
        }
        // Nobody waits for who waits for a value that is not there yet.
        drop(boards);
        let opened = open(&self.whole_name(value))?;
        let boards = self.inner.boards.write();
        let mut boards = boards.unwrap_or_else(PoisonError::into_inner);
        let handles = boards.entry(value.into()).or_default();
        // Another thread may have been faster; then its handle is the one.
        Ok(find(handles).unwrap_or_else(|| {
            handles.push(Box::new(opened.clone()));
            opened
        }))
    }

    fn whole_name(&self, value: &str) -> String {
        format!("{}/{value}", self.name())
    }

    fn check_len<T: Record>(&self, value: &str, board: &Board<T>, found: usize) -> Result<()> {
        match found == board.len() {
            true => Ok(()),
            false => check_option(&self.whole_name(value), "length", found, board.len()),
        }
    }
}

impl fmt::Debug for Boards {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Boards")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
