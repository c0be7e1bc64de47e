//! The life of a slot on the writers' side, in two phases: claim it under the lock, fill it with no
//! lock held, commit its priority under the lock. A writer that dies in between leaves slots that
//! nobody samples and that the ring reclaims.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Inner;
use super::fill::write_records;
use super::lease::{announce, commit, mark, pass_over, take};
use super::parts::Parts;
use super::slot::{LARGEST_KEY, Slot};
use super::statistics::Counter;
use crate::error::{Error, Result};
use crate::record::Record;
use crate::segment::Guard;
use crate::sync::{Owner, Peers};

/// Slots that are claimed, and committed, while the lock is held once.
pub(super) const CHUNK: usize = 64;

/// Slots that this participant has claimed, by their keys.
///
/// There is room for `MOST`, at most [`CHUNK`]: one record should not pay for 64.
pub(super) struct Claim<const MOST: usize> {
    pub(super) keys: [u64; MOST],
    slots: [u32; MOST],
    pub(super) count: usize,
}

impl<const MOST: usize> Claim<MOST> {
    pub(super) fn keys(&self) -> &[u64] {
        &self.keys[..self.count]
    }

    pub(super) fn slots(&self) -> &[u32] {
        &self.slots[..self.count]
    }
}

/// The priority of a new record.
#[derive(Clone, Copy)]
pub(super) enum NewPriority<'a> {
    /// The highest that any record of the pool ever had.
    Highest,
    /// One for each record.
    Given(&'a [f32]),
}

impl NewPriority<'_> {
    /// The priorities from record number `start` on.
    pub(super) fn from(self, start: usize) -> Self {
        match self {
            Self::Highest => Self::Highest,
            Self::Given(priorities) => Self::Given(&priorities[start..]),
        }
    }
}

/// What a claim has found out about other participants.
#[derive(Default)]
struct PeersMet {
    /// Who had claimed the last slot that was claimed, and whether it is alive.
    last_claimant: Option<(Owner, bool)>,
    /// Whether a dead participant's leases are in the way.
    dead_lessee: bool,
}

/// The word that a marked slot had before.
fn committed_again(word: &AtomicU64) -> u64 {
    match Slot::from_word(word.load(Ordering::Relaxed)) {
        Slot::Marked(key) => Slot::Committed(key).to_word(),
        other => other.to_word(),
    }
}

impl<T: Record> Inner<T> {
    /// Phase one: claims `1..=wanted` slots, at most [`CHUNK`].
    pub(super) fn claim<const MOST: usize>(&self, wanted: usize) -> Result<Claim<MOST>> {
        let mut claim = Claim {
            keys: [0; MOST],
            slots: [0; MOST],
            count: 0,
        };
        let (mut looked_at, mut peers) = (0, PeersMet::default());
        let guard = self.lock()?;
        let capacity = self.parts().capacity();
        while claim.count < wanted && looked_at < capacity {
            // Never more than a lap: it would only meet its own claims.
            let run = (wanted - claim.count).min(capacity - looked_at);
            looked_at += self.claim_run(&guard, run, &mut claim, &mut peers)?;
        }
        drop(guard);
        if peers.dead_lessee {
            // Or every writer would look at its leases again.
            self.segment.clean();
        }
        if looked_at > claim.count {
            self.count(Counter::PassedOver, looked_at - claim.count);
        }
        match claim.count {
            0 => Err(Error::NoFreeSlot { capacity }),
            _ => Ok(claim),
        }
    }

