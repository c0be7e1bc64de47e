//! A stopped process is not a dead one, however long it is stopped and wherever that was.

use std::process;
use std::thread;
use std::time::Duration;

use millpond::{Board, BoardOptions, Pool, PoolOptions};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN, check_batch};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "stopped",
    trials: named![
        a_stopped_process_keeps_what_it_holds,
        a_process_stopped_at_any_moment_is_never_taken_for_dead,
    ],
    roles: named![worker],
    ..Part::EMPTY
};

const NAME: &str = "stopped/pool";
const CAPACITY: usize = 2000;
const HANG: Duration = Duration::from_secs(20);

fn fill(pool: &Pool<Experience>, count: usize) {
    let records: Vec<_> = (0..count as u64)
        .map(|sequence| Experience::new(UNKNOWN, 0, sequence))
        .collect();
    pool.insert_batch(&records).unwrap();
}

fn create() -> Pool<Experience> {
    let pool = Pool::create(NAME, PoolOptions::new(CAPACITY)).unwrap();
    fill(&pool, CAPACITY);
    pool
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

/// The process ids of the participants.
fn listed(pool: &Pool<Experience>) -> Vec<u32> {
    let listed = pool.participants().unwrap();
    listed.iter().map(|listed| listed.process).collect()
}

fn a_stopped_process_keeps_what_it_holds() {
    let pool = create();
    let mut holder = Child::start("guest::holding", &[&NAME, &100, &1]);
    let held = holder.line();
    let mut writer = Child::start("guest::reserving", &[&NAME]);
    let key: u64 = writer.line().parse().unwrap();
    signal(&holder, Signal::SIGSTOP);
    signal(&writer, Signal::SIGSTOP);

    fill(&pool, 5 * CAPACITY);
    assert_eq!(listed(&pool), [process::id(), holder.id(), writer.id()]);
    for key in held.split(' ').map(|key| key.parse().unwrap()) {
        let record = pool.get(key).unwrap();
        record.expect("a held record stays").check(key);
    }
    assert_eq!(pool.get(key).unwrap(), None);

    signal(&holder, Signal::SIGCONT);
    signal(&writer, Signal::SIGCONT);
    holder.finish();
    writer.finish();
    pool.get(key).unwrap().expect("its record").check(key);
    pool.verify().unwrap();
}

fn a_process_stopped_at_any_moment_is_never_taken_for_dead() {
    let pool = create();
    let workers = [0, 1, 2].map(|number| {
        let board = Board::<u64>::create(&board_of(number), BoardOptions::new(1)).unwrap();
        (Child::start("stopped::worker", &[&number]), board)
    });
    let everybody: Vec<u32> = [process::id()]
        .into_iter()
        .chain(workers.iter().map(|(child, _)| child.id()))
        .collect();
    // Waits until a worker has begun and ended another operation.
    let go_on = |board: &Board<u64>| {
        let waited = board.wait_newer(board.version() + 1, HANG);
        waited.expect("a worker goes on")
    };
    for (_, board) in &workers {
        go_on(board);
    }
    let mut random = StdRng::seed_from_u64(1);
    let mut inside = 0;
    for round in 0..90 {
        let (stopped, _) = &workers[round % 3];
        thread::sleep(Duration::from_micros(random.random_range(0..500)));
        signal(stopped, Signal::SIGSTOP);
        // Time enough for the others to make the mistake.
        let others = [&workers[(round + 1) % 3].1, &workers[(round + 2) % 3].1];
        let before = others.map(|board| board.version());
        thread::sleep(Duration::from_millis(30));
        let after = others.map(|board| board.version());
        // Who waits for a stopped owner of the lock is itself where it was.
        inside += u32::from(before[0] + 2 > after[0] && before[1] + 2 > after[1]);
        let mut found = listed(&pool);
        found.sort();
        let mut expected = everybody.clone();
        expected.sort();
        assert_eq!(found, expected, "round {round}");
        signal(stopped, Signal::SIGCONT);
        for (_, board) in &workers {
            go_on(board);
        }
        pool.verify().unwrap();
    }
    for (child, _) in workers {
        child.finish();
    }
    assert_eq!(pool.statistics().repairs, 0, "nobody died");
    println!("{inside} of 90 stops were inside the lock");
}

fn board_of(number: u64) -> String {
    format!("stopped/progress-{number}")
}

/// Does everything that a participant does, mostly what holds the lock for long.
fn worker() {
    let (orders, number) = (Orders::listen(), argument(0));
    let pool = Pool::<Experience>::open(NAME).unwrap();
    let board = Board::<u64>::open(&board_of(number)).unwrap();
    let mut random = StdRng::seed_from_u64(number);
    let records: Vec<_> = (0..64)
        .map(|sequence| Experience::new(UNKNOWN, number, sequence))
        .collect();
    while !orders.arrived() {
        pool.insert_batch(&records).unwrap();
        let batch = pool.sample(256, &mut random).unwrap();
        check_batch(&batch);
        for _ in 0..20 {
            let priority = random.random_range(0.5..2.0);
            let priorities = [priority; 256];
            pool.update_priorities(batch.keys(), &priorities).unwrap();
        }
        board.publish(&[number]).unwrap();
    }
}
