//! A board for processes that must not write: mapped read-only, with no place in the participant table.
//!
//! Loads only. Imports the segment and how a board is read.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::parts::Parts;
use super::{newest, no_newer};
use crate::error::{Result, check_records};
use crate::record::Record;
use crate::segment::{Attach, Header, Observation};

/// The longest pause between two looks for a newer version.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// A [`Board`](super::Board) that this process can read and not write: the system maps it read-only, so
/// that a stray write of any code in the process ends the process and harms nobody.
///
/// A reader takes no place among the board's participants, and they do not list it. A board that is to
/// live while somebody is attached lives while it is read, too. A handle is `Send` and `Sync`, and
/// clones of it share one attachment.
///
/// The process must be allowed to write to the board's file all the same, as it takes locks there. On an overlay
/// file system that copies the file up from the lower layer, as a writer does, so both have the same one.
///
/// A reader copies; it cannot lease a value in place. Nor is there such a thing for a
/// [`Pool`](crate::Pool): who leases or samples says what it holds, in the segment itself.
///
/// # When a process dies
/// As for a board: the last whole value stays. A reader that is killed leaves nothing.
///
/// # Example
/// ```
/// use millpond::{Board, BoardOptions, BoardReader};
///
/// let learner = Board::<f32>::create("reader-example", BoardOptions::new(2))?;
/// learner.publish(&[0.1, 0.2])?;
///
/// let reader = BoardReader::<f32>::open("reader-example")?;
/// let mut weights = [0.0; 2];
/// assert_eq!(reader.fetch(&mut weights)?, 1);
/// assert_eq!(weights, [0.1, 0.2]);
///
/// millpond::unlink("reader-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct BoardReader<T: Record> {
    observation: Arc<Observation<Parts>>,
    holds: PhantomData<fn() -> T>,
}

const _: () = {
    const fn threads_may_share<T: Send + Sync>() {}
    threads_may_share::<BoardReader<u8>>();
};

impl<T: Record> Clone for BoardReader<T> {
    fn clone(&self) -> Self {
        Self {
            observation: self.observation.clone(),
            holds: PhantomData,
        }
    }
}

impl<T: Record> BoardReader<T> {
    /// Attaches to a board that exists.
    ///
    /// # Errors
    /// As [`Pool::open`](crate::Pool::open).
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, &Attach::new())
    }

    /// As [`open`](Self::open), waiting for a board that is not there yet. A role is of no use here.
    ///
    /// # Errors
    /// As [`Pool::open_with`](crate::Pool::open_with).
    pub fn open_with(name: &str, attach: &Attach) -> Result<Self> {
        let check = |header: &Header| check_records::<T>(name, &header.schema);
        Ok(Self {
            observation: Arc::new(Observation::open(name, attach, check)?),
            holds: PhantomData,
        })
    }

    /// The board's name.
    pub fn name(&self) -> &str {
        self.observation.name()
    }

    /// How many elements the value has.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a board has one element or more"
    )]
    pub fn len(&self) -> usize {
        self.parts().len
    }

    /// The version of the newest value; 0 before the first. Costs one load.
    pub fn version(&self) -> u64 {
        self.parts().versions().newest().version
    }

    /// Copies the newest value into `value`, and gives its version.
    ///
    /// # Errors
    /// As [`Board::fetch`](super::Board::fetch).
    pub fn fetch(&self, value: &mut [T]) -> Result<u64> {
        self.observation.check_process()?;
        newest::fetch(self.parts(), Some(self.name()), value)
    }

    /// A copy of the newest value in memory of its own, and its version.
    ///
    /// # Errors
    /// As [`Board::fetch`](super::Board::fetch).
    pub fn fetch_vec(&self) -> Result<(Vec<T>, u64)> {
        self.observation.check_process()?;
        newest::fetch_vec(self.parts(), Some(self.name()))
    }

    /// Waits for a version after `version`, and gives the newest.
    ///
    /// A reader cannot say that it waits, so nobody wakes it: it looks again and again, every 2 ms after
    /// a while.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) after `limit`; [`Error::Forked`](crate::Error::Forked).
    pub fn wait_newer(&self, version: u64, limit: Duration) -> Result<u64> {
        self.observation.check_process()?;
        let began = Instant::now();
        let mut pause = Duration::from_micros(50);
        loop {
            let newest = self.version();
            let left = limit.saturating_sub(began.elapsed());
            if newest > version {
                return Ok(newest);
            }
            if left.is_zero() {
                return Err(no_newer(version, limit));
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn parts(&self) -> &Parts {
        &self.observation.structure
    }
}

impl<T: Record> fmt::Debug for BoardReader<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BoardReader")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
