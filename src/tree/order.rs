//! Trees that find the leaf that comes first: the lowest, or the highest.
//!
//! One stands above the same leaves as a sum tree, with nodes of the same shape. Where the sum tree
//! keeps sums, this tree keeps the first *rank* of its sixteen children. A rank is an integer that is larger
//! the earlier a leaf comes, and 0 for a leaf that is left out. Derived from the leaves alone.
//! Written under the shard's lock, read without. Touches its own region only.

use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Levels, Shards, SumTree, WIDTH};
use crate::os::fail_point;
use crate::segment::{Carver, Mapping, Region, Span};

/// The order of leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// The lowest first, and so those of 0.
    Lowest,
    /// The highest first, and those of 0 last.
    Highest,
    /// The lowest first, without those of 0.
    LowestPositive,
    /// The highest first, without those of 0.
    HighestPositive,
}

/// All leaves below are left out.
const NOTHING: u32 = 0;

impl Order {
    /// The rank of a leaf. Numbers that are not negative are in the order of their bits.
    #[inline(always)]
    fn rank(self, leaf: f32) -> u32 {
        let bits = leaf.to_bits();
        match self {
            Self::LowestPositive | Self::HighestPositive if bits == 0 => NOTHING,
            Self::Lowest | Self::LowestPositive => !bits,
            Self::Highest | Self::HighestPositive => bits | 1 << 31,
        }
    }

    /// The leaf of a rank.
    fn leaf(self, rank: u32) -> f32 {
        f32::from_bits(match self {
            Self::Lowest | Self::LowestPositive => !rank,
            Self::Highest | Self::HighestPositive => rank & !(1 << 31),
        })
    }
}

/// The first ranks of all shards, in a segment.
pub(crate) struct OrderTree {
    /// The levels above the leaves. Written by: the owner of the shard's lock.
    cells: Region<AtomicU32>,
    levels: Levels,
    shards: Shards,
    pub(crate) order: Order,
}

impl OrderTree {
    /// Carves the levels above the leaves of these shards.
    pub(crate) fn carve(carver: &mut Carver, shards: Shards) -> Option<Span<AtomicU32>> {
        let levels = Levels::of(shards.places(0));
        carver.carve(shards.count().checked_mul(levels.above())?)
    }

    /// The tree in a span that was carved for `shards`.
    pub(crate) fn place(
        span: &Span<AtomicU32>,
        shards: Shards,
        order: Order,
        mapping: &Arc<Mapping>,
    ) -> Self {
        Self {
            cells: mapping.region(span),
            levels: Levels::of(shards.places(0)),
            shards,
            order,
        }
    }

    /// Recomputes the nodes above the leaf of a slot.
    #[inline]
    pub(crate) fn refresh(&self, leaves: &SumTree, slot: usize) {
        let shard = self.shards.shard_of(slot);
        let mut node = self.shards.place_of(slot);
        for level in 1..self.levels.starts.len() {
            node /= WIDTH;
            let first = self.first_of(leaves, shard, level, node);
            let cell = &self.cells[self.cell(shard, level, node)];
            if cell.load(Ordering::Relaxed) == first {
                return; // the nodes further up do not change either
            }
            cell.store(first, Ordering::Relaxed);
            fail_point("tree.order");
        }
    }

    /// Recomputes all nodes of a shard.
    pub(crate) fn rebuild(&self, leaves: &SumTree, shard: usize) {
        for (level, &last) in self.levels.lasts.iter().enumerate().skip(1) {
            for node in 0..=last as usize {
                let first = self.first_of(leaves, shard, level, node);
                self.cells[self.cell(shard, level, node)].store(first, Ordering::Relaxed);
            }
        }
    }

    /// Returns a node that does not match its children, if there is one.
    pub(crate) fn find_contradiction(&self, leaves: &SumTree) -> Option<String> {
        (0..self.shards.count()).find_map(|shard| {
            let nodes = self.levels.lasts.iter().enumerate().skip(1);
            let mut nodes =
                nodes.flat_map(|(level, &last)| (0..=last as usize).map(move |node| (level, node)));
            nodes.find_map(|(level, node)| {
                let found = self.read(shard, level, node);
                let first = self.first_of(leaves, shard, level, node);
                (found != first).then(|| {
                    let order = self.order;
                    format!("{order:?} {node} of level {level} of shard {shard} is {found:#x}, not {first:#x}")
                })
            })
        })
    }

