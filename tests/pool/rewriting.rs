//! Rewriting records that are in the pool.

use std::time::Duration;
use std::{panic, thread};

use millpond::{Error, Pool, PoolOptions, Sampler};

const SOME_TIME: Duration = Duration::from_secs(60);

#[test]
fn a_record_is_rewritten_and_keeps_its_key_and_priority() {
    let pool = Pool::<[u64; 20]>::anonymous(PoolOptions::new(10).alpha(1.0)).unwrap();
    let keys = pool
        .insert_batch_with_priorities(&[[1; 20], [2; 20]], &[3.0, 4.0])
        .unwrap();
    assert!(
        pool.rewrite(keys[0], SOME_TIME, |record| record.fill(9))
            .unwrap()
    );
    assert_eq!(pool.get(keys[0]).unwrap(), Some([9; 20]));
    assert_eq!(pool.get(keys[1]).unwrap(), Some([2; 20]));
    assert_eq!(pool.total_priority(), 7.0);
    pool.remove(&keys[..1]).unwrap();
    assert!(
        !pool
            .rewrite(keys[0], SOME_TIME, |_| unreachable!())
            .unwrap()
    );
    assert!(!pool.rewrite(77, SOME_TIME, |_| unreachable!()).unwrap());
    pool.verify().unwrap();
}

#[test]
fn a_record_that_a_batch_holds_is_not_rewritten() {
    let pool = Pool::<u64>::anonymous(PoolOptions::new(10)).unwrap();
    let key = pool.insert(&1).unwrap();
    let batch = pool.sample(1, &mut rand::rng()).unwrap();
    let held = pool.rewrite(key, Duration::ZERO, |record| *record = 2);
    assert!(matches!(held, Err(Error::TimedOut { .. })), "{held:?}");
    assert_eq!(batch.get(0), &1);
    drop(batch);
    assert!(
        pool.rewrite(key, Duration::ZERO, |record| *record = 2)
            .unwrap()
    );
    assert_eq!(pool.get(key).unwrap(), Some(2));
}

/// A panic in the caller's code changes nothing and stops nobody.
#[test]
fn a_change_that_panics_is_not_made() {
    let pool = Pool::<u64>::anonymous(PoolOptions::new(10)).unwrap();
    let key = pool.insert(&1).unwrap();
    let panicked = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        pool.rewrite(key, SOME_TIME, |record| {
            *record = 2;
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(pool.get(key).unwrap(), Some(1));
    assert!(pool.rewrite(key, SOME_TIME, |record| *record = 3).unwrap());
}

#[test]
fn samples_are_whole_while_records_are_rewritten() {
    let pool = Pool::<[u64; 32]>::anonymous(PoolOptions::new(50)).unwrap();
    let keys = pool.insert_batch(&[[0; 32]; 50]).unwrap();
    thread::scope(|threads| {
        let writers = [1, 2].map(|writer| {
            let (pool, keys) = (&pool, &keys);
            threads.spawn(move || {
                for round in 0..2000u64 {
                    let key = keys[(round * 7 % 50) as usize];
                    let value = writer << 32 | round;
                    assert!(
                        pool.rewrite(key, SOME_TIME, |record| record.fill(value))
                            .unwrap()
                    );
                }
            })
        });
        while !writers.iter().all(|writer| writer.is_finished()) {
            let batch = pool
                .sample_by(Sampler::uniform(), 16, &mut rand::rng())
                .unwrap();
            for record in batch.records() {
                assert_eq!(*record, [record[0]; 32]);
            }
        }
    });
    pool.verify().unwrap();
}
