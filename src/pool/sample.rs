//! Sampling: draws are made, leased and checked without any lock.
//!
//! Asks a selector (`select/`) for the draws, and the leases for the checks. What it fills is a [`Batch`].

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

use super::batch::{Batch, Sample};
use super::lease::{Taken, announce, is_unchanged};
use super::policy::{Preference, Sampler};
use super::select::{Age, Extreme, NOTHING, Odds, Proportional, Ranked, Select, SoFar, Uniform};
use super::slot::Slot;
use super::statistics::Counter;
use super::table::Counted;
use super::{Inner, Pool};
use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::record::Record;
use crate::tree::{Draw, Order};

/// Rounds in which lost draws are made again before all locks are taken for them. A draw is lost where
/// its record is claimed by a writer at that moment, or its sum half updated.
const ROUNDS_WITHOUT_LOCK: usize = 6;

/// For how long a sample that its limiter let pass looks for what is missing, before it gives back what it
/// has; and how often.
const SHORTLY: Duration = Duration::from_millis(20);
const A_MOMENT: Duration = Duration::from_micros(50);

impl<T: Record> Pool<T> {
    /// Samples `count` records by the pool's sampler; that is [`Sampler::stratified`] unless the pool
    /// was created with another: in proportion to `priority^alpha`, one from each of `count` equal parts
    /// of the sum. So one record may come several times, then in a row.
    ///
    /// Takes no lock, unless it finds nothing that it can keep in six tries. The records stay as they
    /// are until the batch is dropped. Where the pool has a rate limiter, waits for it; see
    /// [`with_patience`](Self::with_patience).
    ///
    /// # Errors
    /// [`Error::NothingToSample`] where no record has a priority above 0; [`Error::TooFewRecords`] where
    /// no record may come twice, or more often than it may be sampled, and there are fewer than `count`; [`Error::TooManyLeases`];
    /// [`Error::InvalidArgument`] for a `count` of 0; [`Error::TimedOut`] and [`Error::Cancelled`] while
    /// it waits for inserts; [`Error::Forked`].
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
        self.sample_by(self.sampler(), count, random)
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
        self.sample_by_into(self.sampler(), count, random, batch)
    }

    /// Samples `count` records by a sampler of the caller's choice.
    ///
    /// # Errors
    /// As [`sample`](Self::sample); [`Error::InvalidArgument`] for a sampler that needs what the pool
    /// was not created with.
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions, Sampler};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// pool.insert_batch(&[7, 8, 9])?;
    /// let batch = pool.sample_by(Sampler::newest(), 2, &mut rand::rng())?;
    /// assert!(batch.records().eq(&[9, 8]));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn sample_by(
        &self,
        sampler: Sampler,
        count: usize,
        random: &mut (impl Rng + ?Sized),
    ) -> Result<Batch<T>> {
        let mut batch = Batch::new(self);
        self.sample_by_into(sampler, count, random, &mut batch)?;
        Ok(batch)
    }

    /// As [`sample_by`](Self::sample_by), into a batch whose memory is used again.
    ///
    /// # Errors
    /// As [`sample_by`](Self::sample_by).
    pub fn sample_by_into(
        &self,
        sampler: Sampler,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
    ) -> Result<()> {
        self.inner.segment.check_process()?;
        if count == 0 {
            return Error::invalid("the size of a batch", "0".into(), "1 or more".into());
        }
        let table = &self.inner.parts().tables[self.table];
        if let Some(order) = sampler.order() {
            Extreme::new(table, order, 0)?; // before it waits for records
        }
        let mut draw = || self.inner.draw(self.table, sampler, count, random, batch);
        match self.rate_limiter() {
            None => draw(),
            Some(limiter) => {
                let most = self.inner.largest_batch(table, sampler);
                self.sample_when_allowed(limiter, count, most, draw)
            }
        }
    }

    /// Samples `count` records, each with the same probability, whatever their priorities; also
    /// those of priority 0. The same as [`sample_by`](Self::sample_by) with [`Sampler::uniform`].
    ///
    /// # Errors
    /// [`Error::NothingToSample`] where the pool is empty, and else as [`sample`](Self::sample).
    pub fn sample_uniform(
        &self,
        count: usize,
        random: &mut (impl Rng + ?Sized),
    ) -> Result<Batch<T>> {
        self.sample_by(Sampler::uniform(), count, random)
    }

    /// The sampler that [`sample`](Self::sample) uses.
    pub fn sampler(&self) -> Sampler {
        self.inner.parts().tables[self.table].shape.sampler
    }
}

impl<T: Record> Inner<T> {
    fn draw(
        self: &Arc<Self>,
        table: usize,
        sampler: Sampler,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
    ) -> Result<()> {
        batch.begin(self, table, count)?;
        let drawn = self.draw_by(sampler, count, random, batch);
        match drawn {
            Ok(()) => {
                self.count(Counter::Sampled, count);
                self.count(Counter::Age, self.ages(batch.keys()));
                self.finish_counting(batch)
            }
            Err(error) => {
                let error = self.explain(error, batch);
                batch.uncount();
                batch.release();
                Err(error)
            }
        }
    }

