//! Records as text, for people: field by field, by the schema alone.
//!
//! Reads bytes of plain memory; knows no segment.

use std::fmt;

use super::{Field, Scalar, Schema};

/// The number of numbers of an array that are shown.
const MOST: usize = 8;

/// A record that is shown by its schema; see [`Schema::show`].
pub struct ShownRecord<'a> {
    schema: &'a Schema,
    record: &'a [u8],
}

impl Schema {
    /// Returns the record in these bytes as something that displays as text: its fields with their numbers, without
    /// the padding. Of an array with more than 8 numbers it has the first 8, and how many more there are.
    ///
    /// # Panics
    /// If the number of bytes is not that of a record.
    ///
    /// ```
    /// use millpond::record::Scalar;
    /// use millpond::Schema;
    ///
    /// let schema = Schema::builder()
    ///     .field("place", Scalar::I16, &[2, 2])
    ///     .field("done", Scalar::U8, &[])
    ///     .build()?;
    /// let bytes = [1, 0, 255, 255, 3, 0, 4, 0, 1, 0];
    /// assert_eq!(schema.show(&bytes).to_string(), "place [[1, -1], [3, 4]], done 1");
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn show<'a>(&'a self, record: &'a [u8]) -> ShownRecord<'a> {
        let (found, size) = (record.len(), self.size());
        assert!(found == size, "{found} bytes are no record of {size}");
        ShownRecord {
            schema: self,
            record,
        }
    }
}

impl fmt::Display for ShownRecord<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.schema.fields().iter();
        let shown = fields.filter(|field| !field.name().starts_with("_padding"));
        for (number, field) in shown.enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(formatter, "{comma}{} ", field.name())?;
            let bytes = &self.record[field.offset()..field.end()];
            Numbers { field, bytes }.show(formatter, 0, 0)?;
        }
        Ok(())
    }
}

/// The numbers of a field.
struct Numbers<'a> {
    field: &'a Field,
    bytes: &'a [u8],
}

impl Numbers<'_> {
    /// Shows the array of dimension `depth` that begins with number `first`, or the number.
    fn show(&self, formatter: &mut fmt::Formatter<'_>, depth: usize, first: usize) -> fmt::Result {
        let Some((&length, inner)) = self.field.shape()[depth..].split_first() else {
            return self.number(formatter, first);
        };
        let step: usize = inner.iter().product();
        formatter.write_str("[")?;
        for at in 0..length {
            let number = first + at * step;
            if at > 0 {
                formatter.write_str(", ")?;
            }
            if number >= MOST {
                let more = self.field.len() - number;
                match depth == 0 {
                    true => write!(formatter, "and {more} more")?,
                    false => formatter.write_str("…")?,
                }
                break;
            }
            self.show(formatter, depth + 1, number)?;
        }
        formatter.write_str("]")
    }

    fn number(&self, formatter: &mut fmt::Formatter<'_>, number: usize) -> fmt::Result {
        let size = self.field.scalar().size();
        let bytes = &self.bytes[number * size..][..size];
        macro_rules! show {
            ($($scalar:ident $number:ty),*) => {
                match self.field.scalar() {
                    $(Scalar::$scalar => {
                        let bytes = bytes.try_into().expect("as many bytes as a number has");
                        write!(formatter, "{:?}", <$number>::from_ne_bytes(bytes))
                    })*
                }
            };
        }
        show!(
            U8 u8, U16 u16, U32 u32, U64 u64, I8 i8, I16 i16, I32 i32, I64 i64, F32 f32, F64 f64
        )
    }
}
