//! A value of elements of a type, in place.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::super::DynBoardLease;
use crate::record::Record;

/// A board's value in place: the newest when it was leased, and the same for as long as this lives, however
/// many newer ones are published.
///
/// Nothing is copied. The value keeps one of the board's buffers from the publishers; see
/// [`BoardOptions::buffers`](crate::BoardOptions::buffers).
///
/// It is `Send` and `Sync`, and holds the board as a handle does.
///
/// # When a process dies
/// Its leases end with it, and publishers go on. Where a publisher dies, nothing happens to the value.
///
/// # Panics
/// Reading the value panics in a process that was forked since it was leased: the lease is the parent's, and
/// may have ended.
///
/// # Example
/// ```
/// use millpond::{Board, BoardOptions};
///
/// let board = Board::<f32>::anonymous(BoardOptions::new(3))?;
/// board.publish(&[0.1, 0.2, 0.3])?;
///
/// let weights = board.lease()?;
/// board.publish(&[0.4, 0.5, 0.6])?;
/// assert_eq!(weights[1], 0.2);
/// assert_eq!((weights.version(), board.version()), (1, 2));
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct BoardLease<T: Record> {
    dynamic: DynBoardLease,
    holds: PhantomData<fn(T) -> T>,
}

impl<T: Record> BoardLease<T> {
    /// The face of a lease of a board of such elements.
    pub(super) fn of(dynamic: DynBoardLease) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// The version of this value.
    pub fn version(&self) -> u64 {
        self.dynamic.version()
    }
}

impl<T: Record> Deref for BoardLease<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // They begin on a cache line, and so are aligned.
        bytemuck::cast_slice(&self.dynamic)
    }
}

impl<T: Record> fmt::Debug for BoardLease<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dynamic.fmt_as("BoardLease", formatter)
    }
}
