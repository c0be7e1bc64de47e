//! The side of procspawn in `crates/millpond-peers/run --workers`.
//!
//! A task of it is a function of one argument, which is sent, and answered, by itself. What it does not do is
//! done by hand: chunks, order, and how many tasks are on their way. Nothing can be shared: each worker
//! learns the model anew.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::OnceLock;

use procspawn::JoinHandle;
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use serde::{Serialize, de::DeserializeOwned};

use millpond_peers::bayes::{self, ArchivedModel};
use millpond_peers::measures::{self, Pool, WORKERS, Work, is_right, show, square, started};
use millpond_peers::side::{Outcome, Side};
use millpond_peers::texts;

/// How many trivial tasks go at a time, and how many rows.
const CHUNKS: u64 = 8;
const ROWS: usize = 500;
/// How many may be on their way: each takes descriptors.
const TASKS_IN_FLIGHT: usize = 100;
const CHUNKS_IN_FLIGHT: usize = 16;

fn main() -> Outcome<()> {
    procspawn::init();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, _, directory, tasks] = &arguments[..] else {
        return Err("start crates/millpond-peers/run --workers".into());
    };
    Procspawn(Work::new(directory, tasks)?).serve()
}

struct Procspawn(Work);

impl Side for Procspawn {
    const MEASURES: &'static str = "start map one_by_one table";

    fn measure(&mut self, name: &str, seconds: f64) -> Outcome<String> {
        match name {
            "start" => self.0.start::<Spawned>(seconds),
            "map" => self.0.map::<Spawned>(seconds),
            "one_by_one" => self.0.one_by_one::<Spawned>(seconds),
            "table" => {
                let pool = started::<Spawned>()?;
                self.0
                    .table(model(), seconds, |table| pool.right_rows(table))
            }
            _ => Err(format!("procspawn has no measure {name}").into()),
        }
    }
}

/// The model, which is learnt when it is needed first.
fn model() -> &'static ArchivedModel {
    static MODEL: OnceLock<&'static ArchivedModel> = OnceLock::new();
    MODEL.get_or_init(|| {
        let (_, classes) = texts::find().expect("texts in CLASSIFY_TEXTS");
        let bytes = rkyv::to_bytes::<Error>(&bayes::train(&classes)).expect("a model");
        let bytes: &'static AlignedVec = Box::leak(Box::new(bytes));
        rkyv::access::<_, Error>(bytes).expect("what was written just now")
    })
}

struct Spawned(procspawn::Pool);

impl Pool for Spawned {
    fn start() -> Outcome<Self> {
        Ok(Self(procspawn::Pool::new(WORKERS)?))
    }

    fn shown(&mut self) -> Outcome<Vec<u32>> {
        let mut shown = Vec::new();
        let tasks = (0..WORKERS).map(|_| Ok(()));
        self.each(tasks, WORKERS, |()| show(), |process| shown.push(process))?;
        Ok(shown)
    }

    fn map(&mut self, count: u64) -> Outcome<u64> {
        let length = count.div_ceil(CHUNKS);
        let ends = |first: u64| (first, count.min(first + length));
        let chunks = (0..count)
            .step_by(length as usize)
            .map(|first| Ok(ends(first)));
        let squares = |(first, end): (u64, u64)| (first..end).map(square).collect::<Vec<u64>>();
        let mut sum = 0;
        self.each(chunks, CHUNKS_IN_FLIGHT, squares, |found| {
            sum += found.iter().sum::<u64>();
        })?;
        Ok(sum)
    }

    fn one_by_one(&mut self, count: u64) -> Outcome<u64> {
        let mut sum = 0;
        self.each((0..count).map(Ok), TASKS_IN_FLIGHT, square, |found| {
            sum += found
        })?;
        Ok(sum)
    }
}

impl Spawned {
    /// How many rows of a table are right.
    fn right_rows(&self, table: &Path) -> Outcome<usize> {
        let mut rows = measures::rows(table)?;
        let chunks = std::iter::from_fn(|| {
            let chunk: Result<Vec<String>, _> = rows.by_ref().take(ROWS).collect();
            (!matches!(&chunk, Ok(rows) if rows.is_empty())).then_some(chunk)
        });
        let find = |rows: Vec<String>| {
            let right = rows.iter().map(|row| is_right(model(), row));
            right.collect::<Vec<bool>>()
        };
        let mut right = 0;
        self.each(chunks, CHUNKS_IN_FLIGHT, find, |found| {
            right += found.into_iter().filter(|&right| right).count();
        })?;
        Ok(right)
    }

    /// Gives a worker each input, and takes the results in order, with so many of them in flight.
    fn each<I: Serialize + DeserializeOwned, O: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        inputs: impl Iterator<Item = std::io::Result<I>>,
        in_flight: usize,
        task: fn(I) -> O,
        mut take: impl FnMut(O),
    ) -> Outcome<()> {
        let mut waiting: VecDeque<JoinHandle<O>> = VecDeque::new();
        for input in inputs {
            if waiting.len() == in_flight {
                waiting
                    .pop_front()
                    .map(JoinHandle::join)
                    .transpose()?
                    .map(&mut take);
            }
            waiting.push_back(self.0.spawn(input?, task));
        }
        for result in waiting {
            take(result.join()?);
        }
        Ok(())
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        self.0.kill();
    }
}
