//! A board of elements of a type, for processes that must not write.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::super::DynBoardReader;
use super::super::newest::check_len;
use crate::error::{Result, check_records};
use crate::record::Record;
use crate::segment::{Attach, Header};

/// A [`Board`](crate::Board) that this process can read and not write: the system maps it read-only, so
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
/// use millpond::board::BoardReader;
/// use millpond::{Board, BoardOptions};
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
    dynamic: DynBoardReader,
    holds: PhantomData<fn() -> T>,
}

impl<T: Record> Clone for BoardReader<T> {
    fn clone(&self) -> Self {
        Self {
            dynamic: self.dynamic.clone(),
            holds: PhantomData,
        }
    }
}

impl<T: Record> Deref for BoardReader<T> {
    type Target = DynBoardReader;

    fn deref(&self) -> &DynBoardReader {
        &self.dynamic
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
            dynamic: DynBoardReader::open_checked(name, attach, check)?,
            holds: PhantomData,
        })
    }

    /// Copies the newest value into `value`, and gives its version.
    ///
    /// # Errors
    /// As [`Board::fetch`](crate::Board::fetch).
    pub fn fetch(&self, value: &mut [T]) -> Result<u64> {
        check_len(self.parts(), value.len())?;
        self.dynamic.fetch(bytemuck::cast_slice_mut(value))
    }

    /// A copy of the newest value in memory of its own, and its version.
    ///
    /// # Errors
    /// As [`Board::fetch`](crate::Board::fetch).
    pub fn fetch_vec(&self) -> Result<(Vec<T>, u64)> {
        let mut value = vec![T::zeroed(); self.len()];
        let version = self.fetch(&mut value)?;
        Ok((value, version))
    }
}

impl<T: Record> fmt::Debug for BoardReader<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dynamic.fmt_as("BoardReader", formatter)
    }
}
