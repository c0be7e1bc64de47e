//! Pools larger than the caches, whose batches are stored past them (`src/pool/write/fill.rs`): what is read
//! back is what was inserted, whatever the records' size and the batches' length.

use std::collections::HashSet;

use millpond::{Pool, PoolOptions};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// More than any limit below which batches go through the cache.
const LARGE: usize = 80 << 20;
const BATCHES: [usize; 9] = [64, 1, 2, 63, 17, 64, 5, 100, 200];

/// Bytes that tell the records of all keys apart, and each byte from its neighbours.
fn record<const N: usize>(key: u64) -> [u8; N] {
    std::array::from_fn(|at| (key * 31 + key / 256 + at as u64 * 7) as u8)
}

/// Inserts records whose keys will be `first` and on, and the batches of one by `insert`.
fn insert<const N: usize>(pool: &Pool<[u8; N]>, first: u64, count: usize) -> u64 {
    let end = first + count as u64;
    let records: Vec<_> = (first..end).map(record).collect();
    let keys = match &records[..] {
        [one] => vec![pool.insert(one).unwrap()],
        many => pool.insert_batch(many).unwrap(),
    };
    assert!(keys.iter().copied().eq(first..end));
    end
}

/// Samples as many records as there are, one from each stratum, which is one record here.
fn check_all<const N: usize>(pool: &Pool<[u8; N]>) {
    let batch = pool
        .sample(pool.len(), &mut StdRng::seed_from_u64(1))
        .unwrap();
    for (key, found) in batch.keys().iter().zip(batch.records()) {
        assert!(*found == record(*key), "record {key} of {N} bytes");
    }
    let keys: HashSet<_> = batch.keys().iter().collect();
    assert!(keys.len() * 10 > pool.len() * 9, "nearly all were seen");
}

fn every_batch_is_read_back<const N: usize>() {
    let pool = Pool::anonymous(PoolOptions::new(LARGE / N)).unwrap();
    let mut next = 0;
    for count in BATCHES {
        next = insert::<N>(&pool, next, count);
        check_all(&pool);
    }
    pool.verify().unwrap();
}

#[test]
fn batches_of_any_size_are_read_back() {
    every_batch_is_read_back::<40>();
    every_batch_is_read_back::<64>();
    every_batch_is_read_back::<65>();
    every_batch_is_read_back::<256>();
    every_batch_is_read_back::<257>();
    every_batch_is_read_back::<685>();
    every_batch_is_read_back::<704>();
    every_batch_is_read_back::<1039>();
    every_batch_is_read_back::<4096>();
    every_batch_is_read_back::<4103>();
    every_batch_is_read_back::<16_385>();
    every_batch_is_read_back::<65_551>();
}

#[test]
fn a_lap_of_large_batches_is_read_back() {
    const SIZE: usize = 50_005;
    let pool = Pool::anonymous(PoolOptions::new(LARGE / SIZE)).unwrap();
    let mut next = 0;
    while next < 2 * pool.capacity() as u64 {
        next = insert::<SIZE>(&pool, next, 61);
    }
    assert_eq!(pool.len(), pool.capacity());
    check_all(&pool);
}
