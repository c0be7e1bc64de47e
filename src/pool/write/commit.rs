//! The end of a claim: its slots are filled with no lock held, and committed under their shards' locks; or
//! given up.

use crate::pool::layout::new_priority::NewPriority;
use std::sync::atomic::Ordering;

use super::claim::Claim;
use super::fill::write_records;
use crate::error::Result;
use crate::os::fail_point;
use crate::pool::Inner;
use crate::pool::layout::lease::commit;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::slot::Slot;
use crate::pool::maintenance::statistics::Counter;
use crate::segment::Guard;
use crate::tree::RUN;

impl Inner {
    /// Copies records, which lie one after the other, into claimed slots.
    #[inline]
    pub(crate) fn fill<const MOST: usize>(&self, claim: &Claim<MOST>, records: &[u8]) {
        let parts = self.parts();
        let slots = claim.slots().iter();
        let slots = slots.map(|slot| parts.record(*slot as usize));
        fail_point("fill.begun");
        // SAFETY: the slots are claimed for the caller (lease.rs, step 2): nobody reads or writes
        // them. The addresses are inside the region, which begins on a cache line.
        unsafe { write_records(records, parts.schema.size(), slots, parts.capacity()) };
        fail_point("fill.done");
    }

    /// The bytes of a claimed slot.
    ///
    /// # Safety
    /// The slot is claimed for the caller, in this process, until the slice is gone; and the caller has no other
    /// reference to it.
    #[expect(clippy::mut_from_ref, reason = "the caller has claimed the slot")]
    pub(crate) unsafe fn claimed(&self, slot: usize) -> &mut [u8] {
        let parts = self.parts();
        // SAFETY: no reader passes its check of a claimed slot, and no writer claims it (lease.rs, step 2); the caller
        // has no other reference. All bytes are initialised.
        unsafe { std::slice::from_raw_parts_mut(parts.record(slot), parts.schema.size()) }
    }

    /// Phase two: gives claimed and filled slots their priorities and opens them to readers.
    pub(crate) fn commit<const MOST: usize>(
        &self,
        claim: &Claim<MOST>,
        priority: NewPriority<'_>,
    ) -> Result<()> {
        self.parts().write_links(claim.slots(), claim.link);
        let mut leaves = [0.0; MOST];
        if let NewPriority::Given(table, priorities) = priority {
            let table = &self.parts().tables[table];
            for (leaf, priority) in leaves.iter_mut().zip(priorities).take(claim.count) {
                *leaf = table.leaf_of(*priority);
            }
        }
        let mut others = [0.0; MOST];
        let mut done = 0;
        // A short ring may come to its beginning within a run.
        let same_run = |&a: &u32, &b: &u32| a < b && a as usize / RUN == b as usize / RUN;
        for slots in claim.slots().chunk_by(same_run) {
            let these = done..done + slots.len();
            done = these.end;
            let priority = priority.from(these.start);
            let keys = &claim.keys[these.clone()];
            self.commit_run(slots, keys, &leaves[these], &mut others, priority)?;
        }
        fail_point("commit.unlocked");
        self.count(Counter::Inserted, claim.count);
        self.grown().notify();
        Ok(())
    }

    /// Commits slots of one run, in rising order. Of use are the leaves that are `given`, and room for as
    /// many `others`.
    #[inline]
    fn commit_run(
        &self,
        slots: &[u32],
        keys: &[u64],
        given: &[f32],
        others: &mut [f32],
        priority: NewPriority<'_>,
    ) -> Result<()> {
        let parts = self.parts();
        let guard = self.lock(parts.shards.shard_of(slots[0] as usize))?;
        fail_point("commit.locked");
        for (number, table) in parts.tables.iter().enumerate() {
            let leaf = match priority {
                NewPriority::Given(own, _) if own == number => {
                    table.raise_highest(given);
                    table.assign_run(slots, given);
                    None
                }
                NewPriority::Highest | NewPriority::Given(..) => Some(table.highest()),
                NewPriority::Each(priorities) => Some(table.first_leaf(priorities[number])),
                NewPriority::Saved(tables, first) => {
                    table.restore(slots, tables[number].as_ref(), first);
                    continue;
                }
            };
            if let Some(leaf) = leaf {
                let leaves = &mut others[..slots.len()];
                leaves.fill(leaf);
                table.assign_run(slots, leaves);
            }
            let present = !matches!(priority, NewPriority::Each(each) if each[number].is_none());
            table.begin_counts(slots, present);
        }
        fail_point("commit.summed");
        // Words after leaves: a record that is committed has its priority.
        for (slot, key) in slots.iter().zip(keys) {
            commit(
                &parts.words[*slot as usize],
                Slot::Committed(*key).to_word(),
            );
            fail_point("commit.word");
        }
        self.change_length(&guard, |length| length.wrapping_add(slots.len() as u64));
        fail_point("commit.length");
        Ok(())
    }

    /// Empties a claimed slot that will not be filled.
    pub(crate) fn give_up(&self, key: u64) {
        let parts = self.parts();
        let slot = parts.slot_of(key);
        // In a forked child the claim is the parent's.
        if let Ok(_guard) = self.lock(parts.shards.shard_of(slot)) {
            parts.words[slot].store(Slot::Removed(key).to_word(), Ordering::Relaxed);
            parts.push_free(slot);
        }
    }

    pub(crate) fn change_length(&self, held: &Guard<'_, Parts>, change: impl FnOnce(u64) -> u64) {
        let length = &self.parts().counts[held.number()].length;
        length.store(change(length.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}
