//! One result for each input, whatever happens to the workers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use millpond::error::TaskFailure;
use millpond::workers::{AnyTask, Failure, WhenWorkerDies, Worker};
use millpond::{ArrayOptions, AtomicArray, Error, Open, Task, Workers, WorkersOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::living::kill;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "workers_once",
    trials: named![
        each_input_gives_one_output_in_its_place_while_workers_are_killed,
        each_input_gives_one_output_in_any_order_while_workers_are_killed,
        a_task_whose_worker_is_killed_is_reported_with_its_worker_and_input,
        a_task_that_always_aborts_is_reported_after_its_retries_and_the_others_go_on,
        what_a_task_panics_with_reaches_the_caller_with_its_place,
    ],
    ..Part::EMPTY
};

pub const TASKS: &[&dyn AnyTask] = &[&COUNTED, &ABORTING, &PANICKING];

const WORKERS: usize = 3;
const INPUTS: u64 = if cfg!(windows) { 20_000 } else { 100_000 };
const KILLS: u64 = if cfg!(windows) { 6 } else { 40 };
const NAME: &str = "once";

/// How often each input's task was begun; and how many were, after which come the workers' processes.
#[derive(Open)]
struct Counts {
    begun: AtomicArray<u64>,
    notes: AtomicArray<u64>,
}

impl Counts {
    fn create() -> Self {
        let array = |name, length| {
            let name = format!("{NAME}/{name}");
            AtomicArray::create(&name, ArrayOptions::new(length)).unwrap()
        };
        Self {
            begun: array("begun", INPUTS as usize),
            notes: array("notes", 1 + WORKERS),
        }
    }

    fn note(&self, worker: usize, input: u64) -> u64 {
        self.notes[1 + worker].store(std::process::id().into());
        self.notes[0].fetch_add(1);
        self.begun[input as usize].fetch_add(1)
    }
}

static COUNTED: Task<Counts, u64, u64> = Task {
    name: "counted",
    run: counted,
};
static ABORTING: Task<Counts, u64, u64> = Task {
    name: "aborting",
    run: aborting,
};
static PANICKING: Task<(), u64, u64> = Task {
    name: "panicking",
    run: panicking,
};

/// Takes some microseconds, and now and then a millisecond.
fn counted(worker: &mut Worker<'_, Counts>, input: u64) -> Result<u64, Failure> {
    worker.shared().note(worker.id(), input);
    let turns = if input.is_multiple_of(997) {
        1_000_000
    } else {
        input % 13 * 1000
    };
    let number = (0..turns).fold(input, |number, turn| {
        std::hint::black_box(number ^ turn ^ turn)
    });
    Ok(number * 3)
}

fn aborting(worker: &mut Worker<'_, Counts>, input: u64) -> Result<u64, Failure> {
    worker.shared().note(worker.id(), input);
    if input % 100 == 7 {
        std::process::abort();
    }
    Ok(input)
}

fn panicking(_: &mut Worker<'_, ()>, input: u64) -> Result<u64, Failure> {
    match input {
        5 => panic!("no {input}, please"),
        _ => Ok(input),
    }
}

/// Kills workers at random instants until nobody works. Says how often it killed each.
fn kill_now_and_then(counts: &Counts, works: &AtomicBool, seed: u64) -> [u64; WORKERS] {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut killed, mut times) = (BTreeSet::new(), [0; WORKERS]);
    for number in 0..KILLS {
        let step = INPUTS / (KILLS + 2);
        let instant = step * number + random.random_range(0..step);
        loop {
            if !works.load(Ordering::Relaxed) {
                return times;
            }
            let worker = random.random_range(0..WORKERS);
            let process = counts.notes[1 + worker].load() as u32;
            // A process that nobody else ends, and so there still is.
            if counts.notes[0].load() >= instant && process != 0 && killed.insert(process) {
                kill(process);
                times[worker] += 1;
                break;
            }
            thread::yield_now();
        }
    }
    times
}

/// The results of all inputs, as they come, and how often each worker was killed meanwhile.
fn run(
    counts: &Counts,
    then: WhenWorkerDies,
    ordered: bool,
    seed: u64,
) -> (Vec<Result<u64, Error>>, [u64; WORKERS]) {
    let workers = Workers::start(WorkersOptions::new(WORKERS).shared(NAME)).unwrap();
    let works = AtomicBool::new(true);
    thread::scope(|scope| {
        let killer = scope.spawn(|| kill_now_and_then(counts, &works, seed));
        let call = workers.call(&COUNTED).when_worker_dies(then);
        let results = match ordered {
            true => call.imap(0..INPUTS).unwrap().collect(),
            false => call.imap_unordered(0..INPUTS).unwrap().collect(),
        };
        works.store(false, Ordering::Relaxed);
        (results, killer.join().unwrap())
    })
}

