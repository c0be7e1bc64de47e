//! A worker: a process that attaches to the pool by name, waits for the starting gun, performs its
//! operations in turn until its time is over, and prints how long each took.

use std::error::Error;
use std::time::{Duration, Instant};

use millpond::{Batch, Board, Pool};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::histogram::Histogram;
use crate::plain::{Draws, Tape};
use crate::transitions::{BATCH, CHUNK, Columns, Transition};

/// For how long anybody waits for anybody else.
const PATIENCE: Duration = Duration::from_secs(20);
/// Records that begin in one page of 4 KiB, at least.
const RECORDS_A_PAGE: usize = 5;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    InsertOne,
    InsertChunk,
    SampleAndGather,
    Update,
    /// What an insert of a chunk costs whoever shares nothing.
    PlainCopy,
    /// What a sample costs whoever shares nothing and draws nothing.
    PlainGather,
}

impl Operation {
    const ALL: [Self; 6] = [
        Self::InsertOne,
        Self::InsertChunk,
        Self::SampleAndGather,
        Self::Update,
        Self::PlainCopy,
        Self::PlainGather,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::InsertOne => "insert 1",
            Self::InsertChunk => "insert 64",
            Self::SampleAndGather => "sample 256, gather",
            Self::Update => "update 256",
            Self::PlainCopy => "plain copy 64",
            Self::PlainGather => "plain gather 256",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
    }

    /// Whether it needs no pool.
    fn is_plain(self) -> bool {
        matches!(self, Self::PlainCopy | Self::PlainGather)
    }

    /// Records a call.
    pub fn records(self) -> usize {
        match self {
            Self::InsertOne => 1,
            Self::InsertChunk | Self::PlainCopy => CHUNK,
            Self::SampleAndGather | Self::Update | Self::PlainGather => BATCH,
        }
    }
}

/// A record with the space that it takes in a pool.
type Row = [f32; size_of::<Transition>().next_multiple_of(64) / size_of::<f32>()];

/// Memory of this process alone, as large as the pool's records.
struct Plain {
    tape: Tape,
    draws: Draws,
    rows: Vec<Row>,
}

impl Plain {
    fn new(records: usize) -> std::io::Result<Self> {
        Ok(Self {
            tape: Tape::new(records * size_of::<Row>())?,
            draws: Draws::new(records, BATCH),
            rows: vec![[1.0; _]; BATCH],
        })
    }

    fn copy(&mut self) {
        self.tape.write(&self.rows[..CHUNK]);
    }

    fn gather(&mut self) {
        self.tape.gather(self.draws.next(), &mut self.rows);
    }
}

/// What a worker needs for its operations.
struct Hands {
    pool: Pool<Transition>,
    plain: Option<Plain>,
    records: Vec<Transition>,
    random: StdRng,
    batch: Batch<Transition>,
    columns: Columns,
    priorities: Vec<f32>,
}

impl Hands {
    fn new(pool: Pool<Transition>, operations: &[Operation]) -> Result<Self, Box<dyn Error>> {
        let mut plain = None;
        if operations.iter().any(|operation| operation.is_plain()) {
            plain = Some(Plain::new(pool.capacity())?);
        }
        Ok(Self {
            plain,
            records: (0..CHUNK).map(Transition::numbered).collect(),
            random: StdRng::seed_from_u64(u64::from(std::process::id())),
            batch: Batch::new(&pool),
            columns: Columns::new(),
            priorities: (0..BATCH).map(|at| 0.1 + at as f32 / 128.0).collect(),
            pool,
        })
    }

    fn perform(&mut self, operation: Operation) -> millpond::Result<()> {
        match operation {
            Operation::InsertOne => self.pool.insert(&self.records[0]).map(drop),
            Operation::InsertChunk => self.pool.insert_batch(&self.records).map(drop),
            Operation::SampleAndGather => {
                let (random, batch) = (&mut self.random, &mut self.batch);
                self.pool.sample_into(BATCH, random, batch)?;
                self.columns.gather(batch)
            }
            Operation::Update => {
                let (keys, priorities) = (self.batch.keys(), &self.priorities);
                self.pool.update_priorities(keys, priorities).map(drop)
            }
            Operation::PlainCopy => {
                self.plain().copy();
                Ok(())
            }
            Operation::PlainGather => {
                self.plain().gather();
                Ok(())
            }
        }
    }

    fn plain(&mut self) -> &mut Plain {
        self.plain.as_mut().expect("made for these operations")
    }

    /// Touches every page, or the first lap would measure how the system maps them.
    fn touch_pages(&self) -> millpond::Result<()> {
        let newest = self.pool.insert(&self.records[0])?;
        for age in (0..self.pool.capacity()).step_by(RECORDS_A_PAGE) {
            self.pool.get(newest.saturating_sub(age as u64))?;
        }
        Ok(())
    }
}

/// The worker's whole life: `operations` are performed one after the other, again and again.
pub fn work(
    pool: &str,
    gun: &str,
    operations: &[Operation],
    time: Duration,
) -> Result<(), Box<dyn Error>> {
    let mut hands = Hands::new(Pool::open(pool)?, operations)?;
    hands.touch_pages()?;
    let mut times = Operation::ALL.map(|_| Histogram::default());
    let gun = Board::<u64>::open(gun)?;
    println!("ready");
    gun.wait_newer(0, PATIENCE)?;
    let switches_before = switches();
    let began = Instant::now();
    let mut last = began;
    while last - began < time {
        for &operation in operations {
            hands.perform(operation)?;
            let now = Instant::now();
            times[operation as usize].add(now - last);
            last = now;
        }
    }
    let switches = switches_before.zip(switches());
    if let Some((before, after)) = switches {
        println!("switches {} {}", after.0 - before.0, after.1 - before.1);
    }
    println!("elapsed {}", (last - began).as_nanos());
    for (operation, times) in Operation::ALL.iter().zip(times) {
        println!("{}={}", operation.name(), times.to_text());
    }
    Ok(())
}

/// How often this process went to sleep, and how often another took its processor. Only Linux says.
fn switches() -> Option<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let number = |name: &str| {
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    number("voluntary_ctxt_switches:").zip(number("nonvoluntary_ctxt_switches:"))
}
