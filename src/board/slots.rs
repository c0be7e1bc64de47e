//! The board's protocol: whole values without waiting, by version stamps over three buffers.
//!
//! Touches only its own words. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! Version `v` lies in buffer `v % 3`; each buffer has a stamp.
//!
//! 1. *Publish*, under the lock: take the buffer of the next version `v`, set its stamp to 0, fence,
//!    write the value word by word, set the stamp to `v`, and only then make `v` the newest.
//! 2. *Fetch*, with no lock: read the newest version, copy the value out of its buffer word by word,
//!    fence, and check that the buffer has that version's stamp. If not, begin anew: two newer values
//!    were published meanwhile, and a third was begun.
//!
//! A reader that saw the version sees its words or later ones. If one of them is of a later value, the
//! reader synchronises, by the two fences, with the stamp's 0 that was written before it, and so sees
//! that the stamp changed; a stamp never comes back. A publisher that dies in the middle
//! leaves a buffer that is not the newest: the newest stays, and the next publisher takes that buffer
//! again, because the version was never raised.

use crate::os::fail_point;
use crate::sync::primitive::{AtomicU64, Ordering, fence};

/// Buffers of a board. With three, a reader is disturbed only by the third publication after the
/// version that it reads.
pub(super) const BUFFERS: usize = 3;

/// The words of a board: what is newest and what each buffer holds.
pub(super) struct Versions<'a> {
    /// The newest version; 0 before the first. Written by: the owner of the lock.
    pub(super) newest: &'a AtomicU64,
    /// The version in each buffer, 0 while it is written. Written by: the owner of the lock.
    pub(super) stamps: &'a [AtomicU64],
}

impl Versions<'_> {
    /// The newest version.
    pub(super) fn newest(&self) -> u64 {
        // Pairs with the Release in `publish`.
        acquire(self.newest)
    }

    /// Step 1; `write` stores the value into the buffer that it is given. Gives the new version.
    pub(super) fn publish(&self, write: impl FnOnce(usize)) -> u64 {
        let version = self.newest.load(Ordering::Relaxed) + 1;
        let buffer = (version % BUFFERS as u64) as usize;
        // Release: who sees the 0 sees the versions before it as published.
        self.stamps[buffer].store(0, Ordering::Release);
        // Release: pairs with the fence in `fetch`.
        fence(Ordering::Release);
        fail_point("board.unstamped");
        write(buffer);
        fail_point("board.written");
        // Relaxed: who sees the stamp sees, by the fence, the versions before it as published; the
        // value it sees by the newest version.
        self.stamps[buffer].store(version, Ordering::Relaxed);
        fail_point("board.stamped");
        // Release: who sees the version sees the value and the stamp.
        self.newest.store(version, Ordering::Release);
        fail_point("board.newest");
        version
    }

    /// One try of step 2, with what [`Self::newest`] gave; `read` copies the value out of the buffer that
    /// it is given. `None` where the value changed meanwhile, and what was copied is worth nothing.
    pub(super) fn fetch(&self, version: u64, read: impl FnOnce(usize)) -> Option<u64> {
        let buffer = (version % BUFFERS as u64) as usize;
        read(buffer);
        // Acquire: pairs with the fence in `publish`.
        fence(Ordering::Acquire);
        // Acquired: where this fails, the next look finds a newer version.
        let stamp = acquire(&self.stamps[buffer]);
        (stamp == version).then_some(version)
    }
}

/// An acquiring load of a word in memory that may be mapped read-only, where only relaxed loads may go
/// (`std::sync::atomic`, "Atomic accesses to read-only memory").
fn acquire(word: &AtomicU64) -> u64 {
    let value = word.load(Ordering::Relaxed);
    // Acquire: pairs with the Releases of whoever stored the value.
    fence(Ordering::Acquire);
    value
}
