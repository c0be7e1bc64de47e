//! The guard of a snapshot: no writer overwrites a record that is still to be saved.
//!
//! Touches three words of the pool's control, whose protocol is at the head of `save_words.rs`, and waits; knows no
//! file.
//!
//! What a writer would rather not do is to pass over a whole ring that is guarded: before it takes keys it
//! waits, with no lock, until the slot that is next is free to go.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::pool::Inner;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::save_words::{Guarded, SaveWords};
use crate::pool::layout::slot::Slot;
use crate::pool::policy::Remover;
use crate::segment::{Guard, Segment};
use crate::sync::{Owner, Peers};
use crate::tree::MOST_SHARDS;

/// Sleeps between two looks at how far the saver is.
const SLEEPS: Range<Duration> = Duration::from_micros(20)..Duration::from_millis(1);
/// A saver that copies nothing for so long is stopped, or waits for the very writer that waits for it.
const STALLED: Duration = Duration::from_secs(10);

impl Parts {
    /// The words of a save.
    #[inline(always)]
    fn save_words(&self) -> SaveWords<'_> {
        let control = self.control();
        SaveWords {
            saving: &control.saving,
            saved: &control.saved,
            cut: &control.cut,
        }
    }

    /// What is guarded. Final under the lock of a shard, but that it becomes less.
    #[inline(always)]
    pub(crate) fn guard(&self) -> Guarded {
        self.save_words().guard()
    }
}

impl Parts {
    /// Which of some slots of one run, the first of them `start`, would go and have to stay, as bits. Under
    /// the lock of their shard.
    #[inline(always)]
    pub(crate) fn guarded(&self, words: &[AtomicU64], start: usize) -> u64 {
        match self.save_words().saver() {
            0 => 0,
            _ => self.find_guarded(words, start),
        }
    }

    #[cold]
    fn find_guarded(&self, words: &[AtomicU64], start: usize) -> u64 {
        let (guard, remover) = (self.guard(), self.shape.remover);
        let mut guarded = 0;
        for (at, word) in words.iter().enumerate() {
            let state = Slot::from_word(word.load(Ordering::Relaxed));
            let stays_anyway = remover == Remover::Nothing
                && matches!(state, Slot::Committed(_))
                && !self.is_exhausted(start + at);
            if guard.holds(state) && !stays_anyway {
                guarded |= 1 << at;
            }
        }
        guarded
    }
}

/// A save that has begun. Dropping it ends the guard.
pub(crate) struct Saving<'a> {
    segment: &'a Segment<Parts>,
    owner: u64,
}

impl Saving<'_> {
    /// Says that all records of lower keys are copied.
    pub(crate) fn advance(&self, key: u64) {
        self.segment.structure.save_words().advance(key);
    }
}

impl Drop for Saving<'_> {
    fn drop(&mut self) {
        // In a forked child the save is the parent's.
        if self.segment.is_ours() {
            self.segment.structure.save_words().end(self.owner);
        }
    }
}

impl Inner {
    /// Step 1, under the locks of all shards.
    pub(crate) fn begin_saving(
        &self,
        _all: &[Option<Guard<'_, Parts>>; MOST_SHARDS],
    ) -> Result<Saving<'_>> {
        self.check_nobody_saves()?;
        let owner = u64::from(self.segment.owner().bits());
        let parts = self.parts();
        let next_key = parts.control().next_key.load(Ordering::Relaxed);
        parts.save_words().begin(owner, next_key);
        fail_point("save.guarded");
        Ok(Saving {
            segment: &self.segment,
            owner,
        })
    }

    /// An error while somebody saves the pool who is alive.
    pub(crate) fn check_nobody_saves(&self) -> Result<()> {
        match self.saver_is_alive() {
            false => Ok(()),
            true => Err(Error::AlreadySaving {
                what: match self.segment.name() {
                    Some(name) => format!("pool `{name}`"),
                    None => "the pool".into(),
                },
            }),
        }
    }

    /// Whether somebody saves; ends the save of somebody who is dead.
    fn saver_is_alive(&self) -> bool {
        let parts = self.parts();
        let saving = parts.control().saving.load(Ordering::Relaxed);
        if saving == 0 {
            return false;
        }
        let owner = u32::try_from(saving).ok().and_then(Owner::from_bits);
        if owner.is_some_and(|owner| self.segment.peers().is_alive(owner)) {
            return true;
        }
        // Where that fails, another has ended it, and a third may have begun the next.
        parts.save_words().end(saving);
        false
    }

    /// Waits while `in_the_way` says so of what is guarded.
    #[cold]
    fn await_copies(&self, in_the_way: impl Fn(&Guarded) -> bool) -> Result<()> {
        let mut sleep = SLEEPS.start;
        let (mut seen, mut since) = (self.parts().guard(), Instant::now());
        loop {
            let guard = self.parts().guard();
            if !in_the_way(&guard) || !self.saver_is_alive() {
                return Ok(());
            }
            if guard != seen {
                (seen, since) = (guard, Instant::now());
            } else if since.elapsed() >= STALLED {
                return Err(Error::TimedOut {
                    what: "whoever saves the pool to copy the record that is to go".into(),
                    waited: STALLED,
                });
            }
            thread::sleep(sleep);
            sleep = (sleep * 2).min(SLEEPS.end);
        }
    }
}

impl Inner {
    /// Before keys are taken: waits until the saver has copied what is in the ring's next slot, if that is to
    /// go.
    #[inline]
    pub(crate) fn await_saver_of_next(&self) -> Result<()> {
        let parts = self.parts();
        if parts.control().saving.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let remover = parts.shape.remover;
        self.await_copies(|guard| {
            let next = parts.control().next_key.load(Ordering::Relaxed);
            let word = parts.words[parts.slot_of(next)].load(Ordering::Relaxed);
            let state = Slot::from_word(word);
            let goes = match state {
                Slot::Removed(_) => remover.follows_the_ring(),
                _ => remover == Remover::Oldest,
            };
            goes && guard.holds(state)
        })
    }

    /// After a claim that found nothing but what is guarded: waits until the saver has copied more.
    #[cold]
    pub(crate) fn await_saver(&self) -> Result<()> {
        let before = self.parts().guard();
        self.await_copies(|guard| *guard == before)
    }
}
