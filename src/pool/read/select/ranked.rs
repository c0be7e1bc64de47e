//! By rank: in proportion to `(1 / rank)^alpha` (Schaul et al. 2016, section 3.3, rank-based variant).

use super::reservoir::fill_by_weight;
use super::{NOTHING, Odds, ROUNDS, Select, SoFar};
use crate::error::Result;
use crate::pool::layout::table::Table;
use crate::tree::Draw;

/// A ranking is made anew once this part of the records was drawn by it.
const DRAWN_BEFORE_SORTING: usize = 10;

/// The records of a table by their priorities, as one handle last sorted them.
#[derive(Default)]
pub(crate) struct Ranking {
    /// Slots, the highest priority first.
    slots: Vec<u32>,
    /// For each rank, the probabilities of the ranks before it, summed, and of all in the end; not
    /// divided by their sum.
    sums: Vec<f64>,
    /// Records that were drawn by it.
    drawn: usize,
}

impl Ranking {
    /// Sorts, if the last time is too long ago.
    fn refresh(&mut self, table: &Table, slots: usize, count: usize, is_needed: bool) {
        if !is_needed
            && !self.slots.is_empty()
            && self.drawn + count <= self.slots.len() / DRAWN_BEFORE_SORTING
        {
            self.drawn += count;
            return;
        }
        let leaves = (0..slots).map(|slot| (table.tree.leaf(slot).to_bits(), slot as u32));
        // Numbers that are not negative are in the order of their bits.
        let mut sorted: Vec<u64> = leaves
            .filter(|&(bits, _)| bits != 0)
            .map(|(bits, slot)| u64::from(!bits) << 32 | u64::from(slot))
            .collect();
        sorted.sort_unstable();
        self.slots.clear();
        self.slots.extend(sorted.iter().map(|&entry| entry as u32));
        self.drawn = count;
        let alpha = f64::from(table.shape.alpha);
        self.sums.truncate(self.slots.len() + 1);
        if self.sums.is_empty() {
            self.sums.push(0.0);
        }
        for rank in self.sums.len()..=self.slots.len() {
            self.sums
                .push(self.sums[rank - 1] + (rank as f64).powf(-alpha));
        }
    }
}

/// By rank.
pub(crate) struct Ranked<'a> {
    pub(crate) table: &'a Table,
    pub(crate) slots: usize,
    pub(crate) ranking: std::sync::MutexGuard<'a, Ranking>,
}

impl Select for Ranked<'_> {
    fn is_stratified(&self, round: usize) -> bool {
        round < ROUNDS
    }

    fn least(&self) -> Option<f64> {
        let sums = &self.ranking.sums;
        let last = self.ranking.slots.len();
        let (Some(total), Some(before)) = (sums.get(last), sums.get(last.wrapping_sub(1))) else {
            return Some(1.0);
        };
        Some((total - before) / total)
    }

    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds> {
        // What was lost twice shows that too much has changed.
        let is_needed = so_far.round == ROUNDS || so_far.is_last;
        if so_far.round == 0 || is_needed {
            let count = so_far.count;
            self.ranking
                .refresh(self.table, self.slots, count, is_needed);
        }
        let ranking = &*self.ranking;
        let total = *ranking.sums.last().unwrap_or(&0.0);
        if ranking.slots.is_empty() {
            return Err(NOTHING);
        }
        let probability = |rank: usize| (ranking.sums[rank + 1] - ranking.sums[rank]) / total;
        if so_far.wants_a_pass(self.table) {
            let ranks = ranking.slots.iter().enumerate();
            let ranks = ranks.filter(|(_, slot)| self.table.is_open(**slot as usize));
            let weighted = ranks.map(|(rank, &slot)| (slot as usize, probability(rank)));
            fill_by_weight(draws, so_far, weighted)?;
            return Ok(Odds::AsDrawn);
        }
        for draw in draws {
            let wanted = draw.fraction * total;
            let after = ranking.sums.partition_point(|&sum| sum <= wanted);
            let rank = (after - 1).min(ranking.slots.len() - 1);
            draw.index = ranking.slots[rank];
            draw.fraction = probability(rank);
        }
        Ok(Odds::AsDrawn)
    }
}
