//! What a pool keeps in its segment, and where. The byte map is in `docs/design.md`.
//!
//! Imports the segment, the tree and the leases; knows no record type.

mod free;
mod links;
mod quotas;
mod repair;
mod rewrites;
mod tallies;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::os::cpu::CACHE_LINE;
use crate::pool::layout::lease::{LeaseList, filter_words};
use crate::pool::layout::remainder::{reciprocal_of, remainder};
use crate::pool::layout::shape::{MOST_TABLES, Shape};
use crate::pool::layout::table::{Table, TableSpans};
use crate::record::Schema;
use crate::segment::{Bytes, Carver, Header, Mapping, Region, Shared, Span, Structure, too_large};
use crate::sync::{EventWords, Marks};
use crate::tree::Shards;

/// The pool's own words.
#[repr(C, align(64))]
pub(crate) struct Control {
    /// The key of the next insertion. Raised by: every writer, without a lock.
    pub(crate) next_key: AtomicU64,
    /// How many slots were claimed that are not the ring's next. Raised by: every writer.
    pub(crate) turn: AtomicU64,
    /// Who saves the pool, or 0; what follows counts only then. See `snapshot/guard.rs`.
    pub(crate) saving: AtomicU64,
    /// Records of keys below this one are copied already. Written by: who saves.
    pub(crate) saved: AtomicU64,
    /// Records of keys from this one on do not belong to the snapshot. Written by: who saves.
    pub(crate) cut: AtomicU64,
    unused: [AtomicU64; 3],
    /// No key below this one is in the ring, or ever will be. Raised by: whoever finds that out.
    pub(crate) oldest: AtomicU64,
    /// The last key whose slot was passed over because its record stays, or was on
    /// its way, plus 1. Raised by: writers.
    pub(crate) passed_over: AtomicU64,
    unused_too: [AtomicU64; 6],
    /// Raised when records were committed.
    pub(crate) grown: EventWords,
}

const _: () = assert!(size_of::<Control>() == 192);
const _: () = assert!(std::mem::offset_of!(Control, oldest) == 64);
const _: () = assert!(std::mem::offset_of!(Control, grown) == 128);

/// What is counted of a shard, on a line of its own. Written by: the owner of the shard's lock.
#[repr(C, align(64))]
pub(crate) struct Counts {
    /// Slots that are committed.
    pub(crate) length: AtomicU64,
    /// Slots in the list of the free ones.
    pub(crate) free: AtomicU64,
}

// SAFETY: atomic integers and padding.
unsafe impl Shared for Counts {}

// SAFETY: made of atomic integers.
unsafe impl Shared for Control {}

/// A participant's own words, on a line of its own. Written by: that participant; after its death by who
/// cleans up, and `rewriting` by who repairs.
#[repr(C, align(64))]
pub(crate) struct Own {
    /// The word of its lease list.
    blocks: AtomicU64,
    /// The key of the record that it is rewriting, plus 1; or 0.
    pub(crate) rewriting: AtomicU64,
    /// Records that rate limiters let it insert, and that are not inserted yet.
    pub(crate) inserting: AtomicU64,
    /// Records that each table's rate limiter let it sample, and that are not sampled yet.
    pub(crate) sampling: [AtomicU64; MOST_TABLES],
    unused: AtomicU64,
}

const _: () = assert!(size_of::<Own>() == CACHE_LINE);

// SAFETY: atomic integers.
unsafe impl Shared for Own {}

/// Bytes from one record to the next: whole cache lines for a record that needs more than one.
pub(crate) fn stride_of(size: usize) -> usize {
    match size {
        0..=CACHE_LINE => size,
        _ => size.next_multiple_of(CACHE_LINE),
    }
}

/// Where the records of a pool are. Good for as long as the pool's `Parts`.
#[derive(Clone, Copy)]
pub(crate) struct Records {
    first: *mut u8,
    stride: usize,
    capacity: usize,
}

