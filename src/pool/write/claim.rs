//! The life of a slot on the writers' side, in two phases: claim it under its shard's lock, fill it with
//! no lock held, commit its priority under the lock (`commit.rs`). A writer that dies in between leaves
//! slots that nobody samples and that the ring reclaims.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::pool::Inner;
use crate::pool::layout::lease::{lease_fence, mark, pass_over, take};
use crate::pool::layout::link::NO_LINK;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::slot::{LARGEST_KEY, Slot};
use crate::pool::layout::table::Table;
use crate::pool::maintenance::statistics::Counter;
use crate::pool::policy::Remover;
use crate::segment::Guard;
use crate::sync::{Owner, Peers};
use crate::tree::RUN;

/// The most slots that are claimed at once. They are claimed and committed run by run, so a lock is
/// taken twice for each run that they touch.
pub(crate) const CHUNK: usize = RUN;

/// Slots that this participant has claimed, by their keys.
///
/// There is room for `MOST`, at most [`CHUNK`]: one record should not pay for 64.
pub(crate) struct Claim<const MOST: usize> {
    pub(crate) keys: [u64; MOST],
    slots: [u32; MOST],
    pub(crate) count: usize,
    /// What their links will say; see `layout/link.rs`.
    pub(crate) link: u64,
}

impl<const MOST: usize> Claim<MOST> {
    pub(crate) fn keys(&self) -> &[u64] {
        &self.keys[..self.count]
    }

    pub(crate) fn slots(&self) -> &[u32] {
        &self.slots[..self.count]
    }
}

/// What a claim has found out about other participants.
#[derive(Default)]
pub(crate) struct PeersMet {
    /// Who had claimed the last slot that was claimed, and whether it is alive.
    last_claimant: Option<(Owner, bool)>,
    /// One whose leases are in the way.
    pub(crate) lessee: Option<usize>,
    /// Slots that another writer has filled anew meanwhile.
    overtaken: usize,
    /// Whether somebody saves what is in a slot, and has not copied it yet.
    pub(crate) guarded: bool,
}

/// Slots of a run, as bits.
#[derive(Default)]
struct SlotMarks {
    /// Those that may be taken at once: nobody can be reading there.
    free: u64,
    /// Those whose record was removed, and which somebody may still read.
    vacant: u64,
    /// Those whose record may go, marked.
    marked: u64,
    /// Those whose record may not go, or is on its way.
    kept: u64,
}

/// The word that a marked slot had before.
fn committed_again(word: &AtomicU64) -> u64 {
    match Slot::from_word(word.load(Ordering::Relaxed)) {
        Slot::Marked(key) => Slot::Committed(key).to_word(),
        other => other.to_word(),
    }
}

impl Inner {
    /// Phase one: claims `1..=wanted` slots, at most [`CHUNK`].
    pub(crate) fn claim<const MOST: usize>(&self, wanted: usize) -> Result<Claim<MOST>> {
        self.segment.check_process()?;
        let mut claim = Claim {
            keys: [0; MOST],
            slots: [0; MOST],
            count: 0,
            link: NO_LINK,
        };
        let mut peers = PeersMet::default();
        self.await_saver_of_next()?;
        self.claim_some(wanted, &mut claim, &mut peers)?;
        while claim.count == 0 && std::mem::take(&mut peers.guarded) {
            self.await_saver()?;
            self.await_saver_of_next()?;
            self.claim_some(wanted, &mut claim, &mut peers)?;
        }
        if claim.count == 0 && self.segment.clean() > 0 {
            // The dead held leases.
            self.claim_some(wanted, &mut claim, &mut peers)?;
        }
        let dead = |&entry: &usize| !self.segment.is_entry_alive(entry);
        if peers.lessee.as_ref().is_some_and(dead) {
            // Or every writer would look at its leases, and pass their slots over.
            self.segment.clean();
        }
        match claim.count {
            0 => Err(Error::NoFreeSlot {
                capacity: self.parts().capacity(),
            }),
            _ => Ok(claim),
        }
    }

