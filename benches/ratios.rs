//! Every speed that millpond promises, as a ratio to a baseline that runs beside it: `cargo bench
//! --bench ratios`, or with `-- insert` at the end only the measures whose names contain that; with
//! `-- --large` also those that take many gibibytes.
//!
//! The pool holds 2^20 records of 685 bytes; the baselines are in `plain/`, `locks/` and
//! `segments/`. A ratio above 1 is faster than the baseline. What the figures mean is in
//! `docs/performance.md`.

// The lock is not public: this program has a copy of it. See `locks/`.
#[allow(dead_code, unused_imports)]
#[path = "../src/os/mod.rs"]
mod os;
#[allow(dead_code, unused_imports)]
#[path = "../src/sync/mod.rs"]
mod sync;

mod locks;
mod pages;
mod segments;

use millpond::{Batch, Lifetime, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use millpond_benches::plain::wide::WideTree;
use millpond_benches::plain::{self, BinaryTree, Rows, Tape};
use millpond_benches::rounds::{Table, Unit};
use millpond_benches::transitions::{BATCH, CHUNK, Columns, Transition, full_pool};

const CAPACITY: usize = 1 << 20;
const BETA: f32 = 0.4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if segments::play_child()? {
        return Ok(());
    }
    let table = Table::begin();
    locks::compare(&table)?;
    segments::compare(&table)?;
    segments::compare_sizes(&table)?;
    segments::compare_wakeups(&table)?;
    if table.is_large() {
        pages::compare(&table)?;
    }
    let pool = full_pool("replay", CAPACITY)?;
    compare_inserts(&table, &pool)?;
    compare_lessees(&table)?;
    let mut rows = Rows::new(CAPACITY);
    compare_samples(&table, &pool, &mut rows);
    compare_updates(&table, &pool)?;
    compare_learners(&table, &pool, &mut rows);
    Ok(())
}

fn compare_inserts(table: &Table, pool: &Pool<Transition>) -> std::io::Result<()> {
    let mut tape = Tape::new(CAPACITY * size_of::<Transition>())?;
    let records = plain::chunk();
    table.compare(
        "insert 64; plain copy",
        Unit::Records(CHUNK),
        "0.70",
        || pool.insert_batch(&records).expect("free slots"),
        || tape.write(&records),
    );
    let insert_each = || {
        for record in &records {
            pool.insert(record).expect("a free slot");
        }
    };
    table.compare(
        "insert 64 one by one; plain copy of 64",
        Unit::Records(CHUNK),
        "0.30",
        insert_each,
        || tape.write(&records),
    );
    Ok(())
}

/// What an insertion costs beside many learners: it looks at the leases of each. Records of 8 bytes,
/// so that there is little else.
fn compare_lessees(table: &Table) -> millpond::Result<()> {
    let random = &mut StdRng::seed_from_u64(8);
    let full = |name: &str| {
        let options = PoolOptions::new(CAPACITY).lifetime(Lifetime::WhileAttached);
        let pool = Pool::<u64>::create(&format!("bench/{name}-{}", std::process::id()), options)?;
        pool.insert_batch(&vec![1; CAPACITY])?;
        millpond::Result::Ok(pool)
    };
    let (alone, crowded) = (full("alone")?, full("crowded")?);
    let learners = (0..32).map(|_| Pool::<u64>::open(crowded.name().expect("a name")));
    let learners: Vec<_> = learners.collect::<Result<_, _>>()?;
    let batches = learners.iter().map(|learner| learner.sample(BATCH, random));
    let batches: Vec<_> = batches.collect::<Result<_, _>>()?;
    let chunk = |pool: &Pool<u64>| drop(pool.insert_batch(&[2; CHUNK]).expect("free slots"));
    table.compare(
        "insert 64 beside 32 batches of 256; alone",
        Unit::Records(CHUNK),
        "",
        || chunk(&crowded),
        || chunk(&alone),
    );
    table.compare(
        "insert 1 beside 32 batches of 256; alone",
        Unit::Records(1),
        "",
        || crowded.insert(&2).expect("a free slot"),
        || alone.insert(&2).expect("a free slot"),
    );
    drop(batches);
    Ok(())
}

fn compare_samples(table: &Table, pool: &Pool<Transition>, rows: &mut Rows) {
    let random = &mut StdRng::seed_from_u64(1);
    let batch = &mut Batch::new(pool);
    let (columns, weights) = (&mut Columns::new(), &mut Vec::new());
    let other_columns = &mut Columns::new();
    let sample = |random: &mut StdRng, batch: &mut Batch<Transition>, weights: &mut Vec<f32>| {
        pool.sample_into(BATCH, random, batch).expect("a full pool");
        batch.weights(BETA, weights).expect("a right beta");
    };
    let records = Unit::Records(BATCH);
    table.compare(
        "sample 256, weights, gather; prefetched gather",
        records,
        "0.50",
        || {
            sample(random, batch, weights);
            columns.gather(batch).expect("right columns");
        },
        || rows.gather_prefetched(other_columns),
    );
    let (again, into) = (&mut Batch::new(pool), &mut Vec::new());
    let other_random = &mut StdRng::seed_from_u64(2);
    let mut sample_and_gather = || {
        sample(other_random, batch, weights);
        columns.gather(batch).expect("right columns");
    };
    table.compare(
        "sample 256, no gather; sample and gather",
        records,
        "1.50",
        || sample(random, again, into),
        &mut sample_and_gather,
    );
    table.compare(
        "sample 256, one field in place; sample, gather",
        records,
        "",
        || {
            sample(random, again, into);
            again.records().map(|record| record.reward).sum::<f32>()
        },
        &mut sample_and_gather,
    );
    let random = &mut StdRng::seed_from_u64(3);
    table.compare(
        "sample 256 untouched; prefetched gather",
        records,
        "",
        || pool.sample_into(BATCH, random, batch).expect("a full pool"),
        || rows.gather_prefetched(other_columns),
    );
}

