//! The worker's side: tasks, and the executor that runs them.
//!
//! | file | what it does |
//! |---|---|
//! | `process.rs` | how a process becomes a worker, and how it ends |
//! | `executor.rs` | takes frames from the ring of tasks, and has each executed |
//! | `registry.rs` | the tasks of this program, by name |
//! | `task.rs` | a task, and how it runs for each input of a chunk |
//! | `answers.rs` | writes answers into the ring of results, and measures time |
//! | `environment.rs`, `context.rs` | what a worker keeps for its tasks, and what one task sees of it |
//! | `panics.rs` | the text of a task's panic |
//!
//! Each file imports only files below it in this table, and `wire`.

mod answers;
mod context;
mod environment;
pub(crate) mod executor;
mod panics;
pub(crate) mod process;
pub(crate) mod registry;
pub(crate) mod task;

pub use context::Worker;
pub use task::{AnyTask, Failure, Task, TaskFunction};
