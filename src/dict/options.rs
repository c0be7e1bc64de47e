//! How a new dictionary is to be.

use super::index::Index;
use super::key::Key;
use crate::error::Result;
use crate::record::{Record, Schema};
use crate::segment::{PARAMETERS, Plan, SharedOptions, shared_options};

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

    pub(super) fn plan<K: Key, T: Record>(&self) -> Result<Plan> {
        let mut parameters = [0; PARAMETERS];
        parameters[SIZE] = Index::<K>::size_for(self.rows)?.exponent();
        parameters[KEY] = key_parameter(K::NAME);
        let schema = Schema::of::<T>().to_string();
        Ok(self.shared.plan(parameters, 1, schema))
    }
}

/// Where the header has the size that the dictionary was created with.
pub(super) const SIZE: usize = 0;
/// Where the header has the name of the keys' type.
pub(super) const KEY: usize = 1;

/// A key's name, of at most 8 bytes, as a number.
fn key_parameter(name: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    u64::from_le_bytes(bytes)
}

/// The name again.
pub(super) fn key_name(parameter: u64) -> String {
    let bytes = parameter.to_le_bytes();
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or(&[]);
    String::from_utf8_lossy(text).into_owned()
}
