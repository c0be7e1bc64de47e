//! The notes of rewrites in a pool, and their drafts; the protocol is at the head of `rewriting.rs`.

use super::Parts;
use crate::pool::layout::rewriting::{Note, complete};

impl Parts {
    /// The notes of all participants, in the order of their entries.
    fn notes(&self) -> impl Iterator<Item = Note<'_>> {
        self.everybody().iter().map(|own| Note(&own.rewriting))
    }

    /// Commits a marked slot again. If its record was being rewritten when a process died, that is completed first.
    /// Under the lock of the slot's shard.
    pub(crate) fn complete_rewrite(&self, key: u64, slot: usize) {
        // SAFETY: the participant that noted the key found the slot not leased after it had marked it, and it is marked
        // still. The draft is whole, and its owner, or the next owner of its entry, writes it only after it took
        // the lock of this shard.
        let copy = |entry| unsafe { self.copy_draft(entry, slot) };
        complete(key, &self.words[slot], self.notes(), copy);
    }

    /// Takes the notes of a shard's keys away, at the end of its repair.
    pub(crate) fn forget_rewrites(&self, shard: usize) {
        let is_of_shard = |key| self.shards.shard_of(self.slot_of(key)) == shard;
        self.notes().for_each(|note| note.take_away(is_of_shard));
    }

    /// Copies a draft into a slot.
    ///
    /// # Safety
    /// Nobody else reads or writes either meanwhile.
    pub(crate) unsafe fn copy_draft(&self, entry: usize, slot: usize) {
        let (draft, record) = (self.draft(entry), self.record(slot));
        // SAFETY: both are `stride` bytes of regions that do not overlap, and the caller's.
        unsafe { std::ptr::copy_nonoverlapping(draft, record, self.stride) };
    }
}
