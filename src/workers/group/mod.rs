//! What the user calls.
//!
//! | file | what it does |
//! |---|---|
//! | `workers.rs`, `finished.rs` | the handle of a worker group, and what is left when the group has ended |
//! | `call.rs` | the options of one call, and the ways in which its results come |
//! | `results.rs`, `fallible.rs` | iterators that ask for inputs, send them, and return the outputs |
//! | `outputs.rs` | reads the outputs of one call, and keeps them until they are taken |
//! | `progress.rs` | a bar on the terminal |

mod call;
mod fallible;
mod finished;
mod outputs;
#[cfg(feature = "progress")]
mod progress;
mod results;
mod workers;

pub use call::{Call, Pending};
pub use fallible::TryResults;
pub use finished::Finished;
pub use results::Results;
pub use workers::Workers;
