//! The scheduling side of a worker group.
//!
//! | file | what it does |
//! |---|---|
//! | `scheduler.rs`, `supervision.rs` | all workers: which gets which chunk, and what happens to one that ends or dies |
//! | `dispatcher.rs`, `calls.rs` | pass each answer to the call that waits for it |
//! | `worker_handle.rs`, `in_flight.rs`, `backend.rs` | one worker: its rings, what it was sent, its process or thread |
//! | `reorder_buffer.rs`, `chunk_sizing.rs` | what one call keeps: its results that nobody has taken, and the length of its chunks |

mod backend;
pub(crate) mod calls;
pub(crate) mod chunk_sizing;
pub(crate) mod dispatcher;
pub(crate) mod in_flight;
pub(crate) mod reorder_buffer;
pub(crate) mod scheduler;
mod supervision;
pub(crate) mod worker_handle;
