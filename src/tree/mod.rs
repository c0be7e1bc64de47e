//! The sum tree: priorities in its leaves, sums above them, and draws in proportion.
//!
//! Each shard (`shards.rs`) has one tree, all of the same shape; a draw chooses the shard first. A node
//! has sixteen 32-bit children, so it is one cache line. All levels are padded to whole nodes and laid
//! out one after the other, the leaves first, the shard's total at the end. The leaves are the
//! truth: every sum is recomputed from its sixteen children in a fixed order, never adjusted, so
//! after any number of updates it equals the result of [`SumTree::rebuild`], to the bit.
//!
//! Everything is an atomic. Leaves and sums are written under their shard's lock; draws read them
//! with no lock (`descent.rs`) and accept the values that they see. Touches its own region only.

mod descent;
mod order;
mod shards;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::os::cpu::{self, Line};
use crate::os::fail_point;
use crate::segment::{Carver, Mapping, Region, Span};

pub(crate) use descent::Draw;
pub(crate) use order::{Order, OrderTree};
pub(crate) use shards::{MOST_SHARDS, RUN, Shards};

/// The number of children of a node.
const WIDTH: usize = 16;
/// The largest leaf: 2^32 of them can be summed without overflow.
pub(crate) const LARGEST_LEAF: f32 = f32::MAX / 4_294_967_296.0;
/// The smallest leaf that is not zero. Smaller ones would lose their precision, or vanish.
pub(crate) const SMALLEST_LEAF: f32 = f32::MIN_POSITIVE;

/// The positions of the levels of one shard's tree in its cells.
#[derive(Clone, PartialEq, Debug)]
struct Levels {
    /// The first cell of each level: leaves, their parents, …, the total.
    starts: Vec<usize>,
    /// The last cell of each level that is not padding, counted from its first.
    lasts: Vec<u32>,
    cells: usize,
}

impl Levels {
    fn of(leaves: usize) -> Self {
        let (mut starts, mut lasts) = (Vec::new(), Vec::new());
        let (mut cells, mut count) = (0, leaves);
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

    /// The number of cells above the leaves.
    fn above(&self) -> usize {
        self.cells - self.starts[1]
    }

    /// The cells of a tree with `leaves` leaves that fill its levels up. They are zero.
    fn padding(&self, leaves: usize) -> impl Iterator<Item = usize> {
        let ends = self.starts.iter().skip(1).chain([&self.cells]);
        let levels = self.starts.iter().zip(&self.lasts).zip(ends);
        let above = levels
            .skip(1)
            .flat_map(|((start, last), end)| start + *last as usize + 1..*end);
        (leaves..self.starts[1]).chain(above)
    }
}

/// The sum trees of all shards, in a segment.
pub(crate) struct SumTree {
    /// Each has the bits of an `f32`. Written by: the owner of the shard's lock.
    cells: Region<AtomicU32>,
    /// Of each tree.
    levels: Levels,
    shards: Shards,
}

impl SumTree {
    /// Carves the trees for these shards.
    pub(crate) fn carve(carver: &mut Carver, shards: Shards) -> Option<Span<AtomicU32>> {
        shards.slots().checked_mul(2)?;
        let cells = Levels::of(shards.places(0)).cells;
        carver.carve(shards.count().checked_mul(cells)?)
    }

    /// The trees in a span that was carved for `shards`.
    pub(crate) fn place(span: &Span<AtomicU32>, shards: Shards, mapping: &Arc<Mapping>) -> Self {
        Self {
            cells: mapping.region(span),
            levels: Levels::of(shards.places(0)),
            shards,
        }
    }

    /// The sum of all leaves.
    pub(crate) fn total(&self) -> f32 {
        self.totals().iter().sum::<f64>() as f32
    }

    /// The sum of each shard's leaves; 0 for shards that do not exist.
    #[inline]
    fn totals(&self) -> [f64; MOST_SHARDS] {
        let last = self.levels.cells - WIDTH;
        std::array::from_fn(|shard| match shard < self.shards.count() {
            true => f64::from(self.read(shard * self.levels.cells + last)),
            false => 0.0,
        })
    }

    /// The leaf of a slot.
    #[inline]
    pub(crate) fn leaf(&self, slot: usize) -> f32 {
        self.read(self.cell_of(slot))
    }

