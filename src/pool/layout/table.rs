//! A table: the priorities of all records for one way of sampling them. The pool itself is the first;
//! each of its views is another, over the same records.
//!
//! Leaves are written under the lock of their slot's shard, and whatever stands above them at once.
//! Imports the tree; knows no record type.

use super::saved_table::SavedTable;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::quota::lower;
use super::shape::{Shape, TableShape};
use super::tally::{ABSENT, Tally};
use crate::error::{Error, Result};
use crate::segment::{Carver, Mapping, Region, Shared, Span};
use crate::sync::EventWords;
use crate::tree::{LARGEST_LEAF, Order, OrderTree, RUN, SMALLEST_LEAF, SumTree};

/// A table's own words.
#[repr(C, align(64))]
pub(crate) struct TableWords {
    /// The largest leaf there ever was, as the bits of an `f32`: the priority of a new record. On a
    /// line of its own, as all read it and few raise it. Raised by: owners of a shard's lock.
    pub(crate) highest: AtomicU32,
    unused: [AtomicU32; 15],
    /// Records inserted and sampled, for the rate limiter; see `limit.rs`.
    pub(crate) inserted: AtomicU64,
    pub(crate) sampled: AtomicU64,
    unused_too: [AtomicU64; 6],
    /// Raised when what inserts may wait for has changed.
    pub(crate) drained: EventWords,
}

const _: () = assert!(size_of::<TableWords>() == 192);

// SAFETY: made of atomic integers.
unsafe impl Shared for TableWords {}

/// Where a table's regions lie.
pub(crate) struct TableSpans {
    words: Span<TableWords>,
    tree: Span<AtomicU32>,
    orders: Vec<(Order, Span<AtomicU32>)>,
    tallies: Option<Span<AtomicU64>>,
}

impl TableSpans {
    pub(crate) fn carve(carver: &mut Carver, shape: &Shape, table: usize) -> Option<Self> {
        let shards = shape.shards();
        let words = carver.carve(1)?;
        let tree = SumTree::carve(carver, shards)?;
        let mut orders = Vec::new();
        for order in shape.orders(table) {
            orders.push((order, OrderTree::carve(carver, shards)?));
        }
        let tallies = match shape.counts(table) {
            true => Some(carver.carve(shape.capacity as usize)?),
            false => None,
        };
        Some(Self {
            words,
            tree,
            orders,
            tallies,
        })
    }
}

/// A table of a pool.
pub(crate) struct Table {
    pub(crate) shape: TableShape,
    pub(crate) tree: SumTree,
    orders: Vec<OrderTree>,
    /// How often each slot's record was sampled (`tally.rs`). Written by: who claimed the slot; who has leased it;
    /// the owner of the shard's lock.
    tallies: Option<Region<AtomicU64>>,
    words: Region<TableWords>,
}

impl Table {
    pub(crate) fn place(
        spans: TableSpans,
        shape: &Shape,
        number: usize,
        mapping: &Arc<Mapping>,
    ) -> Self {
        let shards = shape.shards();
        let orders = spans.orders.iter();
        Self {
            shape: shape.tables[number].clone(),
            tree: SumTree::place(&spans.tree, shards, mapping),
            orders: orders
                .map(|(order, span)| OrderTree::place(span, shards, *order, mapping))
                .collect(),
            tallies: spans.tallies.map(|span| mapping.region(&span)),
            words: mapping.region(&spans.words),
        }
    }

    #[inline(always)]
    pub(crate) fn words(&self) -> &TableWords {
        &self.words[0]
    }

    /// Writes the first contents; everything is zero before.
    pub(crate) fn initialise(&self, shards: usize) {
        // Schaul et al. 2016, algorithm 1: the first priority is 1, and 1^alpha is 1.
        let highest = &self.words().highest;
        highest.store(1f32.to_bits(), Ordering::Relaxed);
        (0..shards).for_each(|shard| self.rebuild_orders(shard));
    }

