//! Claims where the remover does not follow the ring: a free slot if there is one, else the one whose
//! record is to go. One at a time.
//!
//! The key of such a claim is the next one whose slot it is, so that here too a record lies in the slot of
//! its key. Chooses without a lock; what was chosen is looked at again under the lock of its shard.

use std::sync::atomic::Ordering;

use rand::RngExt;

use super::claim::{Claim, PeersMet};
use crate::error::Result;
use crate::os;
use crate::pool::Inner;
use crate::pool::layout::slot::{LARGEST_KEY, Slot};
use crate::tree::RUN;

/// How often a slot is picked at random before all are looked at.
const PICKS: usize = 64;

impl Inner {
    /// Claims slots until they suffice, or none can be had.
    pub(crate) fn claim_chosen<const MOST: usize>(
        &self,
        wanted: usize,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<()> {
        while claim.count < wanted {
            let before = claim.count;
            let control = self.parts().control();
            let turn = control.turn.load(Ordering::Relaxed);
            self.claim_abandoned(turn, claim, peers)?;
            if claim.count == before {
                self.claim_free(turn, claim, peers)?;
            }
            if claim.count == 0 {
                self.claim_victim(turn, claim, peers)?;
                control
                    .turn
                    .fetch_add(claim.count as u64, Ordering::Relaxed);
                // The next one to go may be the record that comes here.
                return Ok(());
            }
            if claim.count == before {
                return Ok(());
            }
            control.turn.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Claims the slot whose turn it is if a writer died with it: so each is found within a lap.
    fn claim_abandoned<const MOST: usize>(
        &self,
        turn: u64,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<()> {
        let slot = self.parts().slot_of(turn);
        let word = self.parts().words[slot].load(Ordering::Relaxed);
        if let Slot::Claimed(_) = Slot::from_word(word) {
            self.claim_seen(slot, word, None, claim, peers)?;
        }
        Ok(())
    }

    /// Claims a free slot, of the shards in turn.
    fn claim_free<const MOST: usize>(
        &self,
        turn: u64,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<()> {
        let parts = self.parts();
        let (count, before) = (parts.shards.count(), claim.count);
        let first = turn as usize / RUN;
        for shard in (first..first + count).map(|shard| shard % count) {
            if parts.count_free(shard) == 0 {
                continue;
            }
            let guard = self.lock(shard)?;
            for (place, slot) in parts.free_slots(shard).enumerate() {
                // In a damaged segment the list may say anything.
                if parts.shards.shard_of(slot) == shard {
                    let key = self.use_key_of(slot)?;
                    self.claim_slots(&guard, slot..slot + 1, key, claim, peers);
                }
                if claim.count > before {
                    parts.drop_free(shard, place);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Claims the slot whose record the remover wants to go; the next where that one is held.
    fn claim_victim<const MOST: usize>(
        &self,
        turn: u64,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<()> {
        let parts = self.parts();
        let before = claim.count;
        let guard = parts.guard();
        let mut try_slot = |slot: usize, leaf: Option<f32>| {
            let word = parts.words[slot].load(Ordering::Relaxed);
            if guard.holds(Slot::from_word(word)) {
                peers.guarded = true;
                return Ok(false); // or every slot's lock would be taken in vain
            }
            self.claim_seen(slot, word, leaf, claim, peers)?;
            Ok(claim.count > before)
        };
        let order = parts.shape.remover.order();
        match order.and_then(|order| parts.tables[0].order(order)) {
            Some(order) => {
                let turn = parts.slot_of(turn);
                for (slot, leaf) in order.walk(&parts.tables[0].tree, turn) {
                    if try_slot(slot, Some(leaf))? {
                        return Ok(());
                    }
                }
            }
            None => {
                let (mut random, capacity) = (os::thread_random(), parts.capacity());
                for _ in 0..PICKS {
                    if try_slot(random.random_range(0..capacity), None)? {
                        return Ok(());
                    }
                }
                let first = random.random_range(0..capacity);
                for slot in (first..capacity).chain(0..first) {
                    if try_slot(slot, None)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Claims a slot if its word, and its leaf if that matters, are still what was seen.
    fn claim_seen<const MOST: usize>(
        &self,
        slot: usize,
        seen: u64,
        leaf: Option<f32>,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<()> {
        let parts = self.parts();
        if let Slot::Empty | Slot::Removed(_) = Slot::from_word(seen) {
            return Ok(()); // it is in the list of the free ones
        }
        let guard = self.lock(parts.shards.shard_of(slot))?;
        let other = |leaf| leaf != parts.tables[0].tree.leaf(slot);
        if parts.words[slot].load(Ordering::Relaxed) != seen || leaf.is_some_and(other) {
            return Ok(());
        }
        let key = self.use_key_of(slot)?;
        self.claim_slots(&guard, slot..slot + 1, key, claim, peers);
        Ok(())
    }

    /// Takes the next key whose slot this is.
    fn use_key_of(&self, slot: usize) -> Result<u64> {
        let parts = self.parts();
        let capacity = parts.capacity() as u64;
        let key_from = |next: u64| {
            let at = parts.slot_of(next) as u64;
            let ahead = slot as u64 + if at > slot as u64 { capacity } else { 0 } - at;
            next.saturating_add(ahead)
        };
        let next_key = &parts.control().next_key;
        let mut next = next_key.load(Ordering::Relaxed);
        loop {
            let key = key_from(next);
            if key >= LARGEST_KEY - 1 {
                return Err(self.damaged(format!("its next key is {next}")));
            }
            match next_key.compare_exchange_weak(
                next,
                key + 1,
                // Release: pairs with the Acquire in `select/age.rs`.
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(key),
                Err(now) => next = now,
            }
        }
    }
}
