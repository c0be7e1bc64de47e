//! How a new dictionary is to be.

use super::keys::{KEY, Keys, SIZE};
use crate::error::{Error, Result};
use crate::record::{KeyType, Schema};
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
        parameters[KEY] = keys.parameter();
        Ok(self.shared.plan(parameters, 1, schema.to_string()))
    }
}
