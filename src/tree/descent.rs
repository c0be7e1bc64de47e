//! Drawing leaves in proportion to their values: batches descend level by level.
//!
//! A descent is relative. At each node it reads the sixteen children, takes the fraction that it
//! was handed of *their* sum, chooses the child in which that falls, and hands on where in the child
//! it fell, again as a fraction. So it cannot fall off the end through rounding, a zero child is
//! never chosen, and a sum that is being updated meanwhile shifts the odds by that update at most.
//!
//! A batch goes level by level, so the loads of its draws overlap, and the next level's lines are
//! asked for a whole pass ahead of their use. Reads only.

use std::sync::atomic::Ordering;

use super::{SumTree, WIDTH};
use crate::os::cpu::prefetch;

/// One draw: where it is, and which fraction of that node it wants.
#[derive(Clone, Copy, Default)]
pub(crate) struct Draw {
    /// In `0.0..1.0`.
    pub(crate) fraction: f64,
    /// The node on the way, the leaf at the end; [`Draw::LOST`] where the way ended at a zero.
    pub(crate) index: u32,
}

impl Draw {
    /// A draw that came to a node whose children are all zero (an update was half done).
    pub(crate) const LOST: u32 = u32::MAX;

    /// A draw that wants the given fraction of the whole.
    pub(crate) fn new(fraction: f64) -> Self {
        Self { fraction, index: 0 }
    }
}

impl SumTree {
    /// Takes every draw from the root to its leaf.
    pub(crate) fn descend(&self, draws: &mut [Draw]) {
        for level in (0..self.levels.starts.len() - 1).rev() {
            let start = self.levels.starts[level];
            let next = level.checked_sub(1).map(|next| self.levels.starts[next]);
            for draw in draws.iter_mut() {
                if draw.index == Draw::LOST {
                    continue;
                }
                self.step(start, self.levels.lasts[level], draw);
                if let Some(next) = next {
                    let child = self
                        .cells
                        .as_ptr()
                        .wrapping_add(next)
                        .wrapping_add((draw.index as usize).wrapping_mul(WIDTH));
                    prefetch(child);
                }
            }
        }
    }

    /// Chooses a child of the node `draw.index` from the level that begins at `start` and has `last`
    /// as its last cell.
    #[inline]
    fn step(&self, start: usize, last: u32, draw: &mut Draw) {
        let first = draw.index as usize * WIDTH;
        let node = &self.cells[start + first..start + first + WIDTH];
        let children: [f64; WIDTH] =
            std::array::from_fn(|at| f64::from(f32::from_bits(node[at].load(Ordering::Relaxed))));
        // First among four quarters, then among the four children of one: sums that do not wait
        // for each other, and few numbers that are kept.
        let quarter = |at: usize| {
            (children[4 * at] + children[4 * at + 1])
                + (children[4 * at + 2] + children[4 * at + 3])
        };
        let quarters = [quarter(0), quarter(1), quarter(2), quarter(3)];
        let sum = (quarters[0] + quarters[1]) + (quarters[2] + quarters[3]);
        let (quarter, wanted) = choose(quarters, draw.fraction * sum);
        let four = &children[4 * quarter..4 * quarter + 4];
        let (child, wanted) = choose([four[0], four[1], four[2], four[3]], wanted);
        let mut chosen = 4 * quarter + child;
        // What is chosen is not zero, or the one before would have ended there; but rounding may
        // lead past the last that is not zero.
        if children[chosen] <= 0.0 {
            match children.iter().rposition(|&child| child > 0.0) {
                Some(at) => chosen = at,
                None => {
                    draw.index = Draw::LOST;
                    return;
                }
            }
        }
        // NaN (in a damaged segment) comes out as 0, which `clamp` would keep.
        #[allow(clippy::manual_clamp)]
        let fraction = (wanted / children[chosen]).max(0.0).min(1.0 - f64::EPSILON);
        draw.fraction = fraction;
        // Padding weighs nothing, unless the segment is damaged.
        draw.index = ((first + chosen) as u32).min(last);
    }
}

/// In which of four parts that lie one after the other `wanted` falls, and how far into it.
#[inline(always)]
fn choose(parts: [f64; 4], wanted: f64) -> (usize, f64) {
    let two = parts[0] + parts[1];
    let begins = [0.0, parts[0], two, two + parts[2]];
    let reached = |at: usize| usize::from(begins[at] <= wanted);
    let chosen = reached(1) + reached(2) + reached(3);
    (chosen, wanted - begins[chosen])
}
