//! What a process does until it comes to its fail point. Each ends well where it never comes there.

use std::path::{Path, PathBuf};

use millpond::{Batch, Board, BoardOptions, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::dict;
use crate::experience::{Experience, UNKNOWN};
use crate::ledger::{Entry, Ledger};
use crate::orders::argument;

/// Rounds in which the point must be reached.
const ROUNDS: u64 = 1000;
/// Numbers of a value on the board; all are the same, so that one of two halves shows.
pub const BOARD_LENGTH: usize = 64;

/// Inserts records one by one, reserved, and in batches, and notes them.
pub struct Writer {
    number: u64,
    sequence: u64,
    ledger: Ledger,
}

impl Writer {
    pub fn new(number: u64) -> Self {
        Self {
            number,
            sequence: 0,
            ledger: Ledger::new(number),
        }
    }

    /// Inserts a batch; of one, by `insert`.
    pub fn insert(&mut self, pool: &Pool<Experience>, count: u64) {
        let sequences = self.sequence..self.sequence + count;
        self.sequence = sequences.end;
        let record = |sequence| Experience::new(UNKNOWN, self.number, sequence);
        let records: Vec<_> = sequences.clone().map(record).collect();
        let keys = match records[..] {
            [ref one] => vec![pool.insert(one).unwrap()],
            _ => pool.insert_batch(&records).unwrap(),
        };
        let entries = keys.into_iter().zip(sequences);
        let entries: Vec<_> = entries
            .map(|(key, sequence)| Entry { key, sequence })
            .collect();
        self.ledger.note(&entries);
    }

    /// Leaves out the numbers of records that a forked child inserted.
    #[cfg(unix)]
    pub fn skip(&mut self, count: u64) {
        self.sequence += count;
    }

    /// Inserts one record in place; or gives its slot up.
    pub fn reserve(&mut self, pool: &Pool<Experience>, keep: bool) {
        let mut slot = pool.reserve().unwrap();
        *slot = Experience::new(slot.key(), self.number, self.sequence);
        if keep {
            let (key, sequence) = (slot.commit().unwrap(), self.sequence);
            self.sequence += 1;
            self.ledger.note(&[Entry { key, sequence }]);
        }
    }
}

fn open() -> Pool<Experience> {
    Pool::open(&argument::<String>(0)).unwrap()
}

/// Everything that is done with a pool. Arguments: its name, the number of the process.
pub fn pool() {
    // Who attaches next takes the first entry that is free; the second one is left to be cleaned.
    let _first = open();
    let (pool, number) = (open(), argument(1));
    let mut writer = Writer::new(number);
    let mut random = StdRng::seed_from_u64(number);
    let mut held = Batch::new(&pool);
    for _ in 0..ROUNDS {
        let count = random.random_range(1..150);
        match random.random_range(0..5) {
            0 => writer.insert(&pool, 1),
            1 => writer.insert(&pool, count),
            2 => writer.reserve(&pool, count > 20),
            _ => {
                let batch = pool.sample(count as usize, &mut random).unwrap();
                let priority = |_| random.random_range(0.1..8.0);
                let priorities: Vec<f32> = (0..count).map(priority).collect();
                pool.update_priorities(batch.keys(), &priorities).unwrap();
                // What is held now was sampled before.
                held = batch;
            }
        }
    }
    drop(held);
}

/// Attaches and leaves. Argument: the pool's name.
pub fn guest() {
    for _ in 0..ROUNDS / 10 {
        let pool = open();
        pool.sample(1, &mut rand::rng()).unwrap();
    }
}

/// Looks who is there, and takes every lock. Argument: the pool's name.
pub fn verifier() {
    let pool = open();
    pool.participants().unwrap();
    pool.verify().unwrap();
}

/// Saves the pool. Argument: the pool's name.
pub fn saver() {
    let pool = open();
    for _ in 0..ROUNDS / 10 {
        pool.save(snapshot()).unwrap();
    }
}

/// Where the pool is saved: beside the directory of the segments.
pub fn snapshot() -> PathBuf {
    let root = std::env::var_os("MILLPOND_DIR").expect("a directory for segments");
    Path::new(&root).with_file_name("snapshot")
}

/// Publishes, and leases what is published, so that the last two values are held. Argument: the board's name.
pub fn publisher() {
    let board = Board::<u64>::open(&argument::<String>(0)).unwrap();
    let mut held = board.lease().unwrap();
    for _ in 0..ROUNDS {
        board.publish(&[board.version() + 1; BOARD_LENGTH]).unwrap();
        let lease = board.lease().unwrap();
        for lease in [&lease, &held] {
            assert_eq!(lease[..], [lease.version(); BOARD_LENGTH], "torn");
        }
        held = lease;
    }
}

/// Creates segments and removes them.
pub fn creator() {
    for number in 0..ROUNDS / 10 {
        create_and_unlink(&format!("short/{number}"));
    }
}

/// The life of small segments.
pub fn create_and_unlink(name: &str) {
    let pool = Pool::<u64>::create(name, PoolOptions::new(64)).unwrap();
    pool.insert(&7).unwrap();
    let board = Board::<u64>::create(&format!("{name}-board"), BoardOptions::new(3)).unwrap();
    board.publish(&[7; 3]).unwrap();
    millpond::unlink(name).unwrap();
    drop((pool, board));
    millpond::unlink(&format!("{name}-board")).unwrap();
    dict::create_and_unlink(&format!("{name}-dict"));
}
