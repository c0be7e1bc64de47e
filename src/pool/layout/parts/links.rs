//! The links of a pool's slots; the protocol is at the head of `link.rs`.

use std::sync::atomic::AtomicU64;

use super::Parts;
use crate::pool::layout::link::{DEPARTED_KEY, LINKS_ARE_WRITTEN, Lead, Link};

impl Parts {
    /// Writes the links of claimed slots, if the pool has any. Before the commit, whose Release hands them
    /// on.
    #[inline]
    pub(crate) fn write_links(&self, slots: &[u32], link: u64) {
        if let Some(links) = &self.links
            && link != LINKS_ARE_WRITTEN
        {
            for slot in slots {
                Link(&links[*slot as usize]).write(link);
            }
        }
    }

    /// The address of a slot's link, to be asked for ahead.
    pub(crate) fn link(&self, slot: usize) -> *const AtomicU64 {
        let links = self.links.as_ref();
        links.map_or(std::ptr::null(), |links| &links[slot])
    }

    /// The key before that of the record in `slot`, which the caller has leased and checked, or whose lock
    /// it holds.
    pub(crate) fn previous(&self, slot: usize) -> Option<u64> {
        Link(&self.links.as_ref()?[slot]).key()
    }

    /// What the link of the record in `slot` leads to, which the caller has leased and checked.
    pub(crate) fn lead(&self, slot: usize) -> Lead {
        let links = self.links.as_ref();
        links.map_or(Lead::First, |links| Link(&links[slot]).lead())
    }

    /// Whether the link of the record of `key`, in `slot`, can be: it leads to no record, or to a lower key.
    pub(crate) fn leads_to_earlier(&self, slot: usize, key: u64) -> bool {
        let previous = self.previous(slot);
        previous.is_none_or(|previous| previous < key || previous == DEPARTED_KEY)
    }
}
