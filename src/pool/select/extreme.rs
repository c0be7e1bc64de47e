//! The highest priorities first, or the lowest.

use std::iter::Peekable;

use super::{Odds, Select, SoFar};
use crate::error::{Error, Result};
use crate::pool::table::Table;
use crate::tree::{Draw, Order, Walk};

/// Records in the order of their priorities.
pub(in crate::pool) struct Extreme<'a> {
    walk: Peekable<Walk<'a>>,
}

impl<'a> Extreme<'a> {
    /// Begins with slot `turn` among equals.
    pub(in crate::pool) fn new(table: &'a Table, order: Order, turn: usize) -> Result<Self> {
        let Some(tree) = table.order(order) else {
            return Err(Error::InvalidArgument {
                what: "the sampler",
                found: "one by the highest or the lowest priority".into(),
                expected: "the one that the pool was created with, or the pool created with \
                           `PoolOptions::ordered`"
                    .into(),
            });
        };
        Ok(Self {
            walk: tree.walk(&table.tree, turn).peekable(),
        })
    }
}

impl Select for Extreme<'_> {
    fn is_stratified(&self, _round: usize) -> bool {
        false
    }

    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds> {
        if self.walk.peek().is_none() {
            return Err(so_far.too_few(so_far.count - draws.len()));
        }
        for draw in draws {
            let next = self.walk.next();
            draw.index = next.map_or(Draw::LOST, |(slot, _)| slot as u32);
        }
        Ok(Odds::Certain)
    }
}