    /// Looks at the next slots of the ring, as many as are wanted but not beyond its end, and claims
    /// those that are free. Says how many it looked at.
    fn claim_run<const MOST: usize>(
        &self,
        guard: &Guard<'_, Parts>,
        wanted: usize,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<usize> {
        let (parts, control) = (self.parts(), self.parts().control());
        let first_key = control.next_key.load(Ordering::Relaxed);
        let start = parts.slot_of(first_key);
        let run = wanted.min(parts.capacity() - start);
        if first_key >= LARGEST_KEY - run as u64 {
            return Err(self.damaged(format!("its next key is {first_key}")));
        }
        // First, so that a key is used once even if this process dies here.
        let next_key = first_key + run as u64;
        control.next_key.store(next_key, Ordering::Relaxed);
        let words = &parts.words[start..start + run];
        let (free, marked) = self.mark_run(words, peers);
        announce();
        let leased = match marked {
            0 => 0,
            _ => marked & self.leased(start, run, peers),
        };
        let claimed = Slot::Claimed(Some(self.segment.owner())).to_word();
        let mut touched = [0; MOST];
        let mut emptied = 0;
        for (at, word) in words.iter().enumerate() {
            if leased & 1 << at != 0 {
                pass_over(word, committed_again(word));
            } else if (free | marked) & 1 << at != 0 {
                take(word, claimed);
                claim.keys[claim.count] = first_key + at as u64;
                claim.slots[claim.count] = (start + at) as u32;
                claim.count += 1;
                if parts.tree.leaf(start + at) != 0.0 {
                    parts.tree.set_leaf(start + at, 0.0);
                    touched[emptied] = (start + at) as u32;
                    emptied += 1;
                }
            }
        }
        parts.tree.refresh(&mut touched[..emptied]);
        let evicted = u64::from((marked & !leased).count_ones());
        self.change_length(guard, |length| length.wrapping_sub(evicted));
        Ok(run)
    }

    /// Marks the slots that hold records. Gives, as bits, those that hold none and may be taken at
    /// once, and those that were marked.
    fn mark_run(&self, words: &[AtomicU64], peers: &mut PeersMet) -> (u64, u64) {
        let (mut free, mut marked) = (0, 0);
        for (at, word) in words.iter().enumerate() {
            match Slot::from_word(word.load(Ordering::Relaxed)) {
                Slot::Committed(key) | Slot::Marked(key) => {
                    mark(word, Slot::Marked(key).to_word());
                    marked |= 1 << at;
                }
                Slot::Claimed(Some(owner)) if self.is_alive(owner, peers) => {}
                Slot::Claimed(_) | Slot::Empty => free |= 1 << at,
            }
        }
        (free, marked)
    }

    /// Whether the claimant of a slot is alive; asks the system once for claims in a row.
    fn is_alive(&self, owner: Owner, peers: &mut PeersMet) -> bool {
        match peers.last_claimant {
            Some((last, alive)) if last == owner => alive,
            _ => {
                let alive = self.segment.peers().is_alive(owner);
                peers.last_claimant = Some((owner, alive));
                alive
            }
        }
    }

    /// Which of the `run` slots from `start` on living participants lease, as bits.
    fn leased(&self, start: usize, run: usize, peers: &mut PeersMet) -> u64 {
        let parts = self.parts();
        let mut leased = 0;
        for entry in parts.lessees() {
            let mut here = 0;
            parts.lease_list(entry).visit(|slot| {
                let at = (slot as usize).wrapping_sub(start);
                if at < run {
                    here |= 1 << at;
                }
            });
            if here != 0 {
                match self.segment.is_entry_alive(entry) {
                    true => leased |= here,
                    false => peers.dead_lessee = true,
                }
            }
        }
        leased
    }

    /// Copies records into claimed slots.
    #[inline]
    pub(super) fn fill<const MOST: usize>(&self, claim: &Claim<MOST>, records: &[T]) {
        let parts = self.parts();
        let slots = claim.slots().iter();
        let slots = slots.map(|slot| parts.record(*slot as usize));
        // SAFETY: the slots are claimed for the caller (lease.rs, step 2): nobody reads or writes
        // them. The addresses are inside the region, which begins on a cache line.
        unsafe { write_records(records, slots, parts.capacity()) };
    }

    /// Phase two: gives claimed and filled slots their priorities and opens them to readers.
    pub(super) fn commit<const MOST: usize>(
        &self,
        claim: &Claim<MOST>,
        priority: NewPriority<'_>,
    ) -> Result<()> {
        let mut leaves = [0.0; MOST];
        if let NewPriority::Given(priorities) = priority {
            for (leaf, priority) in leaves.iter_mut().zip(priorities).take(claim.count) {
                *leaf = self.leaf_of(*priority);
            }
        }
        let guard = self.lock()?;
        let parts = self.parts();
        let control = parts.control();
        let mut highest = f32::from_bits(control.highest.load(Ordering::Relaxed));
        match priority {
            NewPriority::Highest => leaves[..claim.count].fill(highest),
            NewPriority::Given(_) => {
                highest = leaves[..claim.count]
                    .iter()
                    .copied()
                    .fold(highest, f32::max);
                control.highest.store(highest.to_bits(), Ordering::Relaxed);
            }
        }
        for (slot, leaf) in claim.slots().iter().zip(leaves) {
            parts.tree.set_leaf(*slot as usize, leaf);
        }
        // Words after leaves: a record that is committed has its priority.
        for (slot, key) in claim.slots().iter().zip(claim.keys()) {
            commit(
                &parts.words[*slot as usize],
                Slot::Committed(*key).to_word(),
            );
        }
        let mut slots = claim.slots;
        parts.tree.refresh(&mut slots[..claim.count]);
        self.change_length(&guard, |length| length.wrapping_add(claim.count as u64));
        drop(guard);
        self.count(Counter::Inserted, claim.count);
        self.grown().notify();
        Ok(())
    }

    /// Empties claimed slots that will not be filled.
    pub(super) fn give_up<const MOST: usize>(&self, claim: &Claim<MOST>) {
        // In a forked child the claim is the parent's.
        if let Ok(_guard) = self.lock() {
            let parts = self.parts();
            for key in claim.keys() {
                let word = &parts.words[parts.slot_of(*key)];
                word.store(Slot::Empty.to_word(), Ordering::Relaxed);
            }
        }
    }

    fn change_length(&self, _held: &Guard<'_, Parts>, change: impl FnOnce(u64) -> u64) {
        let length = &self.parts().control().length;
        length.store(change(length.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}
