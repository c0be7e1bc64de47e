//! Snapshots that are taken while other processes write: each is one instant of all of them, nothing that
//! belongs to it is lost, and a saver that is killed stops nobody and spoils nothing.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use millpond::{Board, BoardOptions, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "snapshots",
    trials: named![priorities_are_those_of_one_instant],
    alone: named![
        a_snapshot_is_one_instant_of_all_writers,
        nothing_of_the_cut_is_lost_to_a_ring_that_laps,
        a_killed_saver_stops_nobody_and_leaves_the_old_file,
    ],
    roles: named![writer, updater, saver],
    ..Part::EMPTY
};

const POOL: &str = "snapshots/pool";
const WRITERS: u64 = 3;
/// So many of a ring's oldest records may be older than those that follow: where a slow writer uses its keys
/// late, and where the dead held leases.
const EDGE: usize = 1000;
/// Records that a writer may be about to insert at one instant.
const BATCH: u64 = 64;

/// A path for a snapshot, beside the directory of the segments.
fn path(name: &str) -> PathBuf {
    let root = std::env::var_os("MILLPOND_DIR").expect("a directory for segments");
    Path::new(&root).with_file_name(name)
}

fn create(capacity: usize) -> Pool<Experience> {
    Pool::create(POOL, PoolOptions::new(capacity)).unwrap()
}

fn start_writers(most: u64) -> (Vec<Child>, Vec<Board<u64>>) {
    let boards = (0..WRITERS).map(|n| Board::create(&board_of(n), BoardOptions::new(1)));
    let boards: Vec<Board<u64>> = boards.map(Result::unwrap).collect();
    let start = |number| Child::start("snapshots::writer", &[&number, &most]);
    ((0..WRITERS).map(start).collect(), boards)
}

fn board_of(writer: u64) -> String {
    format!("snapshots/progress-{writer}")
}

/// How many records each writer has inserted for certain.
fn counts(boards: &[Board<u64>]) -> Vec<u64> {
    let mut count = [0];
    let mut fetch = |board: &Board<u64>| board.fetch(&mut count).map_or(0, |_| count[0]);
    boards.iter().map(&mut fetch).collect()
}

/// The records of a snapshot in its order, each of them whole.
fn read(path: &Path, capacity: usize) -> Vec<Experience> {
    let pool = Pool::<Experience>::anonymous(PoolOptions::new(capacity)).unwrap();
    let count = pool.load(path).unwrap().records as u64;
    pool.verify().unwrap();
    let record = |key| {
        let record = pool.get(key).unwrap().expect("a record that was loaded");
        let whole = Experience::new(record.key, record.writer, record.sequence);
        assert_eq!(record, whole, "a torn record");
        record
    };
    (0..count).map(record).collect()
}

/// Checks that each writer's records follow one another; gives how many each had inserted.
fn check_runs(records: &[Experience]) -> Vec<u64> {
    let mut ends = HashMap::new();
    for record in records {
        let end = ends.entry(record.writer).or_insert(record.sequence);
        assert_eq!(*end, record.sequence, "writer {} has a gap", record.writer);
        *end += 1;
    }
    (0..WRITERS)
        .map(|writer| ends.get(&writer).copied().unwrap_or(0))
        .collect()
}

fn a_snapshot_is_one_instant_of_all_writers() {
    const CAPACITY: usize = 1 << 17;
    let (pool, path) = (create(CAPACITY), path("instant"));
    let (children, boards) = start_writers(CAPACITY as u64 / WRITERS);
    let mut snapshots = Vec::new();
    while pool.len() < CAPACITY / 10 * 9 {
        let before = counts(&boards);
        let saved = pool.save(&path).unwrap();
        let after = counts(&boards);
        let records = read(&path, CAPACITY);
        assert_eq!(records.len(), saved.records);
        let found = check_runs(&records);
        for ((found, before), after) in found.iter().zip(before).zip(after) {
            assert!(before <= *found, "{before} were inserted, {found} saved");
            assert!(*found <= after + BATCH, "{found} saved of {after}");
        }
        snapshots.push((saved.records, saved.locked));
    }
    children.into_iter().for_each(|child| {
        child.finish();
    });
    assert!(snapshots.len() > 3, "too few: {snapshots:?}");
    let longest = snapshots.iter().map(|(_, locked)| locked).max();
    println!(
        "{} snapshots of {} to {} records in {CAPACITY} slots; locks held for at most {:.1?}",
        snapshots.len(),
        snapshots[0].0,
        snapshots[snapshots.len() - 1].0,
        longest.expect("a snapshot"),
    );
}