/// Every task was begun, and no more of them twice than workers were killed.
fn check_begun(counts: &Counts, kills: u64) {
    let begun: Vec<u64> = (0..INPUTS as usize)
        .map(|input| counts.begun[input].load())
        .collect();
    assert!(begun.iter().all(|&times| times >= 1));
    let again = begun.iter().sum::<u64>() - INPUTS;
    assert!(
        again <= kills,
        "{again} were begun again after {kills} kills"
    );
    println!("{kills} workers were killed, {again} tasks begun again");
}

fn each_input_gives_one_output_in_its_place_while_workers_are_killed() {
    let counts = Counts::create();
    let (results, kills) = run(&counts, WhenWorkerDies::Retry(1000), true, 1);
    let outputs = results.into_iter().map(Result::unwrap);
    assert!(outputs.eq((0..INPUTS).map(|input| input * 3)));
    check_begun(&counts, kills.iter().sum());
}

fn each_input_gives_one_output_in_any_order_while_workers_are_killed() {
    let counts = Counts::create();
    let (results, kills) = run(&counts, WhenWorkerDies::Retry(1000), false, 2);
    let mut outputs: Vec<u64> = results.into_iter().map(Result::unwrap).collect();
    outputs.sort_unstable();
    assert!(outputs.into_iter().eq((0..INPUTS).map(|input| input * 3)));
    check_begun(&counts, kills.iter().sum());
}

fn a_task_whose_worker_is_killed_is_reported_with_its_worker_and_input() {
    let counts = Counts::create();
    let (results, kills) = run(&counts, WhenWorkerDies::Report, true, 3);
    assert_eq!(results.len() as u64, INPUTS);
    let mut reported = [0; WORKERS];
    for (place, result) in (0..).zip(results) {
        let begun = counts.begun[place as usize].load();
        match result {
            Ok(output) => assert_eq!((output, begun), (place * 3, 1)),
            Err(Error::TaskFailed {
                task: "counted",
                worker,
                index,
                input,
                failure: TaskFailure::WorkerDied(why),
            }) => {
                assert_eq!((index, input), (place, place.to_string()));
                assert!(begun <= 1 && why.contains("process"), "{begun}, {why}");
                reported[worker] += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let most = reported
        .iter()
        .zip(kills)
        .all(|(&reported, kills)| reported <= kills);
    assert!(most, "{kills:?} kills, and {reported:?} were reported");
    println!("{kills:?} kills, {reported:?} tasks reported");
}

fn a_task_that_always_aborts_is_reported_after_its_retries_and_the_others_go_on() {
    let counts = Counts::create();
    let workers = Workers::start(WorkersOptions::new(WORKERS).shared(NAME)).unwrap();
    let calls = [
        (0, workers.call(&ABORTING), 3),
        (
            1000,
            workers
                .call(&ABORTING)
                .when_worker_dies(WhenWorkerDies::Retry(1)),
            2,
        ),
        (
            2000,
            workers
                .call(&ABORTING)
                .when_worker_dies(WhenWorkerDies::Report)
                .chunk_len(40),
            1,
        ),
    ];
    for (first, call, times) in calls {
        let mut died = BTreeMap::new();
        for (input, result) in (first..).zip(call.imap(first..first + 300).unwrap()) {
            match result {
                Ok(output) => assert_eq!(output, input),
                Err(Error::TaskFailed {
                    failure: TaskFailure::WorkerDied(_),
                    index,
                    ..
                }) => {
                    assert_eq!(index, input - first);
                    died.insert(input, counts.begun[input as usize].load());
                }
                Err(error) => panic!("{error}"),
            }
            let expected = if input % 100 == 7 { times } else { 1 };
            assert_eq!(counts.begun[input as usize].load(), expected, "of {input}");
        }
        let expected = [7, 107, 207].map(|input| (first + input, times));
        assert_eq!(died, BTreeMap::from(expected));
    }
    let first = workers.map(&ABORTING, [20_000 - 1, 7, 5, 107]).unwrap_err();
    assert!(
        matches!(first, Error::TaskFailed { index: 1, .. }),
        "{first}"
    );
    assert_eq!(workers.apply(&ABORTING, 1).unwrap(), 1);
}

fn what_a_task_panics_with_reaches_the_caller_with_its_place() {
    let workers = Workers::start(WorkersOptions::new(1)).unwrap();
    let process = workers.insights().workers[0].starts;
    let results: Vec<_> = workers.imap(&PANICKING, 0..10).unwrap().collect();
    for (input, result) in (0..).zip(results) {
        match result {
            Ok(output) => assert_eq!(output, input),
            Err(Error::TaskFailed {
                index: 5,
                worker: 0,
                input,
                failure: TaskFailure::Panic(words),
                ..
            }) => {
                assert_eq!(input, "5");
                assert!(words.starts_with("no 5, please, at "), "{words}");
                assert!(words.contains("once.rs:"), "{words}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(
        workers.insights().workers[0].starts,
        process,
        "the worker stays"
    );
}
