//! The steps of a reader without a lock, and of the writer beside it, over the words that both touch.
//!
//! Touches a generation's word, the word of a slot that has its row, and a sequence number; how keys and rows are read
//! and written is the caller's to know. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! A seqlock (Boehm 2012, "Can seqlocks get along with programming language memory models?"), whose reader checks two
//! words besides the sequence number.
//!
//! 1. *Search*: the reader reads which generation is in use, and searches its index. Of each slot it reads the row
//!    first, and the key after it.
//! 2. *Read*: it reads the sequence number of the row's stripe, copies the row, and fences.
//! 3. *Check*: the row is whole, and the key's, if the sequence number is even and what it was, the slot leads to the
//!    same row, and the same generation is in use. A key that was not found is not there if that is so of the
//!    generation.
//! 4. *Write*: the writer, which has the lock, fences before it writes what a reader may be reading. Before that fence
//!    it has made the sequence number odd (a row that changes), or the slot dead (a row that is to be free), or has put
//!    another generation in use (an index that is to be overwritten; the generation after it is put in use when the
//!    index is whole).
//!
//! If a reader has read any word that was written after such a fence, it sees in step 3 what came before the fence. In
//! one index a slot goes from empty to live to dead, and never back. So a slot that leads to the same row in the same
//! generation has led to it all the time.

use crate::os::fail_point;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering, fence};

/// What a slot holds that no key ever had.
pub(super) const EMPTY: u32 = 0;
/// What a slot holds whose key was removed.
pub(super) const DEAD: u32 = u32::MAX;

/// The word that names the generation in use. Written by: the owner of the lock.
#[derive(Clone, Copy)]
pub(super) struct InUse<'a>(pub(super) &'a AtomicU64);

impl InUse<'_> {
    /// Step 1.
    #[inline(always)]
    pub(super) fn read(self) -> u64 {
        // Acquire: pairs with the Release in `exchange`; the index is whole.
        self.0.load(Ordering::Acquire)
    }

    /// Step 3, after [`after_reading`].
    #[inline(always)]
    pub(super) fn is_still(self, word: u64) -> bool {
        self.0.load(Ordering::Relaxed) == word
    }

    /// Step 4: puts a generation in use, whose index is whole.
    pub(super) fn exchange(self, word: u64) {
        // Release: pairs with the Acquire in `read`.
        self.0.store(word, Ordering::Release);
    }
}

/// The word of a slot that has its row, plus 1. Written by: the owner of the lock.
#[derive(Clone, Copy)]
pub(super) struct RowWord<'a>(pub(super) &'a AtomicU32);

impl RowWord<'_> {
    /// Step 1: returns the row of a slot that is live and whose key `is_key`.
    #[inline(always)]
    pub(super) fn find(self, is_key: impl FnOnce() -> bool) -> Option<usize> {
        // Acquire: pairs with the Release in `publish`. So the key is read after the row, and is not what
        // lay there while the slot was empty.
        let row = self.0.load(Ordering::Acquire);
        let is_live = row.wrapping_sub(1) < DEAD - 1;
        (is_live && is_key()).then(|| row as usize - 1)
    }

    /// Step 3: returns `true` if the slot leads to this row still; or again in an index that came later, in which case
    /// [`InUse::is_still`] sees that another generation is in use.
    #[inline(always)]
    pub(super) fn is_still(self, row: usize) -> bool {
        // Acquire: pairs with the Release in `publish`, which comes after that of the generation before.
        self.0.load(Ordering::Acquire) == row as u32 + 1
    }

    /// Step 4: makes an empty slot lead to a row, which holds what it is to hold. `write_key` writes the slot's key.
    #[inline(always)]
    pub(super) fn publish(self, row: usize, write_key: impl FnOnce()) {
        write_key();
        // Release: pairs with the Acquire in `find`.
        self.0.store(row as u32 + 1, Ordering::Release);
    }

    /// Step 4: the slot's key is removed.
    pub(super) fn kill(self) {
        // Release: the journal's entry is written before; see there.
        self.0.store(DEAD, Ordering::Release);
    }
}

/// The sequence number of a row's stripe. Written by: the owner of the lock.
#[derive(Clone, Copy)]
pub(super) struct Stripe<'a>(pub(super) &'a AtomicU64);

impl Stripe<'_> {
    /// Steps 2 and 3: returns what `read` returns of the row that `word` leads to, if that is whole. `is_current`
    /// checks the generation.
    #[inline(always)]
    pub(super) fn read<R>(
        self,
        word: RowWord<'_>,
        row: usize,
        read: impl FnOnce() -> R,
        is_current: impl FnOnce() -> bool,
    ) -> Option<R> {
        // Acquire: pairs with the Release at the end of `change`.
        let sequence = self.0.load(Ordering::Acquire);
        let read = read();
        after_reading();
        let is_whole = sequence & 1 == 0
            && self.0.load(Ordering::Relaxed) == sequence
            && word.is_still(row)
            && is_current();
        is_whole.then_some(read)
    }

    /// Step 4: changes a row in place, by `write`.
    pub(super) fn change(self, write: impl FnOnce()) {
        // The dead may have left it odd.
        let odd = self.0.load(Ordering::Relaxed) | 1;
        self.0.store(odd, Ordering::Relaxed);
        before_writing();
        fail_point("dict.odd");
        write();
        fail_point("dict.written");
        // Release: pairs with the Acquire in `read`, which then sees the whole row.
        self.0.store(odd.wrapping_add(1), Ordering::Release);
    }
}

/// Step 2: the fence after the last word was read.
#[inline(always)]
pub(super) fn after_reading() {
    // Acquire: pairs with the Release in `before_writing`.
    fence(Ordering::Acquire);
}

/// Step 4: the fence before the first word is written.
#[inline(always)]
pub(super) fn before_writing() {
    // Release: pairs with the Acquire in `after_reading`.
    fence(Ordering::Release);
}