fn compare_updates(table: &Table, pool: &Pool<Transition>) -> millpond::Result<()> {
    let random = &mut StdRng::seed_from_u64(4);
    let mut batches = Vec::new();
    for _ in 0..257 {
        let keys = pool.sample(BATCH, random)?.keys().to_vec();
        let mut leaves: Vec<u32> = keys
            .iter()
            .map(|key| (key % CAPACITY as u64) as u32)
            .collect();
        leaves.sort_unstable();
        batches.push((keys, leaves));
    }
    // Another number of these, so that the same records get other priorities in each round.
    let mut priority = || random.random_range(0.1f32..2.0);
    let priorities: Vec<Vec<f32>> = (0..256)
        .map(|_| (0..BATCH).map(|_| priority()).collect())
        .collect();
    let next = |turn: &mut usize| {
        *turn += 1;
        (
            &batches[*turn % batches.len()],
            &priorities[*turn % priorities.len()][..],
        )
    };
    let (ours, theirs) = (&mut 0, &mut 0);
    let mut update = || {
        let ((keys, _), priorities) = next(ours);
        pool.update_priorities(keys, priorities)
            .expect("priorities")
    };
    let mut tree = WideTree::new(CAPACITY);
    table.compare(
        "update 256; wide tree alone",
        Unit::Records(BATCH),
        "0.75",
        &mut update,
        || {
            let ((_, leaves), priorities) = next(theirs);
            tree.update(leaves, priorities);
        },
    );
    table.compare(
        "update 256; wide tree, a word of each checked",
        Unit::Records(BATCH),
        "0.75",
        &mut update,
        || {
            let ((_, leaves), priorities) = next(theirs);
            tree.update_checked(leaves, priorities);
        },
    );
    let mut tree = BinaryTree::new(CAPACITY);
    table.compare(
        "update 256; binary tree, one by one",
        Unit::Records(BATCH),
        "",
        &mut update,
        || {
            let ((_, leaves), priorities) = next(theirs);
            tree.update(leaves, priorities);
        },
    );
    // Small records, which the cache holds: what remains is the draw, the lease and the check.
    let small = Pool::<u32>::anonymous(PoolOptions::new(CAPACITY))?;
    for _ in 0..CAPACITY / CHUNK {
        small.insert_batch(&[1; CHUNK])?;
    }
    let batch = &mut Batch::new(&small);
    let (other_random, leaves) = (&mut StdRng::seed_from_u64(5), &mut [0; BATCH]);
    let mut wide = WideTree::new(CAPACITY);
    table.compare(
        "draw and lease 256; wide tree alone",
        Unit::Records(BATCH),
        "",
        || small.sample_into(BATCH, random, batch).expect("records"),
        || wide.draw(other_random, leaves),
    );
    table.compare(
        "draw and lease 256; binary tree, one by one",
        Unit::Records(BATCH),
        "",
        || small.sample_into(BATCH, random, batch).expect("records"),
        || tree.draw(other_random, leaves),
    );
    Ok(())
}

/// A learner's whole round: sample, weigh, gather, update.
fn compare_learners(table: &Table, pool: &Pool<Transition>, rows: &mut Rows) {
    let (random, other_random) = (&mut StdRng::seed_from_u64(6), &mut StdRng::seed_from_u64(7));
    let batch = &mut Batch::new(pool);
    let (columns, weights) = (&mut Columns::new(), &mut Vec::new());
    let other_columns = &mut Columns::new();
    let leaves = &mut [0; BATCH];
    let priorities: Vec<f32> = (0..BATCH).map(|at| 0.1 + at as f32 / 128.0).collect();
    let mut round = || {
        pool.sample_into(BATCH, random, batch).expect("a full pool");
        batch.weights(BETA, weights).expect("a right beta");
        columns.gather(batch).expect("right columns");
        pool.update_priorities(batch.keys(), &priorities)
            .expect("priorities")
    };
    let mut tree = WideTree::new(CAPACITY);
    table.compare(
        "a learner's round of 256; wide tree, unshared",
        Unit::Records(BATCH),
        "1.00",
        &mut round,
        || {
            tree.draw(other_random, leaves);
            rows.gather_ahead(leaves, other_columns);
            tree.update(leaves, &priorities);
        },
    );
    let mut tree = BinaryTree::new(CAPACITY);
    table.compare(
        "a learner's round of 256; textbook, unshared",
        Unit::Records(BATCH),
        "",
        &mut round,
        || {
            tree.draw(other_random, leaves);
            rows.gather(leaves, other_columns);
            tree.update(leaves, &priorities);
        },
    );
}
