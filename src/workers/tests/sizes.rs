//! The limits of sizes: nothing, the most that fits, and more than that.

use super::*;
use crate::error::TaskFailure;

/// Returns a number of zeros.
static ZEROS: Task<(), usize, InPlace<[f64]>> = Task {
    name: "zeros",
    run: |_, length| Ok(vec![0.0; length]),
};
static LENGTH: Task<(), InPlace<str>, usize> = Task {
    name: "length",
    run: |_, text| Ok(text.len()),
};

fn begin() {
    Workers::begin(&[&ZEROS, &LENGTH]);
}

const MEMORY: usize = 1 << 10;

#[test]
fn what_every_worker_is_sent_fits_its_ring_or_is_refused() {
    begin();
    for start in BOTH {
        let (mut most, mut refused) = (0, 0);
        for length in (0..600)
            .chain(MEMORY - 80..MEMORY + 80)
            .step_by(8)
            .chain([1 << 20])
        {
            let text = "a".repeat(length);
            let options = WorkersOptions::new(2).memory(MEMORY).shared(text.clone());
            let options = options.init(&LENGTH, &text).unwrap();
            let options = options.exit(&LENGTH, &text).unwrap();
            match Workers::start(options.start(start)) {
                Ok(workers) => {
                    let given = workers.initialised(&LENGTH).unwrap();
                    assert!(given.len() == 2 && given.iter().all(|&(_, given)| given == length));
                    let exited = workers.finish().unwrap().exited(&LENGTH).unwrap();
                    assert_eq!(exited.len(), 2);
                    most = most.max(length);
                }
                Err(Error::InvalidArgument { expected, .. }) => {
                    assert!(expected.contains("WorkersOptions::memory"), "{expected}");
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert!(most >= MEMORY - 8, "{most}");
        assert!(refused >= 2);
    }
}

#[test]
fn an_input_of_the_init_or_exit_task_or_a_name_that_is_too_long_is_refused() {
    begin();
    let long = "a".repeat(2 * MEMORY);
    for start in BOTH {
        let options = || WorkersOptions::new(2).memory(MEMORY).start(start);
        for options in [
            options().init(&LENGTH, &long).unwrap(),
            options().exit(&LENGTH, &long).unwrap(),
            options().shared(long.clone()),
        ] {
            let error = Workers::start(options).unwrap_err();
            assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
        }
        let name = format!("workers-test-{}-sizes-{start:?}", std::process::id());
        let array = AtomicArray::<u64>::create(&name, ArrayOptions::new(10)).unwrap();
        let workers = workers(start, options());
        workers.share(&name).unwrap();
        let error = workers.share(&long).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
        // The name before stays.
        workers.apply(&ADD, 1).unwrap();
        assert_eq!(array[1].load(), 1);
        drop(workers);
        crate::unlink_all(&name).unwrap();
    }
}

#[test]
fn the_longest_chunks_and_the_most_tasks_in_flight_may_be_asked_for() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        let expected: Vec<u64> = (0..5000).map(|number| number * number).collect();
        let call = || workers.call(&SQUARE);
        for call in [
            call().chunk_len(usize::MAX),
            call().in_flight(usize::MAX),
            call().chunk_len(usize::MAX).in_flight(usize::MAX),
            call().chunk_len(1).in_flight(usize::MAX),
            call().chunk_len(usize::MAX).in_flight(1),
        ] {
            assert_eq!(call.map(0..5000).unwrap(), expected);
        }
    }
}

#[test]
fn nothing_is_an_output() {
    begin();
    for start in BOTH {
        let options = WorkersOptions::new(2).init(&ZEROS, &0).unwrap();
        let workers = workers(start, options.exit(&ZEROS, &0).unwrap());
        let initialised = workers.initialised(&ZEROS).unwrap();
        let expected = [(0, vec![0.0; 0]), (1, vec![])];
        let sorted = |mut outputs: Vec<(usize, Vec<f64>)>| {
            outputs.sort_by_key(|output| output.0);
            outputs
        };
        assert_eq!(sorted(initialised), expected);
        assert_eq!(workers.apply(&ZEROS, 0).unwrap(), [0.0; 0]);
        let lengths = [0, 1, 0, 0, 3, 0];
        let outputs = workers.map(&ZEROS, lengths).unwrap();
        assert!(outputs.iter().map(Vec::len).eq(lengths));
        let finished = workers.finish().unwrap();
        assert_eq!(sorted(finished.exited(&ZEROS).unwrap()), expected);
    }
}

#[test]
fn inputs_that_are_too_large_without_end_are_errors_one_by_one() {
    begin();
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2).memory(MEMORY));
        for ordered in [true, false] {
            let asked = Cell::new(0);
            let inputs = std::iter::repeat_with(|| {
                asked.set(asked.get() + 1);
                "a".repeat(2 * MEMORY)
            });
            let call = workers.call(&LENGTH);
            let results: Box<dyn Iterator<Item = Result<usize>>> = match ordered {
                true => Box::new(call.imap(inputs).unwrap()),
                false => Box::new(call.imap_unordered(inputs).unwrap()),
            };
            for (place, result) in (0..1000).zip(results) {
                let Err(Error::TaskFailed { index, failure, .. }) = result else {
                    panic!("{result:?}");
                };
                assert_eq!(index, place);
                assert!(matches!(failure, TaskFailure::TooLarge(_)), "{failure:?}");
            }
            let asked = asked.get();
            assert!((1000..=1002).contains(&asked), "{asked} inputs");
        }
        assert_eq!(workers.apply(&SQUARE, 5).unwrap(), 25);
    }
}