    /// The largest leaf there ever was; 1, as in a new pool, where it cannot be (in a damaged segment).
    #[inline]
    pub(crate) fn highest(&self) -> f32 {
        let highest = f32::from_bits(self.words().highest.load(Ordering::Relaxed));
        match highest > 0.0 && highest <= LARGEST_LEAF {
            true => highest,
            false => 1.0,
        }
    }

    /// Makes `highest` no less than these leaves. Before they are written: who dies in between leaves
    /// none above the highest.
    #[inline]
    pub(crate) fn raise_highest(&self, leaves: &[f32]) {
        let largest = leaves.iter().copied().fold(0.0, f32::max);
        if largest > self.highest() {
            // Numbers that are not negative are in the order of their bits.
            let highest = &self.words().highest;
            highest.fetch_max(largest.to_bits(), Ordering::Relaxed);
        }
    }

    /// The leaf of a priority: `priority^alpha`, and 0 for 0 whatever alpha is, so that a record of
    /// priority 0 is never sampled; a positive priority never becomes 0.
    #[inline]
    pub(crate) fn leaf_of(&self, priority: f32) -> f32 {
        if priority == 0.0 {
            return 0.0;
        }
        priority.powf(self.shape.alpha).max(SMALLEST_LEAF)
    }

    /// The leaf of a new record; 0 where it is not to be in the table.
    pub(crate) fn first_leaf(&self, priority: Option<f32>) -> f32 {
        let leaf = priority.map_or(0.0, |priority| self.leaf_of(priority));
        self.raise_highest(&[leaf]);
        leaf
    }

    /// Gives slots of one run, in rising order, new leaves.
    #[inline(always)]
    pub(crate) fn assign_run(&self, slots: &[u32], leaves: &[f32]) {
        self.tree.assign_run(slots, leaves);
        self.refresh_orders(slots);
    }

    /// Gives slots of one shard new leaves. Uses `slots` up.
    #[inline]
    pub(crate) fn assign(&self, slots: &mut [u32], leaves: &[f32]) {
        match self.orders.is_empty() {
            true => self.tree.assign(slots, leaves),
            false => {
                self.tree.assign(&mut slots.to_vec(), leaves);
                self.refresh_orders(slots);
            }
        }
    }

    #[inline(always)]
    fn refresh_orders(&self, slots: &[u32]) {
        if !self.orders.is_empty() {
            self.refresh_each_order(slots);
        }
    }

    #[cold]
    fn refresh_each_order(&self, slots: &[u32]) {
        for order in &self.orders {
            for slot in slots {
                order.refresh(&self.tree, *slot as usize);
            }
        }
    }

    fn rebuild_orders(&self, shard: usize) {
        for order in &self.orders {
            order.rebuild(&self.tree, shard);
        }
    }

    /// Recomputes everything of a shard that is derived from its leaves.
    pub(crate) fn rebuild(&self, shard: usize) {
        self.tree.rebuild(shard);
        self.rebuild_orders(shard);
    }

    /// What [`Self::rebuild`] would change, if anything.
    pub(crate) fn find_contradiction(&self) -> Option<String> {
        let orders = self.orders.iter();
        let mut orders = orders.filter_map(|order| order.find_contradiction(&self.tree));
        self.tree.find_contradiction().or_else(|| orders.next())
    }

    /// The tree that knows which leaf comes first, if the table has it.
    pub(crate) fn order(&self, order: Order) -> Option<&OrderTree> {
        self.orders.iter().find(|tree| tree.order == order)
    }

    /// The lowest leaf above 0, if there is one.
    pub(crate) fn lowest(&self) -> Result<Option<f32>> {
        match self.order(Order::LowestPositive) {
            Some(tree) if !self.counts_samples() => Ok(tree.first()),
            Some(tree) => {
                let mut leaves = tree.walk(&self.tree, 0);
                Ok(leaves.find_map(|(slot, leaf)| (!self.is_exhausted(slot)).then_some(leaf)))
            }
            None => Err(Error::InvalidArgument {
                what: "a pool that does not keep its lowest priority at hand",
                found: "asked for it".into(),
                expected: "created with `PoolOptions::ordered`".into(),
            }),
        }
    }

