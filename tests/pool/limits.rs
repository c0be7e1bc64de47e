//! Rate limiters and queues. The numbers are those of the tests of Reverb's limiters, or worked by hand.

use std::thread;
use std::time::Duration;

use millpond::pool::{Patience, RateLimiter, Remover};
use millpond::{CancelToken, Error, Pool, PoolOptions, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// A pool whose calls fail at once where they would wait.
fn impatient(options: PoolOptions) -> Pool<u64> {
    let pool = Pool::anonymous(options).unwrap();
    pool.with_patience(Patience::new().limit(Duration::ZERO))
}

fn limited(samples_per_insert: f64, min_size: u64, least: f64, most: f64) -> Pool<u64> {
    let limiter = RateLimiter::new(samples_per_insert, min_size, least, most).unwrap();
    impatient(PoolOptions::new(100).rate_limiter(limiter))
}

/// Whether one more record may be inserted; inserts it.
fn inserts(pool: &Pool<u64>) -> bool {
    passes(pool.insert(&7))
}

/// Whether `count` records may be sampled; samples them.
fn samples(pool: &Pool<u64>, count: usize) -> bool {
    passes(pool.sample(count, &mut StdRng::seed_from_u64(1)))
}

fn passes<R>(done: Result<R, Error>) -> bool {
    match done {
        Ok(_) => true,
        Err(Error::TimedOut { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn inserts_wait_for_samples() {
    let pool = limited(1.5, 2, 0.0, 5.0);
    assert!(inserts(&pool) && inserts(&pool) && inserts(&pool));
    assert!(!inserts(&pool), "6 - 0 > 5");
    assert!(samples(&pool, 2));
    assert!(inserts(&pool), "6 - 2 = 4");
    assert!(!inserts(&pool), "7.5 - 2 > 5");
}

/// Batches of which only a part finds room at a time are counted by what was inserted.
#[test]
fn a_batch_counts_as_its_records() {
    for remover in [Remover::Lowest, Remover::Uniform, Remover::Oldest] {
        let limiter = RateLimiter::new(1.0, 1, -1.0, 100.0).unwrap();
        let options = PoolOptions::new(10).remover(remover).rate_limiter(limiter);
        let pool = impatient(options);
        for _ in 0..10 {
            pool.insert_batch(&[7; 10]).unwrap();
        }
        assert!(!inserts(&pool), "{remover:?}");
    }
}

#[test]
fn samples_wait_for_inserts() {
    let pool = limited(1.0, 1, -1.0, 1.0);
    assert!(!samples(&pool, 1), "it is empty");
    assert!(inserts(&pool));
    assert!(samples(&pool, 2), "1 - 2 = -1");
    assert!(!samples(&pool, 1), "1 - 3 < -1");
    let pool = limited(1.5, 1, -3.0, 3.1);
    assert!(inserts(&pool) && inserts(&pool));
    assert!((0..6).all(|_| samples(&pool, 1)), "3 - 6 = -3");
    assert!(!samples(&pool, 1));
}

/// `SampleToInsertRatio(4, 10, 8)` keeps the difference within 32 and 48: 12 inserts, 16 samples, then 4 and
/// 16 for ever.
#[test]
fn a_ratio_is_kept() {
    let limiter = RateLimiter::sample_to_insert_ratio(4.0, 10, 8.0).unwrap();
    let pool = impatient(PoolOptions::new(100).rate_limiter(limiter));
    let count =
        |mut allowed: Box<dyn FnMut() -> bool + '_>| (0..).take_while(|_| allowed()).count();
    assert_eq!(count(Box::new(|| inserts(&pool))), 12);
    assert_eq!(count(Box::new(|| samples(&pool, 1))), 16);
    for _ in 0..5 {
        assert_eq!(count(Box::new(|| inserts(&pool))), 4);
        assert_eq!(count(Box::new(|| samples(&pool, 1))), 16);
    }
}

#[test]
fn ratios_that_cannot_be_kept_are_refused() {
    for (ratio, size, buffer) in [(5.0, 10, 4.0), (0.5, 10, 0.9), (1.0, 0, 100.0)] {
        let refused = RateLimiter::sample_to_insert_ratio(ratio, size, buffer);
        assert!(
            matches!(refused, Err(Error::InvalidArgument { .. })),
            "{refused:?}"
        );
    }
    assert!(RateLimiter::sample_to_insert_ratio(0.5, 10, 1.1).is_ok());
    let limiter = RateLimiter::min_size(101).unwrap();
    let refused = Pool::<u64>::anonymous(PoolOptions::new(100).rate_limiter(limiter));
    assert!(matches!(refused, Err(Error::InvalidArgument { .. })));
    let pool = impatient(PoolOptions::queue(10).unwrap());
    let refused = pool.sample(11, &mut StdRng::seed_from_u64(1));
    assert!(
        matches!(refused, Err(Error::InvalidArgument { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_queue_gives_each_record_once_in_order() {
    let queue = impatient(PoolOptions::queue(10).unwrap());
    for lap in 0..30u64 {
        let records: Vec<u64> = (lap * 10..lap * 10 + 10).collect();
        queue.insert_batch(&records).unwrap();
        assert!(!inserts(&queue), "it is full");
        let mut got = Vec::new();
        for count in [1, 2, 3, 4] {
            let batch = queue.sample(count, &mut rand::rng()).unwrap();
            got.extend(batch.records().copied());
        }
        assert_eq!(got, records);
        assert!(!samples(&queue, 1), "it is empty");
    }
    queue.verify().unwrap();
}

#[test]
fn a_stack_gives_the_last_one_first() {
    let stack = impatient(PoolOptions::stack(3).unwrap());
    stack.insert_batch(&[1, 2, 3]).unwrap();
    assert!(!inserts(&stack));
    let batch = stack.sample(2, &mut rand::rng()).unwrap();
    assert!(batch.records().eq(&[3, 2]));
    drop(batch);
    stack.insert(&4).unwrap();
    let batch = stack.sample(2, &mut rand::rng()).unwrap();
    assert!(batch.records().eq(&[4, 1]));
}

/// Unlike in Reverb, where each costs the queue a place until it is reset.
#[test]
fn what_is_removed_from_a_queue_by_key_makes_room() {
    let queue = impatient(PoolOptions::queue(3).unwrap());
    for _ in 0..10 {
        let keys = queue.insert_batch(&[1, 2, 3]).unwrap();
        assert_eq!(queue.remove(&keys[1..]).unwrap(), 2);
        assert!(samples(&queue, 1));
    }
    queue.insert_batch(&[1, 2, 3]).unwrap();
    queue.clear().unwrap();
    assert!(!samples(&queue, 1));
    queue.insert_batch(&[1, 2, 3]).unwrap();
}

#[test]
fn a_reservation_counts_as_an_insert() {
    let queue = impatient(PoolOptions::queue(2).unwrap());
    let first = queue.reserve().unwrap();
    let second = queue.reserve().unwrap();
    assert!(!passes(queue.reserve()));
    drop(second);
    first.commit().unwrap();
    assert!(inserts(&queue));
    assert!(!inserts(&queue));
    assert!(samples(&queue, 2));
}

#[test]
fn the_waiting_says_for_whom_and_can_be_cancelled() {
    let queue = impatient(PoolOptions::queue(1).unwrap());
    let empty = queue.sample(1, &mut rand::rng()).unwrap_err().to_string();
    assert!(empty.contains("inserts by others"), "{empty}");
    queue.insert(&1).unwrap();
    let full = queue.insert(&2).unwrap_err().to_string();
    assert!(full.contains("samples, or removals, by others"), "{full}");

    let token = CancelToken::new();
    let stoppable = queue.with_patience(Patience::new().cancel(&token));
    thread::scope(|threads| {
        let waiting = threads.spawn(|| stoppable.insert(&2));
        token.cancel();
        let ended = waiting.join().unwrap();
        assert!(matches!(ended, Err(Error::Cancelled { .. })), "{ended:?}");
    });
    let statistics = queue.statistics();
    assert_eq!((statistics.insert_waits, statistics.sample_waits), (2, 1));
}

/// Producers and consumers, each with a thread of its own; what each consumer got.
fn share_a_queue(consumers: u64) -> Vec<Vec<u64>> {
    let queue = Pool::<u64>::anonymous(PoolOptions::queue(100).unwrap()).unwrap();
    let consume = || {
        let mut got = Vec::new();
        for _ in 0..3 * EACH / 10 / consumers {
            let batch = queue.sample(10, &mut rand::rng()).unwrap();
            got.extend(batch.records().copied());
        }
        got
    };
    let got = thread::scope(|threads| {
        for producer in 0..3 {
            let queue = &queue;
            threads.spawn(move || {
                for number in 0..EACH {
                    queue.insert(&(producer * EACH + number)).unwrap();
                }
            });
        }
        let consumers: Vec<_> = (0..consumers).map(|_| threads.spawn(consume)).collect();
        let got = consumers
            .into_iter()
            .map(|consumer| consumer.join().unwrap());
        got.collect()
    });
    assert!(queue.is_empty());
    queue.verify().unwrap();
    got
}

/// What each producer of a queue inserts.
const EACH: u64 = 20_000;

#[test]
fn many_consumers_get_every_record_once() {
    let mut all = share_a_queue(3).concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..3 * EACH));
}

#[test]
fn one_consumer_gets_what_each_producer_inserted_in_order() {
    let got = share_a_queue(1).concat();
    for producer in 0..3 {
        let of_one = got.iter().filter(|record| **record / EACH == producer);
        assert!(of_one.copied().eq(producer * EACH..(producer + 1) * EACH));
    }
}

#[test]
fn a_limiter_holds_between_threads() {
    let limiter = RateLimiter::sample_to_insert_ratio(2.0, 50, 20.0).unwrap();
    let pool = Pool::<u64>::anonymous(PoolOptions::new(1000).rate_limiter(limiter)).unwrap();
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| (0..5000).for_each(|number| assert!(pool.insert(&number).is_ok())));
            threads.spawn(|| {
                for _ in 0..2490 {
                    pool.sample_by(Sampler::uniform(), 4, &mut rand::rng())
                        .unwrap();
                }
            });
        }
    });
    let statistics = pool.statistics();
    assert_eq!((statistics.inserted, statistics.sampled), (10_000, 19_920));
}
