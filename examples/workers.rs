//! A worker group with shared objects, a state in each worker, and a worker that is killed half way:
//! `cargo run --release --example workers`.
//!
//! The workers search for the longest Collatz sequence (3n + 1) among some millions of starting points. They share an
//! array of atomic numbers, the longest that each has found, and a count. Each worker keeps known lengths in a table of
//! its own. One task kills its worker: another runs it again, and the result is the same.

use std::collections::HashMap;
use std::error::Error;
use std::ops::Range;
use std::process::abort;

use millpond::workers::{Failure, Worker};
use millpond::{
    ArrayOptions, AtomicArray, AtomicValue, Open, Task, ValueOptions, Workers, WorkersOptions,
};

/// What all workers share, opened by each of them under one name.
#[derive(Open)]
struct Shared {
    /// For each worker, the longest sequence that it has found.
    longest: AtomicArray<u64>,
    /// How many workers were killed.
    killed: AtomicValue<u64>,
}

/// The state of a worker: the number of steps from small numbers.
#[derive(Default)]
struct Known(HashMap<u64, u32>);

static SEARCH: Task<Shared, Range<u64>, (u32, u64)> = Task {
    name: "search",
    run: search,
};

/// Returns the longest sequence that begins in a range, and its start.
fn search(worker: &mut Worker<'_, Shared>, starts: Range<u64>) -> Result<(u32, u64), Failure> {
    let (shared, id) = (worker.shared(), worker.id());
    if starts.contains(&1_234_567) && shared.killed.compare_exchange(0, 1).is_ok() {
        abort(); // as a library might that is written in another language
    }
    let known = &mut worker.state::<Known>().0;
    let longest = starts.map(|start| (steps(start, known), start)).max();
    let longest = longest.ok_or("an empty range")?;
    shared.longest[id].fetch_max(longest.0.into());
    Ok(longest)
}

fn steps(start: u64, known: &mut HashMap<u64, u32>) -> u32 {
    let (mut number, mut steps) = (start, 0);
    while number > 1 {
        if let Some(rest) = known.get(&number) {
            steps += rest;
            break;
        }
        number = match number.is_multiple_of(2) {
            true => number / 2,
            false => 3 * number + 1,
        };
        steps += 1;
    }
    if start < 1 << 16 {
        known.insert(start, steps);
    }
    steps
}

fn main() -> Result<(), Box<dyn Error>> {
    Workers::begin(&[&SEARCH]);

    let name = format!("workers-example-{}", std::process::id());
    let options = WorkersOptions::for_every_processor()?
        .shared(&name)
        .insights(true);
    let shared = Shared {
        longest: AtomicArray::create(&format!("{name}/longest"), ArrayOptions::new(512))?,
        killed: AtomicValue::create(&format!("{name}/killed"), ValueOptions::new())?,
    };

    let workers = Workers::start(options)?;
    let starts = (1..5_000_000).step_by(10_000);
    let ranges = starts.map(|start| start..start + 10_000);
    let call = workers.call(&SEARCH).progress(true);
    let found = call.map_unordered(ranges)?;
    let (steps, start) = found.into_iter().max().ok_or("no ranges")?;
    println!("the longest begins at {start}, and has {steps} steps");
    println!("{} was killed; what each has found:", shared.killed.load());
    for worker in 0..workers.len() {
        println!("  worker {worker}: {} steps", shared.longest[worker].load());
    }
    let finished = workers.finish()?;
    println!("{}", finished.insights());
    millpond::unlink_all(&name)?;
    match (steps, start) {
        (596, 3_732_423) => Ok(()),
        _ => Err("that is not the longest: it begins at 3732423".into()),
    }
}
