//! What reads a pool: a batch is drawn (`sample.rs`, `draw.rs`, `select/`), held by leases, and read in place or by
//! columns (`batch.rs`, `column.rs`); a single record is read by its key (`get.rs`).

pub(crate) mod batch;
pub(crate) mod chains;
pub(crate) mod column;
pub(crate) mod distribution;
mod draw;
mod get;
mod nothing;
mod sample;
mod sampled;
pub(crate) mod select;
mod spend;