    /// Copies the leaves of all slots, in their order: the fast way for a caller that holds all locks.
    pub(crate) fn copy_leaves(&self, leaves: &mut [f32]) {
        for (run, leaves) in leaves.chunks_mut(RUN).enumerate() {
            let start = self.cell_of(run * RUN);
            let cells = &self.cells[start..start + leaves.len()];
            for (leaf, cell) in leaves.iter_mut().zip(cells) {
                *leaf = f32::from_bits(cell.load(Ordering::Relaxed));
            }
        }
    }

    /// The leaf in a place of a shard.
    #[inline(always)]
    fn leaf_at(&self, shard: usize, place: usize) -> f32 {
        self.read(shard * self.levels.cells + place)
    }

    /// Prefetches the leaf of a slot.
    #[inline(always)]
    pub(crate) fn prefetch_leaf(&self, slot: usize) {
        cpu::prefetch(self.cells.as_ptr().wrapping_add(self.cell_of(slot)));
    }

    /// Makes a leaf 0; [`Self::rebuild`] must follow, under the same lock.
    pub(crate) fn empty(&self, slot: usize) {
        self.write(self.cell_of(slot), 0.0);
    }

    /// Sets the leaves of slots, which are all of one shard, and recomputes every sum above them, each
    /// once. Reorders and overwrites `slots`.
    pub(crate) fn assign(&self, slots: &mut [u32], leaves: &[f32]) {
        for (slot, leaf) in slots.iter().zip(leaves) {
            debug_assert!((*slot as usize) < self.shards.slots());
            self.write(self.cell_of(*slot as usize), *leaf);
            fail_point("tree.leaf");
        }
        self.refresh(slots);
    }

    /// Like [`Self::assign`], for slots of one run in rising order.
    pub(crate) fn assign_run(&self, slots: &[u32], leaves: &[f32]) {
        let (first, last) = match slots {
            [] => return,
            [slot] => return self.assign_one(*slot as usize, leaves[0]),
            [first, .., last] => (*first as usize, *last as usize),
        };
        for (slot, leaf) in slots.iter().zip(leaves) {
            self.write(self.cell_of(*slot as usize), *leaf);
            fail_point("tree.leaf");
        }
        let shard = self.shards.shard_of(first);
        let (mut first, mut last) = (self.shards.place_of(first), self.shards.place_of(last));
        for level in 1..self.levels.starts.len() {
            (first, last) = (first / WIDTH, last / WIDTH);
            for node in first..=last {
                self.refresh_sum(shard, level, node);
                fail_point("tree.run");
            }
        }
    }

    /// One path from the leaf to the total. On it each sum waits for the one below, so the other
    /// summands are computed first.
    fn assign_one(&self, slot: usize, leaf: f32) {
        let shard = self.shards.shard_of(slot);
        let (mut index, mut value) = (self.shards.place_of(slot), leaf);
        let (total, sums) = self
            .levels
            .starts
            .split_last()
            .expect("a tree has at least two levels");
        for (level, start) in sums.iter().enumerate() {
            let line = cpu::load_line(self.line(shard, level, index / WIDTH));
            let others = others(line, index % WIDTH);
            self.write(shard * self.levels.cells + start + index, value);
            fail_point("tree.path");
            value = add_up(value, others);
            index /= WIDTH;
        }
        self.write(shard * self.levels.cells + total, value);
    }

    /// Recomputes every sum above the leaves of the given slots.
    fn refresh(&self, slots: &mut [u32]) {
        let Some(&any) = slots.first() else { return };
        let shard = self.shards.shard_of(any as usize);
        if !slots.is_sorted() {
            slots.sort_unstable();
        }
        for slot in slots.iter_mut() {
            *slot = self.shards.place_of(*slot as usize) as u32;
        }
        let (indices, mut count) = (slots, usize::MAX);
        for level in 1..self.levels.starts.len() {
            let mut kept = 0;
            for at in 0..count.min(indices.len()) {
                let parent = indices[at] / WIDTH as u32;
                if kept == 0 || indices[kept - 1] != parent {
                    indices[kept] = parent;
                    kept += 1;
                    self.refresh_sum(shard, level, parent as usize);
                    fail_point("tree.sum");
                }
            }
            count = kept;
        }
    }

    /// Recomputes every sum of a shard. A leaf that is no priority, and padding that is not zero
    /// (in a damaged segment), become zero.
    pub(crate) fn rebuild(&self, shard: usize) {
        let (base, leaves) = (shard * self.levels.cells, self.shards.places(shard));
        for cell in self.levels.padding(leaves) {
            self.write(base + cell, 0.0);
        }
        for leaf in base..base + leaves {
            if !(0.0..=LARGEST_LEAF).contains(&self.read(leaf)) {
                self.write(leaf, 0.0);
            }
        }
        for (level, node) in self.nodes() {
            self.refresh_sum(shard, level, node);
            fail_point("repair.sum");
        }
    }

