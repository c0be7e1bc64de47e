//! Sampling: draws are made, leased and checked without any lock.
//!
//! Imports the tree for the draws and the leases for the checks. What it fills is a [`Batch`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rand::{Rng, RngExt};

use super::batch::{Batch, Sample};
use super::lease::{Taken, announce, is_unchanged};
use super::slot::Slot;
use super::statistics::Counter;
use super::{Inner, Pool};
use crate::error::{Error, Result};
use crate::os::cpu::prefetch;
use crate::os::fail_point;
use crate::record::Record;
use crate::tree::Draw;

/// Rounds in which lost draws are made again before all locks are taken for them. A draw is lost where
/// its record is claimed by a writer at that moment, or its sum half updated.
const ROUNDS_WITHOUT_LOCK: usize = 6;

/// Which records a sample prefers.
#[derive(Clone, Copy, PartialEq)]
enum Preference {
    Priority,
    None,
}

/// How likely a drawn record was.
#[derive(Clone, Copy)]
enum Odds {
    /// As its leaf, of this sum of all leaves.
    OfTotal(f32),
    /// As any other.
    Even,
}

impl<T: Record> Pool<T> {
    /// Samples `count` records in proportion to `priority^alpha`, stratified: the sum of all is cut
    /// into `count` equal parts, and one record drawn from each (Schaul et al. 2016, appendix
    /// B.2.1). So one record may come several times, then in a row.
    ///
    /// Takes no lock, unless it finds nothing that it can keep in six tries. The records stay as they
    /// are until the batch is dropped.
    ///
    /// # Errors
    /// [`Error::NothingToSample`] where no record has a priority above 0, [`Error::TooManyLeases`],
    /// [`Error::InvalidArgument`] for a `count` of 0, [`Error::Forked`].
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    /// use rand::SeedableRng;
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).alpha(1.0))?;
    /// pool.insert_batch_with_priorities(&[7, 8, 9], &[1.0, 0.0, 3.0])?;
    /// let batch = pool.sample(4, &mut rand::rngs::StdRng::seed_from_u64(1))?;
    /// let drawn: Vec<u64> = batch.records().copied().collect();
    /// assert_eq!(drawn, [7, 9, 9, 9]);
    /// assert_eq!(batch.probabilities(), [0.25, 0.75, 0.75, 0.75]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn sample(&self, count: usize, random: &mut (impl Rng + ?Sized)) -> Result<Batch<T>> {
        let mut batch = Batch::new(self);
        self.sample_into(count, random, &mut batch)?;
        Ok(batch)
    }

    /// As [`sample`](Self::sample), into a batch whose memory is used again. What the batch held is
    /// given back first; after an error it is empty.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn sample_into(
        &self,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
    ) -> Result<()> {
        self.inner.draw(count, random, batch, Preference::Priority)
    }

    /// Samples `count` records, each with the same probability, whatever their priorities; also
    /// those of priority 0.
    ///
    /// # Errors
    /// [`Error::NothingToSample`] where the pool is empty, and else as [`sample`](Self::sample).
    pub fn sample_uniform(
        &self,
        count: usize,
        random: &mut (impl Rng + ?Sized),
    ) -> Result<Batch<T>> {
        let mut batch = Batch::new(self);
        self.sample_uniform_into(count, random, &mut batch)?;
        Ok(batch)
    }

    /// As [`sample_uniform`](Self::sample_uniform), into a batch whose memory is used again.
    ///
    /// # Errors
    /// As [`sample_uniform`](Self::sample_uniform).
    pub fn sample_uniform_into(
        &self,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
    ) -> Result<()> {
        self.inner.draw(count, random, batch, Preference::None)
    }
}

impl<T: Record> Inner<T> {
    fn draw(
        self: &Arc<Self>,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
        preference: Preference,
    ) -> Result<()> {
        self.segment.check_process()?;
        if count == 0 {
            return Err(Error::InvalidArgument {
                what: "the size of a batch",
                found: "0".into(),
                expected: "1 or more".into(),
            });
        }
        batch.begin(self, count)?;
        let drawn = self.draw_all(count, random, batch, preference);
        match drawn {
            Ok(()) => self.count(Counter::Sampled, count),
            Err(_) => batch.release(),
        }
        drawn
    }

