//! What changes a pool: a record is claimed a slot (`claim.rs`, `choose.rs`), copied into it (`fill.rs`), and committed
//! (`commit.rs`); later it gets other priorities (`update.rs`), is rewritten in place (`rewrite.rs`), or removed
//! (`remove.rs`). Callers insert by `insert.rs` and `reservation.rs`.

mod choose;
pub(crate) mod claim;
pub(crate) mod commit;
mod fill;
pub(crate) mod insert;
mod remove;
pub(crate) mod reservation;
mod rewrite;
mod update;
