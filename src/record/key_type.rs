//! The type of a key, as data.
//!
//! Computes only.

use std::fmt;

use super::Scalar;
use crate::error::{Error, Result};

/// The type of the keys of a dictionary or a lookup, if it is known at run time only.
///
/// Displays as the type's name in Rust, which [`from_name`](Self::from_name) reads:
///
/// ```
/// use millpond::record::{KeyType, Scalar};
///
/// assert_eq!(KeyType::FixedBytes(16).to_string(), "[u8; 16]");
/// assert_eq!(KeyType::from_name("u64"), Some(KeyType::Integer(Scalar::U64)));
/// assert_eq!(KeyType::from_name("f32"), None);
/// assert_eq!(KeyType::Str.size(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// An integer, of any scalar type but `f32` and `f64`.
    Integer(Scalar),
    /// Byte strings that all have this length, `[u8; N]`; 1 or more.
    FixedBytes(usize),
    /// Text of any length, `str`.
    Str,
    /// Byte strings of any length, `[u8]`.
    Bytes,
}

impl KeyType {
    /// Returns the type with this name in Rust; `None` for a name of no key.
    pub fn from_name(name: &str) -> Option<Self> {
        let length = || name.strip_prefix("[u8; ")?.strip_suffix(']')?.parse().ok();
        let found = match (name, Scalar::from_name(name)) {
            ("str", _) => Self::Str,
            ("[u8]", _) => Self::Bytes,
            (_, Some(scalar)) => Self::Integer(scalar),
            _ => Self::FixedBytes(length()?),
        };
        (found.check().is_ok() && found.to_string() == name).then_some(found)
    }

    /// Returns the number of bytes of each key; `None` if keys have any length.
    pub const fn size(self) -> Option<usize> {
        match self {
            Self::Integer(scalar) => Some(scalar.size()),
            Self::FixedBytes(length) => Some(length),
            Self::Str | Self::Bytes => None,
        }
    }

    /// Returns an error for a type that keys cannot have.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Self::Integer(Scalar::F32 | Scalar::F64) | Self::FixedBytes(0) => Error::invalid(
                "the type of the keys",
                self.to_string(),
                "an integer, a byte string of 1 byte or more, or text".into(),
            ),
            _ => Ok(()),
        }
    }

    /// Returns `true` if the bytes are a key of this type.
    pub(crate) fn is_key(self, key: &[u8]) -> bool {
        match self {
            Self::Str => std::str::from_utf8(key).is_ok(),
            other => other.size().is_none_or(|size| size == key.len()),
        }
    }

    /// Returns an error for bytes that are no key of this type.
    pub(crate) fn check_key(self, key: &[u8]) -> Result<()> {
        if self.is_key(key) {
            return Ok(());
        }
        let (found, expected) = match self.size() {
            Some(size) => (
                format!("{} bytes long", key.len()),
                format!("{size} bytes long, as each `{self}` is"),
            ),
            None => ("no UTF-8".into(), "text in UTF-8".into()),
        };
        Error::invalid("a key", found, expected)
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(scalar) => scalar.fmt(formatter),
            Self::FixedBytes(length) => write!(formatter, "[u8; {length}]"),
            Self::Str => formatter.write_str("str"),
            Self::Bytes => formatter.write_str("[u8]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_keys_are_read() {
        for scalar in Scalar::ALL {
            let read = KeyType::from_name(scalar.name());
            let is_float = matches!(scalar, Scalar::F32 | Scalar::F64);
            assert_eq!(read.is_none(), is_float, "{scalar}");
        }
        for name in [
            "[u8; 0]", "[u8;1]", "[u8; 01]", "[u8; +1]", "[u16; 2]", "", "String",
        ] {
            assert_eq!(KeyType::from_name(name), None, "{name}");
        }
        for key_type in [KeyType::Str, KeyType::Bytes, KeyType::FixedBytes(33)] {
            assert_eq!(KeyType::from_name(&key_type.to_string()), Some(key_type));
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        let refused = KeyType::Integer(Scalar::U32).check_key(&[0; 5]);
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("5 bytes") && refused.contains("4 bytes"),
            "{refused}"
        );
        assert!(KeyType::Str.check_key(&[0xff]).is_err());
        assert!(KeyType::Bytes.check_key(&[0xff]).is_ok());
        assert!(KeyType::FixedBytes(0).check().is_err());
    }
}
