//! What is measured of every pool of workers in Rust; `serve_pools.py` does the same in Python.
//!
//! Each turn has workers of its own, so that none are there while others are measured; what it takes to
//! start them counts in `start` only.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::bayes::ArchivedModel;
use crate::side::{Outcome, rate};

pub const WORKERS: usize = 2;
/// Of the tasks that there are in chunks, so many go one by one.
const ONE_OF: u64 = 50;
/// A task that shows who is there lasts so long.
const SHOW: Duration = Duration::from_millis(1);

/// A pool of workers, behind the same few calls.
pub trait Pool: Sized {
    /// Starts two workers.
    fn start() -> Outcome<Self>;
    /// What two tasks [`show`]ed.
    fn shown(&mut self) -> Outcome<Vec<u32>>;
    /// The squares of numbers up to `count`, by tasks in chunks; their sum.
    fn map(&mut self, count: u64) -> Outcome<u64>;
    /// The same by tasks one by one.
    fn one_by_one(&mut self, count: u64) -> Outcome<u64>;
}

/// The task that is trivial.
pub fn square(number: u64) -> u64 {
    number.wrapping_mul(number)
}

/// The task that shows which process it is.
pub fn show() -> u32 {
    std::thread::sleep(SHOW);
    std::process::id()
}

/// The task for a row, `number,class,"text"`: whether the class that is found for the text is that.
pub fn is_right(model: &ArchivedModel, row: &str) -> bool {
    let mut fields = row.splitn(3, ',').skip(1);
    let (Some(class), Some(text)) = (fields.next(), fields.next()) else {
        return false;
    };
    model.classify(text) == class
}

/// The rows of a table, as they are read.
pub fn rows(table: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    Ok(BufReader::new(File::open(table)?).lines().skip(1)) // the heads
}

/// The work that there is to do.
pub struct Work {
    pub table: PathBuf,
    pub tasks: u64,
}

impl Work {
    /// As the arguments of this program say.
    pub fn new(directory: &str, tasks: &str) -> Outcome<Self> {
        Ok(Self {
            table: Path::new(directory).join("table.csv"),
            tasks: tasks.parse()?,
        })
    }

    /// Milliseconds until both workers have done a task.
    pub fn start<P: Pool>(&self, seconds: f64) -> Outcome<String> {
        let (mut found, end) = (
            Vec::new(),
            Instant::now() + Duration::from_secs_f64(seconds),
        );
        while found.is_empty() || Instant::now() < end {
            let began = Instant::now();
            let pool = started::<P>()?;
            found.push(1000.0 * began.elapsed().as_secs_f64());
            drop(pool);
        }
        found.sort_by(f64::total_cmp);
        Ok(found[found.len() / 2].to_string())
    }

    /// Tasks a second, in chunks.
    pub fn map<P: Pool>(&self, seconds: f64) -> Outcome<String> {
        squares::<P>(seconds, self.tasks, P::map)
    }

    /// Tasks a second, one by one.
    pub fn one_by_one<P: Pool>(&self, seconds: f64) -> Outcome<String> {
        squares::<P>(seconds, self.tasks / ONE_OF, P::one_by_one)
    }

    /// Rows a second, and how many times as many as this process alone, both in turns; `count_right` does it
    /// with a pool.
    pub fn table(
        &self,
        model: &ArchivedModel,
        seconds: f64,
        mut count_right: impl FnMut(&Path) -> Outcome<usize>,
    ) -> Outcome<String> {
        count_right(&self.table)?; // now each of them has the model
        let (mut alone, mut pooled, mut read) = (0.0, 0.0, 0);
        while alone + pooled < seconds {
            let began = Instant::now();
            let mut right = 0;
            for row in rows(&self.table)? {
                right += usize::from(is_right(model, &row?));
                read += 1;
            }
            alone += began.elapsed().as_secs_f64();
            let began = Instant::now();
            let found = count_right(&self.table)?;
            pooled += began.elapsed().as_secs_f64();
            if found != right {
                return Err(
                    format!("{found} rows are right with the pool, {right} without").into(),
                );
            }
        }
        Ok(format!("{} {}", f64::from(read) / pooled, alone / pooled))
    }
}

/// A pool of which each worker has done a task.
pub fn started<P: Pool>() -> Outcome<P> {
    let mut pool = P::start()?;
    let mut seen = HashSet::new();
    while seen.len() < WORKERS {
        seen.extend(pool.shown()?);
    }
    Ok(pool)
}

/// Tasks a second of a call that adds up squares.
fn squares<P: Pool>(
    seconds: f64,
    count: u64,
    call: impl Fn(&mut P, u64) -> Outcome<u64>,
) -> Outcome<String> {
    let right: u64 = (0..count).map(square).sum();
    let mut pool = started::<P>()?;
    let mut add = || {
        let found = call(&mut pool, count).expect("squares");
        assert_eq!(
            found, right,
            "the sum of the squares of numbers up to {count}"
        );
    };
    add();
    Ok(rate(seconds, count as usize, add).to_string())
}