impl Records {
    /// The address of the record in a slot.
    #[inline(always)]
    pub(crate) fn at(self, slot: usize) -> *const u8 {
        assert!(slot < self.capacity);
        self.first.wrapping_add(slot * self.stride)
    }
}

/// Where a pool's regions lie.
pub(crate) struct Layout {
    shape: Shape,
    schema: Schema,
    stride: usize,
    control: Span<Control>,
    counts: Span<Counts>,
    lessees: Span<AtomicU64>,
    own: Span<Own>,
    lease_filters: Span<AtomicU64>,
    lease_cells: Span<AtomicU32>,
    words: Span<AtomicU64>,
    tables: Vec<TableSpans>,
    links: Option<Span<AtomicU64>>,
    free: Option<Span<AtomicU32>>,
    drafts: Span<u8>,
    records: Span<u8>,
}

/// The regions of a pool.
pub(crate) struct Parts {
    pub(crate) shape: Shape,
    /// What a record is.
    pub(crate) schema: Schema,
    pub(crate) shards: Shards,
    pub(crate) stride: usize,
    /// Whether inserts may have to wait.
    pub(crate) makes_wait: bool,
    /// 2^64 divided by the capacity, rounded down; see [`Self::slot_of`].
    reciprocal: u64,
    pub(crate) control: Region<Control>,
    pub(crate) counts: Region<Counts>,
    /// A bit for each participant that ever held a lease. Set by that participant.
    lessees: Region<AtomicU64>,
    own: Region<Own>,
    lease_filters: Region<AtomicU64>,
    lease_cells: Region<AtomicU32>,
    /// The slots' words. Written by: the owner of the lock of the slot's shard.
    pub(crate) words: Region<AtomicU64>,
    /// The pool's own, and those of its views.
    pub(crate) tables: Vec<Table>,
    /// For each slot the key of the record before its own in the episode, plus 1, or 0 for the first of an
    /// episode (`link.rs`). Written by: the participant that claimed the slot.
    pub(crate) links: Option<Region<AtomicU64>>,
    /// The free slots of each shard, where claims do not follow the ring. Written by: the owner of the
    /// shard's lock.
    pub(crate) free: Option<Region<AtomicU32>>,
    /// One record for each participant. Written by: that participant.
    drafts: Bytes,
    /// The records. Written by: who claimed the slot.
    records: Bytes,
}

impl Structure for Parts {
    const KIND: &'static str = "pool";
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> Result<Layout, String> {
        let shape = Shape::from_header(header)?;
        let schema = header.record_schema()?;
        let (capacity, participants) = (shape.capacity as usize, header.participants);
        let (shards, leases) = (shape.shards(), shape.leases as usize);
        let locks = shards.count() + 1;
        if header.locks != locks {
            let (found, expected) = (header.locks, locks);
            return Err(format!(
                "it has {found} locks, and a pool of its size {expected}"
            ));
        }
        let stride = stride_of(schema.size());
        let carved = (|| {
            Some(Layout {
                stride,
                control: carver.carve(1)?,
                counts: carver.carve(shards.count())?,
                lessees: carver.carve(Marks::words(participants))?,
                own: carver.carve(participants)?,
                lease_filters: carver.carve(participants.checked_mul(filter_words(leases))?)?,
                lease_cells: carver.carve(participants.checked_mul(leases)?)?,
                words: carver.carve(capacity)?,
                tables: (0..shape.tables.len())
                    .map(|table| TableSpans::carve(carver, &shape, table))
                    .collect::<Option<_>>()?,
                links: match shape.linked {
                    true => Some(carver.carve(capacity)?),
                    false => None,
                },
                free: match shape.remover.follows_the_ring() {
                    true => None,
                    false => Some(carver.carve(shards.count() * shards.places(0))?),
                },
                drafts: carver.carve(participants.checked_mul(stride)?)?,
                records: carver.carve(capacity.checked_mul(stride)?)?,
                shape,
                schema,
            })
        })();
        carved.ok_or_else(too_large)
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        let shards = layout.shape.shards();
        let tables = layout.tables.into_iter().enumerate();
        let tables =
            tables.map(|(number, spans)| Table::place(spans, &layout.shape, number, mapping));
        Self {
            shards,
            tables: tables.collect(),
            makes_wait: layout.shape.makes_wait(),
            reciprocal: reciprocal_of(layout.shape.capacity),
            control: mapping.region(&layout.control),
            counts: mapping.region(&layout.counts),
            lessees: mapping.region(&layout.lessees),
            own: mapping.region(&layout.own),
            lease_filters: mapping.region(&layout.lease_filters),
            lease_cells: mapping.region(&layout.lease_cells),
            words: mapping.region(&layout.words),
            links: layout.links.map(|span| mapping.region(&span)),
            free: layout.free.map(|span| mapping.region(&span)),
            drafts: mapping.bytes(&layout.drafts),
            records: mapping.bytes(&layout.records),
            shape: layout.shape,
            schema: layout.schema,
            stride: layout.stride,
        }
    }

