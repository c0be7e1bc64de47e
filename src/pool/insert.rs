//! Insertion in two phases: claim slots under the lock, fill them with no lock held, commit their
//! priorities under the lock. A writer that dies in between leaves slots that nobody samples and
//! that the ring reclaims.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use super::lease::{announce, commit, mark, pass_over, take};
use super::parts::Parts;
use super::slot::{LARGEST_KEY, Slot};
use super::statistics::Counter;
use super::{Inner, Pool};
use crate::error::{Error, Result};
use crate::record::Record;
use crate::segment::Guard;
use crate::sync::{Owner, Peers};

/// Slots that are claimed, and committed, while the lock is held once.
const CHUNK: usize = 64;

/// Slots that this participant has claimed, by their keys.
///
/// There is room for `MOST`, at most [`CHUNK`]: one record should not pay for 64.
pub(super) struct Claim<const MOST: usize> {
    keys: [u64; MOST],
    slots: [u32; MOST],
    count: usize,
}

impl<const MOST: usize> Claim<MOST> {
    pub(super) fn keys(&self) -> &[u64] {
        &self.keys[..self.count]
    }

    fn slots(&self) -> &[u32] {
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
    fn from(self, start: usize) -> Self {
        match self {
            Self::Highest => Self::Highest,
            Self::Given(priorities) => Self::Given(&priorities[start..]),
        }
    }
}

impl<T: Record> Pool<T> {
    /// Inserts a record with the highest priority that any record of the pool ever had (1 in a new
    /// pool), so that it is likely to be sampled once at least (Schaul et al. 2016, algorithm 1,
    /// line 6). Gives its key.
    ///
    /// When the pool is full, the oldest record goes; one that a batch holds stays for another
    /// round of the ring, and the next oldest goes.
    ///
    /// # Errors
    /// [`Error::NoFreeSlot`] where every slot is leased or reserved; [`Error::Forked`].
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<[f32; 4]>::anonymous(PoolOptions::new(100))?;
    /// let key = pool.insert(&[0.0, 1.0, 2.0, 3.0])?;
    /// assert_eq!(key, 0);
    /// assert_eq!(pool.len(), 1);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn insert(&self, record: &T) -> Result<u64> {
        self.inner.insert_one(record, NewPriority::Highest)
    }

    /// Inserts a record with a priority of its own. Gives its key.
    ///
    /// # Errors
    /// [`Error::InvalidPriority`] for a priority that is NaN, infinite, negative or too large, and
    /// what [`insert`](Self::insert) says.
    pub fn insert_with_priority(&self, record: &T, priority: f32) -> Result<u64> {
        self.check_priorities(&[priority])?;
        self.inner
            .insert_one(record, NewPriority::Given(&[priority]))
    }

    /// Inserts records with the highest priority that any record of the pool ever had. Gives their
    /// keys, which rise but may leave some out.
    ///
    /// The lock is taken twice for 64 records, and never held while they are copied.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); the records that found a slot before the error stay.
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// assert_eq!(pool.insert_batch(&[10, 11, 12])?, [0, 1, 2]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn insert_batch(&self, records: &[T]) -> Result<Vec<u64>> {
        self.inner.insert_many(records, NewPriority::Highest)
    }

    /// Inserts records with a priority for each. Gives their keys.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where there is not one priority a record,
    /// [`Error::InvalidPriority`], and what [`insert_batch`](Self::insert_batch) says.
    pub fn insert_batch_with_priorities(
        &self,
        records: &[T],
        priorities: &[f32],
    ) -> Result<Vec<u64>> {
        if records.len() != priorities.len() {
            return Err(Error::InvalidArgument {
                what: "the number of priorities",
                found: priorities.len().to_string(),
                expected: format!("that of the records, {}", records.len()),
            });
        }
        self.check_priorities(priorities)?;
        self.inner
            .insert_many(records, NewPriority::Given(priorities))
    }

    /// Reserves a slot to be filled in place, so that a large record is never copied.
    ///
    /// Nobody samples the slot until [`Reservation::commit`]. If this process dies before, the ring
    /// reclaims the slot.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<[f32; 4]>::anonymous(PoolOptions::new(100))?;
    /// let mut slot = pool.reserve()?;
    /// slot[2] = 7.0; // the rest is as the slot was: zero, or an older record
    /// slot.commit()?;
    /// assert_eq!(pool.len(), 1);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn reserve(&self) -> Result<Reservation<'_, T>> {
        let claim = self.inner.claim::<1>(1)?;
        Ok(Reservation { pool: self, claim })
    }
}

