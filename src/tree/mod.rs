//! The sum tree: priorities in its leaves, sums above them, and draws in proportion.
//!
//! Sixteen 32-bit children a node, so a node is one cache line; all levels padded to whole nodes
//! and laid out one after the other, the leaves first, one total at the end. The leaves are the
//! truth: every sum is recomputed from its sixteen children in a fixed order, never adjusted, so
//! after any number of updates it equals what [`SumTree::rebuild`] would give, to the bit.
//!
//! Everything is an atomic. Leaves and sums are written under the segment's lock; draws read them
//! with no lock (`descent.rs`) and live with what they see. Touches its own region only.

mod descent;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering};

use crate::segment::{Carver, Mapping, Region, Span};
use std::sync::Arc;

pub(crate) use descent::Draw;

/// Children of a node.
const WIDTH: usize = 16;
/// The largest leaf: 2^32 of them can be summed without overflow.
pub(crate) const LARGEST_LEAF: f32 = f32::MAX / 4_294_967_296.0;
/// The smallest leaf that is not zero. Smaller ones would lose their precision, or vanish.
pub(crate) const SMALLEST_LEAF: f32 = f32::MIN_POSITIVE;

/// Where the levels of a tree lie in its region.
#[derive(Clone, PartialEq, Debug)]
struct Levels {
    /// The first cell of each level: leaves, their parents, …, the total.
    starts: Vec<usize>,
    /// The last cell of each level that is not padding, counted from its first.
    lasts: Vec<u32>,
    cells: usize,
}

impl Levels {
    fn of(capacity: usize) -> Self {
        let (mut starts, mut lasts) = (Vec::new(), Vec::new());
        let (mut cells, mut count) = (0, capacity);
        loop {
            starts.push(cells);
            lasts.push(count as u32 - 1);
            cells += count.next_multiple_of(WIDTH);
            if starts.len() > 1 && count == 1 {
                return Self {
                    starts,
                    lasts,
                    cells,
                };
            }
            count = count.div_ceil(WIDTH);
        }
    }

    /// The cells that fill levels up to whole nodes. They are zero.
    fn padding(&self) -> impl Iterator<Item = usize> {
        let ends = self.starts.iter().skip(1).chain([&self.cells]);
        let levels = self.starts.iter().zip(&self.lasts).zip(ends);
        levels.flat_map(|((start, last), end)| start + *last as usize + 1..*end)
    }
}

/// A sum tree in a segment.
pub(crate) struct SumTree {
    /// The bits of an `f32` each. Written by: the owner of the segment's lock.
    cells: Region<AtomicU32>,
    levels: Levels,
    capacity: usize,
}

impl SumTree {
    /// Carves a tree for `capacity` leaves.
    pub(crate) fn carve(carver: &mut Carver, capacity: usize) -> Option<Span<AtomicU32>> {
        capacity.checked_mul(2)?;
        carver.carve(Levels::of(capacity).cells)
    }

    /// The tree in a span that was carved for `capacity`.
    pub(crate) fn place(span: &Span<AtomicU32>, capacity: usize, mapping: &Arc<Mapping>) -> Self {
        Self {
            cells: mapping.region(span),
            levels: Levels::of(capacity),
            capacity,
        }
    }

    /// The sum of all leaves.
    #[inline]
    pub(crate) fn total(&self) -> f32 {
        self.read(self.levels.cells - WIDTH)
    }

    /// One leaf.
    #[inline]
    pub(crate) fn leaf(&self, index: usize) -> f32 {
        self.read(index)
    }

    /// Writes one leaf; [`Self::refresh`] must follow, under the same lock.
    #[inline]
    pub(crate) fn set_leaf(&self, index: usize, value: f32) {
        debug_assert!(index < self.capacity);
        self.write(index, value);
    }

    /// Recomputes every sum above the given leaves, each once. Reorders `indices`, and uses them up.
    pub(crate) fn refresh(&self, indices: &mut [u32]) {
        if !indices.is_sorted() {
            indices.sort_unstable();
        }
        let mut count = indices.len();
        for level in 1..self.levels.starts.len() {
            let (below, here) = (self.levels.starts[level - 1], self.levels.starts[level]);
            let mut kept = 0;
            for at in 0..count {
                let parent = indices[at] / WIDTH as u32;
                if kept == 0 || indices[kept - 1] != parent {
                    indices[kept] = parent;
                    kept += 1;
                    let sum = self.sum(below + parent as usize * WIDTH);
                    self.write(here + parent as usize, sum);
                }
            }
            count = kept;
        }
    }

    /// Recomputes every sum. A leaf that is no priority, and padding that weighs something (in a
    /// damaged segment), become zero.
    pub(crate) fn rebuild(&self) {
        for cell in self.levels.padding() {
            self.write(cell, 0.0);
        }
        for index in 0..self.capacity {
            if !(0.0..=LARGEST_LEAF).contains(&self.leaf(index)) {
                self.write(index, 0.0);
            }
        }
        for level in 1..self.levels.starts.len() {
            let (below, here) = (self.levels.starts[level - 1], self.levels.starts[level]);
            for node in 0..(here - below) / WIDTH {
                self.write(here + node, self.sum(below + node * WIDTH));
            }
        }
    }

    /// A leaf that is no priority, or a sum that is not its children's, if there is one.
    pub(crate) fn find_contradiction(&self) -> Option<String> {
        let valid = |leaf: f32| (0.0..=LARGEST_LEAF).contains(&leaf);
        if let Some(index) = (0..self.capacity).find(|&index| !valid(self.leaf(index))) {
            return Some(format!("leaf {index} is {}", self.leaf(index)));
        }
        if let Some(cell) = self.levels.padding().find(|&cell| self.read(cell) != 0.0) {
            return Some(format!("padding {cell} is {}", self.read(cell)));
        }
        for level in 1..self.levels.starts.len() {
            let (below, here) = (self.levels.starts[level - 1], self.levels.starts[level]);
            for node in 0..(here - below) / WIDTH {
                let (found, sum) = (self.read(here + node), self.sum(below + node * WIDTH));
                if found.to_bits() != sum.to_bits() {
                    return Some(format!("sum {node} of level {level} is {found}, not {sum}"));
                }
            }
        }
        None
    }

    /// The sum of the node whose children begin at cell `first`.
    #[inline]
    fn sum(&self, first: usize) -> f32 {
        let node = &self.cells[first..first + WIDTH];
        // Four sums that do not wait for each other.
        let mut sums = [0.0; 4];
        for four in node.chunks_exact(4) {
            for (sum, cell) in sums.iter_mut().zip(four) {
                *sum += f64::from(f32::from_bits(cell.load(Ordering::Relaxed)));
            }
        }
        ((sums[0] + sums[1]) + (sums[2] + sums[3])) as f32
    }

    #[inline]
    fn read(&self, cell: usize) -> f32 {
        f32::from_bits(self.cells[cell].load(Ordering::Relaxed))
    }

    #[inline]
    fn write(&self, cell: usize, value: f32) {
        self.cells[cell].store(value.to_bits(), Ordering::Relaxed);
    }
}
