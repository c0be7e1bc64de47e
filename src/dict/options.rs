//! How a new dictionary is to be.

use super::parts::Keys;
use crate::error::{Error, Result};
use crate::record::{KeyType, Schema};
use crate::segment::{Header, PARAMETERS, Plan, SharedOptions, shared_options};

/// How a new dictionary is to be.
///
/// ```
/// use millpond::{DictOptions, Lifetime};
///
/// let options = DictOptions::new(1_000_000).lifetime(Lifetime::WhileAttached).role("parent");
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct DictOptions {
    rows: usize,
    pub(super) shared: SharedOptions,
}

impl DictOptions {
    /// A dictionary with room for `rows` rows; it grows by itself when it needs more. 0 is as small as can
    /// be.
    pub fn new(rows: usize) -> Self {
        Self {
            rows,
            shared: SharedOptions::default(),
        }
    }

    shared_options!();

    pub(super) fn plan(&self, key_type: KeyType, schema: &Schema) -> Result<Plan> {
        key_type.check()?;
        let Some(keys) = Keys::of(key_type) else {
            return Error::invalid(
                "the type of the keys",
                format!("`{key_type}`"),
                "an integer, or a byte string of a fixed length of 1 to 32 bytes".into(),
            );
        };
        let mut parameters = [0; PARAMETERS];
        parameters[SIZE] = keys.width.size_for(self.rows)?.exponent();
        parameters[KEY] = key_parameter(key_type);
        Ok(self.shared.plan(parameters, 1, schema.to_string()))
    }
}

/// Where the header has the size that the dictionary was created with.
pub(super) const SIZE: usize = 0;
/// Where the header has the name of the keys' type.
const KEY: usize = 1;

/// The name of a key's type, of at most 8 bytes, as a number.
fn key_parameter(key_type: KeyType) -> u64 {
    let name = key_type.to_string();
    let mut bytes = [0; 8];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    u64::from_le_bytes(bytes)
}

/// Returns what the keys are by the header, or says what is wrong there.
pub(super) fn key_type(header: &Header) -> std::result::Result<Keys, String> {
    let bytes = header.parameters[KEY].to_le_bytes();
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or(&[]);
    let found = std::str::from_utf8(text).ok().and_then(KeyType::from_name);
    let keys = found.filter(|&key_type| key_parameter(key_type) == header.parameters[KEY]);
    let keys = keys.and_then(Keys::of);
    keys.ok_or_else(|| format!("its keys are of type `{}`", text.escape_ascii()))
}
