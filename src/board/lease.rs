//! A value in place: read where it lies, under a lease of its buffer.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{DynBoard, Inner};
use crate::error::Result;

/// The bytes of a board's value in place: a [`BoardLease`](crate::board::BoardLease) without a type. They begin on a cache
/// line.
pub struct DynBoardLease {
    board: Arc<Inner>,
    buffer: usize,
    version: u64,
}

threads_may_share!(DynBoardLease);

impl DynBoardLease {
    /// Leases the newest value of a board, in the process that attached to it.
    pub(super) fn new(board: &DynBoard) -> Result<Self> {
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

impl Deref for DynBoardLease {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.board.segment.assert_ours();
        // SAFETY: the buffer was leased and checked (slots.rs, step 4), in this process, so what was written
        // happened before, and no process writes until the lease is given back, in `drop`.
        unsafe { self.board.parts().value(self.buffer) }
    }
}

impl Drop for DynBoardLease {
    fn drop(&mut self) {
        // In a forked child the lease is the parent's.
        if self.board.segment.is_ours() {
            let entry = self.board.segment.owner().entry();
            self.board.parts().versions().give_back(self.buffer, entry);
        }
    }
}

impl fmt::Debug for DynBoardLease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("DynBoardLease", formatter)
    }
}

impl DynBoardLease {
    /// Shows it under another name.
    pub(super) fn fmt_as(&self, name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
