//! Schemas that are made at run time, for records that no Rust type describes.
//!
//! Computes the layout that a `repr(C)` struct with the same fields has; touches no memory of a record.

use super::field::quoted;
use super::{Field, MAX_FIELDS, Scalar, Schema};
use crate::error::{Error, Result};

/// Builds a [`Schema`] from fields that are known at run time; made by [`Schema::builder`].
///
/// The layout is that of a struct with `#[repr(C)]`: the fields lie in the order in which they were added, and each
/// is aligned to the size of its numbers. Gaps, also at the end, are filled with fields of `u8`s that are named
/// `_padding`, `_padding2`, `_padding3` and so on, as the derive macro proposes them. So the result equals
/// [`Schema::of`] of a derived type with the same fields and the same padding.
///
/// ```
/// use millpond::record::Scalar;
/// use millpond::{Record, Schema};
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Transition {
///     reward: f32,
///     done: u8,
///     _padding: [u8; 3],
/// }
///
/// let schema = Schema::builder()
///     .field("reward", Scalar::F32, &[])
///     .field("done", Scalar::U8, &[])
///     .build()?;
/// assert_eq!(schema, Schema::of::<Transition>());
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct SchemaBuilder {
    /// Each with its name, its scalar and its shape.
    fields: Vec<(String, Scalar, Vec<usize>)>,
}

impl SchemaBuilder {
    /// Adds a field. `shape` has the lengths of its arrays, the outermost first, and is empty for a single number.
    ///
    /// [`build`](Self::build) checks the field.
    pub fn field(mut self, name: impl Into<String>, scalar: Scalar, shape: &[usize]) -> Self {
        self.fields.push((name.into(), scalar, shape.to_vec()));
        self
    }

    /// Returns the schema of a record with these fields.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is no field, or more than 128 with the padding; for two fields of one
    /// name; for a field that [`Field::new`] refuses; and if the record is larger than the address space.
    ///
    /// ```
    /// use millpond::record::Scalar;
    /// use millpond::Schema;
    ///
    /// let schema = Schema::builder()
    ///     .field("observation.image", Scalar::U8, &[84, 84])
    ///     .field("action", Scalar::I64, &[])
    ///     .build()?;
    /// assert_eq!(schema.size(), 84 * 84 + 8);
    /// assert!(Schema::builder().field("action", Scalar::I64, &[0]).build().is_err());
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn build(&self) -> Result<Schema> {
        check_count(self.fields.len())?;
        self.check_names()?;
        let mut padding = self.free_names();
        let mut fields: Vec<Field> = Vec::with_capacity(self.fields.len());
        let mut fill = |fields: &mut Vec<Field>, align: usize| {
            let end = fields.last().map_or(0, Field::end);
            let gap = end.next_multiple_of(align) - end;
            if gap > 0 {
                let name = padding.next().unwrap_or_default();
                fields.push(Field::new(name, Scalar::U8, &[gap], end)?);
            }
            Ok::<_, Error>(end + gap)
        };
        let (mut widest, mut align) = (1, 1);
        for (name, scalar, shape) in &self.fields {
            let offset = fill(&mut fields, scalar.size())?;
            fields.push(Field::new(name.as_str(), *scalar, shape, offset)?);
            widest = widest.max(scalar.size());
            align = align.max(scalar.align());
        }
        let size = fill(&mut fields, widest)?;
        check_count(fields.len())?;
        Schema::checked(size, align, fields)
    }

    fn check_names(&self) -> Result<()> {
        for (number, (name, ..)) in self.fields.iter().enumerate() {
            if self.fields[..number]
                .iter()
                .any(|(other, ..)| other == name)
            {
                let found = format!("{}, and another field has it too", quoted(name));
                let expected = "different from those of the other fields".into();
                return Error::invalid("the name of a field", found, expected);
            }
        }
        Ok(())
    }

    /// Names for fields of padding that no other field has.
    fn free_names(&self) -> impl Iterator<Item = String> {
        let numbered = (2..).map(|number| format!("_padding{number}"));
        std::iter::once("_padding".to_owned())
            .chain(numbered)
            .filter(|name| self.fields.iter().all(|(other, ..)| other != name))
    }
}

fn check_count(fields: usize) -> Result<()> {
    match fields {
        1..=MAX_FIELDS => Ok(()),
        _ => Error::invalid(
            "the number of fields of a record, with those of padding,",
            fields.to_string(),
            format!("1 to {MAX_FIELDS}; gather those that belong together into arrays"),
        ),
    }
}
