//! The word of a slot: what the slot holds, in one atomic step. Touches nothing.

use crate::sync::Owner;

const STATE_BITS: u32 = 2;
/// No record is here: the rest is the key of the last one, plus 1, or 0 where there was none.
const FREE: u64 = 0;
const MARKED: u64 = 1;
const COMMITTED: u64 = 2;
const CLAIMED: u64 = 3;

/// The largest key; at a billion insertions a second it is reached after 146 years.
pub(crate) const LARGEST_KEY: u64 = u64::MAX >> STATE_BITS;

/// What a slot's word says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slot {
    /// Nothing was ever written here.
    Empty,
    /// The record of this key was removed, or given up by its writer. Batches that held it then may
    /// still read it.
    Removed(u64),
    /// A writer that holds its shard's lock is about to claim it, or to rewrite its record, and looks whether
    /// it is leased; it still holds the record of this key.
    Marked(u64),
    /// A writer fills it. Its key is not known to anybody else yet. `None` names nobody, which no
    /// writer does: the segment is damaged.
    Claimed(Option<Owner>),
    /// It holds the record of this key.
    Committed(u64),
}

impl Slot {
    #[inline(always)]
    pub(crate) fn from_word(word: u64) -> Self {
        match word & ((1 << STATE_BITS) - 1) {
            COMMITTED => Self::Committed(word >> STATE_BITS),
            MARKED => Self::Marked(word >> STATE_BITS),
            CLAIMED => Self::Claimed(Owner::from_bits((word >> STATE_BITS) as u32)),
            FREE if word == 0 => Self::Empty,
            _ => Self::Removed((word >> STATE_BITS) - 1),
        }
    }

    #[inline(always)]
    pub(crate) fn to_word(self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Removed(key) => (key + 1) << STATE_BITS | FREE,
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
            Slot::Removed(0),
            Slot::Removed(LARGEST_KEY - 1),
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
