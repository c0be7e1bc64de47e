//! What each call of a pool costs by itself: `cargo bench -p millpond-benches --bench micro`.
//!
//! Times of one machine at one moment, for work on millpond itself; how they compare with anything
//! else is measured by `ratios.rs`, which also has the lock and the wake-up of another process by
//! themselves.

use std::sync::OnceLock;
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use millpond::pool::Column;
use millpond::{Batch, Board, BoardOptions, Lifetime, Pool, PoolOptions, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

use millpond_benches::transitions::{BATCH, CHUNK, Columns, Transition, full_pool};

const CAPACITY: usize = 1 << 18;

static POOL: OnceLock<Pool<Transition>> = OnceLock::new();

fn main() {
    POOL.get_or_init(|| full_pool("micro", CAPACITY).expect("room for a pool"));
    divan::main();
    // Statics are not dropped, and the segment goes with its last handle.
    millpond::unlink_all(&format!("bench-{}", std::process::id())).expect("the bench's segment");
}

fn pool() -> &'static Pool<Transition> {
    POOL.get().expect("made in main")
}

fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn sampled() -> Batch<Transition> {
    pool()
        .sample(BATCH, &mut random())
        .expect("there are records")
}

#[divan::bench(args = [1, 8, CHUNK, 512])]
fn insert_batch(bencher: Bencher, count: usize) {
    let records: Vec<_> = (0..count).map(Transition::numbered).collect();
    bencher
        .counter(ItemsCount::new(count))
        .bench(|| pool().insert_batch(&records));
}

#[divan::bench]
fn insert(bencher: Bencher) {
    let record = Transition::numbered(1);
    bencher.bench(|| pool().insert(&record));
}

#[divan::bench]
fn reserve_and_commit(bencher: Bencher) {
    bencher.bench(|| pool().reserve().and_then(|slot| slot.commit()));
}

#[divan::bench(args = [1, 32, BATCH, 1024])]
fn sample_into(bencher: Bencher, count: usize) {
    let (mut random, mut batch) = (random(), Batch::new(pool()));
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| pool().sample_into(count, &mut random, &mut batch));
}

/// Of records that the cache holds, so that it is the tree and the leases.
#[divan::bench(args = [1 << 10, 1 << 20])]
fn draw_and_lease_256(bencher: Bencher, capacity: usize) {
    let pool = Pool::<u32>::anonymous(PoolOptions::new(capacity)).expect("memory");
    pool.insert_batch(&vec![1; capacity]).expect("free slots");
    let (mut batch, mut random) = (Batch::new(&pool), random());
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| pool.sample_into(BATCH, &mut random, &mut batch));
}

#[divan::bench]
fn sample_uniform(bencher: Bencher) {
    let (mut random, mut batch) = (random(), Batch::new(pool()));
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| pool().sample_by_into(Sampler::uniform(), BATCH, &mut random, &mut batch));
}

#[divan::bench]
fn weights(bencher: Bencher) {
    let (batch, mut weights) = (sampled(), Vec::new());
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| batch.weights(0.4, &mut weights));
}

/// The same records each time, so they come from the cache: what the copy itself costs.
#[divan::bench]
fn gather_all_fields_from_the_cache(bencher: Bencher) {
    let (batch, mut columns) = (sampled(), Columns::new());
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| columns.gather(&batch));
}

#[divan::bench]
fn gather_one_number_from_the_cache(bencher: Bencher) {
    let (batch, mut rewards) = (sampled(), vec![0f32; BATCH]);
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| batch.gather(&mut [Column::new("reward", &mut rewards)]));
}

#[divan::bench(args = [1, 32, BATCH, 1024])]
fn update_priorities(bencher: Bencher, count: usize) {
    let batch = pool()
        .sample(count, &mut random())
        .expect("there are records");
    let (keys, priorities) = (batch.keys(), vec![0.5; count]);
    bencher
        .counter(ItemsCount::new(count))
        .bench(|| pool().update_priorities(keys, &priorities));
}

#[divan::bench]
fn get(bencher: Bencher) {
    let key = sampled().keys()[0];
    bencher.bench(|| pool().get(key));
}

#[divan::bench]
fn wait_for_what_is_there() -> millpond::Result<usize> {
    pool().wait_for_len(CAPACITY / 2, Duration::from_secs(1))
}

#[divan::bench(args = [1 << 10, 1 << 20])]
fn create_and_unlink(capacity: usize) -> millpond::Result<()> {
    let name = format!("bench-{}/created", std::process::id());
    let options = PoolOptions::new(capacity).lifetime(Lifetime::WhileAttached);
    Pool::<u64>::create(&name, options).map(drop)
}

#[divan::bench]
fn open_and_leave() -> millpond::Result<()> {
    Pool::<Transition>::open(pool().name().expect("a name")).map(drop)
}

#[divan::bench]
fn statistics() -> millpond::pool::Statistics {
    pool().statistics()
}

#[divan::bench(args = [1_000, 100_000])]
fn publish_and_fetch_a_board(bencher: Bencher, numbers: usize) {
    let board = Board::anonymous(BoardOptions::new(numbers)).expect("room for a board");
    let mut weights = vec![0f32; numbers];
    bencher
        .counter(ItemsCount::new(numbers))
        .bench_local(|| board.publish(&weights).and(board.fetch(&mut weights)));
}
