//! A bit for each participant, which says that it once did something that others must look for: so they look
//! at those alone.
//!
//! Touches its own words only. Who marks itself fences before it does what is looked for, and who looks
//! fences before: so a mark that is missed is of somebody who has not begun (see the structures' arguments).
//! Modelled in `loom` with them, see `models/`.

use super::primitive::{AtomicU64, Ordering};

/// Bits of a word.
const BITS: usize = u64::BITS as usize;

/// The marks of a segment's participants. As many words as [`Marks::words`] says.
#[derive(Clone, Copy)]
pub(crate) struct Marks<'a>(pub(crate) &'a [AtomicU64]);

impl<'a> Marks<'a> {
    /// How many words it takes.
    pub(crate) fn words(participants: usize) -> usize {
        participants.div_ceil(BITS)
    }

    /// Marks the participant with this entry, once and for all.
    #[inline(always)]
    pub(crate) fn set(self, entry: usize) {
        let (word, bit) = (&self.0[entry / BITS], 1 << (entry % BITS));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Takes the mark of a participant that is gone away.
    pub(crate) fn clear(self, entry: usize) {
        // Release: pairs with the Acquire in `iter`. Who sees no mark knows that what the participant did is
        // over.
        self.0[entry / BITS].fetch_and(!(1 << (entry % BITS)), Ordering::Release);
    }

    /// The entries that are marked. In a damaged segment there are marks of nobody.
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