fn nothing_of_the_cut_is_lost_to_a_ring_that_laps() {
    const CAPACITY: usize = 1 << 14;
    let (pool, path) = (create(CAPACITY), path("laps"));
    let (children, boards) = start_writers(u64::MAX);
    pool.wait_for_len(CAPACITY - EDGE, Duration::from_secs(20))
        .unwrap();
    let (began, mut snapshots, mut fewest) = (Instant::now(), 0, CAPACITY);
    let first: u64 = counts(&boards).iter().sum();
    while began.elapsed() < Duration::from_secs(3) {
        let before = counts(&boards);
        // Slower than the writers, so that they come to wait for it.
        let saved = pool.save_with(&path, |_, _| {
            thread::sleep(Duration::from_micros(300));
            ControlFlow::Continue(())
        });
        fewest = fewest.min(saved.unwrap().records);
        let records = read(&path, CAPACITY);
        let found = check_runs(&records[EDGE..]);
        for (found, before) in found.iter().zip(before) {
            // The others may have lapped one that did not get to run.
            let lapped = *found == 0;
            assert!(
                lapped || before <= *found,
                "{before} were inserted, {found} saved"
            );
        }
        snapshots += 1;
    }
    let inserted: u64 = counts(&boards).iter().sum::<u64>() - first;
    children.into_iter().for_each(|child| {
        child.finish();
    });
    pool.verify().unwrap();
    assert!(fewest >= CAPACITY - EDGE, "only {fewest} records");
    assert!(inserted > 20 * CAPACITY as u64, "{inserted} inserted");
    println!(
        "{snapshots} snapshots of {fewest} records at least, of {CAPACITY} slots, while {} laps \
         were inserted",
        inserted / CAPACITY as u64
    );
}

/// Inserts numbered records, one by one or some at once, so many at most. Arguments: its number, how many.
fn writer() {
    let (orders, number, most): (_, u64, u64) = (Orders::listen(), argument(0), argument(1));
    let pool = Pool::<Experience>::open(POOL).unwrap();
    let board = Board::<u64>::open(&board_of(number)).unwrap();
    let mut random = StdRng::seed_from_u64(number);
    let mut sequence = 0;
    while !orders.arrived() {
        let count = match random.random_bool(0.5) {
            true => 1,
            false => random.random_range(1..=BATCH),
        };
        let count = count.min(most - sequence);
        let records: Vec<_> = (sequence..sequence + count)
            .map(|sequence| Experience::new(UNKNOWN, number, sequence))
            .collect();
        match records[..] {
            [ref one] => drop(pool.insert(one).unwrap()),
            _ => drop(pool.insert_batch(&records).unwrap()),
        }
        sequence += count;
        board.publish(&[sequence]).unwrap();
        if most < u64::MAX {
            // For some snapshots until the pool is full.
            thread::sleep(Duration::from_micros(count * 20));
        }
    }
}

