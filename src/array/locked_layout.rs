//! What an array with a lock keeps in its segment.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use super::Elements;
use super::options::{Access, Shape};
use crate::record::Schema;
use crate::segment::{
    Carver, Header, Mapping, Readers, ReadersSpan, Region, Rows, Span, Structure, too_large,
};

/// The regions of an array with a lock.
pub(super) struct Locked {
    /// 1 while a writer is inside, and until the repair where it did not come out well. Written by: the
    /// owner of the lock.
    pub(super) writing: Region<AtomicU32>,
    pub(super) readers: Readers,
    pub(super) rows: Rows,
    pub(super) schema: Schema,
}

pub(super) struct Layout {
    writing: Span<AtomicU32>,
    readers: ReadersSpan,
    rows: Span<u8>,
    schema: Schema,
}

impl Structure for Locked {
    const KIND: &'static str = "array";
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Layout, String> {
        let shape = Shape::read_for(header, Access::Lock)?;
        let schema = header.record_schema()?;
        let carved = (|| {
            Some(Layout {
                writing: carver.carve(1)?,
                readers: Readers::carve(header, carver)?,
                rows: carver.carve(shape.len.checked_mul(schema.size())?)?,
                schema,
            })
        })();
        carved.ok_or_else(too_large)
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        Self {
            writing: mapping.region(&layout.writing),
            readers: Readers::place(&layout.readers, mapping),
            rows: Rows::place(mapping, &layout.rows, layout.schema.size()),
            schema: layout.schema,
        }
    }

    fn initialise(&self, _header: &Header) {}

    fn reset(&self, entry: usize) {
        self.readers.reset(entry);
    }
}

impl Elements for Locked {
    const ACCESS: Access = Access::Lock;

    fn len(&self) -> usize {
        self.rows.len()
    }
}
