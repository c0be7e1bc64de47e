//! What several benchmarks need: baselines over plain memory, a table of ratios that are measured in
//! turns, processes at one pool, and the record that all of them use.

pub mod plain;
pub mod processes;
pub mod rounds;
pub mod transitions;
