//! What the workers do, each for ever. A worker that finds something wrong panics, and its end is
//! counted as a violation.

use std::collections::VecDeque;

use millpond::{Batch, Board, Lifetime, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::experience::Experience;
use crate::ledger::is_whole;
use crate::orders::{Orders, argument};
use crate::pulse::Meter;
use crate::victim::{BOARD_LENGTH, Writer, create_and_unlink, snapshot};

/// The board on which all publish.
pub const BOARD: &str = "storm/board";

/// A worker. Its arguments: the pool's name, its number.
struct Worker {
    number: u64,
    pool: Pool<Experience>,
    random: StdRng,
    meter: Meter,
}

/// Attaches, and repeats `operation` until the harness is gone or kills this process.
fn repeat(mut operation: impl FnMut(&mut Worker)) {
    let _orders = Orders::listen();
    let number = argument(1);
    let mut worker = Worker {
        number,
        pool: Pool::open(&argument::<String>(0)).unwrap(),
        random: StdRng::seed_from_u64(number),
        meter: Meter::new(number),
    };
    loop {
        operation(&mut worker);
    }
}

impl Worker {
    fn sample(&mut self, count: usize) -> Batch<Experience> {
        let (pool, random) = (&self.pool, &mut self.random);
        let batch = self.meter.time(|| pool.sample(count, random)).unwrap();
        self.meter.checked += check(&batch);
        batch
    }
}

/// Finds each record whole. Says how many there are.
fn check(batch: &Batch<Experience>) -> u64 {
    for (record, &key) in batch.records().zip(batch.keys()) {
        assert!(is_whole(record, key), "{key} is torn: {record:?}");
    }
    batch.keys().len() as u64
}

/// Inserts in batches.
pub fn writer() {
    let mut writer = Writer::new(argument(1));
    repeat(|worker| {
        let count = worker.random.random_range(1..100);
        let pool = &worker.pool;
        worker.meter.time(|| writer.insert(pool, count));
    });
}

/// Fills slots in place, and gives up some.
pub fn reserver() {
    let mut writer = Writer::new(argument(1));
    repeat(|worker| {
        let keep = worker.random.random_range(0..10) > 0;
        let pool = &worker.pool;
        worker.meter.time(|| writer.reserve(pool, keep));
    });
}

/// Samples and updates.
pub fn sampler() {
    repeat(|worker| {
        let count = worker.random.random_range(1..=200);
        let batch = worker.sample(count);
        let random = &mut worker.random;
        let priorities: Vec<f32> = (0..count).map(|_| random.random_range(0.1..8.0)).collect();
        let pool = &worker.pool;
        let update = || pool.update_priorities(batch.keys(), &priorities);
        worker.meter.time(update).unwrap();
    });
}

/// Saves the pool, and finds all of it in the snapshot, whole.
pub fn saver() {
    repeat(|worker| {
        let pool = &worker.pool;
        worker.meter.time(|| pool.save(snapshot())).unwrap();
        let options = PoolOptions::new(pool.capacity());
        let loaded = Pool::<Experience>::anonymous(options).unwrap();
        let count = loaded.load(snapshot()).unwrap().records as u64;
        for key in 0..count {
            let record = loaded.get(key).unwrap().expect("a record that was loaded");
            assert!(is_whole(&record, record.key), "a torn record: {record:?}");
        }
        worker.meter.checked += count;
    });
}

/// Holds three batches at every moment, whose records must not change.
pub fn holder() {
    let mut held = VecDeque::new();
    repeat(|worker| {
        let batch = worker.sample(32);
        let copies: Vec<Experience> = batch.records().copied().collect();
        held.push_back((batch, copies));
        if held.len() > 3 {
            let (batch, copies) = held.pop_front().expect("a batch");
            assert!(batch.records().eq(&copies), "a held record changed");
        }
    });
}

/// Publishes values of one number.
pub fn publisher() {
    let board = Board::<u64>::open(BOARD).unwrap();
    repeat(|worker| {
        let value = [worker.number; BOARD_LENGTH];
        worker.meter.time(|| board.publish(&value)).unwrap();
    });
}

/// Fetches, and finds each value whole and none older than the last.
pub fn fetcher() {
    let board = Board::<u64>::open(BOARD).unwrap();
    let mut last = 0;
    repeat(|worker| {
        let mut value = [0; BOARD_LENGTH];
        let version = worker.meter.time(|| board.fetch(&mut value)).unwrap();
        assert!(version >= last, "version {version} after {last}");
        assert_eq!(value, [value[0]; BOARD_LENGTH], "a torn value");
        last = version;
    });
}

/// Creates and removes segments, and attaches to one that is there while somebody is.
pub fn creator() {
    let mut count = 0;
    repeat(|worker| {
        let name = format!("short/{}-{count}", worker.number);
        count += 1;
        worker.meter.time(|| create_and_unlink(&name));
        let options = PoolOptions::new(64).lifetime(Lifetime::WhileAttached);
        let shared = Pool::<u64>::open_or_create("short/shared", options).unwrap();
        worker.meter.time(|| shared.insert(&7)).unwrap();
    });
}

/// Stops itself with a batch and a slot in its hands, until the harness lets it go on.
#[cfg(unix)]
pub fn stopper() {
    use nix::sys::signal::{Signal, raise};
    let mut writer = Writer::new(argument(1));
    repeat(|worker| {
        let batch = worker.sample(32);
        let copies: Vec<Experience> = batch.records().copied().collect();
        let slot = worker.pool.reserve().unwrap();
        raise(Signal::SIGSTOP).unwrap();
        assert!(batch.records().eq(&copies), "a held record changed");
        drop((batch, slot));
        let pool = &worker.pool;
        worker.meter.time(|| writer.insert(pool, 10));
    });
}

/// Forks children, which attach by themselves, insert, note that in the ledger, and are gone; the
/// parent's handles are of no use to them.
#[cfg(unix)]
pub fn forker() {
    use nix::libc;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Records that a child inserts at once; one more it reserves.
    const CHILDS: u64 = 7;
    let name: String = argument(0);
    let mut writer = Writer::new(argument(1));
    repeat(|worker| {
        let _batch = worker.sample(32);
        let act = || {
            assert!(worker.pool.verify().is_err(), "the parent's handle");
            let own = Pool::<Experience>::open(&name).unwrap();
            // The open file of the ledger is its parent's, who writes nothing meanwhile.
            writer.insert(&own, CHILDS);
            writer.reserve(&own, true);
            check(&own.sample(32, &mut rand::rng()).unwrap());
        };
        // SAFETY: the only other thread waits for standard input and holds no lock meanwhile, so the
        // child may do what it likes.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => {
                assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
                writer.skip(CHILDS + 1);
            }
            ForkResult::Child => {
                let failed = catch_unwind(AssertUnwindSafe(act)).is_err();
                if failed {
                    // Its parent may be dead; the harness takes anything that is said for a violation.
                    println!("a forked child failed");
                }
                // SAFETY: ends this process, with nothing of the parent's run or flushed twice.
                unsafe { libc::_exit(i32::from(failed)) }
            }
        }
        let pool = &worker.pool;
        worker.meter.time(|| writer.insert(pool, 10));
    });
}
