//! Shards: parts of the slots that are locked one by one, so that writers seldom wait for each other.
//!
//! Runs of 64 slots go to the shards in turn, as cards are dealt. So a batch of neighbours is one
//! shard's or two neighbours', and all shards fill alike. Computes only.

use std::ops::Range;

/// The number of consecutive slots of one shard: one insertion claims them at once.
pub(crate) const RUN: usize = 64;
/// The most shards: as many as a node has children, so one more step of a descent chooses among them.
pub(crate) const MOST_SHARDS: usize = 16;
/// A pool is cut further only while its shards have this many slots.
const SMALLEST: usize = 256;

const RUN_BITS: u32 = RUN.ilog2();

/// The shards of a pool: a power of two, which follows from the number of slots.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Shards {
    slots: usize,
    bits: u32,
}

impl Shards {
    /// Returns the shards of `slots` slots.
    pub(crate) fn of(slots: usize) -> Self {
        let count = (slots / SMALLEST).clamp(1, MOST_SHARDS);
        let bits = count.ilog2();
        Self { slots, bits }
    }

    /// The number of shards.
    #[inline(always)]
    pub(crate) fn count(self) -> usize {
        1 << self.bits
    }

    /// The total number of slots.
    #[inline(always)]
    pub(super) fn slots(self) -> usize {
        self.slots
    }

    /// The shard of a slot.
    #[inline(always)]
    pub(crate) fn shard_of(self, slot: usize) -> usize {
        slot >> RUN_BITS & (self.count() - 1)
    }

    /// The place of a slot in its shard.
    #[inline(always)]
    pub(crate) fn place_of(self, slot: usize) -> usize {
        (slot >> (RUN_BITS + self.bits) << RUN_BITS) | (slot % RUN)
    }

    /// The slot in a place of a shard.
    #[inline(always)]
    pub(super) fn slot_at(self, shard: usize, place: usize) -> usize {
        place >> RUN_BITS << (RUN_BITS + self.bits) | shard << RUN_BITS | (place % RUN)
    }

    /// The number of slots of a shard before a slot, which need not be one of its own.
    pub(super) fn places_before(self, shard: usize, slot: usize) -> usize {
        let lap = RUN << self.bits;
        let rest = (slot % lap).saturating_sub(shard * RUN);
        slot / lap * RUN + rest.min(RUN)
    }

    /// The number of slots of a shard. The first has the most.
    pub(crate) fn places(self, shard: usize) -> usize {
        self.places_before(shard, self.slots)
    }

    /// The slots of a shard, run by run.
    pub(crate) fn runs(self, shard: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
        (shard * RUN..self.slots)
            .step_by(RUN << self.bits)
            .map(move |start| start..(start + RUN).min(self.slots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_one_place_in_one_shard() {
        for slots in [1, 63, 64, 65, 511, 512, 1000, 4096, 5000, 16_384, 70_001] {
            let shards = Shards::of(slots);
            let mut seen = 0;
            for shard in 0..shards.count() {
                let mut place = 0;
                for slot in shards.runs(shard).flatten() {
                    assert_eq!(shards.shard_of(slot), shard);
                    assert_eq!(shards.place_of(slot), place);
                    assert_eq!(shards.slot_at(shard, place), slot);
                    place += 1;
                }
                assert_eq!(shards.places(shard), place);
                assert!(place <= shards.places(0));
                seen += place;
            }
            assert_eq!(seen, slots);
        }
    }
}
