//! The workload: a record of two observations of 84 numbers, a full pool of them, and the columns
//! that a learner gathers.

use millpond::pool::Column;
use millpond::{Batch, Lifetime, Pool, PoolOptions, Record};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Numbers in an observation.
pub const WIDTH: usize = 84;
/// Records in a learner's batch.
pub const BATCH: usize = 256;
/// Records that a simulator inserts at once.
pub const CHUNK: usize = 64;

/// 685 bytes of fields.
#[derive(Clone, Copy, Record)]
#[repr(C)]
pub struct Transition {
    pub observation: [f32; WIDTH],
    pub action: i64,
    pub reward: f32,
    pub next_observation: [f32; WIDTH],
    pub done: u8,
    pub unused: [u8; 3],
}

impl Transition {
    /// A record whose numbers say which one it is.
    pub fn numbered(number: usize) -> Self {
        Self {
            observation: [number as f32; WIDTH],
            action: number as i64,
            reward: number as f32,
            next_observation: [number as f32 + 1.0; WIDTH],
            done: u8::from(number.is_multiple_of(200)),
            unused: [0; 3],
        }
    }
}

/// A full pool with priorities from a fixed seed. It goes with the last handle.
pub fn full_pool(name: &str, capacity: usize) -> millpond::Result<Pool<Transition>> {
    let name = format!("bench-{}/{name}", std::process::id());
    let options = PoolOptions::new(capacity).lifetime(Lifetime::WhileAttached);
    let pool = Pool::create(&name, options)?;
    fill(&pool)?;
    Ok(pool)
}

/// Fills a new pool with numbered records, with priorities from a fixed seed.
pub fn fill(pool: &Pool<Transition>) -> millpond::Result<()> {
    let capacity = pool.capacity();
    let mut random = StdRng::seed_from_u64(7);
    let mut records = Vec::with_capacity(CHUNK);
    let mut priorities = Vec::with_capacity(CHUNK);
    for start in (0..capacity).step_by(CHUNK) {
        let numbers = start..capacity.min(start + CHUNK);
        records.clear();
        records.extend(numbers.clone().map(Transition::numbered));
        priorities.clear();
        priorities.extend(numbers.map(|_| random.random_range(0.1f32..2.0)));
        pool.insert_batch_with_priorities(&records, &priorities)?;
    }
    Ok(())
}

/// Where a batch's fields go, one buffer each.
pub struct Columns {
    pub observations: Vec<[f32; WIDTH]>,
    pub actions: Vec<i64>,
    pub rewards: Vec<f32>,
    pub next_observations: Vec<[f32; WIDTH]>,
    pub done: Vec<u8>,
}

impl Columns {
    /// Room for a batch.
    pub fn new() -> Self {
        Self {
            observations: vec![[0.0; WIDTH]; BATCH],
            actions: vec![0; BATCH],
            rewards: vec![0.0; BATCH],
            next_observations: vec![[0.0; WIDTH]; BATCH],
            done: vec![0; BATCH],
        }
    }

    /// Gathers all five fields of a batch.
    pub fn gather(&mut self, batch: &Batch<Transition>) -> millpond::Result<()> {
        batch.gather(&mut [
            Column::new("observation", &mut self.observations),
            Column::new("action", &mut self.actions),
            Column::new("reward", &mut self.rewards),
            Column::new("next_observation", &mut self.next_observations),
            Column::new("done", &mut self.done),
        ])
    }
}
