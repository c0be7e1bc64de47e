//! Choosing what to sample: each file is one way of it, behind one trait.
//!
//! A selector proposes a slot for each draw of a batch. It takes no lock and promises nothing: what it
//! proposes is leased and checked (`draw.rs`), and what is lost is asked for again. Reads the pool's
//! regions only.

mod age;
mod extreme;
mod proportional;
mod ranked;
mod reservoir;
mod uniform;

use std::collections::HashSet;

pub(crate) use age::Age;
pub(crate) use extreme::Extreme;
pub(crate) use proportional::Proportional;
pub(crate) use ranked::{Ranked, Ranking};
pub(crate) use uniform::Uniform;

use crate::error::{Error, Result};
use crate::pool::layout::table::Table;
use crate::tree::Draw;

/// Rounds in which what is lost is drawn as in the first; then whatever finds something.
const ROUNDS: usize = 2;

/// That there is nothing to propose. `nothing.rs` puts in what the pool holds.
pub(crate) const NOTHING: Error = Error::NothingToSample {
    length: 0,
    used_up: 0,
};

/// A way of choosing records.
pub(crate) trait Select {
    /// Whether the draws of a round each get a stratum of their own.
    fn is_stratified(&self, _round: usize) -> bool {
        false
    }

    /// The least probability that it gives to a record, after a proposal; `None` where that is the lowest leaf's.
    fn least(&self) -> Option<f64> {
        Some(1.0)
    }

    /// The keys that the last proposal meant, one for each draw; none where chance decided.
    fn keys(&self) -> &[u64] {
        &[]
    }

    /// Puts a slot, or [`Draw::LOST`], into each draw, by its fraction where chance decides. Says how
    /// likely they were.
    ///
    /// # Errors
    /// [`Error::NothingToSample`], [`Error::TooFewRecords`] where it can propose no more.
    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds>;
}

/// What became of the rounds before.
pub(crate) struct SoFar {
    pub(crate) round: usize,
    /// Whether all locks are held, so that nothing will be lost.
    pub(crate) is_last: bool,
    /// How many records were asked for.
    pub(crate) count: usize,
    /// The slots in the batch, if none may come twice.
    pub(crate) chosen: Option<HashSet<u32>>,
}

impl SoFar {
    /// Whether draws are made by one pass that proposes no slot twice, because of what came twice.
    fn wants_a_pass(&self, table: &Table) -> bool {
        (self.chosen.is_some() || table.shape.times > 0) && self.round >= ROUNDS
    }

    /// Whether a slot may be proposed.
    fn is_open(&self, slot: usize) -> bool {
        let chosen = self.chosen.as_ref();
        chosen.is_none_or(|chosen| !chosen.contains(&(slot as u32)))
    }

    /// Gives each draw one of the slots, in their order, and as its fraction what comes with it.
    fn fill<N: Into<f64>>(
        &self,
        draws: &mut [Draw],
        mut slots: impl Iterator<Item = (usize, N)>,
    ) -> Result<()> {
        let (wanted, mut found) = (draws.len(), 0);
        for draw in draws {
            let next = slots.next();
            found += usize::from(next.is_some());
            draw.index = Draw::LOST;
            if let Some((slot, fraction)) = next {
                (draw.index, draw.fraction) = (slot as u32, fraction.into());
            }
        }
        match found {
            0 => Err(self.too_few(self.count - wanted)),
            _ => Ok(()),
        }
    }

    /// That there are only `found` records.
    fn too_few(&self, found: usize) -> Error {
        Error::TooFewRecords {
            asked: self.count,
            found,
        }
    }
}

/// How likely a proposed record was.
#[derive(Clone, Copy)]
pub(crate) enum Odds {
    /// As its leaf, of this sum of all leaves.
    OfTotal(f32),
    /// As any other.
    Even,
    /// As the draw's fraction says now.
    AsDrawn,
    /// Certain, for the record of the key that the selector meant ([`Select::keys`]): the slot may hold another by now.
    OfKey,
    /// Certain, as long as the leaf of the record is the draw's fraction.
    OfLeaf,
}
