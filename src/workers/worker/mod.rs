//! The worker's side: tasks, and what runs them.

mod context;
pub(crate) mod executor;
pub(crate) mod process;
pub(crate) mod task;

pub use context::Worker;
pub use task::{AnyTask, Failure, Task, TaskFunction};
