//! The owner of a lock or slot: an entry of the participant table and its generation counter, in 30 bits.

use std::fmt;

/// Bits for the entry's number; zero is no owner.
const ENTRY_BITS: u32 = 10;
const ENTRY_MASK: u32 = (1 << ENTRY_BITS) - 1;
const GENERATION_BITS: u32 = 20;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

/// A participant, in the form that the lock's word and a claimed slot store.
///
/// The generation tells a participant from an earlier, dead one that had the same entry. It wraps
/// after 2^20 attachments through one entry; a dead owner is found long before that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(u32);

impl Owner {
    /// The number of entries that can be told apart.
    pub(crate) const MAX_ENTRIES: usize = ENTRY_MASK as usize;
    /// The bits that an owner takes in a word.
    pub(crate) const MASK: u32 = (1 << (ENTRY_BITS + GENERATION_BITS)) - 1;

    /// The participant in `entry`, which is below [`Self::MAX_ENTRIES`].
    pub(crate) fn new(entry: usize, generation: u32) -> Self {
        debug_assert!(entry < Self::MAX_ENTRIES);
        Self((entry as u32 + 1) & ENTRY_MASK | (generation & GENERATION_MASK) << ENTRY_BITS)
    }

    /// Reads an owner from the low bits of a word; `None` if they name no owner.
    pub(crate) fn from_bits(word: u32) -> Option<Self> {
        (word & ENTRY_MASK != 0).then_some(Self(word & Self::MASK))
    }

    /// The owner as the low 30 bits of a word; never zero.
    #[inline(always)]
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// The entry's number.
    pub(crate) fn entry(self) -> usize {
        (self.0 & ENTRY_MASK) as usize - 1
    }

    /// Returns `true` if `generation`, which the entry has now, is still this owner's.
    pub(crate) fn is_generation(self, generation: u32) -> bool {
        self.0 >> ENTRY_BITS == generation & GENERATION_MASK
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generation = self.0 >> ENTRY_BITS;
        write!(formatter, "entry {} generation {generation}", self.entry())
    }
}

/// The questions that the algorithms ask about other participants.
pub(crate) trait Peers {
    /// Returns `true` if this very participant is still attached and its process is alive.
    fn is_alive(&self, owner: Owner) -> bool;
}