    fn draw_by(
        &self,
        sampler: Sampler,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
    ) -> Result<()> {
        self.mend_orphans()?;
        if self.len() == 0 {
            return Err(NOTHING);
        }
        let (parts, number) = (self.parts(), batch.table);
        let table = &parts.tables[number];
        let so_far = SoFar {
            round: 0,
            count,
            is_last: false,
            chosen: sampler.is_distinct().then(HashSet::new),
        };
        let proportional = |stratified| Proportional {
            parts,
            table,
            stratified,
        };
        // Among equals the oldest first.
        let turn = || parts.slot_of(parts.control().next_key.load(Ordering::Relaxed));
        let extreme = |order| Extreme::new(table, order, turn());
        match sampler.preference {
            Preference::Stratified => self.draw_all(proportional(true), so_far, random, batch),
            Preference::Independent => self.draw_all(proportional(false), so_far, random, batch),
            Preference::Uniform => self.draw_all(Uniform { parts, table }, so_far, random, batch),
            Preference::Newest => {
                self.draw_all(Age::new(parts, table, true), so_far, random, batch)?;
                batch.sort_by_key(|key| !key);
                Ok(())
            }
            Preference::Oldest => {
                self.draw_all(Age::new(parts, table, false), so_far, random, batch)?;
                batch.sort_by_key(|key| key);
                Ok(())
            }
            Preference::Highest => {
                self.draw_all(extreme(Order::HighestPositive)?, so_far, random, batch)
            }
            Preference::Lowest => {
                self.draw_all(extreme(Order::LowestPositive)?, so_far, random, batch)
            }
            Preference::Ranked => {
                let ranking = self.rankings[number].lock();
                let ranked = Ranked {
                    table,
                    slots: parts.capacity(),
                    ranking: ranking.unwrap_or_else(std::sync::PoisonError::into_inner),
                };
                self.draw_all(ranked, so_far, random, batch)
            }
        }
    }

    /// Fills the batch in rounds: draws, leases, checks, and again for those that were lost. The last
    /// round holds all locks, so nothing is lost in it but windows without a beginning: it comes to an end
    /// whatever others do.
    fn draw_all(
        &self,
        mut selector: impl Select,
        mut so_far: SoFar,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
    ) -> Result<()> {
        batch.lost.extend(0..so_far.count as u32);
        let share = 1.0 / so_far.count as f64;
        let limiter = self.parts().tables[batch.table].shape.limiter;
        let began = limiter.map(|_| Instant::now());
        let is_early = || began.is_some_and(|began| began.elapsed() < SHORTLY);
        let rounds = batch.chains.rounds(ROUNDS_WITHOUT_LOCK);
        while so_far.round <= rounds {
            so_far.is_last = so_far.round == rounds;
            let stratified = selector.is_stratified(so_far.round);
            batch.draws.clear();
            batch.draws.extend(batch.lost.iter().map(|&stratum| {
                let within: f64 = random.random();
                Draw::new(match stratified {
                    true => (f64::from(stratum) + within) * share,
                    false => within,
                })
            }));
            self.segment.check_process()?; // the caller's generator may have forked
            // The caller's generator is not called while locks are held.
            let _guards = match so_far.is_last {
                true => Some(self.lock_all()?),
                false => None,
            };
            match selector.propose(&mut batch.draws, &so_far) {
                // The limiter let it pass, so what is missing is being committed, or given back.
                Err(_) if !so_far.is_last && is_early() => {
                    thread::sleep(A_MOMENT);
                    continue;
                }
                // What a writer looks at, or rewrites, is there when all locks are held.
                Err(_) if !so_far.is_last => {
                    so_far.round = rounds;
                    continue;
                }
                odds => self.lease_and_check(batch, odds?, &mut so_far.chosen),
            }
            self.follow_links(batch);
            batch.settle();
            if batch.lost.is_empty() {
                break;
            }
            so_far.round += 1;
        }
        match batch.lost.is_empty() {
            true => Ok(()),
            false => Err(batch.why_lost()),
        }
    }

    /// How many keys were used after each of these, in all.
    fn ages(&self, keys: &[u64]) -> usize {
        let next = self.parts().control().next_key.load(Ordering::Relaxed);
        let ages = keys.iter().map(|key| next.wrapping_sub(key + 1) as usize);
        ages.fold(0, usize::wrapping_add)
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

    /// Leases what was drawn, and keeps what is still there; the others stay in `batch.lost`.
    fn lease_and_check(&self, batch: &mut Batch<T>, odds: Odds, chosen: &mut Option<HashSet<u32>>) {
        let parts = self.parts();
        let table = &parts.tables[batch.table];
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
        let (samples, exhausted) = (&mut batch.samples, &mut batch.exhausted);
        let mut draws = batch.draws.iter();
        batch.lost.retain(|&number| {
            let drawn = draws.next().map_or(0.0, |draw| draw.fraction);
            let sample = &mut samples[number as usize];
            let slot = sample.slot as usize;
            let Slot::Committed(key) = Slot::from_word(sample.word) else {
                return true;
            };
            sample.key = key;
            let mut weighs = true;
            sample.probability = match odds {
                Odds::Even => 1.0 / length,
                Odds::OfLeaf if f64::from(table.tree.leaf(slot)) != drawn => return true,
                Odds::OfLeaf => 1.0,
                Odds::OfKey if key != drawn.to_bits() => return true,
                Odds::OfKey => 1.0,
                Odds::AsDrawn => (drawn as f32).clamp(f32::MIN_POSITIVE, 1.0),
                Odds::OfTotal(total) => {
                    // What the leaf is by now; an update may have made it 0 since the draw.
                    let leaf = table.tree.leaf(slot);
                    weighs = leaf > 0.0;
                    (leaf / total).clamp(f32::MIN_POSITIVE, 1.0)
                }
            };
            if !(weighs && is_unchanged(&parts.words[slot], sample.word)) {
                return true;
            }
            if let Some(chosen) = chosen
                && chosen.contains(&sample.slot)
            {
                return true;
            }
            match table.count_sample(slot) {
                Counted::Good => {}
                Counted::LastTime => exhausted.push(key),
                Counted::Exhausted => return true,
            }
            if let Some(chosen) = chosen {
                chosen.insert(sample.slot);
            }
            sample.counted = true;
            false
        });
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
        counted: false,
    };
}
