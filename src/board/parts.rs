//! What a board keeps in its segment, and where.
//!
//! Imports the segment and the protocol; knows no element type.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::slots::{MOST_BUFFERS, Versions, row_words};
use crate::os::cpu::{CACHE_LINE, LINE_WORDS, load_words, store_words};
use crate::os::fail_point;
use crate::record::Schema;
use crate::segment::{Carver, Header, Mapping, Region, Span, Structure, too_large};
use crate::sync::{EventWords, Marks};

/// Where the numbers stand among the header's.
pub(super) const LENGTH: usize = 0;
pub(super) const BUFFERS: usize = 1;
/// How many buffers a board has that is not told otherwise; why so many, its option says.
pub(super) const DEFAULT_BUFFERS: usize = 4;
/// One is the newest, and one is written.
pub(super) const FEWEST_BUFFERS: usize = 2;

/// The regions of a board.
pub(super) struct Parts {
    /// Raised when a version was published.
    pub(super) published: Region<EventWords>,
    /// What is newest, and then the stamps of all buffers.
    versions: Region<AtomicU64>,
    /// Leases, a row for each participant.
    counts: Region<AtomicU64>,
    /// Who has leased, a bit for each participant.
    lessees: Region<AtomicU64>,
    /// The buffers after one another, each on whole cache lines.
    words: Region<AtomicU64>,
    pub(super) len: usize,
    /// What an element is.
    pub(super) schema: Schema,
}

pub(super) struct Layout {
    published: Span<EventWords>,
    versions: Span<AtomicU64>,
    counts: Span<AtomicU64>,
    lessees: Span<AtomicU64>,
    words: Span<AtomicU64>,
    len: usize,
    schema: Schema,
}

impl Structure for Parts {
    const KIND: &'static str = "board";
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Layout, String> {
        let number = |parameter: usize| {
            usize::try_from(header.parameters[parameter]).map_err(|error| error.to_string())
        };
        let (len, buffers) = (number(LENGTH)?, number(BUFFERS)?);
        if len == 0 {
            return Err("its length is 0".into());
        }
        if !(FEWEST_BUFFERS..=MOST_BUFFERS).contains(&buffers) {
            return Err(format!(
                "it has {buffers} buffers, and a board has {FEWEST_BUFFERS} to {MOST_BUFFERS}"
            ));
        }
        if header.locks != 1 {
            return Err(format!("it has {} locks, and a board has 1", header.locks));
        }
        let schema = header.record_schema()?;
        let carved = (|| {
            let lines = len.checked_mul(schema.size())?.div_ceil(CACHE_LINE);
            let words = lines.checked_mul(LINE_WORDS)?;
            Some(Layout {
                published: carver.carve(1)?,
                versions: carver.carve(1 + buffers)?,
                counts: carver.carve(header.participants.checked_mul(row_words(buffers))?)?,
                lessees: carver.carve(Marks::words(header.participants))?,
                words: carver.carve(words.checked_mul(buffers)?)?,
                len,
                schema,
            })
        })();
        carved.ok_or_else(too_large)
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        Self {
            published: mapping.region(&layout.published),
            versions: mapping.region(&layout.versions),
            counts: mapping.region(&layout.counts),
            lessees: mapping.region(&layout.lessees),
            words: mapping.region(&layout.words),
            len: layout.len,
            schema: layout.schema,
        }
    }

    fn initialise(&self, _header: &Header) {}

    fn reset(&self, entry: usize) {
        self.versions().clear(entry);
    }
}

impl Parts {
    pub(super) fn versions(&self) -> Versions<'_> {
        let (newest, stamps) = self.versions.split_first().expect("more than one word");
        Versions {
            newest,
            stamps,
            counts: &self.counts,
            lessees: &self.lessees,
        }
    }

    pub(super) fn buffers(&self) -> usize {
        self.versions.len() - 1
    }

    /// The words of a buffer, `number` below [`Self::buffers`]: whole cache lines.
    pub(super) fn buffer(&self, number: usize) -> &[AtomicU64] {
        let words = self.words.len() / self.buffers();
        &self.words[number * words..(number + 1) * words]
    }

    /// How many bytes the value has.
    pub(super) fn bytes(&self) -> usize {
        self.len * self.schema.size()
    }

    /// The value in a buffer, as it lies in memory: it begins on a cache line.
    ///
    /// # Safety
    /// No process writes the buffer while the slice lives, and what was written before happened before this call.
    pub(super) unsafe fn value(&self, number: usize) -> &[u8] {
        let words = self.buffer(number);
        assert!(self.bytes() <= size_of_val(words));
        // SAFETY: the buffer is that long, as was just checked; `self` keeps it mapped. The caller promises
        // that no process writes.
        unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), self.bytes()) }
    }
}

/// Writes `bytes` into the words of a buffer, what is left of the last one filled up with zeros.
pub(super) fn store(words: &[AtomicU64], bytes: &[u8]) {
    let (to, (from, rest)) = (words.as_chunks().0, bytes.as_chunks());
    for (line, bytes) in to.iter().zip(from) {
        store_words(line, bytes);
        fail_point("board.line");
    }
    for (word, bytes) in words[from.len() * LINE_WORDS..].iter().zip(rest.chunks(8)) {
        let mut last = [0; 8];
        last[..bytes.len()].copy_from_slice(bytes);
        word.store(u64::from_ne_bytes(last), Ordering::Relaxed);
    }
}

/// Reads `bytes` out of the words of a buffer.
pub(super) fn load(words: &[AtomicU64], bytes: &mut [u8]) {
    let (from, (to, rest)) = (words.as_chunks().0, bytes.as_chunks_mut());
    for (line, bytes) in from.iter().zip(to.iter_mut()) {
        *bytes = load_words(line);
    }
    for (word, bytes) in words[to.len() * LINE_WORDS..]
        .iter()
        .zip(rest.chunks_mut(8))
    {
        let last = word.load(Ordering::Relaxed).to_ne_bytes();
        bytes.copy_from_slice(&last[..bytes.len()]);
    }
}
