//! What is measured in one process: a full pool of records of `N` numbers and the calls on it, and
//! plain memory as large beside it.

use std::time::Duration;

use millpond::{Batch, Lifetime, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::Outcome;
use millpond_benches::plain::{Draws, Tape};
use millpond_benches::rounds::{in_turns, quantile};

/// The largest batch that is measured.
pub const LARGEST_BATCH: usize = 4096;
/// What a sweep may take, however much there is.
const MOST_MEMORY: usize = 7 << 30;
/// The plain memory beside a pool is as large as its records, but no larger than this.
pub const LARGEST_TAPE: usize = 2 << 30;
/// Slot words, tree and the rest, a record; `docs/design.md` says 12.3.
const OVERHEAD: usize = 13;
const BETA: f32 = 0.4;

/// A full pool and plain memory.
pub struct Pond<const N: usize> {
    pool: Pool<[f32; N]>,
    tape: Tape,
}

impl<const N: usize> Pond<N> {
    /// What a record has.
    pub const BYTES: usize = size_of::<[f32; N]>();

    /// A full pool with random priorities. It goes with this handle.
    pub fn new(capacity: usize) -> Outcome<Self> {
        let rows = capacity.min(LARGEST_TAPE / Self::BYTES);
        check_memory(capacity * (Self::BYTES + OVERHEAD) + rows * Self::BYTES)?;
        let name = format!("bench-{}/growth", std::process::id());
        let options = PoolOptions::new(capacity)
            .leases(LARGEST_BATCH)
            .lifetime(Lifetime::WhileAttached);
        let pool = Pool::create(&name, options)?;
        fill(&pool)?;
        let tape = Tape::new(rows * Self::BYTES)?;
        Ok(Self { pool, tape })
    }

    /// The calls with so many records inserted together, and so many sampled or updated.
    pub fn calls(&mut self, insert: usize, batch: usize) -> Calls<'_, N> {
        let mut random = StdRng::seed_from_u64(1);
        Calls {
            records: vec![[2.0; N]; insert],
            batch: Batch::new(&self.pool),
            weights: Vec::new(),
            column: vec![[0.0; N]; batch],
            slots: Draws::new(self.pool.capacity(), batch),
            keys: Vec::new(),
            oldest: 0,
            priorities: (0..batch).map(|_| random.random_range(0.1..2.0)).collect(),
            rows: Draws::new(self.tape.len() / Self::BYTES, batch),
            random,
            pool: &self.pool,
            tape: &mut self.tape,
        }
    }
}

fn fill<const N: usize>(pool: &Pool<[f32; N]>) -> millpond::Result<()> {
    let mut random = StdRng::seed_from_u64(7);
    let records: Vec<_> = std::iter::repeat_n([1.0; N], 64).collect();
    let mut priorities = [0.0; 64];
    for start in (0..pool.capacity()).step_by(records.len()) {
        let count = records.len().min(pool.capacity() - start);
        priorities.fill_with(|| random.random_range(0.1f32..2.0));
        pool.insert_batch_with_priorities(&records[..count], &priorities[..count])?;
    }
    Ok(())
}

/// The calls that are measured, with all that they need.
pub struct Calls<'a, const N: usize> {
    pool: &'a Pool<[f32; N]>,
    records: Vec<[f32; N]>,
    batch: Batch<[f32; N]>,
    weights: Vec<f32>,
    column: Vec<[f32; N]>,
    random: StdRng,
    /// Slots to be updated, and the keys that make of them.
    slots: Draws,
    oldest: u64,
    keys: Vec<u64>,
    priorities: Vec<f32>,
    tape: &'a mut Tape,
    rows: Draws,
}

impl<const N: usize> Calls<'_, N> {
    /// Seconds a record: inserted one by one, inserted together, copied together into plain memory.
    pub fn inserts(&mut self, time: Duration) -> [f64; 3] {
        let sides = [Self::insert_each, Self::insert_together, Self::copy];
        let count = self.records.len();
        self.measure(sides, time).map(|call| call / count as f64)
    }

    /// Seconds a record: sampled with weights, then gathered too, gathered from plain memory.
    pub fn samples(&mut self, time: Duration) -> [f64; 3] {
        let sides = [Self::sample, Self::sample_and_gather, Self::gather_plain];
        let count = self.column.len();
        let seconds = self.measure(sides, time).map(|call| call / count as f64);
        // Writers look at what a batch holds.
        self.batch = Batch::new(self.pool);
        seconds
    }

    /// Seconds a record, updated by its key.
    pub fn updates(&mut self, time: Duration) -> [f64; 1] {
        let newest = self.pool.insert(&self.records[0]).expect("a free slot");
        self.oldest = newest + 1 - self.pool.capacity() as u64;
        let count = self.column.len();
        self.measure([Self::update], time)
            .map(|call| call / count as f64)
    }

    fn measure<const SIDES: usize>(
        &mut self,
        sides: [fn(&mut Self); SIDES],
        time: Duration,
    ) -> [f64; SIDES] {
        in_turns(self, sides, time).map(|mut times| quantile(&mut times, 0.5))
    }

    fn insert_each(&mut self) {
        for record in &self.records {
            self.pool.insert(record).expect("a free slot");
        }
    }

    fn insert_together(&mut self) {
        self.pool.insert_batch(&self.records).expect("free slots");
    }

    fn copy(&mut self) {
        self.tape.write(&self.records);
    }

    fn sample(&mut self) {
        self.pool
            .sample_into(self.column.len(), &mut self.random, &mut self.batch)
            .expect("a full pool");
        self.batch
            .weights(BETA, &mut self.weights)
            .expect("a right beta");
    }

    fn sample_and_gather(&mut self) {
        self.sample();
        let column = millpond::pool::Column::new("value", &mut self.column);
        self.batch.gather(&mut [column]).expect("a right column");
    }

    fn gather_plain(&mut self) {
        self.tape.gather(self.rows.next(), &mut self.column);
    }

    fn update(&mut self) {
        let slots = self.slots.next().iter();
        self.keys.clear();
        self.keys
            .extend(slots.map(|&slot| self.oldest + u64::from(slot)));
        let stale = self.pool.update_priorities(&self.keys, &self.priorities);
        assert_eq!(stale.expect("valid priorities"), 0, "keys of the pool");
    }
}

/// Refuses what would not fit into memory, where the system says how much is free.
fn check_memory(needed: usize) -> Outcome<()> {
    let free = free_memory().unwrap_or(usize::MAX).min(MOST_MEMORY);
    if needed <= free {
        return Ok(());
    }
    let gibibytes = |bytes: usize| bytes as f64 / (1 << 30) as f64;
    let (needed, free) = (gibibytes(needed), gibibytes(free));
    Err(format!("needs {needed:.1} GiB of memory, and may take {free:.1} GiB").into())
}

/// Only Linux says.
fn free_memory() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}
