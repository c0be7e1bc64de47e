//! How a new board is to be.

use crate::error::{Error, Result};
use crate::record::{Record, Schema};
use crate::segment::{PARAMETERS, Plan, SharedOptions, shared_options};

/// How a new board is to be.
///
/// ```
/// use millpond::{BoardOptions, Lifetime};
///
/// let options = BoardOptions::new(4_610).lifetime(Lifetime::WhileAttached).role("learner");
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct BoardOptions {
    pub(super) len: usize,
    pub(super) shared: SharedOptions,
}

impl BoardOptions {
    /// A board whose value is `len` elements (1 for a struct, the number of weights for a network).
    pub fn new(len: usize) -> Self {
        Self {
            len,
            shared: SharedOptions::default(),
        }
    }

    shared_options!();

    pub(super) fn plan<T: Record>(&self) -> Result<Plan> {
        if self.len == 0 {
            return Err(Error::InvalidArgument {
                what: "the length of a board",
                found: "0".into(),
                expected: "1 or more".into(),
            });
        }
        let mut parameters = [0; PARAMETERS];
        parameters[0] = self.len as u64;
        let schema = Schema::of::<T>().to_string();
        Ok(self.shared.plan(parameters, 1, schema))
    }
}
