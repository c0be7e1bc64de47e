//! A consumer dies while it samples records for the last time: what it did not get can be had, and what it used up
//! is drawn by no one and counted nowhere.

use std::env;
use std::process::{Command, Stdio};

use millpond::pool::ViewOptions;
use millpond::{Pool, PoolOptions, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::orders::argument;
use crate::stage::{Part, ROLE, named, spawn};

pub const PART: Part = Part {
    name: "used_up",
    obstacle: || {
        let built = cfg!(feature = "failpoints");
        (!built).then(|| "it was built without the feature `failpoints`".into())
    },
    trials: named![
        a_sample_that_was_not_complete_can_be_had_by_another,
        what_a_killed_consumer_used_up_has_no_priority_left,
    ],
    roles: named![consumer],
    ..Part::EMPTY
};

const POOL: &str = "used_up/pool";
/// The records besides the one that the consumer takes, all of priority 1.
const OTHERS: u64 = 10;

/// A pool whose records may be sampled once, with a view beside that keeps them, and one record of another priority.
fn create(priority: f32) -> (Pool<u64>, u64) {
    let options = PoolOptions::new(100).alpha(1.0).ordered(true);
    let view = ViewOptions::new().alpha(1.0);
    let options = options.sampled_at_most(1).view("all", view);
    let pool = Pool::create(POOL, options).unwrap();
    for record in 0..OTHERS {
        pool.insert_with_priority(&record, 1.0).unwrap();
    }
    let key = pool.insert_with_priority(&OTHERS, priority).unwrap();
    (pool, key)
}

/// Runs a consumer that dies at `point`.
fn run(point: &str, order: &str) {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .arg(order)
        .env(ROLE, "used_up::consumer")
        .env("MILLPOND_FAIL", point)
        .stdin(Stdio::null());
    let ended = spawn(&mut command).unwrap().wait().unwrap();
    assert!(!ended.success(), "it did not die at {point}");
}

/// Samples one record. Argument: which.
fn consumer() {
    let pool = Pool::<u64>::open(POOL).unwrap();
    let sampler = match argument::<String>(0).as_str() {
        "highest" => Sampler::highest(),
        "lowest" => Sampler::lowest(),
        other => panic!("no sampler {other}"),
    };
    drop(pool.sample_by(sampler, 1, &mut rand::rng()).unwrap());
}

fn a_sample_that_was_not_complete_can_be_had_by_another() {
    for (priority, order) in [(1000.0, "highest"), (0.001, "lowest")] {
        for sampler in [
            Sampler::independent(),
            Sampler::oldest(),
            Sampler::uniform(),
        ] {
            let (pool, key) = create(priority);
            run("sample.pending:1", order);
            let mut random = StdRng::seed_from_u64(1);
            let all = OTHERS as usize + 1;
            let batch = pool.sample_by(sampler, all, &mut random).unwrap();
            assert!(batch.keys().contains(&key));
            drop(batch);
            assert!(pool.sample(1, &mut random).is_err());
            pool.verify().unwrap();
            millpond::unlink(POOL).unwrap();
        }
    }
}

fn what_a_killed_consumer_used_up_has_no_priority_left() {
    for (priority, order) in [(1000.0, "highest"), (0.001, "lowest")] {
        for first in [
            Sampler::independent(),
            Sampler::ranked(),
            Sampler::highest(),
            Sampler::lowest(),
        ] {
            let (pool, key) = create(priority);
            run("sample.finished:1", order);
            assert_eq!(pool.lowest_priority().unwrap(), Some(1.0));
            let mut random = StdRng::seed_from_u64(1);
            let mut keys = pool
                .sample_by(first, 4, &mut random)
                .unwrap()
                .keys()
                .to_vec();
            while let Ok(batch) = pool.sample(1, &mut random) {
                let left = OTHERS - keys.len() as u64;
                // The least priority may not have been met, and is a thousandth of another.
                let share = batch.probabilities()[0] * left as f32;
                assert!((share - 1.0).abs() < 1.1e-3, "{share} of {left} records");
                keys.extend_from_slice(batch.keys());
            }
            keys.sort_unstable();
            assert!(keys.iter().copied().eq(0..OTHERS), "{keys:?}");
            assert_eq!(pool.total_priority(), 0.0);
            // The view keeps it.
            let all = pool.view("all").unwrap();
            assert_eq!(all.len() as u64, OTHERS + 1);
            assert_eq!(all.get(key).unwrap(), Some(OTHERS));
            pool.verify().unwrap();
            millpond::unlink(POOL).unwrap();
        }
        // Without a draw between: whoever checks the pool finds it.
        let (pool, _) = create(priority);
        run("sample.finished:1", order);
        pool.verify().unwrap();
        assert_eq!(pool.total_priority(), OTHERS as f32);
        let batch = pool.sample(4, &mut StdRng::seed_from_u64(1)).unwrap();
        assert_eq!(batch.probabilities(), [0.1; 4]);
        drop(batch);
        millpond::unlink(POOL).unwrap();
    }
}
