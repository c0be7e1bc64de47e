//! The format of a table whose types are known at run time.

use crate::error::Result;
use crate::lookup::ValueType;
use crate::lookup::format::{Format, VERSION, text};
use crate::lookup::shape::Pair;
use crate::record::KeyType;

/// The format of keys and values of two types, which are data.
pub(crate) struct Dynamic {
    pub(super) key_type: KeyType,
    pub(super) value_type: ValueType,
    /// The text in the header.
    pub(in crate::lookup) text: String,
    pair: Pair,
}

impl Dynamic {
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a type that keys cannot have.
    pub(in crate::lookup) fn new(key_type: KeyType, value_type: ValueType) -> Result<Self> {
        let stored = ValueType::of_keys(key_type)?;
        Ok(Self {
            key_type,
            text: text(&stored, &value_type),
            pair: Pair::new(stored.extent(), value_type.extent()),
            value_type,
        })
    }
}

impl Format for Dynamic {
    fn read(text: &str) -> std::result::Result<Self, String> {
        let types = parse(text).and_then(|(key, value)| Self::new(key, value).ok());
        types.ok_or_else(|| format!("`{VERSION}`, a type of keys and a type of values"))
    }

    #[inline(always)]
    fn pair(&self) -> Pair {
        self.pair
    }

    #[inline(always)]
    fn key_type(&self) -> KeyType {
        self.key_type
    }

    fn holds(&self, key: &[u8], value: &[u8]) -> bool {
        self.key_type.is_key(key) && self.value_type.is_value(value)
    }
}

/// Reads the types in a header's text. Each is one text that [`ValueType::parse`] reads, and so is the whole.
fn parse(text: &str) -> Option<(KeyType, ValueType)> {
    let rest = text.strip_prefix(VERSION)?.strip_prefix("\nkey ")?;
    // A record that is a key has one field.
    let lines = if rest.starts_with("size ") { 2 } else { 1 };
    let (last, _) = rest.match_indices('\n').nth(lines - 1)?;
    let (key, rest) = rest.split_at(last + 1);
    let key_type = ValueType::parse(key)?.as_keys()?;
    Some((key_type, ValueType::parse(rest.strip_prefix("value ")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::typed::{LookupKey, LookupValue, Typed};

    fn is_read<K: LookupKey + ?Sized, V: LookupValue + ?Sized>() {
        let text = Typed::<K, V>::text();
        let read = Dynamic::read(&text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(read.text, text);
        assert_eq!((read.pair, read.key_type), (Typed::<K, V>::PAIR, K::TYPE));
        for end in 0..text.len() {
            assert!(Dynamic::read(&text[..end]).is_err(), "{}", &text[..end]);
        }
        assert!(Dynamic::read(&format!("{text}value str\n")).is_err());
        assert!(Dynamic::read(&text.replace("hash 1", "hash 2")).is_err());
    }

    #[test]
    fn the_text_of_each_pair_of_types_is_read_as_those_types() {
        is_read::<u8, str>();
        is_read::<i64, [u8]>();
        is_read::<u32, [[f32; 3]; 2]>();
        is_read::<[u8; 16], f64>();
        is_read::<[u8; 1], u8>();
        is_read::<str, str>();
        is_read::<str, [u64; 40]>();
        is_read::<[u8], u16>();
    }

    #[test]
    fn a_text_of_no_keys_is_refused() {
        for key in ["f32", "[u8; 4]", "size 4 align 4\nvalue f32 @0", "str\nstr"] {
            let text = format!("{VERSION}\nkey {key}\nvalue str\n");
            assert!(Dynamic::read(&text).is_err(), "{key}");
        }
    }
}
