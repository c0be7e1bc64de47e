//! What an array with chunks keeps in its segment.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::Elements;
use super::options::{Access, Shape};
use crate::record::Schema;
use crate::segment::{Carver, Header, Mapping, Region, Rows, Span, Structure, too_large};
use crate::sync::EventWords;

/// The regions of an array with chunks.
pub(super) struct Chunked {
    /// Raised when a chunk was given back.
    pub(super) given: Region<EventWords>,
    /// One for each chunk.
    pub(super) words: Region<AtomicU64>,
    pub(super) rows: Rows,
    pub(super) schema: Schema,
    pub(super) chunk_len: usize,
}

pub(super) struct Layout {
    given: Span<EventWords>,
    words: Span<AtomicU64>,
    rows: Span<u8>,
    pub(super) schema: Schema,
    pub(super) chunk_len: usize,
}

impl Structure for Chunked {
    const KIND: &'static str = "array";
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Layout, String> {
        let shape = Shape::read_for(header, Access::Chunks)?;
        let schema = header.record_schema()?;
        let carved = (|| {
            Some(Layout {
                given: carver.carve(1)?,
                words: carver.carve(shape.len.div_ceil(shape.chunk_len))?,
                rows: carver.carve(shape.len.checked_mul(schema.size())?)?,
                schema,
                chunk_len: shape.chunk_len,
            })
        })();
        carved.ok_or_else(too_large)
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        Self {
            given: mapping.region(&layout.given),
            words: mapping.region(&layout.words),
            rows: Rows::place(mapping, &layout.rows, layout.schema.size()),
            schema: layout.schema,
            chunk_len: layout.chunk_len,
        }
    }

    fn initialise(&self, _header: &Header) {}

    /// A chunk's word names the generation of its owner, so that of a dead one is nobody's already.
    fn reset(&self, _entry: usize) {}
}

impl Elements for Chunked {
    const ACCESS: Access = Access::Chunks;

    fn len(&self) -> usize {
        self.rows.len()
    }

    fn chunk_len(&self) -> usize {
        self.chunk_len
    }
}