    fn initialise(&self, _header: &Header) {
        for table in &self.tables {
            table.initialise(self.shards.count());
        }
        (0..self.shards.count()).for_each(|shard| self.find_free(shard));
    }

    fn reset(&self, entry: usize) {
        self.take_back_quota(entry);
        self.lease_list(entry).clear();
        Marks(&self.lessees).clear(entry);
    }
}

impl Parts {
    #[inline(always)]
    pub(crate) fn control(&self) -> &Control {
        &self.control[0]
    }

    #[inline(always)]
    pub(crate) fn capacity(&self) -> usize {
        self.words.len()
    }

    /// The slot of a key: the remainder by the capacity, without a division.
    #[inline(always)]
    pub(crate) fn slot_of(&self, key: u64) -> usize {
        remainder(key, self.shape.capacity, self.reciprocal) as usize
    }

    /// How many records there are, as the shards count them.
    pub(crate) fn len(&self) -> usize {
        let counted = self
            .counts
            .iter()
            .map(|counts| counts.length.load(Ordering::Relaxed));
        // In a damaged segment they may say anything.
        counted
            .fold(0, u64::saturating_add)
            .min(self.shape.capacity) as usize
    }

    /// The lease list of a participant.
    #[inline(always)]
    pub(crate) fn lease_list(&self, entry: usize) -> LeaseList<'_> {
        let count = self.shape.leases as usize;
        let words = filter_words(count);
        LeaseList {
            blocks: &self.own[entry].blocks,
            filters: &self.lease_filters[entry * words..(entry + 1) * words],
            cells: &self.lease_cells[entry * count..(entry + 1) * count],
        }
    }

    /// Says that this participant holds leases, once and for all. Before the fence of a lease.
    #[inline(always)]
    pub(crate) fn register_lessee(&self, entry: usize) {
        Marks(&self.lessees).set(entry);
    }

    /// The participants that may hold leases. After the fence of a claim.
    #[inline(always)]
    pub(crate) fn lessees(&self) -> impl Iterator<Item = usize> + '_ {
        let participants = self.own.len();
        let marked = Marks(&self.lessees).iter();
        marked.filter(move |&entry| entry < participants)
    }

    /// A participant's own words.
    #[inline(always)]
    pub(crate) fn own(&self, entry: usize) -> &Own {
        &self.own[entry]
    }

    /// Everybody's own words.
    pub(crate) fn everybody(&self) -> &[Own] {
        &self.own
    }

    /// The address of a participant's draft.
    pub(crate) fn draft(&self, entry: usize) -> *mut u8 {
        self.drafts.at(entry * self.stride, self.stride)
    }

    /// The address of the record in a slot.
    #[inline(always)]
    pub(crate) fn record(&self, slot: usize) -> *mut u8 {
        self.records.at(slot * self.stride, self.stride)
    }

    /// Where all records are, for many that are looked for in a row.
    #[inline(always)]
    pub(crate) fn records(&self) -> Records {
        Records {
            first: self.record(0),
            stride: self.stride,
            capacity: self.capacity(),
        }
    }
}
