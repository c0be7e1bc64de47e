//! What a pool keeps in its segment, and where. The byte map is in `docs/design.md`.
//!
//! Imports the segment, the tree and the leases; knows no record type.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::lease::{BLOCKS, LeaseList, filter_words};
use crate::os::cpu::CACHE_LINE;
use crate::record::Schema;
use crate::segment::{Bytes, Carver, Header, Mapping, PARAMETERS, Region, Shared, Span, Structure};
use crate::sync::EventWords;
use crate::tree::{LARGEST_LEAF, Shards, SumTree};

/// The largest capacity: slots are named by 32 bits, with one value to spare.
pub(super) const LARGEST_CAPACITY: u64 = u32::MAX as u64 - 1;

/// The pool's own words.
#[repr(C, align(64))]
pub(super) struct Control {
    /// The key of the next insertion. Raised by: every writer, without a lock.
    pub(super) next_key: AtomicU64,
    unused: [AtomicU64; 7],
    /// The largest leaf there ever was, as the bits of an `f32`: the priority of a new record. On a
    /// line of its own, as all read it and few raise it. Raised by: owners of a shard's lock.
    pub(super) highest: AtomicU32,
    unused_too: [AtomicU32; 15],
    /// Raised when records were committed.
    pub(super) grown: EventWords,
}

const _: () = assert!(size_of::<Control>() == 192);
const _: () = assert!(std::mem::offset_of!(Control, highest) == 64);
const _: () = assert!(std::mem::offset_of!(Control, grown) == 128);

/// How many slots of a shard are committed, on a line of its own. Written by: the owner of the shard's
/// lock.
#[repr(C, align(64))]
pub(super) struct Length(pub(super) AtomicU64);

// SAFETY: an atomic integer and padding.
unsafe impl Shared for Length {}

// SAFETY: made of atomic integers.
unsafe impl Shared for Control {}

/// The word of a participant's lease list, on a line of its own. Written by: that participant.
#[repr(C, align(64))]
pub(super) struct LeaseLine {
    blocks: AtomicU64,
}

// SAFETY: an atomic integer and padding.
unsafe impl Shared for LeaseLine {}

/// The numbers that a pool is laid out from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Shape {
    pub(super) capacity: u64,
    pub(super) alpha: f32,
    /// Cells of a lease list: a power of two, and [`BLOCKS`] at least.
    pub(super) leases: u64,
}

impl Shape {
    pub(super) fn to_parameters(self) -> [u64; PARAMETERS] {
        let mut parameters = [0; PARAMETERS];
        parameters[0] = self.capacity;
        parameters[1] = u64::from(self.alpha.to_bits());
        parameters[2] = self.leases;
        parameters
    }

    pub(super) fn from_header(header: &Header) -> Result<Self, String> {
        let [capacity, alpha, leases, ..] = header.parameters;
        let alpha = u32::try_from(alpha).map_err(|_| format!("its alpha has bits {alpha:#x}"))?;
        let alpha = f32::from_bits(alpha);
        if !(1..=LARGEST_CAPACITY).contains(&capacity) {
            return Err(format!("its capacity is {capacity}"));
        }
        if !(0.0..=f32::MAX).contains(&alpha) {
            return Err(format!("its alpha is {alpha}"));
        }
        if !leases.is_power_of_two() || leases < BLOCKS as u64 || leases > LARGEST_CAPACITY {
            return Err(format!("it has {leases} leases a participant"));
        }
        Ok(Self {
            capacity,
            alpha,
            leases,
        })
    }

    /// The parts of the pool that are locked one by one.
    pub(super) fn shards(self) -> Shards {
        Shards::of(self.capacity as usize)
    }
}

/// Bytes from one record to the next: whole cache lines for a record that needs more than one.
pub(super) fn stride_of(size: usize) -> usize {
    match size {
        0..=CACHE_LINE => size,
        _ => size.next_multiple_of(CACHE_LINE),
    }
}

/// 2^64 divided by `divisor`, rounded down; one less where the division comes out even.
fn reciprocal_of(divisor: u64) -> u64 {
    u64::MAX / divisor
}

