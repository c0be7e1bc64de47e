//! Windows over the episodes of several processes, some of which are killed: each is consecutive steps of one
//! episode, whole, from its beginning if it is shorter than asked for, and stays while it is held.

use std::thread;
use std::time::Duration;

use millpond::pool::{EpisodeWriter, Window, Windows};
use millpond::{Error, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "windows",
    trials: named![windows_are_consecutive_steps_of_one_episode_whoever_is_killed],
    roles: named![writer, sampler],
    ..Part::EMPTY
};

const POOL: &str = "windows/pool";
/// Few, so that laps are short beside the time for which windows are held, and many windows reach back to
/// what is just being overwritten.
const CAPACITY: usize = 1000;
const LENGTH: usize = 16;
const KILLS: u64 = 40;
const LONGEST_EPISODE: u64 = 60;

fn windows_are_consecutive_steps_of_one_episode_whoever_is_killed() {
    let options = PoolOptions::new(CAPACITY).linked(true);
    let pool = Pool::<Experience>::create(POOL, options).unwrap();
    let start = |role: &str, number: u64| {
        let mut child = Child::start(&format!("windows::{role}"), &[&number]);
        child.expect("ready");
        child
    };
    let writers = [start("writer", 0), start("writer", 1)];
    let sampler = start("sampler", 2);
    let mut random = StdRng::seed_from_u64(1);
    for number in 3..3 + KILLS {
        let victim = start(["writer", "sampler"][number as usize % 2], number);
        thread::sleep(Duration::from_micros(random.random_range(0..20_000)));
        victim.kill();
    }
    for writer in writers {
        writer.finish();
    }
    let said = sampler.finish().remove(0);
    let counts: Vec<u64> = said.split(' ').map(|n| n.parse().unwrap()).collect();
    let [whole, short, failed] = counts[..] else {
        panic!("the sampler said {said}");
    };
    pool.verify().unwrap();
    assert!(whole > 1000 && short > 100, "{said}");
    // Others are whole, and found.
    assert_eq!(failed, 0, "{said}");
    let participants = pool.participants().unwrap().len();
    assert_eq!(participants, 1, "the dead are listed");
    println!(
        "{KILLS} kills; {whole} windows of {LENGTH} records and {short} shorter ones were checked"
    );
}

/// Plays three environments at once.
fn writer() {
    let (orders, number) = (Orders::listen(), argument::<u64>(0));
    let pool = Pool::<Experience>::open(POOL).unwrap();
    let mut random = StdRng::seed_from_u64(number);
    let mut begun = 0;
    let mut new_episode = move || {
        begun += 1;
        number << 32 | begun
    };
    let mut environments: Vec<(EpisodeWriter<Experience>, u64)> = (0..3)
        .map(|_| (pool.episode().unwrap(), new_episode()))
        .collect();
    println!("ready");
    while !orders.arrived() {
        for _ in 0..100 {
            let (writer, episode) = &mut environments[random.random_range(0..3)];
            let step = writer.steps();
            let last = step + 1 == LONGEST_EPISODE || random.random_range(0..30) == 0;
            let record = Experience::new(UNKNOWN, *episode, step);
            writer.push(&record, last).unwrap();
            if last {
                *episode = new_episode();
            }
        }
    }
}

/// Checks windows, twice each: when they were sampled, and some batches later.
fn sampler() {
    let (orders, number) = (Orders::listen(), argument::<u64>(0));
    let pool = Pool::<Experience>::open(POOL).unwrap();
    let mut random = StdRng::seed_from_u64(number);
    let (mut windows, mut held) = (Windows::new(&pool), Windows::new(&pool));
    let (mut whole, mut short, mut failed) = (0, 0, 0);
    pool.wait_for_len(CAPACITY / 2, Duration::from_secs(20))
        .unwrap();
    println!("ready");
    while !orders.arrived() {
        match pool.sample_windows_into(8, LENGTH, &mut random, &mut windows) {
            Ok(()) => {}
            Err(Error::TooFewWindows { .. }) => failed += 1,
            Err(error) => panic!("{error}"),
        }
        for window in windows.iter() {
            check(&window);
            match window.len() == LENGTH {
                true => whole += 1,
                false => short += 1,
            }
        }
        held.iter().for_each(|window| check(&window));
        if random.random_range(0..10) == 0 {
            std::mem::swap(&mut windows, &mut held);
        }
    }
    println!("{whole} {short} {failed}");
}

fn check(window: &Window<'_, Experience>) {
    let first = window.get(0);
    assert!(
        window.len() == LENGTH || first.sequence == 0,
        "{window:?} was cut"
    );
    for (step, (record, key)) in (first.sequence..).zip(window.records().zip(window.keys())) {
        record.check(key);
        assert_eq!(
            (record.writer, record.sequence),
            (first.writer, step),
            "{window:?}"
        );
    }
}
