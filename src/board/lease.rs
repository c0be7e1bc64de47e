//! A value in place: read where it lies, under a lease of its buffer.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{Board, Inner};
use crate::error::Result;
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
    board: Arc<Inner<T>>,
    buffer: usize,
    version: u64,
}

const _: () = {
    const fn threads_may_share<T: Send + Sync>() {}
    threads_may_share::<BoardLease<u8>>();
};

impl<T: Record> BoardLease<T> {
    /// Leases the newest value of a board, in the process that attached to it.
    pub(super) fn new(board: &Board<T>) -> Result<Self> {
        let inner = board.inner.clone();
        let versions = inner.parts().versions();
        let entry = inner.segment.owner().entry();
        let leased = inner.with_newest(|newest| versions.lease(newest, entry))?;
        Ok(Self {
            board: inner,
            buffer: leased.buffer,
            version: leased.version,
        })
    }

    /// The version of this value.
    pub fn version(&self) -> u64 {
        self.version
    }
}

impl<T: Record> Deref for BoardLease<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.board.segment.assert_ours();
        // SAFETY: a handle on a board of `T` exists only where the schema is that of `T`. The buffer was
        // leased and checked (slots.rs, step 4), in this process, so what was written happened before, and
        // nobody writes until the lease is given back, in `drop`.
        unsafe { self.board.parts().value(self.buffer) }
    }
}

impl<T: Record> Drop for BoardLease<T> {
    fn drop(&mut self) {
        // In a forked child the lease is the parent's.
        if self.board.segment.is_ours() {
            let entry = self.board.segment.owner().entry();
            self.board.parts().versions().give_back(self.buffer, entry);
        }
    }
}

impl<T: Record> fmt::Debug for BoardLease<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BoardLease")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