    /// Makes the records of claimed slots such as were never sampled; or such as are not in the table.
    #[inline]
    pub(crate) fn begin_counts(&self, slots: &[u32], present: bool) {
        if self.counts_samples() {
            let count = if present { 0 } else { ABSENT };
            slots
                .iter()
                .for_each(|slot| self.set_sampled(*slot as usize, count));
        }
    }

    /// Whether the table counts how often records are sampled.
    #[inline]
    pub(crate) fn counts_samples(&self) -> bool {
        self.tallies.is_some()
    }

    /// The samples of the record in a slot, if the table counts them.
    #[inline]
    pub(crate) fn tally(&self, slot: usize) -> Option<Tally<'_>> {
        let tallies = self.tallies.as_ref()?;
        let most = match self.shape.times {
            0 => ABSENT,
            times => times,
        };
        Some(Tally {
            word: &tallies[slot],
            most,
        })
    }

    /// How often the record of a slot was sampled, or [`ABSENT`]; 0 where that is not counted.
    pub(crate) fn sampled(&self, slot: usize) -> u32 {
        self.tally(slot).map_or(0, Tally::finished)
    }

    /// Makes the record of a claimed slot one that was sampled so often.
    pub(crate) fn set_sampled(&self, slot: usize, count: u32) {
        if let Some(tally) = self.tally(slot) {
            tally.restart(count);
        }
    }

    /// Takes a pending sample of a leased record back.
    pub(crate) fn take_back(&self, slot: usize) {
        if self.tally(slot).is_some_and(Tally::take_back) && self.shape.is_queue() {
            self.give_back_inserted(1);
        }
    }

    /// Makes the record of a slot one that has left; once the slot's word says so. What goes from a queue before it
    /// was sampled is waited for no more.
    pub(crate) fn leave(&self, slot: usize) {
        if self.shape.is_queue() && self.tally(slot).is_some_and(Tally::leave) {
            self.give_back_inserted(1);
        }
    }

    /// Whether the record of a slot may be sampled once more, by what is known now.
    #[inline]
    pub(crate) fn is_open(&self, slot: usize) -> bool {
        self.tally(slot).is_none_or(Tally::is_open)
    }

    /// Whether the record of a slot was sampled as often as it may be, or is not in the table. That stays so.
    #[inline]
    pub(crate) fn is_exhausted(&self, slot: usize) -> bool {
        self.tally(slot).is_some_and(Tally::is_exhausted)
    }

    /// Whether the record of a slot has a priority and may not be sampled: somebody died before that was changed,
    /// or is about to change it.
    pub(crate) fn is_spent(&self, slot: usize) -> bool {
        self.is_exhausted(slot) && self.tree.leaf(slot) != 0.0
    }

    /// Makes it as if so many records had not been inserted.
    pub(crate) fn give_back_inserted(&self, count: u64) {
        lower(&self.words().inserted, count);
    }

    /// How many records were inserted and sampled, or are about to be.
    pub(crate) fn passed(&self) -> (u64, u64) {
        let (inserted, sampled) = (&self.words().inserted, &self.words().sampled);
        (
            inserted.load(Ordering::Relaxed),
            sampled.load(Ordering::Relaxed),
        )
    }

    /// Gives slots of one run, in rising order, what a snapshot says of their records, from number `first`
    /// on; what new records have, where it says nothing. Under the lock of their shard.
    pub(crate) fn restore(&self, slots: &[u32], saved: Option<&SavedTable>, first: usize) {
        let leaves = match saved {
            Some(saved) => &saved.leaves[first..][..slots.len()],
            None => &[self.highest(); RUN][..slots.len()],
        };
        self.raise_highest(leaves);
        self.assign_run(slots, leaves);
        for (at, &slot) in slots.iter().enumerate() {
            let count = saved.map_or(0, |saved| saved.counts[first + at]);
            self.set_sampled(slot as usize, count);
        }
    }
}