    #[inline(always)]
    fn claim_some<const MOST: usize>(
        &self,
        wanted: usize,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<()> {
        match self.parts().shape.remover {
            Remover::Oldest => self.claim_lap(wanted, claim, peers),
            // A lap that finds no room would use keys up.
            Remover::Nothing => match self.parts().capacity() - self.len() {
                0 => Ok(()),
                room => self.claim_lap(wanted.min(room), claim, peers),
            },
            _ => self.claim_chosen(wanted, claim, peers),
        }
    }

    /// Claims the next slots of the ring until they suffice, or all have been looked at.
    fn claim_lap<const MOST: usize>(
        &self,
        wanted: usize,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<()> {
        let capacity = self.parts().capacity();
        let mut looked_at = 0;
        // What somebody saves is worth waiting for; to pass it over takes a lap.
        while claim.count < wanted && looked_at < capacity && !peers.guarded {
            // Never more than a lap: it would only meet its own claims.
            let count = (wanted - claim.count).min(capacity - looked_at);
            let mut keys = self.use_keys(count as u64)?;
            fail_point("insert.keys");
            while !keys.is_empty() {
                keys.start += self.claim_run(keys.clone(), claim, peers)?;
                fail_point("insert.unlocked");
            }
            looked_at += count - std::mem::take(&mut peers.overtaken);
        }
        if looked_at > claim.count {
            self.count(Counter::PassedOver, looked_at - claim.count);
        }
        Ok(())
    }

    /// Takes the next keys: each is used once, even if this process dies here.
    fn use_keys(&self, count: u64) -> Result<Range<u64>> {
        let first = self
            .parts()
            .control()
            .next_key
            // Release: pairs with the Acquire in `select/age.rs`.
            .fetch_add(count, Ordering::Release);
        match first < LARGEST_KEY - count {
            true => Ok(first..first + count),
            false => Err(self.damaged(format!("its next key is {first}"))),
        }
    }

    /// Looks at the slots of the first of these keys, up to the end of their run, and claims those
    /// that are free. Says how many it looked at.
    fn claim_run<const MOST: usize>(
        &self,
        keys: Range<u64>,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) -> Result<u64> {
        let parts = self.parts();
        let start = parts.slot_of(keys.start);
        let end = (start / RUN * RUN + RUN).min(parts.capacity());
        let count = (keys.end - keys.start).min((end - start) as u64);
        let guard = self.lock(parts.shards.shard_of(start))?;
        let slots = start..start + count as usize;
        self.claim_slots(&guard, slots, keys.start, claim, peers);
        Ok(count)
    }

    /// Claims those of some slots of one run that are free, under the lock of their shard. The first one
    /// is the slot of `first_key`, and so on.
    #[inline(always)]
    pub(crate) fn claim_slots<const MOST: usize>(
        &self,
        guard: &Guard<'_, Parts>,
        slots: Range<usize>,
        first_key: u64,
        claim: &mut Claim<MOST>,
        peers: &mut PeersMet,
    ) {
        let parts = self.parts();
        let start = slots.start;
        let words = &parts.words[slots];
        let SlotMarks {
            free,
            vacant,
            marked,
            kept,
        } = self.mark_run(words, start, first_key, peers);
        let leased = match marked | vacant {
            0 => 0,
            held => {
                lease_fence();
                fail_point("insert.fenced");
                held & self.leased(start, words.len(), peers)
            }
        };
        fail_point("insert.looked");
        let claimed = Slot::Claimed(Some(self.segment.owner())).to_word();
        let mut touched = [0; MOST];
        let mut emptied = 0;
        let mut passed_over = kept.checked_ilog2().map(|at| first_key + u64::from(at));
        for (at, word) in words.iter().enumerate() {
            if leased & 1 << at != 0 {
                pass_over(word, committed_again(word));
                passed_over = Some(first_key + at as u64);
            } else if (free | vacant | marked) & 1 << at != 0 {
                take(word, claimed);
                fail_point("insert.taken");
                claim.keys[claim.count] = first_key + at as u64;
                claim.slots[claim.count] = (start + at) as u32;
                claim.count += 1;
                if parts.makes_wait && marked & 1 << at != 0 {
                    parts.drop_pending(start + at);
                    let tables = parts.tables.iter();
                    tables.for_each(|table| table.leave(start + at));
                }
                let weighs = |table: &Table| table.tree.leaf(start + at) != 0.0;
                if parts.tables.iter().any(weighs) {
                    touched[emptied] = (start + at) as u32;
                    emptied += 1;
                }
            }
        }
        if let Some(key) = passed_over {
            let last = &parts.control().passed_over;
            last.fetch_max(key + 1, Ordering::Relaxed);
        }
        for table in &parts.tables {
            table.assign_run(&touched[..emptied], &[0.0; MOST]);
        }
        fail_point("insert.emptied");
        let evicted = (marked & !leased).count_ones();
        self.change_length(guard, |length| length.wrapping_sub(evicted.into()));
        fail_point("insert.counted");
        if evicted > 0 {
            self.count(Counter::Evicted, evicted as usize);
        }
    }

    /// SlotMarks the slots that hold records which may go. The first slot is number `start`, and the one of
    /// `first_key`.
    ///
    /// A slot whose record is newer than its key here stays as it is: between taking the key and the
    /// lock this writer was overtaken by a lap. So does one whose record somebody saves.
    #[inline(always)]
    fn mark_run(
        &self,
        words: &[AtomicU64],
        start: usize,
        first_key: u64,
        peers: &mut PeersMet,
    ) -> SlotMarks {
        let mut marks = SlotMarks::default();
        let nothing_goes = self.parts().shape.remover == Remover::Nothing;
        // No key is larger, unless the segment is damaged.
        let next_key = || self.parts().control().next_key.load(Ordering::Relaxed);
        let guarded = self.parts().guarded(words, start);
        peers.guarded |= guarded != 0;
        for (at, word) in words.iter().enumerate() {
            if guarded & 1 << at != 0 {
                marks.kept |= 1 << at;
                continue;
            }
            match Slot::from_word(word.load(Ordering::Relaxed)) {
                Slot::Committed(key) | Slot::Marked(key) | Slot::Removed(key)
                    if key > first_key + at as u64 && key < next_key() =>
                {
                    peers.overtaken += 1;
                }
                Slot::Committed(_) if nothing_goes && !self.parts().is_exhausted(start + at) => {
                    marks.kept |= 1 << at;
                }
                Slot::Committed(key) | Slot::Marked(key) => {
                    mark(word, Slot::Marked(key).to_word());
                    fail_point("insert.marked");
                    marks.marked |= 1 << at;
                }
                // Who was reading it may be reading still.
                Slot::Removed(_) => marks.vacant |= 1 << at,
                Slot::Claimed(Some(owner)) if self.is_alive(owner, peers) => marks.kept |= 1 << at,
                Slot::Claimed(_) | Slot::Empty => marks.free |= 1 << at,
            }
        }
        marks
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

    /// Which of the `count` slots from `start` on, all of one run, are leased, as bits. Leases of the dead
    /// count until somebody cleans up: who lives is asked with no lock held.
    pub(crate) fn leased(&self, start: usize, count: usize, peers: &mut PeersMet) -> u64 {
        let parts = self.parts();
        let mut leased = 0;
        for entry in parts.lessees() {
            let mut here = 0;
            parts.lease_list(entry).visit(start / RUN, |slot| {
                let at = (slot as usize).wrapping_sub(start);
                if at < count {
                    here |= 1 << at;
                }
            });
            // Somebody who cleans up may have been killed before the leases were emptied.
            if here != 0 && self.segment.is_taken(entry) {
                leased |= here;
                peers.lessee = Some(entry);
            }
        }
        leased
    }
}
