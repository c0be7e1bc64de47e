//! The flow of inputs and results: which side waits, how much waits, and in which order tasks are done.

use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Deserializer, Serialize};

use super::*;

/// Takes some microseconds, so that a worker has few of its chunks.
static BUSY: Task<(), u64, u64> = Task {
    name: "busy",
    run: |_, number| {
        let began = std::time::Instant::now();
        while began.elapsed() < Duration::from_micros(20) {
            std::hint::spin_loop();
        }
        Ok(number)
    },
};
static LOAD: Task<(), u64, Large> = Task {
    name: "load",
    run: load,
};
static FLAGGED: Task<(), u64, u64> = Task {
    name: "flagged",
    run: flagged,
};
static LINGER: Task<(), (), ()> = Task {
    name: "linger",
    run: linger,
};

fn begin() {
    Workers::begin(&[&BUSY, &LOAD, &FLAGGED, &LINGER]);
}

/// A large value; the values that live are counted.
#[derive(Debug)]
struct Large(String);

const LARGE: usize = 100_000;
static ALIVE: AtomicU64 = AtomicU64::new(0);
static MOST_ALIVE: AtomicU64 = AtomicU64::new(0);

impl Large {
    fn new(text: String) -> Self {
        let alive = ALIVE.fetch_add(1, Ordering::Relaxed) + 1;
        MOST_ALIVE.fetch_max(alive, Ordering::Relaxed);
        Self(text)
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Serialize for Large {
    fn serialize<S: serde::Serializer>(&self, into: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(into)
    }
}

impl<'de> Deserialize<'de> for Large {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Ok(Self::new(String::deserialize(from)?))
    }
}

/// The first waits until some tasks of another chunk have begun, fewer than there is room for.
fn load(_: &mut Worker<'_, ()>, number: u64) -> std::result::Result<Large, Failure> {
    static BEGUN: AtomicU64 = AtomicU64::new(0);
    match number {
        0 => {
            while BEGUN.load(Ordering::Relaxed) < 8 {
                std::thread::yield_now();
            }
        }
        200.. => _ = BEGUN.fetch_add(1, Ordering::Relaxed),
        _ => {}
    }
    Ok(Large::new("a".repeat(LARGE)))
}

static IS_FLAGGED: AtomicBool = AtomicBool::new(false);

fn flagged(_: &mut Worker<'_, ()>, number: u64) -> std::result::Result<u64, Failure> {
    while !IS_FLAGGED.load(Ordering::Relaxed) {
        std::thread::yield_now();
    }
    Ok(number)
}

const LINGERING: u64 = 4;
static BEGUN: AtomicU64 = AtomicU64::new(0);
static CANCELLED: AtomicU64 = AtomicU64::new(0);

/// Waits until it is cancelled, and all others are.
fn linger(worker: &mut Worker<'_, ()>, (): ()) -> std::result::Result<(), Failure> {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    while !worker.is_cancelled() {
        std::thread::yield_now();
    }
    CANCELLED.fetch_add(1, Ordering::Relaxed);
    while CANCELLED.load(Ordering::Relaxed) < LINGERING {
        std::thread::yield_now();
    }
    Ok(())
}

/// The bound: a chunk for each worker, and the one that is being filled, end with the first slow inputs.
#[test]
fn results_of_what_was_asked_for_do_not_wait_for_inputs_that_take_their_time() {
    const FAST: u64 = 100;
    const AHEAD: u64 = 64;
    begin();
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        let taken = Cell::new(0);
        let inputs = (0..400).inspect(|&number| {
            if number >= FAST {
                std::thread::sleep(Duration::from_millis(2)); // a slow input
            }
            let ahead = number - taken.get();
            assert!(number < 2 * FAST || ahead <= AHEAD, "{ahead} at {number}");
        });
        let results = workers.call(&BUSY).chunk_len(500).imap(inputs).unwrap();
        for (number, result) in (0..).zip(results) {
            assert_eq!(result.unwrap(), number);
            taken.set(number + 1);
        }
        assert_eq!(taken.get(), 400);
    }
}

#[test]
fn large_results_that_came_out_of_turn_hold_their_worker_up() {
    const MEMORY: usize = 256 << 10;
    const WORKERS: usize = 2;
    begin();
    let workers = workers(Start::Threads, WorkersOptions::new(WORKERS).memory(MEMORY));
    let results = workers.call(&LOAD).chunk_len(200).imap(0..600).unwrap();
    assert!(
        results
            .map(|result| result.unwrap().0.len())
            .all(|length| length == LARGE)
    );
    // Results that may wait, those in the rings when that was seen, and those of the workers and the caller.
    let wait = MEMORY * WORKERS / LARGE + 1;
    let arrive = WORKERS * (2 * MEMORY / LARGE + 1);
    let most = MOST_ALIVE.load(Ordering::Relaxed);
    assert!(
        most <= (wait + arrive + WORKERS + 1) as u64,
        "{most} at a time"
    );
    assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
}

