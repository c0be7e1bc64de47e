//! The scheduling side of a worker group.
//!
//! | file | what it does |
//! |---|---|
//! | `scheduler.rs`, `placement.rs`, `supervision.rs` | all workers; which gets which chunk; those that leave, end or die |
//! | `dispatcher.rs`, `calls.rs` | pass each answer to the call that waits for it |
//! | `worker_handle.rs`, `backend.rs` | one worker: its rings, and its process or thread |
//! | `in_flight.rs` | the frames that a worker was sent and has not answered |
//! | `reorder_buffer.rs`, `chunk_sizing.rs` | used by each call: results out of turn, and how long chunks are |
//!
//! Each file imports only files below it in this table, or in its line.

mod backend;
pub(crate) mod calls;
pub(crate) mod chunk_sizing;
pub(crate) mod dispatcher;
pub(crate) mod in_flight;
pub(crate) mod placement;
pub(crate) mod reorder_buffer;
pub(crate) mod scheduler;
mod supervision;
mod worker_handle;
