//! Processes that tasks have started: they end with their worker, and with the worker group.

use std::env;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::Duration;

use millpond::error::TaskFailure;
use millpond::workers::{AnyTask, Failure, WhenWorkerDies, Worker};
use millpond::{ArrayOptions, AtomicArray, Error, Task, Workers, WorkersOptions};

use super::living::{lives, wait_for_no_segment, wait_for_their_end};
use crate::child::Child;
use crate::stage::{Part, ROLE, named};

pub const PART: Part = Part {
    name: "workers_started",
    trials: named![
        what_a_task_has_started_ends_with_the_group,
        what_a_task_has_started_ends_with_its_worker,
        what_a_task_has_started_ends_with_a_killed_group,
        what_a_task_has_started_goes_on_where_its_worker_ends_well,
    ],
    roles: named![group, sleeper],
    ..Part::EMPTY
};

pub const TASKS: &[&dyn AnyTask] = &[&START];

/// What a task does once it has started a process.
const WAIT: u64 = 0;
const DIE: u64 = 1;
const RETURN: u64 = 2;

static START: Task<AtomicArray<u64>, u64, ()> = Task {
    name: "start",
    run: start_a_sleeper,
};

/// Starts a process that runs for long, and notes it.
fn start_a_sleeper(worker: &mut Worker<'_, AtomicArray<u64>>, then: u64) -> Result<(), Failure> {
    let mut started = Command::new(env::current_exe()?)
        .env(ROLE, "workers_started::sleeper")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    worker.shared()[worker.id()].store(started.id().into());
    match then {
        WAIT => drop(started.wait()?),
        DIE => process::abort(),
        _ => {}
    }
    Ok(())
}

/// Ends by itself, should nothing else end it, later than any trial.
fn sleeper() {
    thread::sleep(Duration::from_secs(1000));
}

const WORKERS: usize = 2;
const NAME: &str = "started";

/// Where tasks note what they have started.
fn notes() -> AtomicArray<u64> {
    AtomicArray::create(NAME, ArrayOptions::new(WORKERS)).unwrap()
}

fn start() -> Workers {
    Workers::start(WorkersOptions::new(WORKERS).shared(NAME)).unwrap()
}

/// Waits until each worker has started a process.
fn started(notes: &AtomicArray<u64>) -> Vec<u32> {
    let wait = |worker: usize| loop {
        match notes[worker].load() {
            0 => thread::yield_now(),
            process => break process as u32,
        }
    };
    let all: Vec<u32> = (0..WORKERS).map(wait).collect();
    assert!(all.iter().all(|&process| lives(process)));
    all
}

fn what_a_task_has_started_ends_with_the_group() {
    let notes = notes();
    let workers = start();
    let given = [(); WORKERS].map(|()| workers.apply_async(&START, WAIT).unwrap());
    let processes = started(&notes);
    drop(given);
    drop(workers);
    wait_for_their_end(&processes);
}

fn what_a_task_has_started_ends_with_its_worker() {
    let notes = notes();
    let workers = start();
    // So long that each has started its process before.
    let limit = Duration::from_secs(if cfg!(windows) { 10 } else { 1 });
    let both = |then| {
        let call = workers.call(&START).chunk_len(1).limit(limit);
        let call = call.when_worker_dies(WhenWorkerDies::Report);
        let results: Vec<_> = call.imap([then; WORKERS]).unwrap().collect();
        results.into_iter().map(|result| match result {
            Err(Error::TaskFailed { failure, .. }) => failure,
            other => panic!("{other:?}"),
        })
    };
    let late = |failure| matches!(failure, TaskFailure::TimedOut(_));
    let died = |failure| matches!(failure, TaskFailure::WorkerDied(_));
    assert!(both(WAIT).all(late));
    let mut noted: Vec<u32> = (0..WORKERS)
        .map(|worker| notes[worker].load() as u32)
        .collect();
    assert!(both(DIE).all(died));
    noted.extend((0..WORKERS).map(|worker| notes[worker].load() as u32));
    noted.retain(|&process| process != 0);
    assert!(noted.len() >= 2);
    wait_for_their_end(&noted);
    workers.finish().unwrap();
}

/// A worker group whose tasks wait for processes that they have started.
fn group() {
    let workers = start();
    workers.map(&START, [WAIT; WORKERS]).unwrap();
}

fn what_a_task_has_started_ends_with_a_killed_group() {
    let notes = notes();
    let group = Child::start("workers_started::group", &[]);
    let processes = started(&notes);
    group.kill();
    wait_for_their_end(&processes);
    wait_for_no_segment();
}

fn what_a_task_has_started_goes_on_where_its_worker_ends_well() {
    let notes = notes();
    let workers = start();
    let given = [RETURN; WORKERS];
    workers.call(&START).chunk_len(1).map(given).unwrap();
    workers.finish().unwrap();
    let noted = (0..WORKERS).map(|worker| notes[worker].load() as u32);
    let noted: Vec<u32> = noted.filter(|&process| process != 0).collect();
    assert!(!noted.is_empty());
    for process in noted {
        assert!(lives(process), "{process}");
        super::living::kill(process);
    }
}
