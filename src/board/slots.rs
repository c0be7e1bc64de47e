//! The board's protocol: whole values without waiting, by version stamps and by leases of buffers.
//!
//! Touches only its own words. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! One word says what is newest: a version, and the buffer that it lies in. Each buffer has a stamp,
//! the version that it holds. Each participant has a row of counts, one for each buffer: of its leases;
//! and a bit that says whether it ever leased, so that publishers look at the rows of lessees alone.
//!
//! 1. *Choose*, under the lock: go through the buffers, from the one behind the newest round to the one
//!    before it. Set the buffer's stamp to 0, fence, and only then look at the counts of all
//!    participants. If there is no lease on it, the buffer is the publisher's; else go on to the next.
//! 2. *Publish*: write the value into the buffer word by word, set its stamp to the next version, and only
//!    then make that version, in that buffer, the newest.
//! 3. *Fetch*, with no lock: read what is newest, copy the value out of its buffer word by word, fence,
//!    and check that the buffer still has the version's stamp. If not, begin anew.
//! 4. *Lease*, with no lock: read what is newest, set the own bit, raise the own count for the buffer,
//!    fence, and only then check that the buffer still has the version's stamp. If so, nobody writes the
//!    buffer until the lease is given back; if not, lower the count and begin anew.
//! 5. *Give back*: lower the count, after the last read.
//!
//! *Fetch.* A reader that saw the version sees its words or later ones. If one of them is of a later
//! value, the reader synchronises, by the two fences, with the stamp's 0 that was written before it, and so
//! sees that the stamp changed; a version is never the newest twice.
//!
//! *Lease.* Of the fences of steps 1 and 4 one comes first in the order that all agree on. If the
//! lessee's does, the publisher sees its count; if the publisher's does, the lessee sees that the stamp is
//! gone. So never do both go on. And a publisher that sees a count lowered sees it by an Acquire of what
//! the lessee Released after its reads: they are over.
//!
//! *Progress.* The newest buffer is never chosen. So a stamp that is gone belonged to an older version, also
//! where its buffer was leased and passed over: who began anew finds a newer one.
//!
//! *Death.* A publisher that dies leaves a buffer that is not the newest: the newest stays, and the next
//! publisher gives the same version again, wherever it puts it. The counts of a dead lessee stand until
//! somebody cleans up after it.

use crate::os::fail_point;
use crate::sync::primitive::{AtomicU64, Ordering, fence};

/// The most buffers that a board may have: as many as the word of the newest can name.
pub(super) const MOST_BUFFERS: usize = 1 << BUFFER_BITS;
const BUFFER_BITS: u32 = 6;
/// No version is larger: it would not fit into the word beside its buffer.
pub(super) const LAST_VERSION: u64 = u64::MAX >> BUFFER_BITS;

/// What is newest: a version, 0 before the first, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) version: u64,
    /// Below [`MOST_BUFFERS`]; in a damaged board not below its number of buffers.
    pub(super) buffer: usize,
}

impl Newest {
    fn of_word(word: u64) -> Self {
        Self {
            version: word >> BUFFER_BITS,
            buffer: (word & (MOST_BUFFERS as u64 - 1)) as usize,
        }
    }

    fn to_word(self) -> u64 {
        self.version << BUFFER_BITS | self.buffer as u64
    }
}

/// Words of a participant's row: whole cache lines, so that lessees do not slow each other down.
pub(super) const fn row_words(buffers: usize) -> usize {
    buffers.next_multiple_of(8)
}

/// The words of a board.
pub(super) struct Versions<'a> {
    /// What is newest. Written by: the owner of the lock.
    pub(super) newest: &'a AtomicU64,
    /// The version in each buffer, 0 while it is written. Written by: the owner of the lock.
    pub(super) stamps: &'a [AtomicU64],
    /// The rows of all participants, of [`row_words`] each: leases of each buffer. Written by: that
    /// participant; who cleans up after it.
    pub(super) counts: &'a [AtomicU64],
    /// A bit for each participant that has leased. Written by: as the counts.
    pub(super) lessees: &'a [AtomicU64],
}

