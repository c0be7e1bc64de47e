//! One field of a record, as data: its name, its type of number, its shape and its offset.
//!
//! Holds no references into any record and touches nothing but itself.

use super::Element;
use super::element::MAX_RANK;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::fmt;

/// The longest name of a field, in bytes.
pub(crate) const MAX_NAME: usize = 64;
/// The largest record, in bytes: no address is larger, rounded down to any alignment.
const MAX_SIZE: usize = (isize::MAX - 7) as usize;

/// The type of a number in a record.
///
/// ```
/// use millpond::record::Scalar;
///
/// assert_eq!(Scalar::F32.name(), "f32");
/// assert_eq!(Scalar::from_name("u16"), Some(Scalar::U16));
/// assert_eq!(Scalar::I64.size(), 8);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
    /// `i8`
    I8,
    /// `i16`
    I16,
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
}

impl Scalar {
    /// All of them.
    pub const ALL: [Scalar; 10] = [
        Scalar::U8,
        Scalar::U16,
        Scalar::U32,
        Scalar::U64,
        Scalar::I8,
        Scalar::I16,
        Scalar::I32,
        Scalar::I64,
        Scalar::F32,
        Scalar::F64,
    ];

    /// The name of the type in Rust.
    pub const fn name(self) -> &'static str {
        match self {
            Scalar::U8 => "u8",
            Scalar::U16 => "u16",
            Scalar::U32 => "u32",
            Scalar::U64 => "u64",
            Scalar::I8 => "i8",
            Scalar::I16 => "i16",
            Scalar::I32 => "i32",
            Scalar::I64 => "i64",
            Scalar::F32 => "f32",
            Scalar::F64 => "f64",
        }
    }

    /// The type with this name in Rust.
    pub fn from_name(name: &str) -> Option<Scalar> {
        Scalar::ALL.into_iter().find(|scalar| scalar.name() == name)
    }

    /// The size of one number, in bytes.
    pub const fn size(self) -> usize {
        match self {
            Scalar::U8 | Scalar::I8 => 1,
            Scalar::U16 | Scalar::I16 => 2,
            Scalar::U32 | Scalar::I32 | Scalar::F32 => 4,
            Scalar::U64 | Scalar::I64 | Scalar::F64 => 8,
        }
    }

    /// Returns a number as a word: an integer extended with its sign, and the bits of a floating-point number. `None`
    /// for bytes of another length than a number has.
    #[inline(always)]
    pub(crate) fn word(self, bytes: &[u8]) -> Option<u64> {
        macro_rules! read {
            ($number:ident) => {
                $number::from_ne_bytes(bytes.try_into().ok()?)
            };
        }
        Some(match self {
            Scalar::U8 => read!(u8).into(),
            Scalar::U16 => read!(u16).into(),
            Scalar::U32 => read!(u32).into(),
            Scalar::U64 => read!(u64),
            Scalar::I8 => read!(i8) as u64,
            Scalar::I16 => read!(i16) as u64,
            Scalar::I32 => read!(i32) as u64,
            Scalar::I64 => read!(i64) as u64,
            Scalar::F32 => read!(f32).to_bits().into(),
            Scalar::F64 => read!(f64).to_bits(),
        })
    }

    /// The alignment of one number on this target, in bytes: its size, or less for 8 bytes on some of 32 bits.
    pub(super) const fn align(self) -> usize {
        match self {
            Scalar::U64 => align_of::<u64>(),
            Scalar::I64 => align_of::<i64>(),
            Scalar::F64 => align_of::<f64>(),
            other => other.size(),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A field of a record: its name, its type of number, its shape and its offset.
///
/// Displays as in a schema's text: name, type, and offset after an `@`.
///
/// ```
/// use millpond::record::Field;
///
/// let field = Field::of::<[[f32; 3]; 4]>("observation", 16);
/// assert_eq!(field.to_string(), "observation f32[4,3] @16");
/// assert_eq!(field.size(), 48);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    name: Cow<'static, str>,
    scalar: Scalar,
    shape: Cow<'static, [usize]>,
    offset: usize,
}

impl Field {
    /// The field `name` of type `E` at `offset` bytes from the beginning of its record.
    ///
    /// # Panics
    ///
    /// If the name is not an ASCII identifier of at most 64 characters, or if an array has no
    /// elements. In the code that the
    /// derive macro generates, this happens when it is compiled.
    pub const fn of<E: Element>(name: &'static str, offset: usize) -> Field {
        assert!(
            is_name(name),
            "the name of a field in a record is at most 64 ASCII letters, digits and underscores",
        );
        assert!(
            size_of::<E>() > 0,
            "an array in a record has at least one element"
        );
        Field {
            name: Cow::Borrowed(name),
            scalar: E::SCALAR,
            shape: Cow::Borrowed(E::SHAPE),
            offset,
        }
    }

    /// Returns the field `name` of numbers of type `scalar` at `offset` bytes from the beginning of its record.
    /// `shape` has the lengths of its arrays, the outermost first, and is empty for a single number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a name that is not 1 to 64 ASCII letters, digits, `_` and `.`, with no digit
    /// first, and no `.` first, last or beside another; for more than 8 lengths, and for one that is 0; and for a
    /// field that ends behind the largest address.
    ///
    /// ```
    /// use millpond::record::{Field, Scalar};
    ///
    /// let field = Field::new("observation", Scalar::F32, &[4, 3], 16)?;
    /// assert_eq!(field, Field::of::<[[f32; 3]; 4]>("observation", 16));
    /// assert!(Field::new("two words", Scalar::F32, &[], 0).is_err());
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn new(
        name: impl Into<String>,
        scalar: Scalar,
        shape: &[usize],
        offset: usize,
    ) -> Result<Field> {
        let name = name.into();
        if !is_name(&name) {
            let expected = format!(
                "1 to {MAX_NAME} ASCII letters, digits, `_` and `.`, with no digit first, and no `.` first, last or \
                 beside another"
            );
            return Error::invalid("the name of a field", quoted(&name), expected);
        }
        let of_field = |found: String| format!("{found} of field `{name}`");
        if shape.len() > MAX_RANK {
            let found = of_field(shape.len().to_string());
            let expected = format!("at most {MAX_RANK}; join some of them");
            return Error::invalid("the number of dimensions", found, expected);
        }
        if shape.contains(&0) {
            let expected = "lengths of 1 or more; leave out a field that holds nothing".into();
            return Error::invalid("the shape", of_field(format!("{shape:?}")), expected);
        }
        let end = shape
            .iter()
            .try_fold(scalar.size(), |bytes, &length| bytes.checked_mul(length))
            .and_then(|bytes| bytes.checked_add(offset))
            .filter(|&end| end <= MAX_SIZE);
        if end.is_none() {
            let found =
                format!("impossible, with {scalar} {shape:?} at byte {offset} for field `{name}`");
            let expected = format!("at most {MAX_SIZE} bytes");
            return Error::invalid("the size of a record", found, expected);
        }
        Ok(Field {
            name: Cow::Owned(name),
            scalar,
            shape: Cow::Owned(shape.to_vec()),
            offset,
        })
    }

    /// The name of the field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the numbers in it.
    pub const fn scalar(&self) -> Scalar {
        self.scalar
    }

    /// The lengths of its arrays, the outermost first; empty for a single number.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The offset of the field from the beginning of the record, in bytes.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The number of numbers in it.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Always `false`: arrays in records have at least one element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.len() * self.scalar.size()
    }

    /// The offset of the first byte after it.
    pub fn end(&self) -> usize {
        self.offset + self.size()
    }

    /// The type as in a schema's text: `f32`, `f32[4]`, `f32[4,3]`.
    pub(super) fn kind(&self) -> String {
        if self.shape.is_empty() {
            return self.scalar.to_string();
        }
        let lengths: Vec<_> = self.shape.iter().map(usize::to_string).collect();
        format!("{}[{}]", self.scalar, lengths.join(","))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} @{}", self.name, self.kind(), self.offset)
    }
}

/// Returns `true` if this may be the name of a field: not too long, and one ASCII identifier, or several words that
/// are joined by `.`, such as `observation.image`.
const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_NAME || bytes[0].is_ascii_digit() {
        return false;
    }
    let mut i = 0;
    let mut part = 0; // the number of characters of this part so far
    while i < bytes.len() {
        part = match bytes[i] {
            b'.' if part > 0 => 0,
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => part + 1,
            _ => return false,
        };
        i += 1;
    }
    part > 0
}

/// The beginning of a line, escaped, for an error message.
pub(super) fn quoted(line: &str) -> String {
    match line.char_indices().nth(80) {
        Some((end, _)) => format!("{:?}...", &line[..end]),
        None => format!("{line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_ascii_identifiers() {
        for name in [
            "a",
            "_",
            "_padding2",
            "X",
            "a.b",
            "a.0._",
            &"n".repeat(MAX_NAME),
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "0",
            "a b",
            "a-b",
            "a\n",
            "größe",
            ".",
            ".a",
            "a.",
            "a..b",
            &"n".repeat(MAX_NAME + 1),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    #[should_panic = "at least one element"]
    fn an_array_has_elements() {
        Field::of::<[[u8; 0]; 2]>("nothing", 0);
    }
}
