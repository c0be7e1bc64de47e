//! A tally: how often the record of a slot was sampled from one table, and by how many batches that are not
//! complete yet.
//!
//! Touches one word for each slot of a table. Modelled in `loom`, see `models/`.
//!
//! # The protocol
//! 1. *Begin*: a sampler that has leased a record, and checked it, counts its sample as pending, if the final and the
//!    pending samples together are fewer than the limit.
//! 2. *End*: the sampler makes its sample final once its batch is complete, or takes it back if the batch fails. It
//!    holds its lease until then.
//! 3. *Leave*: a record that is removed leaves the tally; its pending samples end later.
//! 4. *Settle*: a pending sample of a process that died stays. Under the lock of the slot's shard somebody marks the
//!    slot, fences, and looks at the leases, as a claim does (`lease.rs`). If the slot is not leased, no living process has
//!    a pending sample of it, and none begins one before the slot gets its word back, by a Release. So all pending
//!    samples are dropped.
//!
//! Only final samples use a record up: a pending one may be taken back.

use super::lease::{commit, lease_fence, mark, pass_over};
use crate::os::fail_point;
use crate::sync::primitive::{AtomicU64, Ordering};

/// How often a record was sampled that is not in the table.
pub(crate) const ABSENT: u32 = u32::MAX;

/// What became of a sample that was to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begun {
    /// It may be given out.
    Pending,
    /// It may not, for now: pending samples of others may be the last.
    Contended,
    /// It may not: the record was sampled as often as it may be, or is not in the table.
    Exhausted,
}

/// The samples of one record from one table.
#[derive(Clone, Copy)]
pub(crate) struct Tally<'a> {
    /// The final samples, or [`ABSENT`], in the lower half; the pending ones in the upper half.
    pub(crate) word: &'a AtomicU64,
    /// How often the record may be sampled. [`ABSENT`] where that is not limited: then nothing is counted.
    pub(crate) most: u32,
}

const ONE_PENDING: u64 = 1 << 32;

fn finished(word: u64) -> u32 {
    word as u32
}

fn pending(word: u64) -> u32 {
    (word >> 32) as u32
}

/// Step 4, under the lock of the slot's shard: `word` is the slot's, and says `committed`.
pub(crate) fn settle<'a>(
    word: &AtomicU64,
    [committed, marked]: [u64; 2],
    is_leased: impl FnOnce() -> bool,
    tallies: impl Iterator<Item = Tally<'a>>,
) {
    mark(word, marked);
    fail_point("settle.marked");
    lease_fence();
    if is_leased() {
        pass_over(word, committed);
        return;
    }
    tallies.for_each(Tally::drop_pending);
    fail_point("settle.dropped");
    // By a Release: so a sample that begins later is counted later.
    commit(word, committed);
}