impl Versions<'_> {
    /// What is newest.
    pub(super) fn newest(&self) -> Newest {
        // Pairs with the Release in `publish`.
        Newest::of_word(acquire(self.newest))
    }

    /// Steps 1 and 2, where `newest` was read under the lock; `write` stores the value into the buffer
    /// that it is given. Gives the new version; `None` where all other buffers are leased.
    pub(super) fn publish(&self, newest: Newest, write: impl FnOnce(usize)) -> Option<u64> {
        let version = newest.version + 1;
        let buffer = self.choose(newest)?;
        write(buffer);
        fail_point("board.written");
        // Release: pairs with the Acquire in `lease`. Who fetches sees, by the fence, the versions before
        // it as published, and the value by the newest version.
        self.stamps[buffer].store(version, Ordering::Release);
        fail_point("board.stamped");
        let next = Newest { version, buffer };
        // Release: who sees the version sees the value and the stamp.
        self.newest.store(next.to_word(), Ordering::Release);
        fail_point("board.newest");
        Some(version)
    }

    /// Step 1.
    fn choose(&self, newest: Newest) -> Option<usize> {
        let buffers = self.stamps.len();
        let mut others = (1..buffers).map(|step| (newest.buffer + step) % buffers);
        others.find(|&buffer| {
            // Release: who sees the 0 sees the versions before it as published.
            self.stamps[buffer].store(0, Ordering::Release);
            // SeqCst: the publisher's, of the argument for leases. It releases, too: pairs with the fence
            // in `fetch`.
            fence(Ordering::SeqCst);
            fail_point("board.unstamped");
            !self.is_leased(buffer)
        })
    }

    /// Whether a count says that there is a lease on the buffer.
    fn is_leased(&self, buffer: usize) -> bool {
        let row = row_words(self.stamps.len());
        self.lessees.iter().enumerate().any(|(number, word)| {
            // Acquire: pairs with the Release of the bit in `clear`.
            let mut bits = word.load(Ordering::Acquire);
            while bits != 0 {
                let entry = number * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let count = self.counts.get(entry * row + buffer);
                // Acquire: pairs with the Releases of counts in `give_back` and `clear`.
                if count.is_some_and(|count| count.load(Ordering::Acquire) != 0) {
                    return true;
                }
            }
            false
        })
    }

    /// One try of step 3, with what [`Self::newest`] gave; `read` copies the value out of the buffer that
    /// it is given. `false` where the value changed meanwhile, and what was copied is worth nothing.
    pub(super) fn fetch(&self, newest: Newest, read: impl FnOnce(usize)) -> bool {
        read(newest.buffer);
        // Acquire: pairs with the fence in `choose`.
        fence(Ordering::Acquire);
        // Acquired: where this fails, the next look finds a newer version.
        acquire(&self.stamps[newest.buffer]) == newest.version
    }

    /// One try of step 4, with what [`Self::newest`] gave, for the participant with this entry.
    pub(super) fn lease(&self, newest: Newest, entry: usize) -> bool {
        let (word, bit) = self.lessee(entry);
        // Relaxed, as is the count: what a publisher misses, by the fences, is of a lease that does not go
        // on.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        self.count(newest.buffer, entry)
            .fetch_add(1, Ordering::Relaxed);
        fail_point("board.counted");
        // SeqCst: the lessee's, of the argument for leases.
        fence(Ordering::SeqCst);
        // Acquire: as in `fetch`, and pairs with the Release of the stamp.
        let leased = self.stamps[newest.buffer].load(Ordering::Acquire) == newest.version;
        if !leased {
            self.give_back(newest.buffer, entry);
        }
        leased
    }

    /// Step 5.
    pub(super) fn give_back(&self, buffer: usize, entry: usize) {
        fail_point("board.give_back");
        // Release: a publisher that sees the count lowered knows that the reads are over.
        self.count(buffer, entry).fetch_sub(1, Ordering::Release);
    }

    /// Forgets the leases of a participant that is gone.
    pub(super) fn clear(&self, entry: usize) {
        let row = row_words(self.stamps.len());
        for count in &self.counts[entry * row..(entry + 1) * row] {
            // Release: as in `give_back`.
            count.store(0, Ordering::Release);
        }
        let (word, bit) = self.lessee(entry);
        // Release: a publisher that sees no bit knows that the reads are over.
        word.fetch_and(!bit, Ordering::Release);
    }

    /// The word that has a participant's bit, and the bit.
    fn lessee(&self, entry: usize) -> (&AtomicU64, u64) {
        (&self.lessees[entry / 64], 1 << (entry % 64))
    }

    fn count(&self, buffer: usize, entry: usize) -> &AtomicU64 {
        &self.counts[entry * row_words(self.stamps.len()) + buffer]
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
