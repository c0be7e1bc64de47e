//! Everybody at once on a small pool: four writers lap the ring all the time, two samplers read it.
//! Whatever is sampled is whole, and is the record of its key.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use millpond::{Batch, Pool, PoolOptions, Sampler};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN, check_batch};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "whole",
    alone: named![every_sampled_record_is_whole_and_of_its_key],
    roles: named![filler, inserter, taker, holder],
    ..Part::EMPTY
};

const NAME: &str = "whole";
const CAPACITY: usize = 1000;
const SPAN: Duration = Duration::from_secs(10);

fn every_sampled_record_is_whole_and_of_its_key() {
    let pool = Pool::<Experience>::create(NAME, PoolOptions::new(CAPACITY)).unwrap();
    let start = |role: &str, number: u64| Child::start(role, &[&number]);
    let writers = [
        start("whole::filler", 0),
        start("whole::filler", 1),
        start("whole::inserter", 2),
        start("whole::inserter", 3),
    ];
    let samplers = [start("whole::taker", 4), start("whole::holder", 5)];
    let began = Instant::now();
    let mut verified = 0;
    while began.elapsed() < SPAN {
        pool.verify().unwrap();
        verified += 1;
    }
    let count = |child: Child| -> u64 { child.finish().last().unwrap().parse().unwrap() };
    let sampled: u64 = samplers.into_iter().map(count).sum();
    let inserted: u64 = writers.into_iter().map(count).sum();
    pool.verify().unwrap();

    let statistics = pool.statistics();
    assert_eq!(statistics.inserted, inserted);
    assert_eq!(statistics.sampled, sampled);
    assert_eq!(statistics.repairs, 0, "nobody died");
    assert!(statistics.passed_over > 0, "held records are passed over");
    let laps = inserted / CAPACITY as u64;
    assert!(laps >= 20, "too few laps: {laps}");
    println!(
        "{inserted} inserted in {laps} laps, {sampled} sampled, {} passed over, {verified} verified",
        statistics.passed_over
    );
}

/// Fills records in place, and knows their keys; gives some of its slots up, half written.
fn filler() {
    let (orders, writer) = (Orders::listen(), argument(0));
    let pool = Pool::<Experience>::open(NAME).unwrap();
    let mut sequence = 0;
    let mut given_up = 0;
    while !orders.arrived() {
        let mut slot = pool.reserve().unwrap();
        *slot = Experience::new(slot.key(), writer, sequence + given_up);
        if (sequence + given_up) % 50 == 49 {
            slot.sequence = 0;
            given_up += 1;
            continue;
        }
        let priority = 1.0 + (sequence % 7) as f32;
        slot.commit_with_priority(priority).unwrap();
        sequence += 1;
    }
    println!("{sequence}");
}

/// Inserts batches of records, each from 1 to 100 long.
fn inserter() {
    let (orders, writer) = (Orders::listen(), argument(0));
    let pool = Pool::<Experience>::open(NAME).unwrap();
    let mut random = StdRng::seed_from_u64(writer);
    let mut sequence = 0;
    while !orders.arrived() {
        let end = sequence + random.random_range(1..=100);
        let records: Vec<_> = (sequence..end)
            .map(|sequence| Experience::new(UNKNOWN, writer, sequence))
            .collect();
        let keys = pool.insert_batch(&records).unwrap();
        assert!(keys.is_sorted_by(|a, b| a < b), "keys rise");
        assert_eq!(keys.len(), records.len());
        sequence = end;
    }
    println!("{sequence}");
}

/// Samples, checks, updates priorities, and lets go at once.
fn taker() {
    let (orders, seed) = (Orders::listen(), argument(0));
    let pool = Pool::<Experience>::open(NAME).unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let (mut batch, mut seen, mut sampled) = (Batch::new(&pool), Seen::default(), 0);
    pool.wait_for_len(CAPACITY / 2, SPAN).unwrap();
    while !orders.arrived() {
        let count = random.random_range(1..=64);
        match random.random_bool(0.5) {
            true => pool.sample_into(count, &mut random, &mut batch).unwrap(),
            false => pool
                .sample_by_into(Sampler::uniform(), count, &mut random, &mut batch)
                .unwrap(),
        }
        seen.check(&batch);
        let priorities: Vec<f32> = (0..count).map(|_| random.random_range(0.0..8.0)).collect();
        pool.update_priorities(batch.keys(), &priorities).unwrap();
        sampled += count;
    }
    println!("{sampled}");
}

/// Holds its last batches while the ring laps three times, and checks them again at the end.
fn holder() {
    let (orders, seed) = (Orders::listen(), argument(0));
    let pool = Pool::<Experience>::open(NAME).unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let (mut held, mut seen, mut sampled) = (VecDeque::new(), Seen::default(), 0);
    pool.wait_for_len(CAPACITY / 2, SPAN).unwrap();
    while !orders.arrived() {
        let count = random.random_range(1..=50);
        let batch = match random.random_bool(0.5) {
            true => pool.sample(count, &mut random).unwrap(),
            false => pool
                .sample_by(Sampler::uniform(), count, &mut random)
                .unwrap(),
        };
        sampled += count;
        let copies = seen.check(&batch);
        let until = pool.statistics().inserted + 3 * CAPACITY as u64;
        held.push_back((batch, copies, until));
        while held.len() > 4 {
            let now = pool.statistics().inserted;
            if let Some((batch, copies, _)) = held.pop_front_if(|(_, _, until)| *until <= now) {
                assert!(check_batch(&batch) == copies, "a held record changed");
            }
            if orders.arrived() {
                println!("{sampled}");
                return;
            }
        }
    }
    println!("{sampled}");
}

/// What a sampler saw before: a key never names two records, and the sequences of a writer rise
/// with their keys.
#[derive(Default)]
struct Seen {
    /// By key: the writer and the sequence.
    records: HashMap<u64, (u64, u64)>,
}

impl Seen {
    fn check(&mut self, batch: &Batch<Experience>) -> Vec<Experience> {
        let copies = check_batch(batch);
        let mut order = Vec::new();
        for (record, &key) in copies.iter().zip(batch.keys()) {
            let identity = (record.writer, record.sequence);
            let known = *self.records.entry(key).or_insert(identity);
            assert_eq!(known, identity, "key {key} names two records");
            order.push((record.writer, key, record.sequence));
        }
        order.sort();
        for pair in order.windows(2) {
            let [
                (writer, key, sequence),
                (next_writer, next_key, next_sequence),
            ] = pair
            else {
                unreachable!("a window of two");
            };
            let same = key == next_key && sequence == next_sequence;
            assert!(
                writer != next_writer || same || sequence < next_sequence,
                "{pair:?}: out of order"
            );
        }
        if self.records.len() > 100_000 {
            self.records.clear();
        }
        copies
    }
}
