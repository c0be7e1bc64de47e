//! A million tasks, and what they leave in memory: nothing.

use std::fs;

use millpond::workers::{AnyTask, Failure, Worker};
use millpond::{Task, Workers, WorkersOptions};

use super::living::{descriptors, segments};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "workers_many",
    trials: named![a_million_tasks_need_no_more_memory_and_descriptors_than_some],
    ..Part::EMPTY
};

pub const TASKS: &[&dyn AnyTask] = &[&DOUBLE, &ECHO, &USED];

static DOUBLE: Task<(), u64, u64> = Task {
    name: "double",
    run: |_, number| Ok(number * 2),
};
static ECHO: Task<(), String, String> = Task {
    name: "echo",
    run: |_, text| Ok(text),
};
static USED: Task<(), (), (u64, u64)> = Task {
    name: "used",
    run: used,
};

/// How many tasks may be on their way, as that takes memory.
const IN_FLIGHT: usize = 10_000;
/// What memory may differ by, for other reasons.
const SLACK: u64 = 8 << 10;

/// Kilobytes and descriptors of a worker's process.
fn used(_: &mut Worker<'_, ()>, (): ()) -> Result<(u64, u64), Failure> {
    Ok((kilobytes(), descriptors() as u64))
}

/// What this process has in memory, where it is known.
fn kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or(0, |line| {
        line.trim().trim_end_matches(" kB").parse().unwrap()
    })
}

/// Outputs of all kinds, and of so many tasks.
fn work(workers: &Workers, tasks: u64) {
    let outputs = workers
        .call(&DOUBLE)
        .in_flight(IN_FLIGHT)
        .imap(0..tasks)
        .unwrap();
    let sum: u64 = outputs.map(Result::unwrap).sum();
    assert_eq!(sum, tasks * (tasks - 1));
    let call = workers.call(&DOUBLE).in_flight(IN_FLIGHT);
    let outputs = call.imap_unordered(0..tasks).unwrap();
    let sum: u64 = outputs.map(Result::unwrap).sum();
    assert_eq!(sum, tasks * (tasks - 1));
    let texts = (0..tasks / 10).map(|number| "text ".repeat((number % 100) as usize));
    let outputs = workers
        .call(&ECHO)
        .in_flight(IN_FLIGHT)
        .imap(texts)
        .unwrap();
    let letters = outputs.map(|text| text.unwrap().len() as u64).sum::<u64>();
    assert_eq!(letters, tasks / 1000 * 99 * 50 * 5);
    let single = (0..tasks / 1000).map(|number| workers.apply(&DOUBLE, number).unwrap());
    assert_eq!(single.sum::<u64>(), tasks / 1000 * (tasks / 1000 - 1));
}

/// Returns the memory and descriptors of the group's process and of each worker.
fn use_of_all(workers: &Workers) -> Vec<(u64, u64)> {
    let mut all: Vec<_> = (0..20).map(|_| workers.apply(&USED, ()).unwrap()).collect();
    all.sort_unstable();
    // The one that uses least, and the one that uses most.
    vec![all[0], all[19], (kilobytes(), descriptors() as u64)]
}

fn a_million_tasks_need_no_more_memory_and_descriptors_than_some() {
    let workers = Workers::start(WorkersOptions::new(2)).unwrap();
    work(&workers, 100_000);
    let before = use_of_all(&workers);
    work(&workers, 1_000_000);
    let after = use_of_all(&workers);
    for (before, after) in before.iter().zip(&after) {
        assert!(
            after.0 < before.0 + SLACK,
            "kilobytes: {before:?}, {after:?}"
        );
        assert_eq!(before.1, after.1, "descriptors");
    }
    println!(
        "kilobytes and descriptors of the workers and of the process that started them: {before:?}, then {after:?}"
    );
    workers.finish().unwrap();
    assert_eq!(segments(), [""; 0]);
}
