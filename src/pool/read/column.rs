//! Columns: the caller's buffers, each for one field of all records of a batch.
//!
//! Copies bytes between plain memory; knows no segment.

use crate::error::{Error, Result};
use crate::record::{Element, Field, Scalar, Schema};

/// A buffer that receives one field of every record of a batch, one record after the other.
///
/// The buffer's numbers must be of the field's type; whether it is a slice of numbers or of arrays
/// of them is up to the caller, as it holds the same bytes. Its length is the batch's times the
/// field's. So a batch of 256 with a field `observation: [f32; 84]` goes into a `&mut [f32]` of
/// 21,504 numbers, in row-major order, as tensors want it, or into a `&mut [[f32; 84]]` of 256 rows.
///
/// See [`Batch::gather`](crate::pool::DynBatch::gather).
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
        Self::from_bytes(field, E::SCALAR, bytemuck::cast_slice_mut(buffer))
    }

    /// A column for the field of this name, of numbers that are known at run time only. `bytes` need no alignment.
    ///
    /// ```
    /// use millpond::pool::Column;
    /// use millpond::record::Scalar;
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<[f32; 2]>::anonymous(PoolOptions::new(100))?;
    /// pool.insert(&[1.0, 2.0])?;
    /// let mut bytes = [0; 8];
    /// let batch = pool.sample(1, &mut rand::rng())?;
    /// batch.gather(&mut [Column::from_bytes("value", Scalar::F32, &mut bytes)])?;
    /// assert_eq!(bytes[4..], 2f32.to_le_bytes());
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn from_bytes(field: &'a str, scalar: Scalar, bytes: &'a mut [u8]) -> Self {
        Self {
            field,
            scalar,
            bytes,
            offset: 0,
            size: 0,
        }
    }

    /// Finds the field in the schema, and checks that `count` of it fill the buffer.
    pub(crate) fn resolve(&mut self, schema: &Schema, count: usize) -> Result<()> {
        let field = find(schema, self.field, self.scalar)?;
        (self.offset, self.size) = (field.offset(), field.size());
        check_length(field, self.bytes.len(), count)
    }
}

/// A buffer that gives one field of new records, one record after the other; the counterpart of [`Column`].
///
/// See [`DynPool::insert_columns`](crate::pool::DynPool::insert_columns).
pub struct InputColumn<'a> {
    field: &'a str,
    scalar: Scalar,
    bytes: &'a [u8],
    offset: usize,
    size: usize,
}

impl<'a> InputColumn<'a> {
    /// A column for the field of this name.
    pub fn new<E: Element>(field: &'a str, buffer: &'a [E]) -> Self {
        Self::from_bytes(field, E::SCALAR, bytemuck::cast_slice(buffer))
    }

    /// A column of numbers that are known at run time only. `bytes` need no alignment.
    pub fn from_bytes(field: &'a str, scalar: Scalar, bytes: &'a [u8]) -> Self {
        Self {
            field,
            scalar,
            bytes,
            offset: 0,
            size: 0,
        }
    }
}

