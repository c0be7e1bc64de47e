//! Episodes: each record of a linked pool may name the one before it in its episode.
//!
//! The protocol of a link is at the head of `layout/link.rs`. Callers insert along an episode by `writer.rs`, and sample
//! windows of it by `windows.rs` and `gather.rs`; `follow.rs` walks along the links.

mod follow;
mod gather;
#[cfg(test)]
mod tests;
mod windows;
mod writer;

use std::sync::atomic::Ordering;

pub use gather::Fill;
pub use windows::{DynWindow, DynWindows};
pub use writer::DynEpisodeWriter;

use super::DynPool;
use crate::error::{Error, Result};
use crate::pool::layout::link::{DEPARTED, DEPARTED_KEY, NO_LINK};
use crate::pool::layout::new_priority::NewPriority;
use crate::pool::layout::slot::{LARGEST_KEY, Slot};

impl DynPool {
    /// Inserts a record that comes after the one of key `previous` in an episode, as
    /// [`Pool::insert_after`](crate::Pool::insert_after) does. Returns its key.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bytes that are not one record; else as
    /// [`Pool::insert_after`](crate::Pool::insert_after).
    pub fn insert_after(&self, previous: Option<u64>, record: &[u8]) -> Result<u64> {
        self.check_size("the bytes of a record", record.len(), 1)?;
        let link = self.link_to(previous)?;
        self.insert_one(record, NewPriority::Highest, link)
    }

    /// As [`insert_after`](Self::insert_after), with a priority of its own.
    ///
    /// # Errors
    /// [`Error::InvalidPriority`], and what [`insert_after`](Self::insert_after) says.
    pub fn insert_after_with_priority(
        &self,
        previous: Option<u64>,
        record: &[u8],
        priority: f32,
    ) -> Result<u64> {
        self.check_size("the bytes of a record", record.len(), 1)?;
        self.check_priorities(&[priority])?;
        let link = self.link_to(previous)?;
        let priority = [priority];
        self.insert_one(record, NewPriority::Given(self.table, &priority), link)
    }

    /// The key of the record before that of `key` in its episode, whether or not that one is still in the
    /// pool. `None` for the first record of an episode, and where the record of `key` has left the pool
    /// itself.
    ///
    /// A record that was [loaded](Self::load) may have had a predecessor that was not in the snapshot. Then
    /// the result is 2^62 - 1, which is never the key of a record.
    ///
    /// Takes one of the pool's locks: windows are the fast way along an episode.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where the pool was not created with
    /// [`PoolOptions::linked`](crate::PoolOptions::linked); [`Error::Forked`].
    pub fn previous(&self, key: u64) -> Result<Option<u64>> {
        self.check_linked()?;
        let parts = self.inner.parts();
        let slot = parts.slot_of(key);
        let _guard = self.inner.lock(parts.shards.shard_of(slot))?;
        let word = parts.words[slot].load(Ordering::Relaxed);
        match Slot::from_word(word) == Slot::Committed(key) {
            true => Ok(parts.previous(slot)),
            false => Ok(None),
        }
    }

    /// The link of a record that is to be inserted.
    pub(crate) fn link_to(&self, previous: Option<u64>) -> Result<u64> {
        let control = self.inner.parts().control();
        self.link_below(control.next_key.load(Ordering::Relaxed), previous)
    }

    /// The link of a record whose key is `next` or above.
    pub(crate) fn link_below(&self, next: u64, previous: Option<u64>) -> Result<u64> {
        self.check_linked()?;
        match previous {
            None => Ok(NO_LINK),
            // So links lead to lower keys only, and no walk along them goes round in a circle.
            Some(key) if key < next && key < LARGEST_KEY => Ok(key + 1),
            Some(DEPARTED_KEY) => Ok(DEPARTED),
            Some(key) => Err(Error::InvalidArgument {
                what: "the key of the previous record",
                found: key.to_string(),
                expected: format!("that of an earlier record of this pool, and so below {next}"),
            }),
        }
    }

    pub(crate) fn check_linked(&self) -> Result<()> {
        match self.inner.parts().links {
            Some(_) => Ok(()),
            None => Err(Error::InvalidArgument {
                what: "a pool whose records are not linked",
                found: "asked for links".into(),
                expected: "created with `PoolOptions::linked`".into(),
            }),
        }
    }
}
