//! The steps by which a record is rewritten in place, over the words that they change.
//!
//! Touches the word of the slot, and a participant's *note*: the key of the record that it is rewriting, plus 1, or 0.
//! How the record is copied, and which slots are leased, is the caller's to know. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! Each participant has a *draft*, a record of its own in the segment.
//!
//! 1. *Draft*: the owner of an entry takes the lock of the shard that its note names, if it names one
//!    ([`Note::key`]), and gives it back. Then it writes its draft, without a lock.
//! 2. *Mark*: under the lock of the slot's shard it marks the slot, fences, and looks at the leases. If the record is
//!    leased, the slot gets its word back.
//! 3. *Put in place*: it notes the key, copies the draft into the slot, gives the slot its word back, and takes the
//!    note away.
//! 4. *Complete*: the owner of the lock after a death commits each marked slot of the shard. If a note names the
//!    slot's key, it copies that participant's draft first. In the end it takes all notes of the shard's keys away.
//!
//! The word is the same before and after. A reader that leased the slot and finds that word has the record as it was
//! or as it is: its fence comes before the writer's, and then the writer finds the lease; or after it, and then the
//! reader finds the mark, or the word that was committed with the whole record.
//!
//! A note is written and taken away under the lock of its key's shard. So a note that is found under that lock is of a
//! participant that died with the lock. Its draft stays as it was until the note is gone: the next owner of its entry
//! finds the note in step 1, and waits for the lock, which is free after the repair.

use std::sync::atomic::compiler_fence;

use super::lease::{commit, lease_fence, mark, pass_over};
use super::slot::{LARGEST_KEY, Slot};
use crate::os::fail_point;
use crate::sync::primitive::{AtomicU64, Ordering};

/// The note of one participant. Written by: the owner of the lock of the shard of the key that it names, or will name.
#[derive(Clone, Copy)]
pub(crate) struct Note<'a>(pub(crate) &'a AtomicU64);

impl Note<'_> {
    /// Step 1: returns the key that the note names. A damaged segment may name any.
    pub(crate) fn key(self) -> Option<u64> {
        // Acquire: pairs with the Release in `take_away`, after which no process reads the draft.
        let noted = self.0.load(Ordering::Acquire);
        noted.checked_sub(1).filter(|&key| key < LARGEST_KEY)
    }

    /// Steps 2 and 3, under the lock of the slot's shard. Returns `true` if the record was there, and `None` if it is
    /// leased. `copy` copies the draft into the slot.
    pub(crate) fn put_in_place(
        self,
        key: u64,
        word: &AtomicU64,
        is_leased: impl FnOnce() -> bool,
        copy: impl FnOnce(),
    ) -> Option<bool> {
        if Slot::from_word(word.load(Ordering::Relaxed)) != Slot::Committed(key) {
            return Some(false);
        }
        mark(word, Slot::Marked(key).to_word());
        fail_point("rewrite.marked");
        lease_fence();
        if is_leased() {
            pass_over(word, Slot::Committed(key).to_word());
            return None;
        }
        // Relaxed: a process that repairs has the lock, by which it sees the draft and the note.
        self.0.store(key + 1, Ordering::Relaxed);
        in_order();
        fail_point("rewrite.noted");
        copy();
        in_order();
        fail_point("rewrite.copied");
        commit(word, Slot::Committed(key).to_word());
        in_order();
        fail_point("rewrite.committed");
        self.0.store(0, Ordering::Relaxed);
        Some(true)
    }

    /// Step 4, at the end of a repair: takes the note away if `is_of_shard` says so of its key.
    pub(crate) fn take_away(self, is_of_shard: impl FnOnce(u64) -> bool) {
        let noted = self.0.load(Ordering::Relaxed);
        let key = noted.checked_sub(1).filter(|&key| key < LARGEST_KEY);
        if key.is_some_and(is_of_shard) {
            // Release: the draft was read before.
            self.0.store(0, Ordering::Release);
        }
    }
}

/// Step 4, for a slot that is marked: commits it. `copy` copies the draft of the participant of that number into the
/// slot; it is called for those of the `notes` that name the key.
pub(crate) fn complete<'a>(
    key: u64,
    word: &AtomicU64,
    notes: impl IntoIterator<Item = Note<'a>>,
    mut copy: impl FnMut(usize),
) {
    for (entry, note) in notes.into_iter().enumerate() {
        if note.0.load(Ordering::Relaxed) == key + 1 {
            copy(entry);
            fail_point("rewrite.completed");
        }
    }
    commit(word, Slot::Committed(key).to_word());
}

/// The compiler moves no store across this: a process that repairs after a death relies on their order.
fn in_order() {
    compiler_fence(Ordering::SeqCst);
}
