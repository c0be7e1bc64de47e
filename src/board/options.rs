//! How a new board is to be.

use crate::error::{Error, Result};
use crate::record::{Record, Schema};
use crate::segment::{Lifetime, PARAMETERS, Paging, Plan};

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
    participants: usize,
    lifetime: Lifetime,
    pub(super) role: String,
}

impl BoardOptions {
    /// A board whose value is `len` elements (1 for a struct, the number of weights for a network).
    pub fn new(len: usize) -> Self {
        Self {
            len,
            participants: 64,
            lifetime: Lifetime::default(),
            role: String::new(),
        }
    }

    /// How many handles may be attached at once, 1 to 1022. Default: 64.
    pub fn participants(mut self, participants: usize) -> Self {
        self.participants = participants;
        self
    }

    /// How long the segment stays. Default: until it is unlinked.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What this process is, for whoever lists the participants; the first 32 bytes are kept.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

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
        Ok(Plan {
            lifetime: self.lifetime,
            participants: self.participants,
            parameters,
            locks: 1,
            schema: Schema::of::<T>().to_string(),
            role: self.role.clone(),
            paging: Paging::default(),
        })
    }
}
