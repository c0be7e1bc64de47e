//! The highest priorities first, or the lowest.

use super::{Odds, Select, SoFar};
use crate::error::{Error, Result};
use crate::pool::layout::table::Table;
use crate::tree::{Draw, Order, OrderTree};

/// Records in the order of their priorities.
pub(crate) struct Extreme<'a> {
    table: &'a Table,
    tree: &'a OrderTree,
    turn: usize,
}

impl<'a> Extreme<'a> {
    /// Begins with slot `turn` among equals.
    pub(crate) fn new(table: &'a Table, order: Order, turn: usize) -> Result<Self> {
        let Some(tree) = table.order(order) else {
            return Err(Error::InvalidArgument {
                what: "the sampler",
                found: "one by the highest or the lowest priority".into(),
                expected: "the one that the pool was created with, or the pool created with \
                           `PoolOptions::ordered`"
                    .into(),
            });
        };
        Ok(Self { table, tree, turn })
    }
}

impl Select for Extreme<'_> {
    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds> {
        let walk = self.tree.walk(&self.table.tree, self.turn);
        // What is used up and still has a priority is proposed once, and so found.
        let is_unspent = |slot| so_far.round == 0 && self.table.is_exhausted(slot);
        let open = |slot| so_far.is_open(slot) && (self.table.is_open(slot) || is_unspent(slot));
        so_far.fill(draws, walk.filter(|&(slot, _)| open(slot)))?;
        Ok(Odds::OfLeaf)
    }
}