/// `number % divisor` by a multiplication with the divisor's reciprocal (Granlund and Montgomery
/// 1994, "Division by invariant integers using multiplication").
///
/// The reciprocal is short of 2^64 / divisor by at most 1, so the product's upper half is short of
/// number / divisor by less than 1 before it is rounded down, and of the quotient by at most 1 after.
#[inline(always)]
fn remainder(number: u64, divisor: u64, reciprocal: u64) -> u64 {
    let quotient = (u128::from(number) * u128::from(reciprocal)) >> 64;
    let rest = number - quotient as u64 * divisor;
    match rest >= divisor {
        true => rest - divisor,
        false => rest,
    }
}

/// Where a pool's regions lie.
pub(crate) struct Layout {
    shape: Shape,
    stride: usize,
    control: Span<Control>,
    lengths: Span<Length>,
    lessees: Span<AtomicU64>,
    lease_lines: Span<LeaseLine>,
    lease_filters: Span<AtomicU64>,
    lease_cells: Span<AtomicU32>,
    words: Span<AtomicU64>,
    tree: Span<AtomicU32>,
    records: Span<u8>,
}

/// The regions of a pool.
pub(crate) struct Parts {
    pub(super) shape: Shape,
    pub(super) shards: Shards,
    pub(super) stride: usize,
    /// 2^64 divided by the capacity, rounded down; see [`Self::slot_of`].
    reciprocal: u64,
    pub(super) control: Region<Control>,
    pub(super) lengths: Region<Length>,
    /// A bit for each participant that ever held a lease. Set by that participant.
    lessees: Region<AtomicU64>,
    lease_lines: Region<LeaseLine>,
    lease_filters: Region<AtomicU64>,
    lease_cells: Region<AtomicU32>,
    /// The slots' words. Written by: the owner of the lock of the slot's shard.
    pub(super) words: Region<AtomicU64>,
    pub(super) tree: SumTree,
    /// The records. Written by: who claimed the slot.
    pub(super) records: Bytes,
}

impl Structure for Parts {
    const KIND: &'static str = "pool";
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> Result<Layout, String> {
        let shape = Shape::from_header(header)?;
        let schema = Schema::parse(&header.schema).map_err(|why| format!("its schema: {why}"))?;
        let (capacity, participants) = (shape.capacity as usize, header.participants);
        let (shards, leases) = (shape.shards(), shape.leases as usize);
        if header.locks != shards.count() {
            let (found, expected) = (header.locks, shards.count());
            return Err(format!(
                "it has {found} locks, and a pool of its size {expected}"
            ));
        }
        let stride = stride_of(schema.size());
        let carved = (|| {
            Some(Layout {
                shape,
                stride,
                control: carver.carve(1)?,
                lengths: carver.carve(shards.count())?,
                lessees: carver.carve(participants.div_ceil(64))?,
                lease_lines: carver.carve(participants)?,
                lease_filters: carver.carve(participants.checked_mul(filter_words(leases))?)?,
                lease_cells: carver.carve(participants.checked_mul(leases)?)?,
                words: carver.carve(capacity)?,
                tree: SumTree::carve(carver, shards)?,
                records: carver.carve(capacity.checked_mul(stride)?)?,
            })
        })();
        carved.ok_or_else(|| "it is larger than the address space".into())
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        let shards = layout.shape.shards();
        Self {
            shards,
            reciprocal: reciprocal_of(layout.shape.capacity),
            control: mapping.region(&layout.control),
            lengths: mapping.region(&layout.lengths),
            lessees: mapping.region(&layout.lessees),
            lease_lines: mapping.region(&layout.lease_lines),
            lease_filters: mapping.region(&layout.lease_filters),
            lease_cells: mapping.region(&layout.lease_cells),
            words: mapping.region(&layout.words),
            tree: SumTree::place(&layout.tree, shards, mapping),
            records: mapping.bytes(&layout.records),
            shape: layout.shape,
            stride: layout.stride,
        }
    }

    fn initialise(&self, _header: &Header) {
        // Schaul et al. 2016, algorithm 1: the first priority is 1, and 1^alpha is 1.
        self.control()
            .highest
            .store(1f32.to_bits(), Ordering::Relaxed);
    }

