//! Millpond's side of `crates/millpond-peers/run --workers`: its pool of two workers, which share a model as an
//! archive, and get the rows of a table one by one, or as ranges of the file. And the physical limit: two
//! processes without a pool, each with half of the table.
//!
//! A measure gives a rate a second, or what its name says; see `measures.rs` and `side.rs`.

mod write;

use std::cell::Cell;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use millpond::workers::{Failure, InPlace, LineRanges, Worker};
use millpond::{Archive, Task, Workers, WorkersOptions};

use millpond_peers::again::Again;
use millpond_peers::bayes::{self, ArchivedModel, Model};
use millpond_peers::measures::{self, Pool, WORKERS, Work};
use millpond_peers::side::{self, Outcome, Side};
use millpond_peers::texts;

type Shared = Archive<Model>;

static SQUARE: Task<(), u64, u64> = Task {
    name: "square",
    run: |_, number| Ok(measures::square(number)),
};
static SHOW: Task<(), (), u32> = Task {
    name: "show",
    run: |_, ()| Ok(measures::show()),
};
static IS_RIGHT: Task<Shared, InPlace<str>, bool> = Task {
    name: "is right",
    run: |worker, row| Ok(measures::is_right(worker.shared(), row)),
};
static RIGHT_OF: Task<Shared, (String, Range<u64>), usize> = Task {
    name: "right of",
    run: right_of,
};

/// A slow consumer looks at a result for so long.
const LOOK: Duration = Duration::from_millis(1);
/// Less memory than this, in MB, is not told from none.
const LEAST_MEMORY: f64 = 0.1;
/// What a range of the file has, about.
const RANGE: usize = 1 << 16;

fn main() -> Outcome<()> {
    Workers::begin(&[&SQUARE, &SHOW, &IS_RIGHT, &RIGHT_OF]);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["publish", name] => publish(name),
        ["write", directory, rows] => write::write(Path::new(directory), rows.parse()?),
        ["millpond", directory, tasks] => Millpond::new(directory, tasks)?.serve(),
        ["ranges", directory, tasks] => Table(Millpond::new(directory, tasks)?, ranges).serve(),
        ["limit", directory, tasks] => Table(Millpond::new(directory, tasks)?, limit).serve(),
        ["half", name, table] => half(name, table),
        _ => Err("this is started by crates/millpond-peers/run --workers".into()),
    }
}

/// Learns a model and shares it by a name.
fn publish(name: &str) -> Outcome<()> {
    let (_, classes) = texts::find()?;
    Archive::publish(name, &bayes::train(&classes))?;
    Ok(())
}

/// The name of the model that the workers of this process share.
fn name() -> String {
    format!("peers-workers-{}", std::process::id())
}

/// All measures, with rows sent.
struct Millpond {
    work: Work,
    model: Shared,
}

impl Millpond {
    fn new(directory: &str, tasks: &str) -> Outcome<Self> {
        // By another process: of memory that this one had before, it would not be seen who takes it.
        let publisher = Command::new(std::env::current_exe()?)
            .args(["publish", &name()])
            .status()?;
        if !publisher.success() {
            return Err(format!("the model was not published: {publisher}").into());
        }
        Ok(Self {
            work: Work::new(directory, tasks)?,
            model: Archive::open(&*name())?,
        })
    }

    /// How many rows are read that were not looked at, at most, and the memory that this takes, in MB.
    fn ahead(&self, seconds: f64) -> Outcome<String> {
        let workers: Workers = measures::started::<Rows>()?.0;
        let (before, mut began) = (resident()?, None);
        let (read, mut furthest) = (Cell::new(0), 0);
        let rows = measures::rows(&self.work.table)?;
        let counted = rows
            .map_while(Result::ok)
            .inspect(|_| read.set(read.get() + 1));
        for (taken, result) in workers.imap(&IS_RIGHT, counted)?.enumerate() {
            result?;
            furthest = furthest.max(read.get() - taken);
            std::thread::sleep(LOOK);
            if began
                .get_or_insert_with(Instant::now)
                .elapsed()
                .as_secs_f64()
                > seconds
            {
                break;
            }
        }
        Ok(format!(
            "{furthest} {}",
            LEAST_MEMORY.max(resident()? - before)
        ))
    }
}

impl Drop for Millpond {
    fn drop(&mut self) {
        // What is left when this fails is seen in the directory of segments.
        let _ = millpond::unlink(&name());
    }
}

impl Side for Millpond {
    const MEASURES: &'static str = "ahead start map one_by_one table";

    fn measure(&mut self, name: &str, seconds: f64) -> Outcome<String> {
        match name {
            "ahead" => self.ahead(seconds),
            "start" => self.work.start::<Rows>(seconds),
            "map" => self.work.map::<Rows>(seconds),
            "one_by_one" => self.work.one_by_one::<Rows>(seconds),
            "table" => {
                let pool = measures::started::<Rows>()?;
                self.work
                    .table(&self.model, seconds, |table| pool.right_rows(table))
            }
            _ => Err(format!("millpond has no measure {name}").into()),
        }
    }
}

