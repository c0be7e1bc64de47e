//! Drawing leaves in proportion to their values: batches descend level by level.
//!
//! A descent is relative. At each node it reads the sixteen children, takes its given
//! fraction of *their* sum, chooses the child in which that falls, and passes on the position within
//! the child, again as a fraction. So it cannot fall off the end through rounding, a zero child is
//! never chosen, and a sum that is updated at the same time shifts the odds at most by that update.
//! The first step chooses among the shards, by their totals as they were when the batch began.
//!
//! A batch goes level by level, so the loads of its draws overlap, and the next level's lines are
//! prefetched a whole pass ahead of their use. Reads only.

use super::{SumTree, WIDTH};
use crate::os::cpu;

/// One draw: its position, and the fraction of that node that it seeks.
#[derive(Clone, Copy, Default)]
pub(crate) struct Draw {
    /// In `0.0..1.0`.
    pub(crate) fraction: f64,
    /// The node on the way, the slot at the end; [`Draw::LOST`] where the way ended at a zero.
    pub(crate) index: u32,
    shard: u32,
}

impl Draw {
    /// A draw that came to a node whose children are all zero (an update was half done).
    pub(crate) const LOST: u32 = u32::MAX;

    /// Returns a draw that seeks the given fraction of the whole.
    pub(crate) fn new(fraction: f64) -> Self {
        Self {
            fraction,
            ..Self::default()
        }
    }

    /// Moves to the child of its node in which its fraction falls, and returns the child's number. Returns
    /// `None` if all children are zero.
    #[inline(always)]
    fn choose(&mut self, children: &[f64; WIDTH]) -> Option<usize> {
        // First among four quarters, then among the four children of one: sums that do not wait
        // for each other, and few values to keep.
        let quarters: [f64; 4] = std::array::from_fn(|at| {
            let four = &children[4 * at..4 * at + 4];
            (four[0] + four[1]) + (four[2] + four[3])
        });
        let sum = (quarters[0] + quarters[1]) + (quarters[2] + quarters[3]);
        let (quarter, wanted) = choose(quarters, self.fraction * sum);
        let four = std::array::from_fn(|at| children[4 * quarter + at]);
        let (child, wanted) = choose(four, wanted);
        let mut chosen = 4 * quarter + child;
        // The chosen part is not zero, or the one before would have ended there; but rounding may
        // lead past the last part that is not zero.
        if children[chosen] <= 0.0 {
            chosen = children.iter().rposition(|&child| child > 0.0)?;
        }
        // NaN (in a damaged segment) comes out as 0, which `clamp` would keep.
        #[allow(clippy::manual_clamp)]
        let fraction = (wanted / children[chosen]).max(0.0).min(1.0 - f64::EPSILON);
        self.fraction = fraction;
        Some(chosen)
    }
}

impl SumTree {
    /// Takes every draw from the root to its slot, and passes each slot to `arrived` at once, so that its
    /// data can be prefetched. Returns the sum of all leaves that the draws saw.
    pub(crate) fn descend(&self, draws: &mut [Draw], mut arrived: impl FnMut(usize)) -> f32 {
        let totals = self.totals();
        for draw in draws.iter_mut() {
            match draw.choose(&totals) {
                Some(shard) => draw.shard = shard.min(self.shards.count() - 1) as u32,
                None => draw.index = Draw::LOST,
            }
        }
        for level in (1..self.levels.starts.len() - 1).rev() {
            for draw in draws.iter_mut().filter(|draw| draw.index != Draw::LOST) {
                self.step(level, draw);
                self.prefetch_children(level, draw);
            }
        }
        let last = self.shards.slots() - 1;
        for draw in draws.iter_mut().filter(|draw| draw.index != Draw::LOST) {
            self.step(0, draw);
            if draw.index != Draw::LOST {
                let (shard, place) = (draw.shard as usize, draw.index as usize);
                // Beyond the last only if a damaged segment has weight in its padding.
                let slot = self.shards.slot_at(shard, place).min(last);
                draw.index = slot as u32;
                arrived(slot);
            }
        }
        totals.iter().sum::<f64>() as f32
    }

    /// Chooses among the children, in `level`, of the node that the draw has come to.
    #[inline(always)]
    fn step(&self, level: usize, draw: &mut Draw) {
        let (shard, node) = (draw.shard as usize, draw.index as usize);
        let cells = cpu::load_line(self.line(shard, level, node));
        let children = cells.map(|bits| f64::from(f32::from_bits(bits)));
        draw.index = match draw.choose(&children) {
            // Padding weighs nothing, unless the segment is damaged.
            Some(child) => ((node * WIDTH + child) as u32).min(self.levels.lasts[level]),
            None => Draw::LOST,
        };
    }

    /// Prefetches the children of the node in `level` that the draw has come to.
    #[inline(always)]
    fn prefetch_children(&self, level: usize, draw: &Draw) {
        let next = self.start_of(draw.shard as usize, level - 1);
        let first = (draw.index as usize).wrapping_mul(WIDTH).wrapping_add(next);
        cpu::prefetch(self.cells.as_ptr().wrapping_add(first));
    }
}

/// Returns the one of four consecutive parts in which `wanted` falls, and the distance into it.
#[inline(always)]
fn choose(parts: [f64; 4], wanted: f64) -> (usize, f64) {
    let two = parts[0] + parts[1];
    let begins = [0.0, parts[0], two, two + parts[2]];
    // Numbers that are not negative are in the order of their bits, which compare without a branch.
    let reached = |at: usize| usize::from(begins[at].to_bits() <= wanted.to_bits());
    let chosen = reached(1) + reached(2) + reached(3);
    (chosen, wanted - begins[chosen])
}