/// A slot that is this process's alone, to be filled in place. Dropping it gives the slot up.
///
/// # Panics
/// Where it is read or written in a child that was forked since: the slot is the parent's.
pub struct Reservation<'a, T: Record> {
    pool: &'a Pool<T>,
    /// Holds one key; none once committed.
    claim: Claim<1>,
}

impl<T: Record> Reservation<'_, T> {
    /// The key that the record will have.
    pub fn key(&self) -> u64 {
        self.claim.keys[0]
    }

    /// Makes the record part of the pool, with the highest priority that any record ever had. Gives
    /// its key.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn commit(self) -> Result<u64> {
        self.finish(NewPriority::Highest)
    }

    /// Makes the record part of the pool. Gives its key.
    ///
    /// # Errors
    /// [`Error::InvalidPriority`] (the reservation is given up), [`Error::Forked`].
    pub fn commit_with_priority(self, priority: f32) -> Result<u64> {
        self.pool.check_priorities(&[priority])?;
        self.finish(NewPriority::Given(&[priority]))
    }

    fn finish(mut self, priority: NewPriority<'_>) -> Result<u64> {
        let key = self.key();
        self.pool.inner.commit(&self.claim, priority)?;
        self.claim.count = 0;
        Ok(key)
    }

    /// # Panics
    /// In a forked child: the slot is the parent's.
    fn address(&self) -> *mut T {
        assert!(
            self.pool.inner.segment.is_ours(),
            "this reservation is the parent's"
        );
        let parts = self.pool.inner.parts();
        parts.record(parts.slot_of(self.key())).cast()
    }
}

impl<T: Record> Deref for Reservation<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the slot is claimed for `self` (lease.rs, step 2), so no reader passes its check
        // and no writer claims it; any bytes are a `T`; stride and region are aligned for it.
        unsafe { &*self.address() }
    }
}

impl<T: Record> DerefMut for Reservation<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and `&mut self` excludes every other reference from here.
        unsafe { &mut *self.address() }
    }
}

impl<T: Record> Drop for Reservation<'_, T> {
    fn drop(&mut self) {
        if self.claim.count > 0 {
            self.pool.inner.give_up(&self.claim);
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
    fn insert_one(&self, record: &T, priority: NewPriority<'_>) -> Result<u64> {
        let claim = self.claim::<1>(1)?;
        self.fill(&claim, std::slice::from_ref(record));
        self.commit(&claim, priority)?;
        Ok(claim.keys[0])
    }

    fn insert_many(&self, records: &[T], priority: NewPriority<'_>) -> Result<Vec<u64>> {
        let mut keys = Vec::with_capacity(records.len());
        while keys.len() < records.len() {
            let left = &records[keys.len()..];
            let claim = self.claim::<CHUNK>(left.len().min(CHUNK))?;
            self.fill(&claim, left);
            self.commit(&claim, priority.from(keys.len()))?;
            keys.extend_from_slice(claim.keys());
        }
        Ok(keys)
    }

    /// Phase one: claims `1..=wanted` slots, at most [`CHUNK`].
    fn claim<const MOST: usize>(&self, wanted: usize) -> Result<Claim<MOST>> {
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
    fn fill<const MOST: usize>(&self, claim: &Claim<MOST>, records: &[T]) {
        let parts = self.parts();
        for (slot, record) in claim.slots().iter().zip(records) {
            let address = parts.record(*slot as usize).cast::<T>();
            // SAFETY: the slot is claimed for the caller (lease.rs, step 2): nobody reads or writes
            // it. The address is inside the region and aligned for `T`.
            unsafe { address.write(*record) };
        }
    }

    /// Phase two: gives claimed and filled slots their priorities and opens them to readers.
    fn commit<const MOST: usize>(
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
    fn give_up<const MOST: usize>(&self, claim: &Claim<MOST>) {
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
