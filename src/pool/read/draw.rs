//! Drawing a batch, in rounds: records are drawn, leased and checked without any lock.
//!
//! Asks a selector (`select/`) for the draws, and the leases for the checks. What it fills is a [`DynBatch`].

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

use super::batch::DynBatch;
use super::select::{Age, Extreme, NOTHING, Odds, Proportional, Ranked, Select, SoFar, Uniform};
use crate::error::Result;
use crate::os::fail_point;
use crate::pool::Inner;
use crate::pool::layout::lease::{Taken, is_unchanged, lease_fence};
use crate::pool::layout::slot::Slot;
use crate::pool::layout::tally::{Begun, Tally};
use crate::pool::maintenance::statistics::Counter;
use crate::pool::policy::{Preference, Sampler};
use crate::tree::{Draw, Order};

/// Rounds in which lost draws are made again before all locks are taken for them. A draw is lost where
/// its record is claimed by a writer at that moment, or its sum half updated.
const ROUNDS_WITHOUT_LOCK: usize = 6;

/// For how long a sample that its limiter let pass looks for what is missing, before it gives back what it
/// has; and how often.
const SHORTLY: Duration = Duration::from_millis(20);
const A_MOMENT: Duration = Duration::from_micros(50);

impl Inner {
    /// Fills a batch with `count` samples, and makes them final.
    pub(crate) fn draw(
        self: &Arc<Self>,
        table: usize,
        sampler: Sampler,
        count: usize,
        random: &mut dyn Rng,
        batch: &mut DynBatch,
    ) -> Result<()> {
        batch.begin(self, table, count)?;
        let drawn = self.draw_by(sampler, count, random, batch);
        match drawn {
            Ok(()) => {
                batch.publish(sampler.preference);
                self.count(Counter::Sampled, count);
                self.count(Counter::Age, self.ages(batch.keys()));
                self.finish_samples(batch)
            }
            Err(error) => {
                let error = self.explain(error, batch);
                batch.take_back();
                batch.release();
                Err(error)
            }
        }
    }

    fn draw_by(
        &self,
        sampler: Sampler,
        count: usize,
        random: &mut dyn Rng,
        batch: &mut DynBatch,
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
                self.draw_all(Age::new(parts, table, true), so_far, random, batch)
            }
            Preference::Oldest => {
                self.draw_all(Age::new(parts, table, false), so_far, random, batch)
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
        random: &mut dyn Rng,
        batch: &mut DynBatch,
    ) -> Result<()> {
        batch.scratch.lost.extend(0..so_far.count as u32);
        let share = 1.0 / so_far.count as f64;
        let limiter = self.parts().tables[batch.table].shape.limiter;
        let began = limiter.map(|_| Instant::now());
        let is_early = || began.is_some_and(|began| began.elapsed() < SHORTLY);
        let rounds = batch.chains.rounds(ROUNDS_WITHOUT_LOCK);
        while so_far.round <= rounds {
            so_far.is_last = so_far.round == rounds;
            let stratified = selector.is_stratified(so_far.round);
            batch.scratch.draws.clear();
            batch
                .scratch
                .draws
                .extend(batch.scratch.lost.iter().map(|&stratum| {
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
            let odds = match selector.propose(&mut batch.scratch.draws, &so_far) {
                // The limiter let it pass, so what is missing is being committed, or given back.
                Err(_) if !so_far.is_last && is_early() => {
                    thread::sleep(A_MOMENT);
                    continue;
                }
                // What a writer looks at, or rewrites, is there when all locks are held.
                Err(_) if !so_far.is_last => {
                    self.unname_lost(batch);
                    self.settle_all()?;
                    so_far.round = rounds;
                    continue;
                }
                odds => odds?,
            };
            self.lease_and_check(batch, odds, selector.keys(), &mut so_far);
            self.follow_links(batch, &mut so_far.chosen);
            if batch.scratch.lost.is_empty() {
                batch.least = selector.least();
                break;
            }
            if !so_far.is_last
                && self.settle_met(batch)?
                && let Odds::OfTotal(before) = odds
            {
                batch.rescale(before / self.parts().tables[batch.table].tree.total());
            }
            so_far.round += 1;
        }
        match batch.scratch.lost.is_empty() {
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
    pub(crate) fn mend_orphans(&self) -> Result<()> {
        for shard in 0..self.parts().shards.count() {
            if self.segment.lock_is_orphaned(shard) {
                self.lock(shard)?;
            }
        }
        Ok(())
    }

    /// Leases what was drawn, and keeps what is still there; the others stay in `batch.scratch.lost`.
    fn lease_and_check(&self, batch: &mut DynBatch, odds: Odds, keys: &[u64], so_far: &mut SoFar) {
        let parts = self.parts();
        let table = &parts.tables[batch.table];
        for (&number, draw) in batch.scratch.lost.iter().zip(&batch.scratch.draws) {
            let sample = &mut batch.samples[number as usize];
            sample.word = 0;
            if draw.index != Draw::LOST {
                // Acquire: with the check below, sees the record of the key.
                sample.word = parts.words[draw.index as usize].load(Ordering::Acquire);
                sample.slot = draw.index;
                self.lease(&batch.taken, number as usize, draw.index);
            }
        }
        lease_fence();
        fail_point("lease.announced");
        let length = self.len().max(1) as f32;
        let (samples, met) = (&mut batch.samples, &mut batch.scratch.met);
        let chosen = &mut so_far.chosen;
        let (mut draws, mut keys) = (batch.scratch.draws.iter(), keys.iter());
        batch.scratch.lost.retain(|&number| {
            let drawn = draws.next().map_or(0.0, |draw| draw.fraction);
            let expected = keys.next();
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
                Odds::OfLeaf => drawn as f32, // by which they are put in order
                Odds::OfKey if expected != Some(&key) => return true,
                Odds::OfKey => 1.0,
                Odds::AsDrawn => {
                    weighs = table.tree.leaf(slot) > 0.0; // ranks may be out of date
                    (drawn as f32).clamp(f32::MIN_POSITIVE, 1.0)
                }
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
            match table.tally(slot).map_or(Begun::Pending, Tally::begin) {
                Begun::Pending => {}
                // The process that it waits for will soon be ready, unless it is dead.
                Begun::Contended if so_far.round == 0 => return true,
                Begun::Contended => {
                    met.push(sample.slot);
                    return true;
                }
                Begun::Exhausted => {
                    if table.is_spent(slot) {
                        met.push(sample.slot);
                    }
                    return true;
                }
            }
            if let Some(chosen) = chosen {
                chosen.insert(sample.slot);
            }
            sample.counted = true;
            false
        });
    }

    /// Names `slot` in cell `number` of those taken; `lease_fence` and a check must follow.
    #[inline(always)]
    pub(crate) fn lease(&self, taken: &Taken, number: usize, slot: u32) {
        let leases = self.parts().lease_list(self.segment.owner().entry());
        leases.name(taken.cells.start + number, slot);
    }

    /// Makes the cells of what was lost name nothing.
    pub(crate) fn unname_lost(&self, batch: &DynBatch) {
        let leases = self.parts().lease_list(self.segment.owner().entry());
        let count = batch.samples.len();
        let rows = (0..batch.taken.cells.len()).step_by(count);
        for (first, &number) in
            rows.flat_map(|first| batch.scratch.lost.iter().map(move |lost| (first, lost)))
        {
            leases.unname(batch.taken.cells.start + first + number as usize);
        }
    }
}
