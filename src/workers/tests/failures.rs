//! Failures: of tasks, of the user's types, of arguments.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::*;
use crate::error::TaskFailure;

/// Cannot be deserialised if it ends in 3.
#[derive(Debug, Serialize)]
struct Fragile(u64);

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let number = u64::deserialize(from)?;
        assert_ne!(number % 10, 3, "it breaks");
        Ok(Self(number))
    }
}

/// Its `Debug` panics.
#[derive(Serialize, Deserialize)]
struct Shy(u64, String);

impl fmt::Debug for Shy {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("it is not shown")
    }
}

static BUILD: Task<(), u64, Fragile> = Task {
    name: "build",
    run: |_, number| Ok(Fragile(number)),
};
static HIDE: Task<(), Shy, u64> = Task {
    name: "hide",
    run: |_, Shy(number, _)| match number % 10 {
        3 => Err("no 3".into()),
        _ => Ok(number),
    },
};
/// Fails with a text of some letters, or panics with it.
static LAMENT: Task<(), (bool, usize), ()> = Task {
    name: "lament",
    run: |_, (panics, length)| match panics {
        true => panic!("{}", "ä".repeat(length)),
        false => Err("ä".repeat(length).into()),
    },
};

fn begin() {
    Workers::begin(&[&BUILD, &HIDE, &LAMENT]);
}

#[test]
fn an_output_whose_type_panics_as_it_is_read_is_an_error_in_its_place() {
    begin();
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        for chunk in [1, 7] {
            let call = workers.call(&BUILD).chunk_len(chunk);
            let results: Vec<_> = call.imap(0..50).unwrap().collect();
            assert_eq!(results.len(), 50);
            for (number, result) in (0..).zip(results) {
                match result {
                    Ok(Fragile(output)) => assert_eq!(output, number),
                    Err(Error::TaskFailed {
                        index,
                        failure: TaskFailure::Unreadable(words),
                        ..
                    }) => {
                        assert_eq!((index, number % 10), (number, 3));
                        assert!(words.contains("panicked"), "{words}");
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(workers.map(&SQUARE, 0..4).unwrap(), [0, 1, 4, 9]);
        }
        let mut unordered = workers.imap_unordered(&BUILD, 0..50).unwrap();
        assert_eq!(unordered.by_ref().filter(Result::is_err).count(), 5);
        assert_eq!(workers.apply(&SQUARE, 5).unwrap(), 25);
    }
}

#[test]
fn an_input_whose_type_panics_as_it_is_shown_is_unreadable_and_nothing_else_is_lost() {
    begin();
    for start in BOTH {
        let options = WorkersOptions::new(2).memory(1 << 12).insights(true);
        let workers = workers(start, options);
        // Number 8 is too large to be sent.
        let text = |number| "a".repeat(if number == 8 { 1 << 14 } else { 1 });
        let inputs = (0..50).map(|number| Shy(number, text(number)));
        let results: Vec<_> = workers.imap(&HIDE, inputs).unwrap().collect();
        assert_eq!(results.len(), 50);
        for (number, result) in (0..).zip(results) {
            match result {
                Ok(output) => assert_eq!(output, number),
                Err(Error::TaskFailed { index, input, .. }) => {
                    assert!(number % 10 == 3 || number == 8);
                    assert_eq!((index, input.as_str()), (number, "unreadable"));
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(workers.insights().slowest.len(), 10);
        assert_eq!(workers.map(&SQUARE, 0..4).unwrap(), [0, 1, 4, 9]);
    }
}

#[test]
fn words_that_are_longer_than_the_ring_are_cut() {
    begin();
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2).memory(1 << 10));
        let inputs = [(false, 100_000), (true, 100_000), (false, 3), (true, 4)];
        let results = workers.imap(&LAMENT, inputs).unwrap();
        for ((panics, length), result) in inputs.into_iter().zip(results) {
            let Err(Error::TaskFailed { failure, .. }) = result else {
                panic!("{result:?}");
            };
            let words = match (panics, failure) {
                (false, TaskFailure::Error(words)) | (true, TaskFailure::Panic(words)) => words,
                (_, failure) => panic!("{failure:?}"),
            };
            let letters = words.chars().filter(|&letter| letter == 'ä').count();
            match length < 10 {
                true => assert_eq!(letters, length),
                false => assert!((500..1000).contains(&letters), "{letters}"),
            }
            // What was cut in two is one more at the end.
            assert!(words.chars().count() <= letters + 1, "{words}");
        }
        assert_eq!(workers.map(&SQUARE, 0..4).unwrap(), [0, 1, 4, 9]);
    }
    // The same while the group starts.
    let options = WorkersOptions::new(1).memory(1 << 10).start(Start::Threads);
    let options = options.init(&LAMENT, &(false, 100_000)).unwrap();
    let error = Workers::start(options).unwrap_err();
    assert!(matches!(error, Error::WorkerFailed { .. }), "{error}");
    assert!(error.to_string().contains("äää"), "{error}");
}

#[test]
fn nothing_comes_after_a_cancellation() {
    for start in BOTH {
        for ordered in [true, false] {
            let workers = workers(start, WorkersOptions::new(2));
            let token = CancelToken::new();
            let call = workers.call(&SQUARE).cancel(&token);
            // As one type.
            let mut results: Box<dyn Iterator<Item = Result<u64>>> = match ordered {
                true => Box::new(call.imap(0..).unwrap()),
                false => Box::new(call.imap_unordered(0..).unwrap()),
            };
            assert_eq!(
                results.by_ref().take(100).filter(Result::is_ok).count(),
                100
            );
            token.cancel();
            let mut rest: Vec<_> = results.by_ref().collect();
            let last = rest.pop().unwrap().unwrap_err();
            assert!(matches!(last, Error::Cancelled { .. }), "{last}");
            assert!(rest.iter().all(Result::is_ok));
            assert!(results.next().is_none());
            drop(results);
            assert_eq!(workers.map(&SQUARE, 0..4).unwrap(), [0, 1, 4, 9]);
        }
    }
}

#[test]
fn a_task_that_fails_or_panics_is_an_error_in_its_place_and_the_others_go_on() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        let results: Vec<_> = workers.imap(&PICKY, 0..40).unwrap().collect();
        assert_eq!(results.len(), 40);
        for (number, result) in (0u64..).zip(results) {
            let (index, failure) = match (number % 10, result) {
                (
                    3 | 7,
                    Err(Error::TaskFailed {
                        task: "picky",
                        index,
                        input,
                        failure,
                        ..
                    }),
                ) => {
                    assert_eq!(input, number.to_string());
                    (index, failure)
                }
                (3 | 7, other) => panic!("{other:?}"),
                (_, result) => {
                    assert_eq!(result.unwrap(), number);
                    continue;
                }
            };
            assert_eq!(index, number);
            match failure {
                TaskFailure::Error(words) => assert_eq!(words, format!("{number} ends in 3")),
                TaskFailure::Panic(words) => assert_eq!(words, format!("{number} ends in 7")),
                other => panic!("{other:?}"),
            }
        }
        let first = workers.map(&PICKY, [0, 17, 3]).unwrap_err();
        assert!(
            matches!(first, Error::TaskFailed { index: 1, .. }),
            "{first}"
        );
    }
}

