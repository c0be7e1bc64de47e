//! Each record with the same probability.

use std::sync::atomic::Ordering;

use super::reservoir::fill_by_weight;
use super::{NOTHING, Odds, ROUNDS, Select, SoFar};
use crate::error::Result;
use crate::os::cpu::prefetch;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::slot::Slot;
use crate::pool::layout::table::Table;
use crate::tree::Draw;

/// More slots than were ever claimed ahead of their turn, but for thousands of deaths.
const AHEAD_OF_TURN: u64 = 4096;

/// Each record with the same probability.
pub(crate) struct Uniform<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) table: &'a Table,
}

impl Select for Uniform<'_> {
    fn least(&self) -> Option<f64> {
        Some(1.0 / self.parts.len().max(1) as f64)
    }

    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds> {
        match so_far.round {
            // Most of the slots may be empty.
            0..ROUNDS => self.pick_slots(draws),
            _ if so_far.wants_a_pass(self.table) => {
                let weight = |slot| (slot, f64::from(u8::from(self.is_here(slot))));
                let weighted = (0..self.parts.capacity()).map(weight);
                fill_by_weight(draws, so_far, weighted)?;
            }
            _ => self.pick_ranks(draws)?,
        }
        Ok(Odds::Even)
    }
}

impl Uniform<'_> {
    /// Gives each draw any slot that was ever used; those that hold no record will be lost.
    fn pick_slots(&self, draws: &mut [Draw]) {
        let control = self.parts.control();
        let used = match self.parts.shape.remover.follows_the_ring() {
            true => control.next_key.load(Ordering::Relaxed),
            // Claims at the same time, and of who died, may be some ahead of their turn.
            false => control.turn.load(Ordering::Relaxed) + AHEAD_OF_TURN,
        };
        let used = used.min(self.parts.capacity() as u64);
        for draw in draws {
            draw.index = match used {
                0 => Draw::LOST,
                _ => ((draw.fraction * used as f64) as u64).min(used - 1) as u32,
            };
            if draw.index != Draw::LOST {
                prefetch(&self.parts.words[draw.index as usize]);
            }
        }
    }

    /// Gives each draw a record by its rank among all, in two passes over the slots, where most of them
    /// are empty.
    fn pick_ranks(&self, draws: &mut [Draw]) -> Result<()> {
        let slots = 0..self.parts.capacity();
        let length = slots.clone().filter(|&slot| self.is_here(slot)).count();
        if length == 0 {
            return Err(NOTHING);
        }
        let rank = |draw: &Draw| ((draw.fraction * length as f64) as usize).min(length - 1);
        let mut order: Vec<usize> = (0..draws.len()).collect();
        order.sort_unstable_by_key(|&at| rank(&draws[at]));
        let mut wanted = order.into_iter().peekable();
        for (seen, slot) in slots.filter(|&slot| self.is_here(slot)).enumerate() {
            if wanted.peek().is_none() {
                break;
            }
            while let Some(at) = wanted.next_if(|&at| rank(&draws[at]) == seen) {
                draws[at].index = slot as u32;
            }
        }
        wanted.for_each(|at| draws[at].index = Draw::LOST);
        Ok(())
    }

    /// Whether the slot holds a record that may be sampled.
    fn is_here(&self, slot: usize) -> bool {
        let word = self.parts.words[slot].load(Ordering::Relaxed);
        matches!(Slot::from_word(word), Slot::Committed(_)) && self.table.is_open(slot)
    }
}