impl Tally<'_> {
    // All is Relaxed: what orders the steps of two sides are the leases, and the lock of the shard.

    /// Makes the record of a claimed slot one that was sampled so often.
    pub(crate) fn restart(self, samples: u32) {
        self.word.store(samples.into(), Ordering::Relaxed);
    }

    /// How often the record was sampled, or [`ABSENT`]; samples that are pending do not count.
    pub(crate) fn finished(self) -> u32 {
        finished(self.word.load(Ordering::Relaxed))
    }

    /// Whether the record was sampled as often as it may be, or is not in the table. That stays so.
    pub(crate) fn is_exhausted(self) -> bool {
        self.finished() >= self.most
    }

    /// Whether a sample may begin.
    pub(crate) fn is_open(self) -> bool {
        self.has_room(self.word.load(Ordering::Relaxed))
    }

    fn has_room(self, word: u64) -> bool {
        finished(word).saturating_add(pending(word)) < self.most
    }

    /// Whether there are pending samples.
    pub(crate) fn is_pending(self) -> bool {
        pending(self.word.load(Ordering::Relaxed)) > 0
    }

    /// Step 1.
    #[inline]
    pub(crate) fn begin(self) -> Begun {
        let counts = self.most != ABSENT;
        let begun = |word| {
            self.has_room(word)
                .then_some(word + if counts { ONE_PENDING } else { 0 })
        };
        match self.change(begun) {
            Ok(_) => Begun::Pending,
            Err(word) if finished(word) >= self.most => Begun::Exhausted,
            Err(_) => Begun::Contended,
        }
    }

    /// Step 2: makes a pending sample final. Returns whether it was the last that the record may have.
    pub(crate) fn finish(self) -> bool {
        let ended = |word: u64| {
            let ended = word.checked_sub(ONE_PENDING)?;
            Some(ended + u64::from(finished(word) != ABSENT))
        };
        self.most != ABSENT && {
            let was_last = |word| finished(word).checked_add(1) == Some(self.most);
            self.change(ended).is_ok_and(was_last)
        }
    }

    /// Step 2: takes a pending sample back. Returns whether the record has left meanwhile.
    pub(crate) fn take_back(self) -> bool {
        let ended = |word: u64| word.checked_sub(ONE_PENDING);
        self.most != ABSENT
            && self
                .change(ended)
                .is_ok_and(|word| finished(word) == ABSENT)
    }

    /// Step 3, under the lock of the slot's shard, once the slot's word says that the record is gone. Returns whether
    /// another sample could have begun. So of a record that may be sampled once, and was not, either this returns
    /// `true` or [`take_back`](Self::take_back) does.
    pub(crate) fn leave(self) -> bool {
        let left = |word: u64| Some(word | u64::from(ABSENT));
        self.change(left).is_ok_and(|word| self.has_room(word))
    }

    /// Step 4, where the slot is marked and not leased.
    pub(crate) fn drop_pending(self) {
        let dropped = |word: u64| Some(finished(word).into());
        let _ = self.change(dropped);
    }

    #[inline]
    fn change(self, change: impl FnMut(u64) -> Option<u64>) -> Result<u64, u64> {
        self.word
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const MOST: u32 = 2;

    fn word(last: u32, pending: u32) -> u64 {
        u64::from(pending) << 32 | u64::from(last)
    }

    fn with<R>(word: u64, act: impl Fn(Tally<'_>) -> R) -> (u64, R) {
        let word = AtomicU64::new(word);
        let done = act(Tally {
            word: &word,
            most: MOST,
        });
        (word.into_inner(), done)
    }

    #[test]
    fn what_is_pending_is_made_final_or_taken_back() {
        let begun = |last, pending| with(word(last, pending), |tally| tally.begin());
        assert_eq!(begun(0, 0), (word(0, 1), Begun::Pending));
        assert_eq!(begun(1, 0), (word(1, 1), Begun::Pending));
        assert_eq!(begun(1, 1), (word(1, 1), Begun::Contended));
        assert_eq!(begun(2, 0), (word(2, 0), Begun::Exhausted));
        assert_eq!(begun(ABSENT, 1), (word(ABSENT, 1), Begun::Exhausted));

        let finished = |last, pending| with(word(last, pending), |tally| tally.finish());
        assert_eq!(finished(0, 2), (word(1, 1), false));
        assert_eq!(finished(1, 1), (word(2, 0), true));
        assert_eq!(finished(ABSENT, 1), (word(ABSENT, 0), false));
        // In a damaged segment.
        assert_eq!(finished(1, 0), (word(1, 0), false));

        let taken_back = |last, pending| with(word(last, pending), |tally| tally.take_back());
        assert_eq!(taken_back(1, 1), (word(1, 0), false));
        assert_eq!(taken_back(ABSENT, 1), (word(ABSENT, 0), true));
        assert_eq!(taken_back(0, 0), (word(0, 0), false));
    }

    #[test]
    fn what_leaves_is_absent_and_keeps_what_is_pending() {
        let left = |last, pending| with(word(last, pending), |tally| tally.leave());
        assert_eq!(left(1, 0), (word(ABSENT, 0), true));
        assert_eq!(left(1, 1), (word(ABSENT, 1), false));
        assert_eq!(left(2, 0), (word(ABSENT, 0), false));
        assert_eq!(left(ABSENT, 0), (word(ABSENT, 0), false));
        assert_eq!(with(word(1, 7), |tally| tally.drop_pending()).0, word(1, 0));
    }

    #[test]
    fn nothing_is_counted_where_nothing_is_limited() {
        for (samples, begun) in [(0, Begun::Pending), (ABSENT, Begun::Exhausted)] {
            let word = AtomicU64::new(samples.into());
            let tally = Tally {
                word: &word,
                most: ABSENT,
            };
            assert_eq!(tally.begin(), begun);
            assert!(!tally.finish());
            assert!(!tally.take_back());
            assert_eq!(tally.finished(), samples);
        }
    }
}
