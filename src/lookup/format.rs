//! What a table must know of its keys and values, which are bytes to it: how a pair lies, how a key is hashed, and
//! which bytes are a key and a value.
//!
//! A format is known when the program is compiled (`typed/format.rs`), and then has no size and costs nothing; or it
//! is read from the text in the header (`dynamic/format.rs`). Computes only.

use super::ValueType;
use super::shape::Pair;
use crate::hash::Seed;
use crate::record::KeyType;

/// The version of the format, with which the text in the header begins.
pub(super) const VERSION: &str = "lookup 1, hash 1";

/// The keys and the values of a table.
pub(crate) trait Format: Sized + Send + Sync {
    /// Returns the format of a table whose header has this text, or what the text should have been.
    fn read(text: &str) -> Result<Self, String>;
    /// How a pair lies in the data.
    fn pair(&self) -> Pair;
    /// The type of the keys.
    fn key_type(&self) -> KeyType;
    /// Returns `true` if the bytes are a key and a value.
    fn holds(&self, key: &[u8], value: &[u8]) -> bool;

    /// Returns the hash of a key, which is part of the format. Bytes that are no key have a hash too.
    #[inline(always)]
    fn hash(&self, key: &[u8], seed: Seed) -> u64 {
        match self.key_type() {
            KeyType::Integer(scalar) => seed.hash(&[scalar.word(key).unwrap_or(0)]),
            KeyType::FixedBytes(_) | KeyType::Str | KeyType::Bytes => seed.hash_bytes(key),
        }
    }
}

/// Returns the text in the header of a table; a key is stored as a value of type `key`.
pub(super) fn text(key: &ValueType, value: &ValueType) -> String {
    format!("{VERSION}\nkey {key}value {value}")
}
