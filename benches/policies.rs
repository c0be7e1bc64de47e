//! What the ways of sampling and of removing cost beside each other: `cargo bench -p millpond-benches --bench policies`.
//!
//! Times of one machine at one moment; only their ratios say something.

use divan::Bencher;
use divan::counter::ItemsCount;
use millpond::pool::Remover;
use millpond::{Batch, Pool, PoolOptions, Sampler};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const CAPACITY: usize = 1 << 20;
const BATCH: usize = 256;

fn main() {
    divan::main();
}

/// A full pool with priorities from 0 to 1.
fn full_pool(options: PoolOptions) -> Pool<[f32; 16]> {
    let pool = Pool::anonymous(options).expect("memory");
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..CAPACITY / 1024 {
        let priorities: Vec<f32> = (0..1024).map(|_| random.random()).collect();
        pool.insert_batch_with_priorities(&[[0.0; 16]; 1024], &priorities)
            .expect("free slots");
    }
    pool
}

fn sample(bencher: Bencher, sampler: Sampler) {
    let pool = full_pool(PoolOptions::new(CAPACITY).ordered(true));
    let (mut random, mut batch) = (StdRng::seed_from_u64(1), Batch::new(&pool));
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| pool.sample_by_into(sampler, BATCH, &mut random, &mut batch));
}

#[divan::bench]
fn sample_stratified(bencher: Bencher) {
    sample(bencher, Sampler::stratified());
}

#[divan::bench]
fn sample_stratified_without_replacement(bencher: Bencher) {
    sample(bencher, Sampler::stratified().without_replacement());
}

#[divan::bench]
fn sample_uniform(bencher: Bencher) {
    sample(bencher, Sampler::uniform());
}

#[divan::bench]
fn sample_newest(bencher: Bencher) {
    sample(bencher, Sampler::newest());
}

#[divan::bench]
fn sample_highest(bencher: Bencher) {
    sample(bencher, Sampler::highest());
}

/// With a sorting of all priorities every 400 calls or so.
#[divan::bench]
fn sample_ranked(bencher: Bencher) {
    sample(bencher, Sampler::ranked());
}

fn insert(bencher: Bencher, options: PoolOptions) {
    let pool = full_pool(options);
    let mut random = StdRng::seed_from_u64(2);
    bencher.bench_local(|| pool.insert_with_priority(&[1.0; 16], random.random()));
}

#[divan::bench]
fn insert_the_oldest_goes(bencher: Bencher) {
    insert(bencher, PoolOptions::new(CAPACITY));
}

#[divan::bench]
fn insert_the_oldest_goes_ordered(bencher: Bencher) {
    insert(bencher, PoolOptions::new(CAPACITY).ordered(true));
}

#[divan::bench]
fn insert_the_lowest_goes(bencher: Bencher) {
    insert(bencher, PoolOptions::new(CAPACITY).remover(Remover::Lowest));
}

#[divan::bench]
fn insert_any_goes(bencher: Bencher) {
    insert(
        bencher,
        PoolOptions::new(CAPACITY).remover(Remover::Uniform),
    );
}

/// In and out again, 64 records at a time.
#[divan::bench]
fn queue(bencher: Bencher) {
    let queue = Pool::anonymous(PoolOptions::queue(1 << 16).expect("a queue")).expect("memory");
    let (mut random, mut batch) = (StdRng::seed_from_u64(1), Batch::new(&queue));
    bencher.counter(ItemsCount::new(64usize)).bench_local(|| {
        queue.insert_batch(&[[1.0f32; 16]; 64])?;
        queue.sample_into(64, &mut random, &mut batch)
    });
}

#[divan::bench]
fn distribution(bencher: Bencher) {
    let pool = full_pool(PoolOptions::new(CAPACITY));
    bencher.bench_local(|| pool.distribution());
}
