//! What a board keeps in its segment, and where.
//!
//! Imports the segment and the protocol; knows no element type.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::slots::{BUFFERS, Versions};
use crate::os::fail_point;
use crate::record::Schema;
use crate::segment::{Carver, Header, Mapping, Region, Shared, Span, Structure};
use crate::sync::EventWords;

/// The board's own words.
#[repr(C, align(64))]
pub(super) struct Control {
    newest: AtomicU64,
    stamps: [AtomicU64; BUFFERS],
    unused: [AtomicU64; 4],
    /// Raised when a version was published.
    pub(super) published: EventWords,
}

const _: () = assert!(size_of::<Control>() == 128);

// SAFETY: made of atomic integers.
unsafe impl Shared for Control {}

/// The regions of a board.
pub(super) struct Parts {
    pub(super) control: Region<Control>,
    /// Three buffers after one another, each a whole number of words.
    words: Region<AtomicU64>,
    pub(super) len: usize,
}

pub(super) struct Layout {
    control: Span<Control>,
    words: Span<AtomicU64>,
    len: usize,
}

impl Structure for Parts {
    const KIND: &'static str = "board";
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Layout, String> {
        let len = usize::try_from(header.parameters[0]).map_err(|error| error.to_string())?;
        if len == 0 {
            return Err("its length is 0".into());
        }
        if header.locks != 1 {
            return Err(format!("it has {} locks, and a board has 1", header.locks));
        }
        let schema = Schema::parse(&header.schema).map_err(|why| format!("its schema: {why}"))?;
        let carved = (|| {
            let words = len.checked_mul(schema.size())?.div_ceil(8);
            Some(Layout {
                control: carver.carve(1)?,
                words: carver.carve(words.checked_mul(BUFFERS)?)?,
                len,
            })
        })();
        carved.ok_or_else(|| "it is larger than the address space".into())
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        Self {
            control: mapping.region(&layout.control),
            words: mapping.region(&layout.words),
            len: layout.len,
        }
    }

    fn initialise(&self, _header: &Header) {}

    fn reset(&self, _entry: usize) {}
}

impl Parts {
    pub(super) fn versions(&self) -> Versions<'_> {
        Versions {
            newest: &self.control[0].newest,
            stamps: &self.control[0].stamps,
        }
    }

    pub(super) fn buffer(&self, number: usize) -> &[AtomicU64] {
        let words = self.words.len() / BUFFERS;
        &self.words[number * words..(number + 1) * words]
    }
}

/// Writes `bytes` into `words`, the last one filled up with zeros.
pub(super) fn store(words: &[AtomicU64], bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks::<8>();
    for (word, bytes) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        fail_point("board.word");
    }
    if let (Some(word), false) = (words.get(whole.len()), rest.is_empty()) {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        word.store(u64::from_ne_bytes(last), Ordering::Relaxed);
    }
}

/// Reads `bytes` out of `words`.
pub(super) fn load(words: &[AtomicU64], bytes: &mut [u8]) {
    let (whole, rest) = bytes.as_chunks_mut::<8>();
    for (word, bytes) in words.iter().zip(whole.iter_mut()) {
        *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
    }
    if let (Some(word), false) = (words.get(whole.len()), rest.is_empty()) {
        let last = word.load(Ordering::Relaxed).to_ne_bytes();
        rest.copy_from_slice(&last[..rest.len()]);
    }
}
