//! A pool with every policy at once: limits, a remover by priority, a view, records that are rewritten and
//! removed. A process dies in the middle of all that; who comes after finds every record whole, all sums
//! right, and nobody to wait for.

use std::time::Duration;

use millpond::pool::{Patience, RateLimiter, Remover, ViewOptions};
use millpond::{Error, Pool, PoolOptions, Sampler};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::orders::argument;

/// All numbers of a record are the same, so that one of two halves shows.
pub type Kept = [u64; 24];

const CAPACITY: usize = 300;
/// Rounds in which the point must be reached.
const ROUNDS: u64 = 400;
/// What nobody should have to wait for.
const SOME_TIME: Duration = Duration::from_secs(20);

pub fn create(name: &str) -> Pool<Kept> {
    let ratio = RateLimiter::sample_to_insert_ratio(2.0, 20, 100.0).unwrap();
    let view = ViewOptions::new().rate_limiter(RateLimiter::min_size(1).unwrap());
    let options = PoolOptions::new(CAPACITY)
        .remover(Remover::Lowest)
        .ordered(true)
        .sampled_at_most(4)
        .rate_limiter(ratio)
        .view("view", view.sampled_at_most(1));
    Pool::create(name, options).unwrap()
}

/// One round of everything; gives the key of a record that it inserted. Where the limiter makes one side
/// wait, because somebody died between its inserts and its samples, the other side goes on first.
pub fn work(pool: &Pool<Kept>, random: &mut StdRng) -> Result<u64, Error> {
    let pool = &pool.with_patience(Patience::new().limit(Duration::ZERO));
    let keys = loop {
        match pool.insert_batch(&[[random.random(); 24]; 8]) {
            Err(Error::TimedOut { .. }) => drop(pool.sample(8, random)?),
            inserted => break inserted?,
        }
    };
    let batch = loop {
        match pool.sample(16, random) {
            Err(Error::TimedOut { .. }) => drop(pool.insert(&[random.random(); 24])?),
            sampled => break sampled?,
        }
    };
    let priorities: Vec<f32> = (0..16).map(|_| random.random_range(0.1..8.0)).collect();
    pool.update_priorities(batch.keys(), &priorities)?;
    drop(batch);
    let value = random.random();
    pool.rewrite(keys[0], SOME_TIME, |record| record.fill(value))?;
    pool.remove(&keys[1..2])?;
    pool.view("view")?.sample_by(Sampler::newest(), 1, random)?;
    Ok(keys[0])
}

/// Works until it dies. Arguments: the pool's name, the number of the process.
pub fn keeper() {
    // Who attaches next takes the first entry that is free; the second one is left to be cleaned.
    let open = || Pool::<Kept>::open(&argument::<String>(0)).unwrap();
    let (_first, pool) = (open(), open());
    let mut random = StdRng::seed_from_u64(argument(1));
    for _ in 0..ROUNDS {
        work(&pool, &mut random).unwrap();
    }
}

/// Looks who is there, and takes every lock. Argument: the pool's name.
pub fn inspector() {
    let pool = Pool::<Kept>::open(&argument::<String>(0)).unwrap();
    pool.participants().unwrap();
    pool.verify().unwrap();
}

/// What holds after the death of a process that inserted records with keys from `first` on; says how many
/// records were looked at.
pub fn check(pool: &Pool<Kept>, first: u64, random: &mut StdRng) -> Result<u64, String> {
    let say = |error: Error| error.to_string();
    pool.participants().map_err(say)?;
    let mut whole = 0;
    for _ in 0..20 {
        let last = work(pool, random).map_err(say)?;
        if whole > 0 {
            continue;
        }
        for key in first..=last {
            match pool.get(key).map_err(say)? {
                Some(record) if record != [record[0]; 24] => {
                    return Err(format!("the record of {key} is torn"));
                }
                found => whole += u64::from(found.is_some()),
            }
        }
    }
    pool.verify().map_err(say)?;
    Ok(whole)
}
