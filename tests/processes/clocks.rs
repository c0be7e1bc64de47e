//! Processes whose clocks disagree by days share a pool: who lives is a matter of locks, and each measures
//! its own waits by its own clock.
//!
//! The other clock is that of a time namespace. Where neither root nor a user namespace may make one, the
//! trial is ignored.

use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use millpond::{Attach, Pool, PoolOptions};

use crate::child::Child;
use crate::namespaces::unshare;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "clocks",
    obstacle,
    trials: named![clocks_that_disagree_take_nobody_for_dead],
    roles: named![worker],
    ..Part::EMPTY
};

const NAME: &str = "clocks/pool";
const CAPACITY: usize = 2000;
/// By how many seconds one clock is ahead.
const AHEAD: &str = "1000000";
const HANG: Duration = Duration::from_secs(20);
/// Rounds of work in which everybody wants the same locks.
const ROUNDS: usize = 3000;

/// A command that gives a process another clock, where that works.
fn elsewhere() -> Option<Command> {
    unshare(&["--time", "--monotonic", AHEAD, "--fork", "--kill-child"])
}

fn obstacle() -> Option<String> {
    match elsewhere() {
        Some(_) => None,
        None => Some("`unshare` may make no time namespace, neither as root nor as a user".into()),
    }
}

/// Attaches, and answers orders.
fn worker() {
    let (orders, role): (_, String) = (Orders::listen(), argument(0));
    let offsets = fs::read_to_string("/proc/self/timens_offsets").unwrap();
    assert_eq!(offsets.contains(AHEAD), role == "ahead", "{offsets}");
    let pool = Pool::<u64>::open_with(NAME, &Attach::new().role(role)).unwrap();
    println!("attached");
    loop {
        match orders.next().as_str() {
            "work" => work(&pool),
            "wait" => assert_eq!(pool.wait_for_len(CAPACITY, HANG).unwrap(), CAPACITY),
            "stop" => return,
            order => panic!("no such order: {order}"),
        }
        println!("done");
    }
}

/// Takes all locks, each time with others that wait for them.
fn work(pool: &Pool<u64>) {
    for round in 0..ROUNDS as u64 {
        pool.insert_batch(&[round; 3]).unwrap();
        pool.verify().unwrap();
    }
}

/// What the participants say they are, sorted.
fn roles(pool: &Pool<u64>) -> Vec<String> {
    let listed = pool.participants().unwrap();
    let mut roles: Vec<_> = listed.into_iter().map(|found| found.role).collect();
    roles.sort();
    roles
}

fn clocks_that_disagree_take_nobody_for_dead() {
    let options = PoolOptions::new(CAPACITY).role("trial");
    let pool = Pool::<u64>::create(NAME, options).unwrap();
    let mut ahead = elsewhere().expect("another clock");
    ahead.arg(env::current_exe().unwrap());
    let mut workers = [
        Child::start_by(ahead, "clocks::worker", &[&"ahead"]),
        Child::start("clocks::worker", &[&"behind"]),
    ];
    for worker in &mut workers {
        worker.expect("attached");
        worker.tell("work");
    }
    for _ in 0..ROUNDS {
        assert_eq!(roles(&pool), ["ahead", "behind", "trial"]);
        pool.verify().unwrap();
    }
    for worker in &mut workers {
        worker.expect("done");
        worker.tell("wait");
    }
    while pool.len() < CAPACITY {
        pool.insert(&1).unwrap();
    }
    for worker in &mut workers {
        worker.expect("done");
    }
    assert_eq!(pool.statistics().repairs, 0, "nobody died");

    let [ahead, mut behind] = workers;
    ahead.kill();
    // What started the killed one ends before it.
    let began = Instant::now();
    while roles(&pool) != ["behind", "trial"] {
        assert!(began.elapsed() < HANG, "{:?}", roles(&pool));
        thread::yield_now();
    }
    behind.tell("work");
    behind.expect("done");
    behind.finish();
    pool.verify().unwrap();
}
