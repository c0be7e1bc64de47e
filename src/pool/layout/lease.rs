//! Leases: readers name the slots that they read, and writers pass those over.
//!
//! Touches lease lists and slot words. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! A participant's lease list is 64 blocks of cells, one word with a bit for each block in use, and
//! for each block a filter of the slots that its cells name. Only its own threads write it.
//!
//! 1. *Lease*: a reader takes blocks (sets their bits), writes the slots into the cells and their filters, fences, and
//!    only then looks whether each slot's word is still what it saw. If so, the record is its to
//!    read until it gives the blocks back; if not, it forgets about that slot.
//! 2. *Claim*: a writer, who holds the lock of the slot's shard, marks the slot's word (which keeps its key),
//!    fences, and only then looks at the lists of all participants. A slot that one of them names
//!    gets its old word back and is passed over; any other it takes: the word says claimed, and the
//!    slot is the writer's to fill. If the writer dies in between, the mark tells what to give back.
//!    A slot that holds no record needs no mark: no reader passes its check. But where a record was
//!    removed, readers that had passed theirs may be reading still, so the lists are looked at there too.
//!    Who rewrites a record in place marks, fences and looks in the same way.
//! 3. *Give back*: the reader clears the bits of its blocks after its last read.
//!
//! Of the two fences one comes first in the order that all agree on. If the reader's does, the writer
//! sees the lease; if the writer's does, the reader sees the claim. So never do both go on. And a
//! writer that sees blocks given back, or a cell or a filter that names other slots by now, sees it
//! by an Acquire of what the reader Released after its reads: they are over.

use std::ops::Range;

use crate::os::fail_point;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering, fence};
use crate::tree::RUN;

/// Blocks of a list: the bits of its word.
pub(crate) const BLOCKS: usize = 64;
/// What a cell that names no slot holds; slot `n` is written as `n + 1`.
const NOTHING: u32 = 0;
/// Bits of a block's filter for each of its cells: of a full block's, one in 16 is set.
const BITS_PER_CELL: usize = 16;

/// The lease list of one participant.
///
/// All counts are powers of two, as nothing on the way to a record should divide.
#[derive(Clone, Copy)]
pub(crate) struct LeaseList<'a> {
    /// A bit for each block in use.
    pub(crate) blocks: &'a AtomicU64,
    /// For each block, bits for the runs of slots that its cells name: a claim, which is of one run,
    /// looks at one word of a block and seldom at its cells.
    pub(crate) filters: &'a [AtomicU64],
    /// `BLOCKS` times the same number of cells.
    pub(crate) cells: &'a [AtomicU32],
}

/// Words of the filters of a list with so many cells.
pub(crate) const fn filter_words(cells: usize) -> usize {
    match cells / BLOCKS * BITS_PER_CELL / 64 {
        0 => BLOCKS,
        words => BLOCKS * words,
    }
}

/// Cells that a reader has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) cells: Range<usize>,
    mask: u64,
}