    /// The first leaf of all; `None` if all are left out.
    pub(crate) fn first(&self) -> Option<f32> {
        let top = self.levels.starts.len() - 1;
        let ranks = (0..self.shards.count()).map(|shard| self.read(shard, top, 0));
        let first = ranks.max().filter(|&rank| rank != NOTHING)?;
        Some(self.order.leaf(first))
    }

    /// Walks through the leaves in order. Among equal leaves it begins at slot `turn` and wraps around. Leaves
    /// that change during the walk come at the position at which they were found.
    pub(crate) fn walk<'a>(&'a self, leaves: &'a SumTree, turn: usize) -> Walk<'a> {
        let top = self.levels.starts.len() - 1;
        let mut walk = Walk {
            tree: self,
            leaves,
            turn: turn % self.shards.slots(),
            found: BinaryHeap::new(),
        };
        for shard in 0..self.shards.count() {
            walk.push(shard, top, 0);
        }
        walk
    }

    /// The first rank among the children of a node.
    #[inline]
    fn first_of(&self, leaves: &SumTree, shard: usize, level: usize, node: usize) -> u32 {
        let children = node * WIDTH..((node + 1) * WIDTH).min(self.children(shard, level));
        let ranks = children.map(|child| self.rank(leaves, shard, level - 1, child));
        ranks.max().unwrap_or(NOTHING)
    }

    /// The number of children of all nodes of a level together.
    #[inline(always)]
    fn children(&self, shard: usize, level: usize) -> usize {
        match level {
            1 => self.shards.places(shard),
            _ => self.levels.lasts[level - 1] as usize + 1,
        }
    }

    #[inline(always)]
    fn rank(&self, leaves: &SumTree, shard: usize, level: usize, node: usize) -> u32 {
        match level {
            0 => self.order.rank(leaves.leaf_at(shard, node)),
            _ => self.read(shard, level, node),
        }
    }

    #[inline(always)]
    fn read(&self, shard: usize, level: usize, node: usize) -> u32 {
        self.cells[self.cell(shard, level, node)].load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn cell(&self, shard: usize, level: usize, node: usize) -> usize {
        let below = self.levels.starts[1];
        shard * self.levels.above() + (self.levels.starts[level] - below) + node
    }
}

/// Slots and their leaves, in order.
pub(crate) struct Walk<'a> {
    tree: &'a OrderTree,
    leaves: &'a SumTree,
    turn: usize,
    found: BinaryHeap<Node>,
}

/// A node that was reached: the first rank below it, its distance from the turn, and its position.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Node {
    rank: u32,
    nearness: u32,
    level: u8,
    shard: u8,
    number: u32,
}

impl Walk<'_> {
    fn push(&mut self, shard: usize, level: usize, number: usize) {
        let rank = self.tree.rank(self.leaves, shard, level, number);
        if rank == NOTHING {
            return;
        }
        let shards = self.tree.shards;
        let width = level as u32 * WIDTH.ilog2();
        let places = number << width..((number + 1) << width).min(shards.places(shard));
        let turn = shards.places_before(shard, self.turn);
        // The slot below this node to which the turn comes first.
        let place = if places.contains(&turn) {
            turn
        } else {
            places.start
        };
        let slot = shards.slot_at(shard, place);
        // Distances are less than the number of slots, which fits into 32 bits.
        let after = match slot >= self.turn {
            true => slot - self.turn,
            false => slot + shards.slots() - self.turn,
        };
        self.found.push(Node {
            rank,
            nearness: !(after as u32),
            level: level as u8,
            shard: shard as u8,
            number: number as u32,
        });
    }
}

impl Iterator for Walk<'_> {
    type Item = (usize, f32);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(node) = self.found.pop() {
            let (shard, number) = (usize::from(node.shard), node.number as usize);
            if node.level == 0 {
                let slot = self.tree.shards.slot_at(shard, number);
                return Some((slot, self.tree.order.leaf(node.rank)));
            }
            let level = usize::from(node.level);
            let last = self.tree.children(shard, level);
            for child in number * WIDTH..((number + 1) * WIDTH).min(last) {
                self.push(shard, level - 1, child);
            }
        }
        None
    }
}
