//! Calls, with workers in threads and in the caller's own thread: `cargo test` has no `main` of ours. Those with processes
//! are in `tests/processes/workers/`.

mod failures;
mod flow;
mod inputs;
mod sizes;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::{Error, Result};
use crate::{ArrayOptions, AtomicArray, CancelToken};

static SQUARE: Task<(), u64, u64> = Task {
    name: "square",
    run: square,
};
static TEXT: Task<(), InPlace<str>, InPlace<str>> = Task {
    name: "text",
    run: text,
};
static REPEAT: Task<(), (String, usize), String> = Task {
    name: "repeat",
    run: repeat,
};
static PICKY: Task<(), u64, u64> = Task {
    name: "picky",
    run: picky,
};
static COUNT: Task<(), u64, u64> = Task {
    name: "count",
    run: count,
};
static SUM: Task<(), InPlace<[f64]>, f64> = Task {
    name: "sum",
    run: sum,
};
static ADD: Task<AtomicArray<u64>, u64, ()> = Task {
    name: "add",
    run: add,
};
static WAIT: Task<(), u64, u64> = Task {
    name: "wait",
    run: wait,
};

fn square(_: &mut Worker<'_, ()>, number: u64) -> std::result::Result<u64, Failure> {
    Ok(number.wrapping_mul(number))
}

fn text(_: &mut Worker<'_, ()>, text: &str) -> std::result::Result<String, Failure> {
    Ok(text.to_uppercase())
}

fn repeat(
    _: &mut Worker<'_, ()>,
    (text, times): (String, usize),
) -> std::result::Result<String, Failure> {
    Ok(text.repeat(times))
}

fn picky(_: &mut Worker<'_, ()>, number: u64) -> std::result::Result<u64, Failure> {
    match number % 10 {
        3 => Err(format!("{number} ends in 3").into()),
        7 => panic!("{number} ends in 7"),
        _ => Ok(number),
    }
}

fn count(worker: &mut Worker<'_, ()>, _: u64) -> std::result::Result<u64, Failure> {
    *worker.state::<u64>() += 1;
    Ok(*worker.state::<u64>())
}

fn sum(_: &mut Worker<'_, ()>, numbers: &[f64]) -> std::result::Result<f64, Failure> {
    Ok(numbers.iter().sum())
}

fn add(worker: &mut Worker<'_, AtomicArray<u64>>, index: u64) -> std::result::Result<(), Failure> {
    worker.shared()[index as usize].fetch_add(1);
    Ok(())
}

/// Task 0 waits until 30 others are done.
fn wait(_: &mut Worker<'_, ()>, number: u64) -> std::result::Result<u64, Failure> {
    static DONE: AtomicU64 = AtomicU64::new(0);
    match number {
        0 => {
            while DONE.load(Ordering::Relaxed) < 30 {
                std::thread::yield_now();
            }
        }
        _ => _ = DONE.fetch_add(1, Ordering::Relaxed),
    }
    Ok(number)
}

fn workers(start: Start, options: WorkersOptions) -> Workers {
    Workers::begin(&[&SQUARE, &TEXT, &REPEAT, &PICKY, &COUNT, &SUM, &ADD, &WAIT]);
    Workers::start(options.start(start)).unwrap()
}

const BOTH: [Start; 2] = [Start::Threads, Start::Inline];

#[test]
fn every_input_gives_its_output_in_its_place() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(3));
        let expected: Vec<u64> = (0..10_000).map(|number| number * number).collect();
        assert_eq!(workers.map(&SQUARE, 0..10_000).unwrap(), expected);
        let one_by_one = workers.call(&SQUARE).chunk_len(1).map(0..10_000).unwrap();
        assert_eq!(one_by_one, expected);
        let mut unordered = workers.map_unordered(&SQUARE, 0..10_000).unwrap();
        unordered.sort_unstable();
        assert_eq!(unordered, expected);
        assert_eq!(workers.map(&SQUARE, 0..0).unwrap(), [0; 0]);
        assert_eq!(workers.apply(&SQUARE, 12).unwrap(), 144);
    }
}

#[test]
fn what_travels_is_what_was_sent() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        let words = ["a", "", "straße", "long enough to be padded"].map(String::from);
        let upper = workers.map(&TEXT, words.clone()).unwrap();
        assert_eq!(upper, words.map(|word| word.to_uppercase()));
        let repeated = workers
            .map(&REPEAT, (0..50).map(|times| ("ab".into(), times)))
            .unwrap();
        assert!(
            repeated
                .iter()
                .enumerate()
                .all(|(times, text)| *text == "ab".repeat(times))
        );
        let sums = workers
            .map(&SUM, (0..50).map(|length| vec![0.5; length]))
            .unwrap();
        assert!(
            sums.iter()
                .enumerate()
                .all(|(length, &sum)| sum == 0.5 * length as f64)
        );
    }
}

#[test]
fn inputs_are_asked_for_as_results_are_taken_and_no_further_ahead_than_asked() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        let asked = Cell::new(0u64);
        let inputs = (0..10_000u64).inspect(|_| asked.set(asked.get() + 1));
        let mut results = workers.call(&SQUARE).in_flight(40).imap(inputs).unwrap();
        assert_eq!(asked.get(), 0);
        for taken in 0..10_000 {
            assert_eq!(results.next().unwrap().unwrap(), taken * taken);
            let ahead = asked.get() - taken;
            assert!(ahead <= 41, "{ahead} ahead at {taken}");
        }
        assert!(results.next().is_none());
        assert!(results.next().is_none());
    }
}

