//! A bit for each participant. It is set once the participant has done something that others must look for, so
//! they inspect only participants whose bit is set.
//!
//! Touches its own words only. A participant that marks itself fences before the action that others look for.
//! A participant that looks fences before it looks. So a missed mark belongs to a participant that has not begun
//! (see the structures' arguments).
//! Modelled in `loom` with them, see `models/`.

use super::primitive::{AtomicU64, Ordering};

/// The number of bits of a word.
const BITS: usize = u64::BITS as usize;

/// The marks of a segment's participants, in [`Marks::words`] words.
#[derive(Clone, Copy)]
pub(crate) struct Marks<'a>(pub(crate) &'a [AtomicU64]);

impl<'a> Marks<'a> {
    /// The number of words that the marks take.
    pub(crate) fn words(participants: usize) -> usize {
        participants.div_ceil(BITS)
    }

    /// Marks the participant with this entry. The mark stays until [`clear`](Self::clear).
    #[inline(always)]
    pub(crate) fn set(self, entry: usize) {
        let (word, bit) = (&self.0[entry / BITS], 1 << (entry % BITS));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Removes the mark of a participant that has left.
    pub(crate) fn clear(self, entry: usize) {
        // Release: pairs with the Acquire in `iter`. A process that sees no mark knows that the participant's
        // action is over.
        self.0[entry / BITS].fetch_and(!(1 << (entry % BITS)), Ordering::Release);
    }

    /// Returns the marked entries. A damaged segment may have marks of entries without a participant.
    #[inline(always)]
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> + 'a {
        self.0.iter().enumerate().flat_map(|(number, word)| {
            // Acquire: pairs with the Release in `clear`.
            let mut bits = word.load(Ordering::Acquire);
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(number * BITS + bit)
            })
        })
    }
}
