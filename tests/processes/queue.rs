//! A queue between processes that are killed: no record twice, none lost but with the consumer that had
//! it, and nobody waits for the dead.

use std::time::Duration;

use millpond::pool::{Patience, Remover};
use millpond::{Error, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "queue",
    trials: named![every_record_comes_once_and_nobody_waits_for_the_dead],
    roles: named![producer, consumer],
    ..Part::EMPTY
};

const QUEUE: &str = "queue/queue";
const GOT: &str = "queue/got";
const SIZE: usize = 50;
const BATCH: usize = 5;
const KILLS: u64 = if cfg!(windows) { 10 } else { 60 };
/// A wait that is longer hangs.
const HANG: Duration = Duration::from_secs(60);

/// The producer's number and how many it had inserted before.
type Item = [u64; 2];

fn every_record_comes_once_and_nobody_waits_for_the_dead() {
    let queue = Pool::<Item>::create(QUEUE, PoolOptions::queue(SIZE).unwrap()).unwrap();
    let keep_all = PoolOptions::new(1 << 20).remover(Remover::Nothing);
    let got = Pool::<Item>::create(GOT, keep_all).unwrap();
    let mut random = StdRng::seed_from_u64(1);
    let start = |role: &str, number: u64| {
        let mut child = Child::start(&format!("queue::{role}"), &[&number]);
        child.expect("at work");
        child
    };
    let mut producers: Vec<_> = (0..2).map(|number| start("producer", number)).collect();
    let mut consumers: Vec<_> = (0..2).map(|number| start("consumer", number)).collect();
    let mut killed_consumers = 0;
    for number in 2..2 + KILLS {
        // Not to wait for anything: the moment is to be a random one.
        std::thread::sleep(Duration::from_micros(random.random_range(0..5000)));
        let (role, crew) = match number % 2 {
            0 => ("producer", &mut producers),
            _ => ("consumer", &mut consumers),
        };
        killed_consumers += number % 2;
        crew.remove(0).kill();
        crew.push(start(role, number));
        // The others go on.
        let before = got.len();
        got.wait_for_len(before + 10 * BATCH, HANG).unwrap();
    }
    producers
        .into_iter()
        .for_each(|producer| drop(producer.finish()));
    consumers
        .into_iter()
        .for_each(|consumer| drop(consumer.finish()));
    queue.verify().unwrap();
    check(&queue, &got, killed_consumers);
}

fn check(queue: &Pool<Item>, got: &Pool<Item>, killed_consumers: u64) {
    let mut all: Vec<Item> = Vec::new();
    let impatient = queue.with_patience(Patience::new().limit(Duration::from_millis(100)));
    loop {
        match impatient.sample(1, &mut rand::rng()) {
            Ok(batch) => all.push(*batch.get(0)),
            Err(Error::TimedOut { .. }) => break,
            Err(other) => panic!("{other}"),
        }
    }
    let left = all.len();
    // Who was killed may have left keys that nobody will ever use.
    let next = got.insert(&[0; 2]).unwrap();
    got.remove(&[next]).unwrap();
    all.extend((0..next).filter_map(|key| got.get(key).unwrap()));
    assert_eq!(all.len() - left, got.len());
    assert!(queue.is_empty(), "{} records cannot be had", queue.len());
    all.sort_unstable();
    let inserted = queue.statistics().inserted;
    assert!(
        all.windows(2).all(|pair| pair[0] != pair[1]),
        "a record came twice"
    );
    let lost = (all.chunk_by(|a, b| a[0] == b[0]))
        .map(|of_one| of_one.last().unwrap()[1] + 1 - of_one.len() as u64)
        .sum::<u64>();
    println!(
        "{KILLS} kills, {} records came, {lost} went with {killed_consumers} killed consumers, {left} \
         were left ({inserted} inserted)",
        all.len()
    );
    // The last ones of a producer may have gone with a consumer, too, and are not seen to be missing.
    assert!(lost <= killed_consumers * BATCH as u64);
}

/// Inserts until it is told to end. Argument: its number.
fn producer() {
    let queue = Pool::<Item>::open(QUEUE).unwrap();
    let queue = queue.with_patience(Patience::new().limit(HANG));
    let (orders, producer) = (Orders::listen(), argument(0));
    println!("at work");
    for number in 0.. {
        if orders.arrived() {
            return;
        }
        queue.insert(&[producer, number]).unwrap();
    }
}

/// Takes from the queue and says what it got until it is told to end.
fn consumer() {
    let queue = Pool::<Item>::open(QUEUE).unwrap();
    let queue = queue.with_patience(Patience::new().limit(Duration::from_millis(50)));
    let got = Pool::<Item>::open(GOT).unwrap();
    let orders = Orders::listen();
    println!("at work");
    while !orders.arrived() {
        match queue.sample(BATCH, &mut rand::rng()) {
            Ok(batch) => {
                let items: Vec<Item> = batch.records().copied().collect();
                got.insert_batch(&items).unwrap();
            }
            Err(Error::TimedOut { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
