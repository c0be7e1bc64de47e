//! Threads that share one handle: what holds between processes holds between them too.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use millpond::pool::{Column, Reservation};
use millpond::{Batch, Pool, PoolOptions, Record, Sampler};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Slots of two shards.
const CAPACITY: usize = 600;

/// Its numbers are all its key.
#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Echo {
    key: u64,
    echoes: [u64; 40],
}

fn insert(pool: &Pool<Echo>) {
    let mut slot = pool.reserve().unwrap();
    let key = slot.key();
    slot.key = key;
    slot.echoes.fill(key);
    slot.commit().unwrap();
}

fn check(batch: &Batch<Echo>) {
    let mut echoes = vec![[0u64; 40]; batch.len()];
    batch
        .gather(&mut [Column::new("echoes", &mut echoes)])
        .unwrap();
    for ((&key, record), copy) in batch.keys().iter().zip(batch.records()).zip(&echoes) {
        assert_eq!(record.key, key);
        assert_eq!(record.echoes, [key; 40]);
        assert_eq!(*copy, [key; 40]);
    }
}

#[test]
fn handles_batches_and_reservations_may_be_shared() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Pool<Echo>>();
    is_send_and_sync::<Batch<Echo>>();
    is_send_and_sync::<Reservation<'_, Echo>>();
}

#[test]
fn threads_that_share_a_handle_see_whole_records() {
    const INSERTIONS: u64 = 100_000;
    let pool = Pool::anonymous(PoolOptions::new(CAPACITY).role("threads")).unwrap();
    (0..CAPACITY).for_each(|_| insert(&pool));
    let done = AtomicBool::new(false);
    let sampled = AtomicU64::new(0);
    thread::scope(|scope| {
        let writers = [(); 3].map(|()| scope.spawn(|| (0..INSERTIONS).for_each(|_| insert(&pool))));
        for seed in 0..3 {
            let (pool, done, sampled) = (pool.clone(), &done, &sampled);
            scope.spawn(move || {
                let mut random = StdRng::seed_from_u64(seed);
                let mut held = Batch::new(&pool);
                while !done.load(Ordering::Relaxed) {
                    let count = random.random_range(1..=30);
                    let batch = match random.random_bool(0.5) {
                        true => pool.sample(count, &mut random).unwrap(),
                        false => pool
                            .sample_by(Sampler::uniform(), count, &mut random)
                            .unwrap(),
                    };
                    check(&batch);
                    let priorities = vec![random.random_range(0.1..3.0); count];
                    pool.update_priorities(batch.keys(), &priorities).unwrap();
                    check(&held);
                    held = batch;
                    sampled.fetch_add(count as u64, Ordering::Relaxed);
                }
            });
        }
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    pool.verify().unwrap();
    let statistics = pool.statistics();
    assert_eq!(statistics.inserted, 3 * INSERTIONS + CAPACITY as u64);
    assert_eq!(statistics.sampled, sampled.into_inner());
    assert_eq!(
        statistics.updated + statistics.stale_updates,
        statistics.sampled
    );
    assert_eq!(statistics.repairs, 0);
    assert_eq!(pool.len(), CAPACITY);
    assert_eq!(pool.participants().unwrap().len(), 1, "one participant");
}

#[test]
fn an_older_record_never_takes_the_place_of_a_newer_one() {
    // So few slots that writers overtake each other by a lap between two steps of an insertion.
    let pool = Pool::<u64>::anonymous(PoolOptions::new(2)).unwrap();
    let insert = || while pool.insert(&1).is_err() {};
    (0..2).for_each(|_| insert());
    let writing = AtomicU64::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..500_000).for_each(|_| insert());
                writing.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let random = &mut StdRng::seed_from_u64(1);
        let mut newest = [0; 2];
        while writing.load(Ordering::Relaxed) > 0 {
            // Both slots may be in the hands of writers.
            let Ok(batch) = pool.sample_by(Sampler::uniform(), 1, random) else {
                continue;
            };
            let key = batch.keys()[0];
            let seen = &mut newest[key as usize % 2];
            assert!(*seen <= key, "record {key} came after {seen}");
            *seen = key;
        }
    });
    pool.verify().unwrap();
}

#[test]
fn a_batch_may_be_dropped_by_another_thread() {
    let pool = Pool::anonymous(PoolOptions::new(4)).unwrap();
    (0..4).for_each(|_| insert(&pool));
    let random = &mut StdRng::seed_from_u64(1);
    let batches: Vec<_> = (0..40)
        .map(|_| pool.sample_by(Sampler::uniform(), 1, random).unwrap())
        .collect();
    assert!(pool.reserve().is_err(), "every slot is leased");
    thread::spawn(move || batches.iter().for_each(check))
        .join()
        .unwrap();
    (0..4).for_each(|_| insert(&pool));
}

#[test]
fn a_waiting_thread_wakes_when_another_inserts() {
    let pool = Pool::anonymous(PoolOptions::new(100)).unwrap();
    thread::scope(|scope| {
        let waiters = [1, 10, 100].map(|count| {
            let pool = &pool;
            scope.spawn(move || pool.wait_for_len(count, Duration::from_secs(20)))
        });
        (0..100).for_each(|_| insert(&pool));
        for waiter in waiters {
            waiter.join().unwrap().unwrap();
        }
    });
}

#[test]
fn a_panic_of_one_thread_does_not_stop_the_others() {
    let pool = Pool::anonymous(PoolOptions::new(10)).unwrap();
    thread::scope(|scope| {
        let panicking = scope.spawn(|| {
            insert(&pool);
            let _slot = pool.reserve().unwrap();
            let _batch = pool.sample(1, &mut StdRng::seed_from_u64(1)).unwrap();
            panic!("on purpose, with a slot and a batch");
        });
        assert!(panicking.join().is_err());
    });
    (0..30).for_each(|_| insert(&pool));
    assert_eq!(pool.len(), 10, "what the thread held is free");
    pool.verify().unwrap();
}