fn priorities_are_those_of_one_instant() {
    const CAPACITY: usize = 50_000;
    let options = PoolOptions::new(CAPACITY).alpha(1.0);
    let pool = Pool::<u64>::create(POOL, options.clone()).unwrap();
    let numbers: Vec<u64> = (0..CAPACITY as u64).collect();
    let mut priorities = vec![0.0; CAPACITY];
    (priorities[1000], priorities[49_000]) = (1.0, 1.0);
    pool.insert_batch_with_priorities(&numbers, &priorities)
        .unwrap();
    let mut updater = Child::start("snapshots::updater", &[]);
    updater.expect("updating");
    let (path, mut apart, mut last) = (path("priorities"), 0, 0);
    for _ in 0..100 {
        pool.save(&path).unwrap();
        let loaded = Pool::<u64>::anonymous(options.clone()).unwrap();
        loaded.load(&path).unwrap();
        let batch = loaded.sample(100, &mut rand::rng()).unwrap();
        let priority = |key| {
            let at = batch.keys().iter().position(|found| *found == key);
            let odds = batch.probabilities()[at.expect("half of all draws")];
            (odds * loaded.total_priority()).round() as u64
        };
        let (first, second) = (priority(1000), priority(49_000));
        assert!(first == second || first == second + 1, "{first}, {second}");
        apart += usize::from(first > second);
        last = first;
    }
    updater.finish();
    assert!(last > 100, "few updates: {last}");
    println!("in {apart} of 100 snapshots the second of two updates was to come");
}

/// Gives one record a priority, and then another the same.
fn updater() {
    let orders = Orders::listen();
    let pool = Pool::<u64>::open(POOL).unwrap();
    println!("updating");
    for round in 2u32.. {
        for key in [1000, 49_000] {
            pool.update_priorities(&[key], &[round as f32]).unwrap();
            // Sometimes one after the other, so that a cut that takes its time would see the second alone.
            if round % 2 == 0 {
                thread::sleep(Duration::from_micros(50));
            }
        }
        if orders.arrived() {
            return;
        }
    }
}

fn a_killed_saver_stops_nobody_and_leaves_the_old_file() {
    const CAPACITY: usize = 1 << 14;
    let (pool, path) = (create(CAPACITY), path("killed"));
    let mut sequence = 0;
    let mut lap = || {
        let mut longest = Duration::ZERO;
        for _ in 0..CAPACITY as u64 / BATCH {
            let records = (sequence..sequence + BATCH).map(|n| Experience::new(UNKNOWN, 0, n));
            let records: Vec<_> = records.collect();
            let began = Instant::now();
            pool.insert_batch(&records).unwrap();
            longest = longest.max(began.elapsed());
            sequence += BATCH;
        }
        longest
    };
    lap();
    pool.save(&path).unwrap();
    let old = std::fs::read(&path).unwrap();
    lap();
    let mut pauses = Vec::new();
    for block in [1, 2, 10] {
        let mut saver = Child::start("snapshots::saver", &[&path.display(), &block]);
        saver.expect("saving");
        saver.kill();
        pauses.push(lap());
        assert!(old == std::fs::read(&path).unwrap(), "the old file changed");
        let left = path.with_file_name("killed.saving");
        assert!(left.exists(), "as it is said");
        pool.verify().unwrap();
    }
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..30 {
        let saver = Child::start("snapshots::saver", &[&path.display(), &0]);
        thread::sleep(Duration::from_micros(random.random_range(0..40_000)));
        saver.kill();
        pauses.push(lap());
        check_runs(&read(&path, CAPACITY)[EDGE..]);
    }
    let records = pool.save(&path).unwrap().records;
    assert_eq!(records, CAPACITY);
    assert!(!path.with_file_name("killed.saving").exists());
    check_runs(&read(&path, CAPACITY)[EDGE..]);
    pauses.sort();
    println!(
        "longest insertion of a lap after a kill: median {:.1?}, longest of {} {:.1?}",
        pauses[pauses.len() / 2],
        pauses.len(),
        pauses[pauses.len() - 1]
    );
}

/// Saves again and again, or stays in the middle. Arguments: the path; after which block, or 0.
fn saver() {
    let _orders = Orders::listen();
    let (path, stay): (String, u64) = (argument(0), argument(1));
    let pool = Pool::<Experience>::open(POOL).unwrap();
    loop {
        let mut block = 0;
        pool.save_with(&path, |_, _| {
            block += 1;
            if block == stay {
                println!("saving");
                thread::sleep(Duration::from_secs(60));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    }
}