/// Only the table, in another way.
struct Table(Millpond, fn(&Millpond, f64) -> Outcome<String>);

impl Side for Table {
    const MEASURES: &'static str = "table";

    fn measure(&mut self, name: &str, seconds: f64) -> Outcome<String> {
        match name {
            "table" => self.1(&self.0, seconds),
            _ => Err(format!("it has no measure {name}").into()),
        }
    }
}

/// With ranges of the file sent, which workers read by themselves.
fn ranges(millpond: &Millpond, seconds: f64) -> Outcome<String> {
    let workers = measures::started::<Rows>()?.0;
    millpond.work.table(&millpond.model, seconds, |table| {
        let path = table.to_str().ok_or("the path of the table is not UTF-8")?;
        let ranges = LineRanges::open(table, RANGE)?.skip_heading()?;
        let inputs = ranges.map(|range| Ok((path.to_owned(), range?)));
        let mut right = 0;
        for found in workers.call(&RIGHT_OF).try_imap(inputs)? {
            right += found?;
        }
        Ok(right)
    })
}

/// By two processes without a pool.
fn limit(millpond: &Millpond, seconds: f64) -> Outcome<String> {
    let table = millpond
        .work
        .table
        .to_str()
        .ok_or("the path of the table is not UTF-8")?;
    let mut halves = Vec::new();
    for _ in 0..WORKERS {
        halves.push(Again::start(&["half", &name(), table])?);
    }
    millpond.work.table(&millpond.model, seconds, |table| {
        let length = table.metadata()?.len().div_ceil(WORKERS as u64);
        for (half, range) in halves
            .iter_mut()
            .zip(LineRanges::open(table, length as usize)?)
        {
            let range = range?;
            half.tell(&format!("{} {}", range.start, range.end))?;
        }
        let mut right = 0;
        for half in &mut halves {
            right += half.line()?.parse::<usize>()?;
        }
        Ok(right)
    })
}

/// One of the two: counts the right rows of ranges until there are no more.
fn half(name: &str, table: &str) -> Outcome<()> {
    let (model, mut text) = (Archive::<Model>::open(name)?, String::new());
    for order in std::io::stdin().lines() {
        let order = order?;
        let (start, end) = order.split_once(' ').ok_or("an order is START END")?;
        let right = right_in(&model, table, &(start.parse()?..end.parse()?), &mut text)?;
        side::answer(&right.to_string())?;
    }
    Ok(())
}

/// A pool that is sent rows.
struct Rows(Workers);

impl Pool for Rows {
    fn start() -> Outcome<Self> {
        Ok(Self(Workers::start(
            WorkersOptions::new(WORKERS).shared(name()),
        )?))
    }

    fn shown(&mut self) -> Outcome<Vec<u32>> {
        Ok(self.0.call(&SHOW).chunk_len(1).map([(); WORKERS])?)
    }

    fn map(&mut self, count: u64) -> Outcome<u64> {
        Ok(self.0.map(&SQUARE, 0..count)?.iter().sum())
    }

    fn one_by_one(&mut self, count: u64) -> Outcome<u64> {
        let mut sum = 0;
        for square in self.0.call(&SQUARE).chunk_len(1).imap(0..count)? {
            sum += square?;
        }
        Ok(sum)
    }
}

impl Rows {
    /// How many rows of a table are right.
    fn right_rows(&self, table: &Path) -> Outcome<usize> {
        let mut right = 0;
        // A row that cannot be read ends the stream, and the count of those that are right is not what it
        // should be.
        let rows = measures::rows(table)?.map_while(Result::ok);
        for is_right in self.0.imap(&IS_RIGHT, rows)? {
            right += usize::from(is_right?);
        }
        Ok(right)
    }
}

/// How many rows of a range of a table are right.
fn right_of(
    worker: &mut Worker<'_, Shared>,
    (table, range): (String, Range<u64>),
) -> Result<usize, Failure> {
    let mut text = std::mem::take(worker.state::<String>());
    let right = right_in(worker.shared(), &table, &range, &mut text)?;
    *worker.state() = text;
    Ok(right)
}

/// The same in any process; reads into `text`. The heads are no row that is right.
fn right_in(
    model: &ArchivedModel,
    table: &str,
    range: &Range<u64>,
    text: &mut String,
) -> millpond::Result<usize> {
    LineRanges::read(table, range, text)?;
    Ok(text
        .lines()
        .filter(|row| measures::is_right(model, row))
        .count())
}

/// The memory of this process, in MB.
fn resident() -> Outcome<f64> {
    let process = std::process::id().to_string();
    let said = Command::new("ps")
        .args(["-o", "rss=", "-p", &process])
        .output()?;
    let kibibytes: f64 = String::from_utf8(said.stdout)?.trim().parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}