#[test]
fn tasks_are_given_one_by_one_without_waiting_for_those_before() {
    begin();
    let workers = workers(Start::Threads, WorkersOptions::new(2));
    let give = |number| workers.apply_async(&FLAGGED, number).unwrap();
    let pending: Vec<_> = (0..8).map(give).collect();
    IS_FLAGGED.store(true, Ordering::Relaxed);
    let outputs = pending.into_iter().map(|pending| pending.wait().unwrap());
    assert!(outputs.eq(0..8));
}

#[test]
fn a_worker_group_that_is_dropped_tells_its_tasks_that_they_are_not_wanted() {
    begin();
    let workers = workers(Start::Threads, WorkersOptions::new(LINGERING as usize));
    for _ in 0..LINGERING {
        // Never dropped, as a drop alone would cancel the task.
        std::mem::forget(workers.apply_async(&LINGER, ()).unwrap());
    }
    while BEGUN.load(Ordering::Relaxed) < LINGERING {
        std::thread::yield_now();
    }
    assert_eq!(CANCELLED.load(Ordering::Relaxed), 0);
    drop(workers);
    assert_eq!(CANCELLED.load(Ordering::Relaxed), LINGERING);
}

#[test]
fn what_was_given_before_new_objects_are_shared_uses_the_old_ones() {
    for start in BOTH {
        let name = |which| format!("workers-flow-{}-{start:?}/{which}", std::process::id());
        let [old, new] = ["old", "new"]
            .map(|which| AtomicArray::<u64>::create(&name(which), ArrayOptions::new(10)).unwrap());
        let counts = || [&old, &new].map(|array| array[1].load());
        let workers = workers(start, WorkersOptions::new(2).shared(name("old")));
        let given = [(); 10].map(|()| workers.apply_async(&ADD, 1).unwrap());
        workers.share(&name("new")).unwrap();
        assert_eq!(counts(), [10, 0]);
        given.into_iter().for_each(|given| given.wait().unwrap());
        workers.apply(&ADD, 1).unwrap();
        assert_eq!(counts(), [10, 1]);

        // In the middle of a call.
        workers.share(&name("old")).unwrap();
        let asked = Cell::new(0);
        let inputs = [1; 1000]
            .into_iter()
            .inspect(|_| asked.set(asked.get() + 1));
        let mut results = workers.call(&ADD).in_flight(40).imap(inputs).unwrap();
        assert!(results.by_ref().take(100).all(|result| result.is_ok()));
        workers.share(&name("new")).unwrap();
        let before = asked.get();
        let given = counts()[0] - 10;
        assert!((100..=before).contains(&given), "{given} of {before}");
        assert!(results.all(|result| result.is_ok()));
        assert_eq!(counts(), [10 + given, 1 + 1000 - given]);
        drop(results);
        drop(workers);
        crate::unlink_all(name("").split('/').next().unwrap()).unwrap();
    }
}

/// How many calls of one task each wait at once: so many that a search of a list for each answer would take too long.
const OUTSTANDING: u64 = 100_000;

#[test]
fn calls_that_wait_are_answered_in_whatever_order_they_are_taken() {
    for start in BOTH {
        let workers = workers(start, WorkersOptions::new(2));
        let mut pending: Vec<_> = (0..OUTSTANDING)
            .map(|number| Some(workers.apply_async(&SQUARE, number).unwrap()))
            .collect();
        // A generator of the multiplicative group modulo a prime: each number once, in no simple order.
        let mut taken = 0;
        let mut place = 1u64;
        loop {
            place = place * 2 % 100_003;
            if place <= OUTSTANDING {
                let number = place - 1;
                let call = pending[number as usize].take().unwrap();
                taken += 1;
                match number % 7 {
                    0 => drop(call), // its index is reused by later calls
                    _ => assert_eq!(call.wait().unwrap(), number * number),
                }
                if number % 1000 == 3 {
                    assert_eq!(workers.apply(&SQUARE, number).unwrap(), number * number);
                }
            }
            if place == 1 {
                break;
            }
        }
        assert_eq!(taken, OUTSTANDING);
    }
}
