// Worker processes that stream tasks over shared objects.
//
// | folder or file | what it does |
// |---|---|
// | `group/` | what the user calls: the worker group, calls, results, the progress bar |
// | `schedule/` | the scheduling side: which worker gets which chunk, what is in flight, workers that die |
// | `worker/` | the worker's side: tasks, and the executor that runs them |
// | `wire/` | what lies in shared memory between them: rings, frames, chunks, control words |
// | `options.rs`, `insights/` | plain data: how a worker group is set up, what it has measured |
// | `line_ranges.rs`, `csv/` | a large text as ranges, of lines and of records |
//
// Imports go one way: `group` → `schedule` → `options.rs` → `worker` → `wire`, and from any of them to those behind it.
// Outside of this folder they use `os`, `sync`, the segment, records, `Open` and the cancel token, and no
// structure.
//
// A worker group has no thread of its own: it works in the thread that asks for results, while that thread asks.

mod csv;
mod group;
mod insights;
mod line_ranges;
mod options;
mod schedule;
#[cfg(test)]
mod tests;
mod wire;
mod worker;

pub use csv::{Csv, CsvRange, CsvRanges, CsvRecord, CsvRecords, WrongField};
pub use group::{Call, Finished, Pending, Results, TryResults, Workers};
pub use insights::{Insights, SlowTask, WorkerInsights};
pub use line_ranges::LineRanges;
pub use options::{Start, WhenWorkerDies, WorkersOptions};
pub use wire::{InPlace, Message};
pub use worker::{AnyTask, Failure, Task, TaskFunction, Worker};