#[test]
fn one_that_takes_long_keeps_others_from_being_taken_and_not_from_being_done() {
    let workers = workers(Start::Threads, WorkersOptions::new(2));
    let results = workers.call(&WAIT).chunk_len(1).map(0..1000).unwrap();
    assert!((0..1000).eq(results));
}

#[test]
fn results_of_one_call_are_inputs_of_another() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        let first = workers.imap(&SQUARE, 0..2000).unwrap();
        let second = workers.imap(&SQUARE, first.map(Result::unwrap)).unwrap();
        let fourth: Vec<u64> = second.map(Result::unwrap).collect();
        assert!(
            (0u64..)
                .zip(&fourth)
                .all(|(number, &power)| power == number.pow(4))
        );
        assert_eq!(fourth.len(), 2000);
        let (mut pending, other) = (
            workers.apply_async(&SQUARE, 5).unwrap(),
            workers.apply_async(&SQUARE, 6).unwrap(),
        );
        assert_eq!(other.wait().unwrap(), 36);
        while !pending.is_ready() {}
        assert_eq!(pending.wait().unwrap(), 25);
    }
}

#[test]
fn a_call_that_is_given_up_leaves_the_group_as_it_was() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        for taken in 0..50 {
            let results = workers.imap(&SQUARE, 0..).unwrap();
            assert_eq!(results.take(taken).map(Result::unwrap).count(), taken);
        }
        let token = CancelToken::new();
        let mut results = workers.call(&SQUARE).cancel(&token).imap(0..).unwrap();
        results.next().unwrap().unwrap();
        token.cancel();
        let error = results.find_map(Result::err).unwrap();
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
        assert!(results.next().is_none());
        drop(results);
        assert_eq!(workers.map(&SQUARE, 0..3).unwrap(), [0, 1, 4]);
    }
}

#[test]
fn init_and_exit_run_once_in_each_worker_and_states_stay() {
    for start in BOTH {
        let options = WorkersOptions::new(3);
        Workers::begin(&[&COUNT]);
        let options = options.init(&COUNT, &0).unwrap().exit(&COUNT, &0).unwrap();
        let workers = workers(start, options);
        let initialised = workers.initialised(&COUNT).unwrap();
        let mut numbers: Vec<_> = initialised.iter().map(|(worker, _)| *worker).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2]);
        assert!(initialised.iter().all(|(_, count)| *count == 1));
        workers.map(&COUNT, 0..1000).unwrap();
        assert!(workers.initialised(&SQUARE).is_err());
        let finished = workers.finish().unwrap();
        let exited = finished.exited(&COUNT).unwrap();
        // Each has counted its init task and its exit task.
        let counted: u64 = exited.iter().map(|(_, count)| count - 2).sum();
        assert_eq!((exited.len(), counted), (3, 1000));
        let tasks: u64 = finished
            .insights()
            .workers
            .iter()
            .map(|worker| worker.tasks)
            .sum();
        assert_eq!(tasks, 1000);
    }
}

#[test]
fn a_lifespan_ends_with_a_fresh_worker() {
    for start in BOTH {
        let options = WorkersOptions::new(2).lifespan(10);
        let workers = workers(start, options);
        let counts = workers.call(&COUNT).chunk_len(5).map(0..100).unwrap();
        assert_eq!(counts.iter().max(), Some(&10));
        let starts: u64 = workers
            .insights()
            .workers
            .iter()
            .map(|worker| worker.starts)
            .sum();
        assert!(starts >= 10, "{starts}");
    }
}

#[test]
fn shared_objects_are_opened_by_name_and_can_be_replaced() {
    for (number, start) in BOTH.into_iter().enumerate() {
        let name = |which| format!("workers-test-{}-{number}/{which}", std::process::id());
        let arrays = ["a", "b"]
            .map(|which| AtomicArray::<u64>::create(&name(which), ArrayOptions::new(10)).unwrap());
        let workers = workers(start, WorkersOptions::new(2));
        let error = workers.apply(&ADD, 1).unwrap_err().to_string();
        assert!(error.contains("WorkersOptions::shared"), "{error}");
        for (which, times) in [("a", 100), ("b", 50)] {
            workers.share(&name(which)).unwrap();
            workers
                .map(&ADD, (0..times).map(|number| number % 10))
                .unwrap();
        }
        workers.share(&name("c")).unwrap();
        let error = workers.apply(&ADD, 1).unwrap_err().to_string();
        assert!(error.contains("/c"), "{error}");
        for (array, count) in arrays.iter().zip([10, 5]) {
            assert!((0..10).all(|index| array[index].load() == count));
        }
        drop(workers);
        crate::unlink_all(name("").split('/').next().unwrap()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With any sizes, options and failures, each input has one result, in order.
    #[test]
    fn a_call_gives_what_a_plain_map_gives(
        sizes in prop::collection::vec(0usize..6000, 0..200),
        chunk in prop::option::of(1usize..50),
        in_flight in prop::option::of(1usize..100),
        count in 1usize..4,
        threads in any::<bool>(),
    ) {
        let start = if threads { Start::Threads } else { Start::Inline };
        let workers = workers(start, WorkersOptions::new(count).memory(4096));
        let mut call = workers.call(&REPEAT);
        if let Some(chunk) = chunk {
            call = call.chunk_len(chunk);
        }
        if let Some(in_flight) = in_flight {
            call = call.in_flight(in_flight);
        }
        let inputs = sizes.iter().map(|&size| ("b".to_string(), size));
        let results: Vec<_> = call.imap(inputs).unwrap().collect();
        prop_assert_eq!(results.len(), sizes.len());
        for (result, &size) in results.iter().zip(&sizes) {
            match result {
                Ok(text) => prop_assert_eq!(text.len(), size),
                Err(error) => prop_assert!(size > 4000, "{}", error),
            }
        }
    }
}
