//! The layout of a record as data, and its text in the header of a segment.
//!
//! A [`Schema`] always describes a possible record: every byte is in exactly one field. The text
//! is canonical: there is one for each schema, and [`Schema::parse`] takes no other. As any
//! process may have written the file that the text comes from, the parser trusts nothing in it.

use super::element::MAX_RANK;
use super::field::{MAX_NAME, quoted};
use super::{Difference, Field, MAX_FIELDS, Record, Scalar, SchemaBuilder};
use std::collections::HashSet;
use std::fmt;

/// The layout of a record: its size, its alignment and its fields.
///
/// Displays as text that [`Schema::parse`] reads:
///
/// ```
/// use millpond::{Record, Schema};
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Transition {
///     observation: [f32; 4],
///     reward: f32,
///     action: u32,
/// }
///
/// let schema = Schema::of::<Transition>();
/// assert_eq!(
///     schema.to_string(),
///     "size 24 align 4\n\
///      observation f32[4] @0\n\
///      reward f32 @16\n\
///      action u32 @20\n",
/// );
/// assert_eq!(Schema::parse(&schema.to_string()), Ok(schema));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Schema {
    size: usize,
    align: usize,
    fields: Vec<Field>,
}

impl Schema {
    /// No schema's text is longer than this, in bytes.
    ///
    /// Room for the first line, and in each line for the name, the type, as many lengths as an
    /// array may have dimensions, the offset, and what is between them.
    pub const MAX_TEXT: usize = {
        let digits = 20;
        let line = MAX_NAME + " u16[]".len() + MAX_RANK * (digits + 1) + " @\n".len() + digits;
        "size  align \n".len() + 2 * digits + MAX_FIELDS * line
    };

    /// The schema of a record type.
    pub fn of<R: Record>() -> Schema {
        let schema = Schema {
            size: size_of::<R>(),
            align: align_of::<R>(),
            fields: R::FIELDS.to_vec(),
        };
        debug_assert_eq!(schema.check(), Ok(()));
        schema
    }

    /// Returns a builder of schemas, for records that are known at run time only.
    ///
    /// ```
    /// use millpond::record::Scalar;
    /// use millpond::Schema;
    ///
    /// let schema = Schema::builder()
    ///     .field("observation", Scalar::F32, &[84, 84])
    ///     .field("action", Scalar::I64, &[])
    ///     .build()?;
    /// assert_eq!(schema.fields()[1].to_string(), "action i64 @28224");
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn builder() -> SchemaBuilder {
        SchemaBuilder::default()
    }

    /// Returns the schema of numbers that are a record by themselves, such as `f32` (with an empty shape) or
    /// `[[f32; 3]; 4]` (with `[4, 3]`): one field, which is named `value`.
    ///
    /// # Errors
    /// As [`Field::new`].
    ///
    /// ```
    /// use millpond::record::Scalar;
    /// use millpond::Schema;
    ///
    /// assert_eq!(Schema::of_numbers(Scalar::F32, &[4, 3])?, Schema::of::<[[f32; 3]; 4]>());
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn of_numbers(scalar: Scalar, shape: &[usize]) -> crate::Result<Schema> {
        Schema::builder().field("value", scalar, shape).build()
    }

    /// Returns the type of the number if the record is one number by itself, such as `f32`, and no struct.
    pub fn as_number(&self) -> Option<Scalar> {
        match &self.fields[..] {
            [field] if field.name() == "value" && field.shape().is_empty() => Some(field.scalar()),
            _ => None,
        }
    }

    /// A schema of fields that fill `size` bytes.
    pub(super) fn checked(size: usize, align: usize, fields: Vec<Field>) -> crate::Result<Schema> {
        let schema = Schema {
            size,
            align,
            fields,
        };
        match schema.check() {
            Ok(()) => Ok(schema),
            Err(why) => {
                let expected = "one of which every byte is in exactly one field".into();
                crate::Error::invalid("the schema", format!("impossible: {why}"), expected)
            }
        }
    }

    /// The size of the record in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The alignment of the record in bytes.
    pub fn align(&self) -> usize {
        self.align
    }