    fn reset(&self, entry: usize) {
        self.lease_list(entry).clear();
        // Release: a writer that sees the bit cleared knows that the reads are over.
        self.lessees[entry / 64].fetch_and(!(1 << (entry % 64)), Ordering::Release);
    }
}

impl Parts {
    #[inline(always)]
    pub(super) fn control(&self) -> &Control {
        &self.control[0]
    }

    #[inline(always)]
    pub(super) fn capacity(&self) -> usize {
        self.words.len()
    }

    /// The slot of a key: the remainder by the capacity, without a division.
    #[inline(always)]
    pub(super) fn slot_of(&self, key: u64) -> usize {
        remainder(key, self.shape.capacity, self.reciprocal) as usize
    }

    /// The largest leaf there ever was; 1, as in a new pool, where it cannot be (in a damaged segment).
    #[inline]
    pub(super) fn highest(&self) -> f32 {
        let highest = f32::from_bits(self.control().highest.load(Ordering::Relaxed));
        match highest > 0.0 && highest <= LARGEST_LEAF {
            true => highest,
            false => 1.0,
        }
    }

    /// Makes `highest` no less than these leaves. Before they are written: who dies in between leaves
    /// none above the highest.
    #[inline]
    pub(super) fn raise_highest(&self, leaves: &[f32]) {
        let largest = leaves.iter().copied().fold(0.0, f32::max);
        if largest > self.highest() {
            // Numbers that are not negative are in the order of their bits.
            let highest = &self.control().highest;
            highest.fetch_max(largest.to_bits(), Ordering::Relaxed);
        }
    }

    /// How many records there are, as the shards count them.
    pub(super) fn len(&self) -> usize {
        let counted = self
            .lengths
            .iter()
            .map(|length| length.0.load(Ordering::Relaxed));
        // In a damaged segment they may say anything.
        counted
            .fold(0, u64::saturating_add)
            .min(self.shape.capacity) as usize
    }

    /// The lease list of a participant.
    #[inline(always)]
    pub(super) fn lease_list(&self, entry: usize) -> LeaseList<'_> {
        let count = self.shape.leases as usize;
        let words = filter_words(count);
        LeaseList {
            blocks: &self.lease_lines[entry].blocks,
            filters: &self.lease_filters[entry * words..(entry + 1) * words],
            cells: &self.lease_cells[entry * count..(entry + 1) * count],
        }
    }

    /// Says that this participant holds leases, once and for all. Before the fence of a lease.
    #[inline(always)]
    pub(super) fn register_lessee(&self, entry: usize) {
        let (word, bit) = (&self.lessees[entry / 64], 1 << (entry % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// The participants that may hold leases. After the fence of a claim.
    #[inline(always)]
    pub(super) fn lessees(&self) -> impl Iterator<Item = usize> + '_ {
        let participants = self.lease_lines.len();
        self.lessees
            .iter()
            .enumerate()
            .flat_map(move |(at, word)| {
                // Acquire: pairs with the Release in `reset`.
                let mut bits = word.load(Ordering::Acquire);
                std::iter::from_fn(move || {
                    let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
                    bits &= bits - 1;
                    Some(at * 64 + bit)
                })
            })
            .filter(move |&entry| entry < participants)
    }

    /// The address of the record in a slot.
    #[inline(always)]
    pub(super) fn record(&self, slot: usize) -> *mut u8 {
        self.records.at(slot * self.stride, self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remainder_is_what_a_division_gives() {
        let divisors = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) + 1, (1 << bit) - 1]);
        for divisor in divisors.filter(|&divisor| divisor > 0) {
            let reciprocal = reciprocal_of(divisor);
            let near = |multiple: u64| {
                let multiple = multiple.wrapping_mul(divisor);
                [multiple.wrapping_sub(1), multiple, multiple.wrapping_add(1)]
            };
            let far = [u64::MAX, u64::MAX - 1, u64::MAX / 2, u64::MAX / 3];
            for number in (0..100).flat_map(near).chain(far) {
                assert_eq!(remainder(number, divisor, reciprocal), number % divisor);
            }
        }
    }
}
