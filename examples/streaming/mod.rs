//! A large table of comma-separated values through worker processes: each gets one range of its lines after
//! another, reads them, and gives back a line for each.

use std::env;
use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

use millpond::workers::{Failure, InPlace, LineRanges, Worker};
use millpond::{Open, Result, Task, Workers, WorkersOptions};

/// About how many bytes of the table a worker gets at a time.
const RANGE: usize = 64 << 10;

/// What workers share: a structure that is opened by its name, and the table of that name.
pub struct Job<S> {
    /// The structure.
    pub structure: S,
    table: PathBuf,
}

impl<S: Open> Open for Job<S> {
    fn open_by_name(name: &str) -> Result<Self> {
        Ok(Self {
            structure: S::open_by_name(name)?,
            table: table_of(name),
        })
    }
}

/// A task that gives a line for each line of a range.
pub type Lines<S> = Task<Job<S>, Range<u64>, InPlace<str>>;

/// Where the table of this name lies.
pub fn table_of(name: &str) -> PathBuf {
    env::temp_dir().join(format!("{name}.csv"))
}

/// How many rows the variable ROWS asks for; `usual` where it is not set.
pub fn asked(usual: usize) -> std::result::Result<usize, String> {
    let Ok(text) = env::var("ROWS") else {
        return Ok(usual);
    };
    let wrong = |_| format!("ROWS is `{text}`; it must be a number");
    text.parse().map_err(wrong)
}

/// In a worker: answers each line of a range by one.
pub fn answer<S>(
    worker: &mut Worker<'_, Job<S>>,
    range: &Range<u64>,
    mut one: impl FnMut(&S, &str, &mut String) -> std::result::Result<(), Failure>,
) -> std::result::Result<String, Failure> {
    let job = worker.shared();
    let rows = worker.state::<String>(); // the same memory for every range
    LineRanges::read(&job.table, range, rows)?;
    let mut results = String::with_capacity(rows.len());
    for row in rows.lines() {
        one(&job.structure, row, &mut results)?;
        results.push('\n');
    }
    Ok(results)
}

/// Sends the table of `name`, which has `rows` rows, through workers, and gives each line of the results to
/// `take`. Says how fast that was, and what memory each worker held at its end.
pub fn through_workers<S: Open + 'static>(
    name: &str,
    rows: usize,
    task: &Lines<S>,
    mut take: impl FnMut(&str),
) -> std::result::Result<(), Box<dyn Error>> {
    let options = WorkersOptions::for_every_processor()?;
    let workers = Workers::start(options.shared(name).exit(&MEMORY, &())?)?;
    let ranges = LineRanges::open(table_of(name), RANGE)?.skip_heading()?;
    let ranges = ranges.collect::<Result<Vec<_>>>()?;
    let (began, mut answered) = (Instant::now(), 0);
    let call = workers.call(task).progress(true);
    for results in call.imap_unordered(ranges)? {
        let results = results?;
        answered += results.lines().inspect(|line| take(line)).count();
    }
    let rate = rows as f64 / began.elapsed().as_secs_f64();
    println!("{} workers: {rate:.0} rows/s", workers.len());
    if answered != rows {
        return Err(format!("{answered} results for {rows} rows").into());
    }
    for (worker, memory) in workers.finish()?.exited(&MEMORY)? {
        match memory {
            Some((own, files)) => {
                println!("worker {worker}: {own} KiB of its own, {files} KiB of files");
            }
            None => println!("worker {worker}: this system does not say what it holds"),
        }
    }
    Ok(())
}

/// The first two fields and the text of a row `number,word,"text"`.
pub fn fields(row: &str) -> Option<(&str, &str, &str)> {
    let (number, rest) = row.split_once(',')?;
    let (word, text) = rest.split_once(',')?;
    Some((number, word, text.trim_matches('"')))
}

/// What a worker holds at its end.
pub static MEMORY: Task<(), (), Option<(u64, u64)>> = Task {
    name: "memory",
    run: |_, ()| Ok(memory()),
};

/// What this process has for itself (what is not of a file), and the rest that it has mapped and touched, in KiB, by
/// its `smaps_rollup`; `None` on a system that has none.
fn memory() -> Option<(u64, u64)> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let size = |what: &str| -> Option<u64> {
        let line = text.lines().find(|line| line.starts_with(what))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let own = size("Anonymous:")?;
    Some((own, size("Rss:")? - own))
}
