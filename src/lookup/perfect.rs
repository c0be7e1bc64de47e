//! A perfect hash, a part at a time: for the keys of a part, of which each bucket gets a number, its *pilot*, so
//! that all keys have slots of their own.
//!
//! The hash of a key says its bucket; the hash and the bucket's pilot say its slot. Large buckets choose first.
//! One that finds no pilot with which all its slots are free takes those of others, the fewest it can, and these
//! choose again. So do PtrHash (Groot Koerkamp 2025) and PTHash (Pibiri and Trani 2021), which see all keys at
//! once. Keys that cannot be placed, such as two of the same hash, are *left over*.
//!
//! Computes only.

use std::cmp::Reverse;
use std::ops::Range;

/// How many buckets that took the slots of others last keep theirs.
const RECENT: usize = 16;
/// How often buckets may take the slots of others, for each bucket.
const PATIENCE: usize = 16;
/// What hashes are multiplied by: odd for every pilot.
const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;
/// No bucket.
const FREE: u32 = u32::MAX;

/// The slot of a hash among so many, by the pilot of its bucket. Part of the format.
#[inline(always)]
pub(super) fn slot_of(hash: u64, pilot: u8, slots: u64) -> u64 {
    // The lower bits first, which the keys of a bucket do not share.
    let turned = hash
        .rotate_left(32)
        .wrapping_mul(FACTOR + 2 * u64::from(pilot));
    ((u128::from(turned) * u128::from(slots)) >> 64) as u64
}

/// Where the keys of a part are.
pub(super) struct Placed {
    /// The pilot of each bucket.
    pub(super) pilots: Vec<u8>,
    /// The number of the key in each slot, if there is one.
    pub(super) slots: Vec<Option<u32>>,
    /// The numbers of the keys that are left over, rising.
    pub(super) left_over: Vec<u32>,
}

/// Places keys with these hashes, which rise, and whose buckets `bucket_of` says, of so many, in so many slots.
pub(super) fn place(
    hashes: &[u64],
    slots: usize,
    buckets: usize,
    bucket_of: impl Fn(u64) -> usize,
) -> Placed {
    let mut placing = Placing::new(hashes, slots, buckets, bucket_of);
    placing.place_all();
    placing.into_placed()
}

struct Placing<'a> {
    hashes: &'a [u64],
    /// Where the keys of each bucket begin, and where the last ends.
    starts: Vec<u32>,
    pilots: Vec<u8>,
    /// Which bucket has each slot.
    owners: Vec<u32>,
    left_over: Vec<u32>,
    recent: [u32; RECENT],
    /// How often a bucket took the slots of others.
    taken: usize,
}

impl<'a> Placing<'a> {
    fn new(
        hashes: &'a [u64],
        slots: usize,
        buckets: usize,
        bucket_of: impl Fn(u64) -> usize,
    ) -> Self {
        let mut starts = vec![0; buckets + 1];
        for &hash in hashes {
            starts[bucket_of(hash) + 1] += 1;
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        Self {
            hashes,
            starts,
            pilots: vec![0; buckets],
            owners: vec![FREE; slots],
            left_over: Vec::new(),
            recent: [FREE; RECENT],
            taken: 0,
        }
    }

    /// The numbers of a bucket's keys.
    fn keys(&self, bucket: u32) -> Range<usize> {
        let bucket = bucket as usize;
        self.starts[bucket] as usize..self.starts[bucket + 1] as usize
    }

    /// The slots of a bucket's keys with a pilot.
    fn slots(&self, bucket: u32, pilot: u8) -> impl Iterator<Item = usize> + use<'a> {
        let slots = self.owners.len() as u64;
        let hashes = &self.hashes[self.keys(bucket)];
        hashes
            .iter()
            .map(move |&hash| slot_of(hash, pilot, slots) as usize)
    }

    fn place_all(&mut self) {
        let mut waiting: Vec<u32> = (0..self.pilots.len() as u32).collect();
        waiting.sort_by_key(|&bucket| (self.keys(bucket).len(), Reverse(bucket)));
        while let Some(bucket) = waiting.pop() {
            match self.choose(bucket) {
                Some(pilot) => self.take(bucket, pilot, &mut waiting),
                None => {
                    let keys = self.keys(bucket);
                    self.left_over.extend(keys.map(|key| key as u32));
                }
            }
        }
    }

    /// A pilot with which all slots of a bucket are free; else the one with which it takes the fewest of others.
    fn choose(&self, bucket: u32) -> Option<u8> {
        let first = (self.taken as u8).wrapping_mul(77);
        let pilots = (0..=u8::MAX).map(|turn| first.wrapping_add(turn));
        let is_free = |slot: usize| self.owners[slot] == FREE;
        let mut free = pilots.clone().filter(|&pilot| {
            self.slots(bucket, pilot).all(is_free) && self.has_no_twins(bucket, pilot)
        });
        if let Some(pilot) = free.next() {
            return Some(pilot);
        }
        if self.taken >= PATIENCE * self.pilots.len() {
            return None;
        }
        let (mut best, mut least) = (None, usize::MAX);
        for pilot in pilots {
            let cost = self.cost(bucket, pilot, least);
            if cost < least && self.has_no_twins(bucket, pilot) {
                (best, least) = (Some(pilot), cost);
            }
        }
        best
    }

    /// What others lose if the bucket has this pilot; or at least `enough`.
    #[inline]
    fn cost(&self, bucket: u32, pilot: u8, enough: usize) -> usize {
        let mut cost = 0;
        for slot in self.slots(bucket, pilot) {
            let owner = self.owners[slot];
            if owner != FREE {
                if self.recent.contains(&owner) {
                    return usize::MAX;
                }
                cost += self.keys(owner).len().pow(2);
                if cost >= enough {
                    return cost;
                }
            }
        }
        cost
    }

    /// Whether all keys of the bucket have different slots.
    fn has_no_twins(&self, bucket: u32, pilot: u8) -> bool {
        let twin = |number: usize, slot| self.slots(bucket, pilot).take(number).any(|s| s == slot);
        let mut slots = self.slots(bucket, pilot).enumerate();
        !slots.any(|(number, slot)| twin(number, slot))
    }

    /// Gives the bucket its slots; who had them waits again.
    fn take(&mut self, bucket: u32, pilot: u8, waiting: &mut Vec<u32>) {
        let mut has_taken = false;
        for slot in self.slots(bucket, pilot) {
            let owner = self.owners[slot];
            if owner != FREE {
                for freed in self.slots(owner, self.pilots[owner as usize]) {
                    self.owners[freed] = FREE;
                }
                waiting.push(owner);
                has_taken = true;
            }
        }
        for slot in self.slots(bucket, pilot) {
            self.owners[slot] = bucket;
        }
        self.pilots[bucket as usize] = pilot;
        if has_taken {
            self.recent[self.taken % RECENT] = bucket;
            self.taken += 1;
        }
    }

    fn into_placed(mut self) -> Placed {
        self.left_over.sort_unstable();
        let mut slots = vec![None; self.owners.len()];
        for bucket in 0..self.pilots.len() as u32 {
            let places = self.slots(bucket, self.pilots[bucket as usize]);
            for (key, slot) in self.keys(bucket).zip(places) {
                if self.owners[slot] == bucket {
                    slots[slot] = Some(key as u32);
                }
            }
        }
        Placed {
            pilots: self.pilots,
            slots,
            left_over: self.left_over,
        }
    }
}
