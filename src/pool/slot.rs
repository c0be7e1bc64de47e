//! The word of a slot: what the slot holds, in one atomic step. Touches nothing.

use crate::sync::Owner;

const STATE_BITS: u32 = 2;
const MARKED: u64 = 1;
const COMMITTED: u64 = 2;
const CLAIMED: u64 = 3;

/// The largest key; at a billion insertions a second it is reached after 146 years.
pub(super) const LARGEST_KEY: u64 = u64::MAX >> STATE_BITS;

/// What a slot's word says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    /// Nothing was ever written here, or a writer gave up.
    Empty,
    /// A writer that holds its shard's lock is about to claim it, and looks whether it is leased; it still
    /// holds the record of this key.
    Marked(u64),
    /// A writer fills it. Its key is not known to anybody else yet. `None` names nobody, which no
    /// writer does: the segment is damaged.
    Claimed(Option<Owner>),
    /// It holds the record of this key.
    Committed(u64),
}

impl Slot {
    #[inline(always)]
    pub(super) fn from_word(word: u64) -> Self {
        match word & ((1 << STATE_BITS) - 1) {
            COMMITTED => Self::Committed(word >> STATE_BITS),
            MARKED => Self::Marked(word >> STATE_BITS),
            CLAIMED => Self::Claimed(Owner::from_bits((word >> STATE_BITS) as u32)),
            _ => Self::Empty,
        }
    }

    #[inline(always)]
    pub(super) fn to_word(self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Marked(key) => key << STATE_BITS | MARKED,
            Self::Claimed(owner) => u64::from(owner.map_or(0, Owner::bits)) << STATE_BITS | CLAIMED,
            Self::Committed(key) => key << STATE_BITS | COMMITTED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_was_put_into_it() {
        for slot in [
            Slot::Empty,
            Slot::Marked(3),
            Slot::Claimed(Some(Owner::new(0, 0))),
            Slot::Claimed(Some(Owner::new(1000, 77))),
            Slot::Committed(0),
            Slot::Committed(LARGEST_KEY),
        ] {
            assert_eq!(Slot::from_word(slot.to_word()), slot);
        }
    }
}
