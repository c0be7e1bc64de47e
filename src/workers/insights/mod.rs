//! How the workers of a group spent their time: numbers, a table of them (`Display`), a picture of them
//! (`picture.rs`), and the slowest tasks (`slowest.rs`).
//!
//! Plain data and text. Imports only its own parts.

mod picture;
mod slowest;

use std::fmt;
use std::time::Duration;

pub(crate) use slowest::Slowest;

/// How many characters of a task's input a table or a picture shows.
const INPUT_SHOWN: usize = 60;

/// How the workers of a group spent their time.
///
/// `Display` writes a table: a line for each worker, their sum, the shares of the five kinds of time, and below it the
/// slowest tasks. [`picture`](Insights::picture) draws the same.
///
/// ```
/// fn show(insights: &millpond::workers::Insights) -> std::io::Result<()> {
///     println!("{insights}");
///     std::fs::write("workers.svg", insights.picture())
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Insights {
    /// One entry for each worker, in the order of their numbers.
    pub workers: Vec<WorkerInsights>,
    /// The tasks that took longest, the slowest first.
    pub slowest: Vec<SlowTask>,
}

/// How one worker spent its time: the sums over all its processes.
///
/// ```
/// fn is_idle(worker: &millpond::workers::WorkerInsights) -> bool {
///     worker.working < worker.total() / 2
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WorkerInsights {
    /// The number of the worker, from 0 on.
    pub worker: usize,
    /// Tasks that it ended.
    pub tasks: u64,
    /// Chunks in which it got them.
    pub chunks: u64,
    /// Processes that were started: more than one if a process died or reached its lifespan.
    pub starts: u64,
    /// Time from the start of a process until it was ready, without `init`.
    pub start: Duration,
    /// Time in the init task.
    pub init: Duration,
    /// Time without a task, or with a result for which there was no room.
    pub waiting: Duration,
    /// Time in tasks.
    pub working: Duration,
    /// Time in the exit task, and from there until the process had ended.
    pub exit: Duration,
}

/// One of the slowest tasks.
///
/// ```
/// fn is_worse(task: &millpond::workers::SlowTask, than: &millpond::workers::SlowTask) -> bool {
///     task.time > than.time
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SlowTask {
    /// The task's name.
    pub task: &'static str,
    /// The number of the worker that ran it.
    pub worker: usize,
    /// How long it took.
    pub time: Duration,
    /// Its input, as `Debug` shows it; the beginning, if that is long.
    pub input: String,
}

impl Insights {
    /// Returns a picture in SVG: for each worker a bar with the five kinds of time along an axis in seconds, and below
    /// them the slowest tasks. It can be written to a file whose name ends in `.svg`.
    ///
    /// ```
    /// fn draw(insights: &millpond::workers::Insights) -> std::io::Result<()> {
    ///     std::fs::write("workers.svg", insights.picture())
    /// }
    /// ```
    pub fn picture(&self) -> String {
        picture::draw(self)
    }

    /// Returns the sums over all workers.
    fn sum(&self) -> WorkerInsights {
        let mut sum = WorkerInsights::default();
        for worker in &self.workers {
            sum.tasks += worker.tasks;
            sum.chunks += worker.chunks;
            sum.starts += worker.starts;
            sum.start += worker.start;
            sum.init += worker.init;
            sum.waiting += worker.waiting;
            sum.working += worker.working;
            sum.exit += worker.exit;
        }
        sum
    }
}

impl WorkerInsights {
    /// Returns the sum of the five kinds of time.
    ///
    /// ```
    /// fn share_of_work(worker: &millpond::workers::WorkerInsights) -> f64 {
    ///     worker.working.as_secs_f64() / worker.total().as_secs_f64()
    /// }
    /// ```
    pub fn total(&self) -> Duration {
        self.times().into_iter().sum()
    }

    /// Returns the five kinds of time, in the order of [`KINDS`].
    fn times(&self) -> [Duration; 5] {
        [self.start, self.init, self.waiting, self.working, self.exit]
    }

    fn cells(&self, name: String) -> Vec<String> {
        let counts = [self.tasks, self.chunks, self.starts].map(|count| count.to_string());
        let times = self.times().map(shown);
        let mut cells = vec![name];
        cells.extend(counts);
        cells.extend(times);
        cells.push(shown(self.total()));
        cells
    }
}

/// The names of the five kinds of time, in tables and pictures.
const KINDS: [&str; 5] = ["start", "init", "waiting", "working", "exit"];

impl fmt::Display for Insights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut heads = vec!["worker", "tasks", "chunks", "starts"];
        heads.extend(KINDS);
        heads.push("total");
        let sum = self.sum();
        let mut lines = vec![heads.into_iter().map(String::from).collect()];
        lines.extend(self.workers.iter().map(|w| w.cells(w.worker.to_string())));
        lines.push(sum.cells("all".into()));
        lines.push(shares(&sum));
        write_table(f, &lines, usize::MAX)?;
        if self.slowest.is_empty() {
            return Ok(());
        }
        let heads = ["slowest", "worker", "task", "input"];
        let mut lines = vec![heads.map(String::from).to_vec()];
        lines.extend(self.slowest.iter().map(SlowTask::cells));
        f.write_str("\n\n")?;
        write_table(f, &lines, 2)
    }
}

impl SlowTask {
    fn cells(&self) -> Vec<String> {
        let worker = self.worker.to_string();
        vec![shown(self.time), worker, self.task.into(), cut(&self.input)]
    }
}

/// Returns the line below the sum: the share of each kind of time. It has cells for all columns.
fn shares(sum: &WorkerInsights) -> Vec<String> {
    let mut cells = vec!["share".to_string()];
    cells.resize(4, String::new());
    cells.extend(sum.times().map(|time| share(time, sum.total())));
    cells.push(String::new());
    cells
}

fn share(part: Duration, total: Duration) -> String {
    match total.is_zero() {
        true => "-".into(),
        false => format!("{:.1} %", 100.0 * part.as_secs_f64() / total.as_secs_f64()),
    }
}

/// Returns a time as text.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        0 if time.is_zero() => "0".into(),
        0 => format!("{time:.1?}"),
        _ => format!("{:.2}s", time.as_secs_f64()),
    }
}

/// Returns the beginning of a task's input, on one line.
fn cut(input: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut start: String = input.chars().take(INPUT_SHOWN).map(plain).collect();
    if input.chars().nth(INPUT_SHOWN).is_some() {
        start.push('…');
    }
    start
}

/// Writes columns as wide as their widest cell. The first `right` are aligned to the right, the others to the left. The
/// last line ends without a line break.
fn write_table(f: &mut fmt::Formatter<'_>, lines: &[Vec<String>], right: usize) -> fmt::Result {
    let columns = lines.first().map_or(0, Vec::len);
    let cell_width = |line: &Vec<String>, at: usize| line[at].chars().count();
    let width = |at| lines.iter().map(|line| cell_width(line, at)).max();
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    for (number, line) in lines.iter().enumerate() {
        let mut text = String::new();
        for (at, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            text += match at {
                0 => "",
                _ => "  ",
            };
            text += &match at < right {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            };
        }
        if number > 0 {
            writeln!(f)?;
        }
        f.write_str(text.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
