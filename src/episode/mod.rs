// Processing of an episode before a simulator stores any of it: pure computation on the caller's own
// values. Imports nothing but the error, and knows no pool.

mod n_step;
mod sequences;
#[cfg(test)]
mod tests;

pub use n_step::{NStep, NStepTransition, Step};
pub use sequences::Sequences;