    /// Fills the batch in rounds: draws, leases, checks, and again for those that were lost. The last
    /// round holds all locks, so nothing is lost in it: it comes to an end whatever others do.
    fn draw_all(
        &self,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
        preference: Preference,
    ) -> Result<()> {
        self.mend_orphans()?;
        if self.len() == 0 {
            return Err(Error::NothingToSample { length: 0 });
        }
        batch.lost.extend(0..count as u32);
        for round in 0..=ROUNDS_WITHOUT_LOCK {
            // A stratum may lie in what a writer has just claimed: then any record will do.
            let stratified = preference == Preference::Priority && round < 2;
            let share = 1.0 / count as f64;
            batch.draws.clear();
            batch.draws.extend(batch.lost.iter().map(|&stratum| {
                let within: f64 = random.random();
                Draw::new(match stratified {
                    true => (f64::from(stratum) + within) * share,
                    false => within,
                })
            }));
            // The caller's generator is not called while locks are held.
            let guards = match round {
                ROUNDS_WITHOUT_LOCK => Some(self.lock_all()?),
                _ => None,
            };
            let odds = match (preference, &guards) {
                (Preference::Priority, _) => {
                    let parts = self.parts();
                    let ask = |slot: usize| prefetch(&parts.words[slot]);
                    Odds::OfTotal(parts.tree.descend(&mut batch.draws, ask))
                }
                (Preference::None, None) => self.pick_slots(&mut batch.draws),
                (Preference::None, Some(_)) => self.pick_ranks(&mut batch.draws),
            };
            self.lease_and_check(batch, odds);
            if batch.lost.is_empty() {
                return Ok(());
            }
        }
        Err(Error::NothingToSample { length: self.len() })
    }

    /// Takes each lock whose owner is dead, and so repairs its shard: who only samples would not
    /// notice, and draw by sums that nobody completes.
    pub(super) fn mend_orphans(&self) -> Result<()> {
        for shard in 0..self.parts().shards.count() {
            if self.segment.lock_is_orphaned(shard) {
                self.lock(shard)?;
            }
        }
        Ok(())
    }

    /// Gives each draw any slot that was ever used; those that hold no record will be lost.
    fn pick_slots(&self, draws: &mut [Draw]) -> Odds {
        let parts = self.parts();
        let used = parts.control().next_key.load(Ordering::Relaxed);
        let used = used.min(parts.capacity() as u64);
        for draw in draws {
            draw.index = match used {
                0 => Draw::LOST,
                _ => ((draw.fraction * used as f64) as u64).min(used - 1) as u32,
            };
            if draw.index != Draw::LOST {
                prefetch(&parts.words[draw.index as usize]);
            }
        }
        Odds::Even
    }

    /// Gives each draw a record by its rank among all, in one pass over the slots. Under all locks,
    /// where most slots are empty.
    fn pick_ranks(&self, draws: &mut [Draw]) -> Odds {
        let length = self.len();
        let rank =
            |draw: &Draw| ((draw.fraction * length as f64) as usize).min(length.saturating_sub(1));
        let mut order: Vec<usize> = (0..draws.len()).collect();
        if length > 0 {
            order.sort_unstable_by_key(|&at| rank(&draws[at]));
        }
        let mut wanted = order.into_iter().peekable();
        let mut seen = 0;
        for (slot, word) in self.parts().words.iter().enumerate() {
            if wanted.peek().is_none() {
                break;
            }
            if let Slot::Committed(_) = Slot::from_word(word.load(Ordering::Relaxed)) {
                while let Some(at) = wanted.next_if(|&at| rank(&draws[at]) == seen) {
                    draws[at].index = slot as u32;
                }
                seen += 1;
            }
        }
        wanted.for_each(|at| draws[at].index = Draw::LOST);
        Odds::Even
    }

    /// Leases what was drawn, and keeps what is still there; the others stay in `batch.lost`.
    fn lease_and_check(&self, batch: &mut Batch<T>, odds: Odds) {
        let parts = self.parts();
        for (&number, draw) in batch.lost.iter().zip(&batch.draws) {
            let sample = &mut batch.samples[number as usize];
            sample.word = 0;
            if draw.index != Draw::LOST {
                // Acquire: with the check below, sees the record of the key.
                sample.word = parts.words[draw.index as usize].load(Ordering::Acquire);
                sample.slot = draw.index;
                self.lease(&batch.taken, number as usize, draw.index);
            }
        }
        announce();
        fail_point("lease.announced");
        let length = self.len().max(1) as f32;
        let samples = &mut batch.samples;
        batch.lost.retain(|&number| {
            let sample = &mut samples[number as usize];
            let slot = sample.slot as usize;
            let Slot::Committed(key) = Slot::from_word(sample.word) else {
                return true;
            };
            sample.key = key;
            let mut weighs = true;
            sample.probability = match odds {
                Odds::Even => 1.0 / length,
                Odds::OfTotal(total) => {
                    // What the leaf is by now; an update may have made it 0 since the draw.
                    let leaf = parts.tree.leaf(slot);
                    weighs = leaf > 0.0;
                    (leaf / total).clamp(f32::MIN_POSITIVE, 1.0)
                }
            };
            !(weighs && is_unchanged(&parts.words[slot], sample.word))
        });
        batch.settle();
    }

    /// Names `slot` in cell `number` of those taken; `announce` and a check must follow.
    #[inline(always)]
    pub(super) fn lease(&self, taken: &Taken, number: usize, slot: u32) {
        let leases = self.parts().lease_list(self.segment.owner().entry());
        leases.name(taken.cells.start + number, slot);
    }

    /// How many records the pool holds.
    pub(super) fn len(&self) -> usize {
        self.parts().len()
    }
}

impl Sample {
    pub(super) const NONE: Self = Self {
        word: 0,
        key: 0,
        slot: 0,
        probability: 0.0,
    };
}