#[test]
fn what_is_too_large_is_an_error_and_what_nearly_is_passes() {
    for start in BOTH {
        let memory = 64 << 10;
        let workers = workers(start, WorkersOptions::new(2).memory(memory));
        let sizes = [10, memory, memory * 2, 0, memory - 1, memory / 2, memory, 3];
        let repeats = sizes.map(|size| ("a".to_string(), size));
        let texts = sizes.map(|size| "a".repeat(size));
        let outputs: Vec<_> = workers.imap(&REPEAT, repeats).unwrap().collect();
        let inputs: Vec<_> = workers.imap(&TEXT, texts).unwrap().collect();
        for results in [outputs, inputs] {
            assert_eq!(results.len(), sizes.len());
            for (result, size) in results.into_iter().zip(sizes) {
                match result {
                    Ok(text) => assert_eq!(text.len(), size),
                    Err(Error::TaskFailed {
                        failure: TaskFailure::TooLarge(words),
                        ..
                    }) => {
                        assert!(
                            size > memory && words.contains("WorkersOptions::memory"),
                            "{words}"
                        );
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}

#[test]
fn bad_arguments_are_errors() {
    Workers::begin(&[&SQUARE]);
    let refused = |options: WorkersOptions| {
        let error = Workers::start(options).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
    };
    refused(WorkersOptions::new(0));
    refused(WorkersOptions::new(10_000));
    refused(WorkersOptions::new(1).memory(10));
    refused(WorkersOptions::new(1).lifespan(0));
    refused(WorkersOptions::new(1).start(Start::Threads).pin(true));
    static UNKNOWN: Task<(), u64, u64> = Task {
        name: "unknown",
        run: square,
    };
    let workers = workers(Start::Threads, WorkersOptions::new(1));
    for error in [
        workers.map(&UNKNOWN, 0..1).unwrap_err(),
        workers.call(&SQUARE).chunk_len(0).map(0..1).unwrap_err(),
        workers.call(&SQUARE).in_flight(0).map(0..1).unwrap_err(),
        workers
            .call(&SQUARE)
            .limit(Duration::from_secs(1))
            .map(0..1)
            .unwrap_err(),
    ] {
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
    }
}

#[test]
#[should_panic(expected = "two tasks are named `square`")]
fn two_tasks_of_one_name_are_refused() {
    static OTHER: Task<(), u32, u32> = Task {
        name: "square",
        run: |_, number| Ok(number),
    };
    Workers::begin(&[&SQUARE]);
    Workers::begin(&[&OTHER]);
}