    /// Returns a leaf that is no priority, or a sum that is not its children's, if there is one.
    pub(crate) fn find_contradiction(&self) -> Option<String> {
        (0..self.shards.count()).find_map(|shard| self.find_contradiction_in(shard))
    }

    fn find_contradiction_in(&self, shard: usize) -> Option<String> {
        let (base, leaves) = (shard * self.levels.cells, self.shards.places(shard));
        let read = |cell: usize| self.read(base + cell);
        if let Some(place) = (0..leaves).find(|&at| !(0.0..=LARGEST_LEAF).contains(&read(at))) {
            let slot = self.shards.slot_at(shard, place);
            return Some(format!("leaf {slot} is {}", read(place)));
        }
        if let Some(cell) = self.levels.padding(leaves).find(|&at| read(at) != 0.0) {
            return Some(format!("padding {cell} of shard {shard} is {}", read(cell)));
        }
        self.nodes().find_map(|(level, node)| {
            let found = read(self.levels.starts[level] + node);
            let sum = self.sum_of(shard, level, node);
            (found.to_bits() != sum.to_bits()).then(|| {
                format!("sum {node} of level {level} of shard {shard} is {found}, not {sum}")
            })
        })
    }

    /// Returns every sum of a tree, as its level, from below, and its number.
    fn nodes(&self) -> impl Iterator<Item = (usize, usize)> {
        let lasts = self.levels.lasts.iter().enumerate().skip(1);
        lasts.flat_map(|(level, &last)| (0..=last as usize).map(move |node| (level, node)))
    }

    #[inline(always)]
    fn refresh_sum(&self, shard: usize, level: usize, node: usize) {
        let here = self.start_of(shard, level);
        self.write(here + node, self.sum_of(shard, level, node));
    }

    /// Returns the correct value of sum number `node` of a level.
    #[inline(always)]
    fn sum_of(&self, shard: usize, level: usize, node: usize) -> f32 {
        sum(cpu::load_line(self.line(shard, level - 1, node)))
    }

    /// Sixteen cells of a level: the children of node `node` of the level above.
    #[inline(always)]
    fn line(&self, shard: usize, level: usize, node: usize) -> &Line {
        let first = self.start_of(shard, level) + node * WIDTH;
        let cells = &self.cells[first..first + WIDTH];
        cells.try_into().expect("a node has sixteen cells")
    }

    /// The first cell of a level of a shard's tree.
    #[inline(always)]
    fn start_of(&self, shard: usize, level: usize) -> usize {
        shard * self.levels.cells + self.levels.starts[level]
    }

    /// The cell of the leaf of a slot.
    #[inline(always)]
    fn cell_of(&self, slot: usize) -> usize {
        self.shards.shard_of(slot) * self.levels.cells + self.shards.place_of(slot)
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

/// The sum of sixteen cells.
#[inline(always)]
fn sum(cells: [u32; WIDTH]) -> f32 {
    add_up(f32::from_bits(cells[0]), others(cells, 0))
}

/// The sum of a cell and the result of [`others`] for it.
#[inline(always)]
fn add_up(cell: f32, others: [f64; 4]) -> f32 {
    let sum = others
        .iter()
        .fold(f64::from(cell), |sum, other| sum + other);
    sum as f32
}

/// The numbers to which cell `at` is added, one after the other, to make the sum: cells are summed
/// in pairs, pairs in pairs, and so on, which gives the same bits for every first cell.
#[inline(always)]
fn others(cells: [u32; WIDTH], at: usize) -> [f64; 4] {
    let cells = cells.map(|bits| f64::from(f32::from_bits(bits)));
    let pairs: [f64; 8] =
        std::array::from_fn(|at| cells[at % 4 + at / 4 * 8] + cells[at % 4 + at / 4 * 8 + 4]);
    let fours: [f64; 4] = std::array::from_fn(|at| pairs[at] + pairs[at + 4]);
    let eights = [fours[0] + fours[1], fours[2] + fours[3]];
    let four = at % 4;
    [
        cells[at ^ 4],
        pairs[((at / 8) ^ 1) * 4 + four],
        fours[four ^ 1],
        eights[(four / 2) ^ 1],
    ]
}