/// Finds the fields of the columns in the schema, and checks that they are all that a record needs. Returns how many
/// records there are.
pub(crate) fn resolve_inputs(columns: &mut [InputColumn<'_>], schema: &Schema) -> Result<usize> {
    let mut count = None;
    for at in 0..columns.len() {
        let (before, column) = columns[..=at].split_at_mut(at);
        let column = &mut column[0];
        let field = find(schema, column.field, column.scalar)?;
        if before.iter().any(|other| other.field == column.field) {
            return Err(wrong(column.field, "comes twice".into()));
        }
        (column.offset, column.size) = (field.offset(), field.size());
        let rows = column.bytes.len() / column.size;
        check_length(field, column.bytes.len(), *count.get_or_insert(rows))?;
    }
    let is_given = |name: &str| columns.iter().any(|column| column.field == name);
    let mut fields = schema.fields().iter();
    match fields.find(|field| !field.name().starts_with("_padding") && !is_given(field.name())) {
        Some(missing) => {
            let reason = format!("is missing: give one buffer for `{missing}`, too");
            Err(wrong(missing.name(), reason))
        }
        None => Ok(count.unwrap_or(0)),
    }
}

/// Collects the fields of record number `row` into `record`; what no column gives becomes zero.
pub(crate) fn collect(columns: &[InputColumn<'_>], row: usize, record: &mut [u8]) {
    let given: usize = columns.iter().map(|column| column.size).sum();
    if given < record.len() {
        record.fill(0);
    }
    for column in columns {
        let from = &column.bytes[row * column.size..(row + 1) * column.size];
        copy(
            from,
            &mut record[column.offset..column.offset + column.size],
        );
    }
}

/// Writes zeros into the columns, as number `row`.
pub(crate) fn blank(row: usize, columns: &mut [Column<'_>]) {
    for column in columns {
        column.bytes[row * column.size..(row + 1) * column.size].fill(0);
    }
}

/// Records that are copied at once, column by column: what depends on the column is decided once for all of them.
pub(crate) const BLOCK: usize = 8;

/// Copies the fields of some records into their columns, as the numbers from `first` on.
#[inline]
pub(crate) fn scatter(records: &[&[u8]], first: usize, columns: &mut [Column<'_>]) {
    for column in columns {
        let field = column.offset..column.offset + column.size;
        let rows = &mut column.bytes[first * column.size..(first + records.len()) * column.size];
        let pairs = records.iter().zip(rows.chunks_exact_mut(column.size));
        let pairs = pairs.map(|(record, row)| (&record[field.clone()], row));
        match column.size {
            1 => pairs.for_each(|(from, to)| to[0] = from[0]),
            4 => pairs.for_each(|(from, to)| to[..4].copy_from_slice(&from[..4])),
            8 => pairs.for_each(|(from, to)| to[..8].copy_from_slice(&from[..8])),
            _ => pairs.for_each(|(from, to)| to.copy_from_slice(from)),
        }
    }
}

/// Copies as many bytes. Numbers are common and small: no call for them.
#[inline(always)]
fn copy(from: &[u8], to: &mut [u8]) {
    let size = to.len();
    match (from.first_chunk::<8>(), to.first_chunk_mut::<8>(), size) {
        (Some(from), Some(to), 8) => *to = *from,
        (_, _, 4) => to.copy_from_slice(&[from[0], from[1], from[2], from[3]]),
        (_, _, 1) => to[0] = from[0],
        _ => to.copy_from_slice(from),
    }
}

/// Finds a field of numbers of this type.
fn find<'a>(schema: &'a Schema, name: &str, scalar: Scalar) -> Result<&'a Field> {
    let Some(field) = schema.field(name) else {
        let fields = schema.fields().iter();
        let names: Vec<_> = fields.map(|field| field.name()).collect();
        let names = names.join(", ");
        let reason = format!("is not a field of the record, which has {names}");
        return Err(wrong(name, reason));
    };
    match field.scalar() == scalar {
        true => Ok(field),
        false => {
            let reason = format!("has a buffer of {scalar}, and the field is `{field}`");
            Err(wrong(name, reason))
        }
    }
}

/// Checks that the bytes of a buffer are those of a field of `count` records.
fn check_length(field: &Field, bytes: usize, count: usize) -> Result<()> {
    if bytes == count * field.size() {
        return Ok(());
    }
    let numbers = bytes / field.scalar().size();
    let expected = count * field.len();
    let reason = format!(
        "has a buffer of {numbers} numbers, and {count} records with `{field}` make {expected}"
    );
    Err(wrong(field.name(), reason))
}

fn wrong(field: &str, reason: String) -> Error {
    Error::WrongColumn {
        field: field.into(),
        reason,
    }
}
