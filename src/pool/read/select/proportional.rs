//! In proportion to the leaves (Schaul et al. 2016, section 3.3, proportional variant).

use super::reservoir::fill_by_weight;
use super::{Odds, ROUNDS, Select, SoFar};
use crate::error::Result;
use crate::os::cpu::prefetch;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::table::Table;
use crate::tree::Draw;

/// In proportion to the leaves.
pub(crate) struct Proportional<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) table: &'a Table,
    pub(crate) stratified: bool,
}

impl Select for Proportional<'_> {
    fn is_stratified(&self, round: usize) -> bool {
        // A stratum may lie in what a writer has just claimed: then any record will do.
        self.stratified && round < ROUNDS
    }

    fn least(&self) -> Option<f64> {
        None
    }

    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds> {
        let tree = &self.table.tree;
        if so_far.wants_a_pass(self.table) {
            let slots = 0..self.parts.capacity();
            let slots = slots.filter(|&slot| self.table.is_open(slot));
            let leaves = slots.map(|slot| (slot, f64::from(tree.leaf(slot))));
            fill_by_weight(draws, so_far, leaves)?;
            return Ok(Odds::OfTotal(tree.total()));
        }
        let ask = |slot: usize| prefetch(&self.parts.words[slot]);
        Ok(Odds::OfTotal(tree.descend(draws, ask)))
    }
}
