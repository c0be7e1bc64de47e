//! Columns: the caller's buffers, each for one field of all records of a batch.
//!
//! Copies bytes between plain memory; knows no segment.

use crate::error::{Error, Result};
use crate::record::{Element, Record, Scalar};

/// A buffer that receives one field of every record of a batch, one record after the other.
///
/// The buffer's numbers must be of the field's type; whether it is a slice of numbers or of arrays
/// of them is up to the caller, as it holds the same bytes. Its length is the batch's times the
/// field's. So a batch of 256 with a field `observation: [f32; 84]` goes into a `&mut [f32]` of
/// 21,504 numbers, in row-major order, as tensors want it, or into a `&mut [[f32; 84]]` of 256 rows.
///
/// See [`Batch::gather`](crate::Batch::gather).
pub struct Column<'a> {
    field: &'a str,
    scalar: Scalar,
    bytes: &'a mut [u8],
    /// Where the field lies in the record; known once the column has met the record type.
    offset: usize,
    size: usize,
}

impl<'a> Column<'a> {
    /// A column for the field of this name.
    pub fn new<E: Element>(field: &'a str, buffer: &'a mut [E]) -> Self {
        Self {
            field,
            scalar: E::SCALAR,
            bytes: bytemuck::cast_slice_mut(buffer),
            offset: 0,
            size: 0,
        }
    }

    /// Finds the field in the record type, and checks that `count` of it fill the buffer.
    pub(super) fn resolve<T: Record>(&mut self, count: usize) -> Result<()> {
        let found = T::FIELDS.iter().find(|field| field.name() == self.field);
        let Some(field) = found else {
            let names: Vec<_> = T::FIELDS.iter().map(|field| field.name()).collect();
            return Err(self.wrong(format!(
                "is not a field of the record, which has {}",
                names.join(", ")
            )));
        };
        if field.scalar() != self.scalar {
            return Err(self.wrong(format!(
                "has a buffer of {}, and the field is `{field}`",
                self.scalar
            )));
        }
        (self.offset, self.size) = (field.offset(), field.size());
        if self.bytes.len() != count * self.size {
            return Err(self.wrong(format!(
                "has a buffer of {} numbers, and {count} records with `{field}` make {}",
                self.bytes.len() / self.scalar.size(),
                count * field.len()
            )));
        }
        debug_assert!(field.end() <= size_of::<T>());
        Ok(())
    }

    fn wrong(&self, reason: String) -> Error {
        Error::WrongColumn {
            field: self.field.into(),
            reason,
        }
    }
}

/// Writes zeros into the columns, as number `row`.
pub(super) fn blank(row: usize, columns: &mut [Column<'_>]) {
    for column in columns {
        column.bytes[row * column.size..(row + 1) * column.size].fill(0);
    }
}

/// Copies the fields of one record into their columns, as number `row`.
#[inline(always)]
pub(super) fn scatter(record: &[u8], row: usize, columns: &mut [Column<'_>]) {
    for column in columns {
        let from = &record[column.offset..column.offset + column.size];
        let to = &mut column.bytes[row * column.size..(row + 1) * column.size];
        match (
            from.first_chunk::<8>(),
            to.first_chunk_mut::<8>(),
            column.size,
        ) {
            // Numbers are common and small: no call for them.
            (Some(from), Some(to), 8) => *to = *from,
            (_, _, 4) => to.copy_from_slice(&[from[0], from[1], from[2], from[3]]),
            (_, _, 1) => to[0] = from[0],
            _ => to.copy_from_slice(from),
        }
    }
}
