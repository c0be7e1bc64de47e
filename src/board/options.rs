//! How a new board is to be, or the boards of a family.

use super::parts::{BUFFERS, DEFAULT_BUFFERS, FEWEST_BUFFERS, LENGTH};
use super::slots::MOST_BUFFERS;
use crate::error::{Error, Result};
use crate::record::Schema;
use crate::segment::{PARAMETERS, Plan, SharedOptions, shared_options};

/// The option that a board and a family of them have in common.
macro_rules! buffers_option {
    () => {
        /// How many values the segment has room for, 2 to 64. Default: 4.
        ///
        /// One is the newest and one is written, so whoever leases values should give the board as many
        /// buffers as there are leases at once, and two more: then a publisher always finds one. Without
        /// leases three suffice, and a fetch is disturbed only by a third publication while it copies; the
        /// fourth is for one process that leases, or for slower fetches. For a value of gibibytes that
        /// nobody leases, 3 saves a quarter of the memory.
        pub fn buffers(mut self, buffers: usize) -> Self {
            self.buffers = buffers;
            self
        }
    };
}

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
    pub(super) buffers: usize,
    pub(super) shared: SharedOptions,
}

impl BoardOptions {
    /// A board whose value is `len` elements (1 for a struct, the number of weights for a network).
    pub fn new(len: usize) -> Self {
        Self {
            len,
            buffers: DEFAULT_BUFFERS,
            shared: SharedOptions::default(),
        }
    }

    buffers_option!();
    shared_options!();

    pub(super) fn plan(&self, schema: &Schema) -> Result<Plan> {
        if self.len == 0 {
            return Error::invalid("the length of a board", "0".into(), "1 or more".into());
        }
        if !(FEWEST_BUFFERS..=MOST_BUFFERS).contains(&self.buffers) {
            let expected = format!("{FEWEST_BUFFERS} to {MOST_BUFFERS}");
            let found = self.buffers.to_string();
            return Error::invalid("the number of a board's buffers", found, expected);
        }
        let mut parameters = [0; PARAMETERS];
        parameters[LENGTH] = self.len as u64;
        parameters[BUFFERS] = self.buffers as u64;
        Ok(self.shared.plan(parameters, 1, schema.to_string()))
    }
}

/// How the boards of a family ([`Boards`](crate::board::Boards)) are to be, where this process creates them.
///
/// ```
/// use millpond::board::BoardsOptions;
/// use millpond::Lifetime;
///
/// let options = BoardsOptions::new().lifetime(Lifetime::WhileAttached).role("learner");
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct BoardsOptions {
    buffers: usize,
    pub(super) shared: SharedOptions,
}

impl Default for BoardsOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl BoardsOptions {
    /// As [`BoardOptions::new`], for values of any length.
    pub fn new() -> Self {
        Self {
            buffers: DEFAULT_BUFFERS,
            shared: SharedOptions::default(),
        }
    }

    buffers_option!();
    shared_options!();

    /// Those of one board.
    pub(super) fn of(&self, len: usize) -> BoardOptions {
        BoardOptions {
            len,
            buffers: self.buffers,
            shared: self.shared.clone(),
        }
    }
}
