//! Links: each record of a pool may name the one before it in its episode.
//!
//! The protocol is at the head of `link.rs`. `follow.rs` walks along links, `windows.rs` gives out what it found.

mod follow;
mod gather;
mod link;
#[cfg(test)]
mod tests;
mod windows;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};

pub(super) use follow::Chains;
pub use gather::Fill;
pub(super) use link::{DEPARTED, NO_LINK};
pub use windows::{DynWindow, DynWindows};
pub use writer::DynEpisodeWriter;

use super::DynPool;
use super::commit::NewPriority;
use super::parts::Parts;
use super::slot::{LARGEST_KEY, Slot};
use crate::error::{Error, Result};
use link::{DEPARTED_KEY, Lead, Link};

/// In a claim: each slot has its link already.
pub(super) const LINKS_ARE_WRITTEN: u64 = u64::MAX;

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
        self.insert_linked(record, NewPriority::Highest, link)
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
        self.insert_linked(record, NewPriority::Given(self.table, &priority), link)
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
    pub(super) fn link_to(&self, previous: Option<u64>) -> Result<u64> {
        let control = self.inner.parts().control();
        self.link_below(control.next_key.load(Ordering::Relaxed), previous)
    }

    /// The link of a record whose key is `next` or above.
    pub(super) fn link_below(&self, next: u64, previous: Option<u64>) -> Result<u64> {
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

    pub(super) fn check_linked(&self) -> Result<()> {
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

impl Parts {
    /// Writes the links of claimed slots, if the pool has any. Before the commit, whose Release hands them
    /// on.
    #[inline]
    pub(super) fn write_links(&self, slots: &[u32], link: u64) {
        if let Some(links) = &self.links
            && link != LINKS_ARE_WRITTEN
        {
            for slot in slots {
                Link(&links[*slot as usize]).write(link);
            }
        }
    }

    /// The address of a slot's link, to be asked for ahead.
    fn link(&self, slot: usize) -> *const AtomicU64 {
        let links = self.links.as_ref();
        links.map_or(std::ptr::null(), |links| &links[slot])
    }

    /// The key before that of the record in `slot`, which the caller has leased and checked, or whose lock
    /// it holds.
    pub(super) fn previous(&self, slot: usize) -> Option<u64> {
        Link(&self.links.as_ref()?[slot]).key()
    }

    /// What the link of the record in `slot` leads to, which the caller has leased and checked.
    fn lead(&self, slot: usize) -> Lead {
        let links = self.links.as_ref();
        links.map_or(Lead::First, |links| Link(&links[slot]).lead())
    }

    /// Whether the link of the record of `key`, in `slot`, can be: it leads to no record, or to a lower key.
    pub(super) fn leads_to_earlier(&self, slot: usize, key: u64) -> bool {
        let previous = self.previous(slot);
        previous.is_none_or(|previous| previous < key || previous == DEPARTED_KEY)
    }
}