    /// The fields, in the order in which they lie in memory.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name() == name)
    }

    /// Returns both schemas side by side, to show where `found` differs from this schema.
    ///
    /// ```
    /// use millpond::Schema;
    ///
    /// let expected = Schema::parse("size 8 align 4\nreward f32 @0\naction u32 @4\n").unwrap();
    /// let found = Schema::parse("size 8 align 4\nreward f32 @0\naction i32 @4\n").unwrap();
    /// assert_eq!(
    ///     expected.difference(&found).to_string(),
    ///     concat!(
    ///         "  expected               | found\n",
    ///         "  record 8 bytes align 4 | record 8 bytes align 4\n",
    ///         "  reward f32     @0      | reward f32     @0\n",
    ///         "! action u32     @4      | action i32     @4\n",
    ///     ),
    /// );
    /// ```
    pub fn difference<'a>(&'a self, found: &'a Schema) -> Difference<'a> {
        Difference::new(self, found)
    }

    /// Reads the text that a schema displays as.
    ///
    /// # Errors
    ///
    /// A description of the defect, if the text is not, byte for byte, the text that a possible schema
    /// displays as.
    pub fn parse(text: &str) -> Result<Schema, String> {
        if text.len() > Schema::MAX_TEXT {
            return Err(format!("a schema has at most {} bytes", Schema::MAX_TEXT));
        }
        let mut lines = text.lines();
        let (size, align) = parse_head(lines.next().unwrap_or(""))?;
        let mut fields = Vec::new();
        for line in lines {
            if fields.len() == MAX_FIELDS {
                return Err(format!("a record has at most {MAX_FIELDS} fields"));
            }
            fields.push(parse_field(line)?);
        }
        let schema = Schema {
            size,
            align,
            fields,
        };
        schema.check()?;
        let canonical = schema.to_string();
        if canonical != text {
            let same = canonical
                .lines()
                .zip(text.lines())
                .take_while(|(a, b)| a == b);
            return Err(format!(
                "line {} is not in the canonical form",
                same.count() + 1
            ));
        }
        Ok(schema)
    }

    /// Returns an error unless such a record is possible: every byte is in exactly one field, the names
    /// differ, and the alignment fits.
    fn check(&self) -> Result<(), String> {
        let mut end = 0;
        let mut names = HashSet::new();
        for field in &self.fields {
            if !names.insert(field.name()) {
                return Err(format!("two fields are named `{}`", field.name()));
            }
            if field.offset() < end {
                return Err(format!(
                    "`{field}` overlaps the field before it, or is out of order"
                ));
            }
            if field.offset() > end {
                return Err(format!("there is a gap before `{field}`"));
            }
            end = field.end();
            if end > self.size {
                return Err(format!("`{field}` is not within the {} bytes", self.size));
            }
        }
        if self.fields.is_empty() || end != self.size {
            return Err(format!("the fields fill {end} of the {} bytes", self.size));
        }
        self.check_align()
    }

    fn check_align(&self) -> Result<(), String> {
        let widest = self.fields.iter().map(|field| field.scalar().size()).max();
        let possible = self.align.is_power_of_two()
            && Some(self.align) <= widest
            && self.size.is_multiple_of(self.align);
        match possible {
            true => Ok(()),
            false => Err(format!(
                "{} is not a possible alignment of the fields",
                self.align
            )),
        }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "size {} align {}", self.size, self.align)?;
        self.fields
            .iter()
            .try_for_each(|field| writeln!(f, "{field}"))
    }
}

/// Reads `size 24 align 4`.
fn parse_head(line: &str) -> Result<(usize, usize), String> {
    line.strip_prefix("size ")
        .and_then(|rest| rest.split_once(" align "))
        .and_then(|(size, align)| Some((size.parse().ok()?, align.parse().ok()?)))
        .ok_or_else(|| {
            format!(
                "expected a line like `size 24 align 4`, found {}",
                quoted(line)
            )
        })
}

/// Reads `observation f32[4,3] @16`.
fn parse_field(line: &str) -> Result<Field, String> {
    let field = || {
        let (name, rest) = line.split_once(' ')?;
        let (kind, offset) = rest.split_once(" @")?;
        let (scalar, shape) = parse_kind(kind)?;
        Field::new(name, scalar, &shape, offset.parse().ok()?).ok()
    };
    field().ok_or_else(|| {
        format!(
            "expected a field like `observation f32[4,3] @16`, found {}",
            quoted(line)
        )
    })
}

/// Reads `f32` or `f32[4,3]`.
fn parse_kind(kind: &str) -> Option<(Scalar, Vec<usize>)> {
    let Some((scalar, lengths)) = kind.split_once('[') else {
        return Some((Scalar::from_name(kind)?, Vec::new()));
    };
    let lengths = lengths
        .strip_suffix(']')?
        .split(',')
        .map(|length| length.parse().ok());
    let shape: Vec<_> = lengths.collect::<Option<_>>()?;
    (shape.len() <= MAX_RANK).then_some((Scalar::from_name(scalar)?, shape))
}
