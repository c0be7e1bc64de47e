//! What the keys of a dictionary are, and how that stands in the header.
//!
//! Computes only.

use super::bucket::Width;
use super::index::Index;
use super::shape::Size;
use crate::record::KeyType;
use crate::segment::Header;

/// Where the header has the size that the dictionary was created with.
pub(super) const SIZE: usize = 0;
/// Where the header has the name of the keys' type.
pub(super) const KEY: usize = 1;

/// What the keys are.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) key_type: KeyType,
    pub(super) width: Width,
    /// The bytes of a key.
    pub(super) size: usize,
}

impl Keys {
    /// Returns what keys of this type are; `None` for a type that a dictionary cannot have.
    pub(super) fn of(key_type: KeyType) -> Option<Self> {
        Some(Self {
            key_type,
            width: Width::of(key_type)?,
            size: key_type.size()?,
        })
    }

    /// The bytes of an index of a size, with these keys; `None` where they do not fit into an address.
    pub(super) fn index_length(&self, size: Size) -> Option<usize> {
        Index::length(size, self.width, self.size)
    }

    /// The name of the type, of at most 8 bytes, as a number.
    pub(super) fn parameter(&self) -> u64 {
        let name = self.key_type.to_string();
        let mut bytes = [0; 8];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        u64::from_le_bytes(bytes)
    }

    /// Returns what the keys are by the header, or says what is wrong there.
    pub(super) fn read(header: &Header) -> Result<Self, String> {
        let bytes = header.parameters[KEY].to_le_bytes();
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or(&[]);
        let found = std::str::from_utf8(text).ok().and_then(KeyType::from_name);
        let keys = found.and_then(Self::of);
        keys.filter(|keys| keys.parameter() == header.parameters[KEY])
            .ok_or_else(|| format!("its keys are of type `{}`", text.escape_ascii()))
    }
}
