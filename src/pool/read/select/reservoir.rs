//! Draws without replacement in one pass: the reservoir of Efraimidis and Spirakis (2006, "Weighted
//! random sampling with a reservoir").
//!
//! Each item gets the key `ln(u) / weight`, `u` uniform in (0, 1), and the largest keys win: that is as
//! if one item were drawn after the other, each in proportion to the weights of those that are left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{NOTHING, SoFar};
use crate::error::Result;
use crate::tree::Draw;

/// An item with its key.
#[derive(PartialEq)]
struct Keyed {
    key: f64,
    slot: u32,
    weight: f64,
}

impl Eq for Keyed {}

impl PartialOrd for Keyed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.total_cmp(&other.key)
    }
}

/// Gives each draw one of the items whose weight is above 0, none twice in this round, and none that is in
/// the batch already if none may come twice. Each draw's fraction becomes its item's weight. Where there are
/// too few, which is an error only if none may come twice, the other draws are lost.
pub(crate) fn fill_by_weight(
    draws: &mut [Draw],
    so_far: &SoFar,
    items: impl Iterator<Item = (usize, f64)>,
) -> Result<()> {
    let seed = draws.first().map_or(0, |draw| draw.fraction.to_bits());
    let mut random = StdRng::seed_from_u64(seed);
    let mut best = BinaryHeap::with_capacity(draws.len() + 1);
    for (slot, weight) in items {
        if weight > 0.0 && so_far.is_open(slot) {
            let uniform: f64 = random.random();
            let key = uniform.max(f64::MIN_POSITIVE).ln() / weight;
            let slot = slot as u32;
            best.push(Reverse(Keyed { key, slot, weight }));
            if best.len() > draws.len() {
                best.pop();
            }
        }
    }
    if best.is_empty() && so_far.chosen.is_none() {
        return Err(NOTHING);
    }
    if best.len() < draws.len() && so_far.chosen.is_some() {
        return Err(so_far.too_few(so_far.count - draws.len() + best.len()));
    }
    let mut best = best.into_iter();
    for draw in draws {
        draw.index = Draw::LOST;
        if let Some(Reverse(item)) = best.next() {
            (draw.index, draw.fraction) = (item.slot, item.weight);
        }
    }
    Ok(())
}