impl LeaseList<'_> {
    fn per_block(&self) -> usize {
        self.cells.len() / BLOCKS
    }

    /// The word of a block's filter that has the bit of a run, and the bit.
    #[inline(always)]
    fn filter(&self, block: usize, run: usize) -> (&AtomicU64, u64) {
        let words = self.filters.len() / BLOCKS;
        let word = &self.filters[block * words + (run & (words - 1))];
        (word, 1 << (run >> words.trailing_zeros() & 63))
    }

    /// Takes `count` cells in a row, none of which names a slot; `None` where too few are free.
    pub(crate) fn take(&self, count: usize) -> Option<Taken> {
        let wanted = count.div_ceil(self.per_block());
        if wanted == 0 || wanted > BLOCKS {
            return None;
        }
        let run = u64::MAX >> (BLOCKS - wanted);
        let mut used = self.blocks.load(Ordering::Relaxed);
        loop {
            let first = (0..=BLOCKS - wanted).find(|&first| used & (run << first) == 0)?;
            let mask = run << first;
            // Acquire: pairs with the Release in `give_back`. So what `empty` and `name` Release
            // says of the reads of earlier lessees, too, that they are over.
            match self.blocks.compare_exchange_weak(
                used,
                used | mask,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    fail_point("lease.blocks");
                    self.empty(first..first + wanted);
                    let start = first * self.per_block();
                    let cells = start..start + count;
                    return Some(Taken { cells, mask });
                }
                Err(now) => used = now,
            }
        }
    }

    /// Makes the cells of blocks that were just taken name nothing.
    fn empty(&self, blocks: Range<usize>) {
        let words = self.filters.len() / BLOCKS;
        for word in &self.filters[blocks.start * words..blocks.end * words] {
            // Release: as for the cells.
            word.store(0, Ordering::Release);
        }
        let cells = self.per_block();
        for cell in &self.cells[blocks.start * cells..blocks.end * cells] {
            // Release: see `name`.
            cell.store(NOTHING, Ordering::Release);
        }
    }

    /// Writes `slot` into one of the cells taken; [`lease_fence`] must follow.
    #[inline(always)]
    pub(crate) fn name(&self, cell: usize, slot: u32) {
        let block = cell >> self.per_block().trailing_zeros();
        let (word, bit) = self.filter(block, slot as usize / RUN);
        // No read-modify-write: only who has taken the block writes its filter. Release: as below,
        // for a writer that finds no bit of the slot that was named here before.
        word.store(word.load(Ordering::Relaxed) | bit, Ordering::Release);
        // Release: a writer that finds this value, and so not the slot that was named here before,
        // knows that the reads of that one are over.
        self.cells[cell].store(slot + 1, Ordering::Release);
        fail_point("lease.named");
    }

    /// Makes a cell name nothing, after the last read of its slot.
    pub(crate) fn unname(&self, cell: usize) {
        // Release: see `name`.
        self.cells[cell].store(NOTHING, Ordering::Release);
    }

    /// Step 3.
    pub(crate) fn give_back(&self, taken: Taken) {
        fail_point("lease.give_back");
        // Release: a writer that sees the blocks free knows that the reads are over.
        self.blocks.fetch_and(!taken.mask, Ordering::Release);
    }

    /// How many cells are in blocks that are in use.
    pub(crate) fn held(&self) -> usize {
        self.blocks.load(Ordering::Relaxed).count_ones() as usize * self.per_block()
    }

    /// Calls `visit` with every slot of `run` that is named, and with some others. For writers, after
    /// [`lease_fence`].
    #[inline]
    pub(crate) fn visit(&self, run: usize, mut visit: impl FnMut(u32)) {
        // Acquire: pairs with the Release in `give_back`.
        let mut used = self.blocks.load(Ordering::Acquire);
        while used != 0 {
            let block = used.trailing_zeros() as usize;
            used &= used - 1;
            let (word, bit) = self.filter(block, run);
            // Acquire: pairs with the Releases in `empty` and `name`.
            if word.load(Ordering::Acquire) & bit == 0 {
                continue;
            }
            let start = block * self.per_block();
            for cell in &self.cells[start..start + self.per_block()] {
                // Acquire: pairs with the Release in `name`.
                let named = cell.load(Ordering::Acquire);
                if named != NOTHING {
                    visit(named - 1);
                }
            }
        }
    }

    /// Empties the list of a participant that is gone.
    pub(crate) fn clear(&self) {
        self.blocks.store(0, Ordering::Release);
    }
}

/// The fence of steps 1 and 2.
#[inline(always)]
pub(crate) fn lease_fence() {
    // SeqCst: the reader's pairs with the writer's.
    fence(Ordering::SeqCst);
}

/// Step 1, after [`lease_fence`]: whether the slot's word is still what the reader saw.
#[inline(always)]
pub(crate) fn is_unchanged(word: &AtomicU64, seen: u64) -> bool {
    // Acquire: pairs with the Release that committed the record.
    word.load(Ordering::Acquire) == seen
}

/// Step 2: marks a slot that is to be claimed; [`lease_fence`] must follow.
#[inline(always)]
pub(crate) fn mark(word: &AtomicU64, marked: u64) {
    // Relaxed: nobody reads a marked slot's record, and the fence follows.
    word.store(marked, Ordering::Relaxed);
}

/// Step 2: takes a slot that nobody leases, before anything else of it is changed.
#[inline(always)]
pub(crate) fn take(word: &AtomicU64, claimed: u64) {
    word.store(claimed, Ordering::Relaxed);
    // What follows must not come first in the eyes of who repairs after a death.
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// Step 2: a leased slot gets its word back.
#[inline(always)]
pub(crate) fn pass_over(word: &AtomicU64, seen: u64) {
    // Relaxed: this writer sees the record through the lock, and the fence between the two hands that
    // on to whoever reads this word with an Acquire.
    word.store(seen, Ordering::Relaxed);
}

/// The record is whole: the slot is open to readers.
#[inline(always)]
pub(crate) fn commit(word: &AtomicU64, committed: u64) {
    // Release: who sees the key sees the record.
    word.store(committed, Ordering::Release);
}
