//! What a dictionary keeps in its segment, and where: words that never move. The rows and the indexes lie
//! in companion files that grow (`storage.rs`).
//!
//! Touches its own words only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::keys::{Keys, SIZE};
use super::shape::{Generation, Size};
use crate::record::Schema;
use crate::segment::{
    Carver, Header, Mapping, Readers, ReadersSpan, Region, Rows, Shared, Span, Structure, too_large,
};

/// How many rows share a sequence number. A power of two.
const STRIPES: usize = 1024;

/// Which index is in use. Read by everybody; written by: the owner of the lock.
#[repr(C, align(64))]
pub(super) struct Control {
    pub(super) generation: AtomicU64,
}

/// What the owner of the lock keeps.
#[repr(C, align(64))]
pub(super) struct WriterState {
    pub(super) counts: CountWords,
    /// What is being done; see `journal.rs`.
    pub(super) operation: AtomicU64,
    pub(super) slot: AtomicU64,
    pub(super) row: AtomicU64,
    pub(super) next_free: AtomicU64,
    pub(super) after: CountWords,
    /// Not 0: somebody died with the lock, and nobody who checked the dictionary out was told yet.
    pub(super) interrupted: AtomicU64,
}

#[repr(C)]
pub(super) struct CountWords([AtomicU64; 4]);

const _: () = assert!(size_of::<Control>() == 64);
const _: () = assert!(size_of::<WriterState>() == 128);

// SAFETY: made of atomic integers.
unsafe impl Shared for Control {}
// SAFETY: made of atomic integers.
unsafe impl Shared for WriterState {}

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Keys.
    pub(super) len: u64,
    /// Rows that are or were in use: those from here on were never.
    pub(super) filled: u64,
    /// Slots that are not empty.
    pub(super) used: u64,
    /// The first free row below `filled`, plus 1, or 0.
    pub(super) free: u64,
}

impl CountWords {
    pub(super) fn load(&self) -> Counts {
        let [len, filled, used, free] = self.0.each_ref().map(|word| word.load(Ordering::Relaxed));
        Counts {
            len,
            filled,
            used,
            free,
        }
    }

    pub(super) fn store(&self, counts: Counts) {
        let values = [counts.len, counts.filled, counts.used, counts.free];
        for (word, value) in self.0.iter().zip(values) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// How many keys there are, for anybody.
    pub(super) fn len(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }
}

/// The regions of a dictionary.
pub(super) struct Parts {
    pub(super) readers: Readers,
    control: Region<Control>,
    writer_state: Region<WriterState>,
    /// Sequence numbers: odd while a row of the stripe is being changed in place. Written by: the owner of
    /// the lock.
    stripes: Region<AtomicU64>,
    /// The row that is being changed, as it is to be.
    pub(super) draft: Rows,
    pub(super) keys: Keys,
    /// What a row is.
    pub(super) schema: Schema,
}

pub(super) struct Layout {
    readers: ReadersSpan,
    control: Span<Control>,
    writer_state: Span<WriterState>,
    stripes: Span<AtomicU64>,
    draft: Span<u8>,
    keys: Keys,
    schema: Schema,
}

impl Structure for Parts {
    const KIND: &'static str = "dictionary";
    const COMPANIONS: usize = 3;
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Layout, String> {
        if Size::from_exponent(header.parameters[SIZE]).is_none() {
            return Err(format!("its size is {}", header.parameters[SIZE]));
        }
        if header.locks != 1 {
            let locks = header.locks;
            return Err(format!("it has {locks} locks, and a dictionary has 1"));
        }
        let (keys, schema) = (Keys::read(header)?, header.record_schema()?);
        let carved = (|| {
            Some(Layout {
                readers: Readers::carve(header, carver)?,
                control: carver.carve(1)?,
                writer_state: carver.carve(1)?,
                stripes: carver.carve(STRIPES)?,
                draft: carver.carve(schema.size())?,
                keys,
                schema,
            })
        })();
        carved.ok_or_else(too_large)
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        Self {
            readers: Readers::place(&layout.readers, mapping),
            control: mapping.region(&layout.control),
            writer_state: mapping.region(&layout.writer_state),
            stripes: mapping.region(&layout.stripes),
            draft: Rows::place(mapping, &layout.draft, layout.schema.size()),
            keys: layout.keys,
            schema: layout.schema,
        }
    }

    fn first_lengths(header: &Header) -> Vec<u64> {
        const CHECKED: &str = "checked by lay_out";
        let size = Size::from_exponent(header.parameters[SIZE]).expect(CHECKED);
        let keys = Keys::read(header).expect(CHECKED);
        let row_size = header.record_schema().expect(CHECKED).size();
        let rows = keys.width.rows(size).saturating_mul(row_size);
        let index = keys.index_length(size).unwrap_or(usize::MAX);
        vec![rows as u64, index as u64, 0]
    }

    fn initialise(&self, header: &Header) {
        let first = Generation {
            number: 0,
            size: Size::from_exponent(header.parameters[SIZE]).expect("checked by lay_out"),
        };
        let word = first.to_word();
        self.control[0].generation.store(word, Ordering::Relaxed);
    }

    fn reset(&self, entry: usize) {
        self.readers.reset(entry);
    }
}

impl Parts {
    /// The word of the index in use.
    #[inline(always)]
    pub(super) fn generation(&self) -> &AtomicU64 {
        &self.control[0].generation
    }

    #[inline(always)]
    pub(super) fn writer_state(&self) -> &WriterState {
        &self.writer_state[0]
    }

    /// The sequence number of a row.
    #[inline(always)]
    pub(super) fn stripe(&self, row: usize) -> &AtomicU64 {
        &self.stripes[row % STRIPES]
    }
}
