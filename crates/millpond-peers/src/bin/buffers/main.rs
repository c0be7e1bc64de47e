//! Millpond's side of `crates/millpond-peers/run`, and the physical limit: what the same bytes cost one
//! process that copies them and does nothing else.
//!
//! A measure gives a rate a second (two for `together`: inserted and sampled); see `side.rs`.

mod together;

use millpond::{Batch, Pool};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use millpond_benches::plain::{self, Rows, Tape};
use millpond_benches::transitions::{BATCH, CHUNK, Columns, Transition, full_pool};
use millpond_peers::side::{Outcome, Side, rate};

/// The same for every peer.
const BETA: f32 = 0.4;
/// Key lists that a turn of updates goes through, and priorities for them: never the same priority
/// again for the same key soon, as some peers stop where nothing changes.
const KEY_LISTS: usize = 512;
const PRIORITY_LISTS: usize = 61;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["millpond", capacity] => Millpond::new(capacity.parse()?)?.serve(),
        ["limit", capacity] => Limit::new(capacity.parse()?)?.serve(),
        ["simulator", pool] => together::simulate(pool),
        ["learner", pool] => together::learn(pool),
        _ => Err("this is started by crates/millpond-peers/run".into()),
    }
}

/// What a learner needs, and uses again and again.
struct Learner {
    pool: Pool<Transition>,
    batch: Batch<Transition>,
    weights: Vec<f32>,
    columns: Columns,
    random: StdRng,
}

impl Learner {
    fn new(pool: &Pool<Transition>, seed: u64) -> Self {
        Self {
            pool: pool.clone(),
            batch: Batch::new(pool),
            weights: Vec::with_capacity(BATCH),
            columns: Columns::new(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// A batch as columns, with importance weights.
    fn sample(&mut self) {
        self.pool
            .sample_into(BATCH, &mut self.random, &mut self.batch)
            .expect("a full pool");
        self.batch
            .weights(BETA, &mut self.weights)
            .expect("a right beta");
        self.columns.gather(&self.batch).expect("right columns");
    }

    /// Priorities for a batch, again and again others.
    fn priority_lists(&mut self) -> Vec<[f32; BATCH]> {
        let random = &mut self.random;
        let mut list = || [(); BATCH].map(|()| random.random_range(0.1f32..2.0));
        (0..PRIORITY_LISTS).map(|_| list()).collect()
    }
}

struct Millpond {
    learner: Learner,
    records: Vec<Transition>,
    name: String,
}

impl Millpond {
    fn new(capacity: usize) -> Outcome<Self> {
        let pool = full_pool("peers", capacity)?;
        Ok(Self {
            name: pool.name().ok_or("a pool with a name")?.to_owned(),
            learner: Learner::new(&pool, 1),
            records: plain::chunk(),
        })
    }

    fn updates(&mut self, seconds: f64) -> Outcome<f64> {
        let Learner { pool, random, .. } = &mut self.learner;
        let mut key_lists = Vec::new();
        for _ in 0..KEY_LISTS {
            key_lists.push(pool.sample(BATCH, random)?.keys().to_vec());
        }
        let priority_lists = self.learner.priority_lists();
        let mut rounds = key_lists.iter().cycle().zip(priority_lists.iter().cycle());
        Ok(rate(seconds, BATCH, || {
            let (keys, priorities) = rounds.next().expect("an endless list");
            let stale = self.learner.pool.update_priorities(keys, priorities);
            assert_eq!(stale.expect("valid priorities"), 0);
        }))
    }
}

impl Side for Millpond {
    const MEASURES: &'static str = "insert_one insert_many sample update together";

    fn measure(&mut self, name: &str, seconds: f64) -> Outcome<String> {
        let (pool, records) = (&self.learner.pool, &self.records);
        let found = match name {
            "insert_one" => rate(seconds, CHUNK, || {
                for record in records {
                    pool.insert(record).expect("a free slot");
                }
            }),
            "insert_many" => rate(seconds, CHUNK, || {
                pool.insert_batch(records).expect("free slots");
            }),
            "sample" => rate(seconds, BATCH, || self.learner.sample()),
            "update" => self.updates(seconds)?,
            "together" => return together::measure(&self.name, seconds),
            _ => return Err(format!("millpond has no measure {name}").into()),
        };
        Ok(found.to_string())
    }
}

/// Plain memory: records copied one chunk after the other, random rows gathered ahead of their use.
struct Limit {
    tape: Tape,
    records: Vec<Transition>,
    rows: Rows,
    columns: Columns,
}

impl Limit {
    fn new(capacity: usize) -> Outcome<Self> {
        Ok(Self {
            tape: Tape::new(capacity * size_of::<Transition>())?,
            records: plain::chunk(),
            rows: Rows::new(capacity),
            columns: Columns::new(),
        })
    }
}

impl Side for Limit {
    const MEASURES: &'static str = "insert_one insert_many sample";

    fn measure(&mut self, name: &str, seconds: f64) -> Outcome<String> {
        let found = match name {
            "insert_one" | "insert_many" => rate(seconds, CHUNK, || self.tape.write(&self.records)),
            "sample" => rate(seconds, BATCH, || {
                self.rows.gather_prefetched(&mut self.columns);
                std::hint::black_box(&self.columns.rewards);
            }),
            _ => return Err(format!("plain memory has no measure {name}").into()),
        };
        Ok(found.to_string())
    }
}
