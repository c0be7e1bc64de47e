//! The type of a value, as data.
//!
//! Computes only. The text comes from a file that any program may have written; the parser trusts nothing in it.

use std::fmt;

use super::shape::Extent;
use crate::error::{Error, Result};
use crate::record::{KeyType, Scalar, Schema};

/// The type of the values of a lookup, where it is known at run time only.
///
/// Displays as in the header of a lookup: the schema of a record, `str` or `[u8]`, in lines that each end with a line
/// break.
///
/// ```
/// use millpond::readonly::ValueType;
/// use millpond::record::Scalar;
/// use millpond::Schema;
///
/// let rows = ValueType::Record(Schema::of_numbers(Scalar::F32, &[8])?);
/// assert_eq!(rows.size(), Some(32));
/// assert_eq!(rows.to_string(), "size 32 align 4\nvalue f32[8] @0\n");
/// assert_eq!(ValueType::Str.size(), None);
/// assert_eq!(ValueType::Str.to_string(), "str\n");
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueType {
    /// A [`Record`](crate::Record), which numbers and arrays of numbers are too.
    Record(Schema),
    /// Text of any length, `str`.
    Str,
    /// Byte strings of any length, `[u8]`.
    Bytes,
}

impl ValueType {
    /// Returns how many bytes each value has; `None` where values have any length.
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::Record(schema) => Some(schema.size()),
            Self::Str | Self::Bytes => None,
        }
    }

    /// The room that each value takes.
    pub(super) fn extent(&self) -> Extent {
        Extent {
            size: self.size(),
            align: match self {
                Self::Record(schema) => schema.align(),
                Self::Str | Self::Bytes => 1,
            },
        }
    }

    /// Returns `true` if the bytes are a value of this type. They need no alignment.
    pub(super) fn is_value(&self, value: &[u8]) -> bool {
        match self {
            Self::Record(schema) => schema.size() == value.len(),
            Self::Str => std::str::from_utf8(value).is_ok(),
            Self::Bytes => true,
        }
    }

    /// Returns an error for bytes that are no value of this type.
    pub(super) fn check_value(&self, value: &[u8]) -> Result<()> {
        if self.is_value(value) {
            return Ok(());
        }
        let (found, expected) = match self.size() {
            Some(size) => (
                format!("{} bytes long", value.len()),
                format!("{size} bytes long, as each record of the lookup is"),
            ),
            None => ("no UTF-8".into(), "text in UTF-8".into()),
        };
        Error::invalid("a value", found, expected)
    }

    /// Returns the type as which keys of a type are stored.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a type that keys cannot have.
    pub(super) fn of_keys(key_type: KeyType) -> Result<Self> {
        key_type.check()?;
        Ok(match key_type {
            KeyType::Integer(scalar) => Self::Record(Schema::of_numbers(scalar, &[])?),
            KeyType::FixedBytes(size) => Self::Record(Schema::of_numbers(Scalar::U8, &[size])?),
            KeyType::Str => Self::Str,
            KeyType::Bytes => Self::Bytes,
        })
    }

    /// Returns the type of the keys that are stored as this type; `None` where keys are not.
    pub(super) fn as_keys(&self) -> Option<KeyType> {
        let key_type = match self {
            Self::Record(schema) => match (schema.as_number(), schema.fields()) {
                (Some(scalar), _) => KeyType::Integer(scalar),
                (None, fields) => KeyType::FixedBytes(fields.first()?.len()),
            },
            Self::Str => KeyType::Str,
            Self::Bytes => KeyType::Bytes,
        };
        // Not so for other records, and for integers of a processor that aligns them otherwise.
        let stored = Self::of_keys(key_type).ok()?;
        (stored == *self).then_some(key_type)
    }

    /// Reads the text that a type displays as; `None` for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "str\n" => Some(Self::Str),
            "[u8]\n" => Some(Self::Bytes),
            _ => Schema::parse(text).ok().map(Self::Record),
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(schema) => schema.fmt(formatter),
            Self::Str => formatter.write_str("str\n"),
            Self::Bytes => formatter.write_str("[u8]\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_is_read() {
        let schema = Schema::builder().field("a", Scalar::U64, &[2]).build();
        for value_type in [
            ValueType::Str,
            ValueType::Bytes,
            ValueType::Record(schema.unwrap()),
        ] {
            let text = value_type.to_string();
            assert_eq!(ValueType::parse(&text), Some(value_type));
            for other in [&text[..text.len() - 1], &format!("{text}\n"), ""] {
                assert_eq!(ValueType::parse(other), None, "{other:?}");
            }
        }
    }

    #[test]
    fn only_what_keys_are_stored_as_is_read_as_keys() {
        let integers = Scalar::ALL.map(KeyType::Integer);
        let others = [KeyType::FixedBytes(1), KeyType::FixedBytes(300)];
        let others = others.into_iter().chain([KeyType::Str, KeyType::Bytes]);
        for key_type in integers.into_iter().chain(others) {
            match ValueType::of_keys(key_type) {
                Ok(stored) => assert_eq!(stored.as_keys(), Some(key_type)),
                Err(_) => assert!(key_type.check().is_err(), "{key_type}"),
            }
        }
        for text in [
            "size 4 align 4\nvalue f32 @0\n",
            "size 4 align 4\nkey u32 @0\n",
            "size 4 align 2\nvalue u32 @0\n",
            "size 4 align 1\nvalue u8[2,2] @0\n",
            "size 4 align 1\nvalue i8[4] @0\n",
            "size 4 align 1\nvalue u8[2] @0\nmore u8[2] @2\n",
        ] {
            let value_type = ValueType::parse(text).unwrap();
            assert_eq!(value_type.as_keys(), None, "{text}");
        }
    }
}
