//! Worker processes fill one array in place: `cargo run --release --example parallel_map_array`.
//!
//! The inputs are ranges of the array, and there are no outputs: each worker computes the elements of its range in
//! place. One of them ends itself half way: another does its range again, and the result is the
//! same.

use std::error::Error;
use std::ops::Range;
use std::process::exit;
use std::time::{Duration, Instant};

use millpond::workers::{Failure, Worker};
use millpond::{ArrayOptions, ChunkedArray, Lifetime, Task, Workers, WorkersOptions};

type Outcome = Result<(), Box<dyn Error>>;

/// A picture of the Mandelbrot set: for each point, the number of steps after which it has left.
const WIDTH: usize = 3000;
const HEIGHT: usize = 2000;
const STEPS: u32 = 300;
/// Eight lines.
const CHUNK: usize = 8 * WIDTH;
/// The range at which a worker ends itself.
const FATAL: usize = 100 * CHUNK;

static FILL: Task<ChunkedArray<u16>, Range<usize>, ()> = Task {
    name: "fill",
    run: fill,
};

/// Computes the points of a range, which no other worker can have meanwhile.
fn fill(worker: &mut Worker<'_, ChunkedArray<u16>>, range: Range<usize>) -> Result<(), Failure> {
    let mut points = worker
        .shared()
        .take(range.clone(), Duration::from_secs(10))?;
    if range.start == FATAL && !points.was_left() {
        exit(1); // once: the next worker with the range sees that it was left
    }
    for (index, steps) in range.zip(points.iter_mut()) {
        *steps = steps_at(index);
    }
    Ok(())
}

fn main() -> Outcome {
    Workers::begin(&[&FILL]);

    let name = format!("parallel-map-{}", std::process::id());
    let options = ArrayOptions::new(WIDTH * HEIGHT)
        .chunk_len(CHUNK)
        .lifetime(Lifetime::WhileAttached)
        .role("parent");
    let picture = ChunkedArray::<u16>::create(&name, options)?;

    let began = Instant::now();
    let workers = Workers::start(WorkersOptions::for_every_processor()?.shared(name))?;
    let ranges = (0..picture.len()).step_by(CHUNK);
    let ranges = ranges.map(|start| start..picture.len().min(start + CHUNK));
    workers.call(&FILL).progress(true).map_unordered(ranges)?;
    let finished = workers.finish()?;
    let took = began.elapsed();
    let started: u64 = finished
        .insights()
        .workers
        .iter()
        .map(|worker| worker.starts)
        .sum();
    println!("{started} processes, one of which died: {took:.2?}");

    check(&picture)
}

/// Checks some of the points against what this process computes alone.
fn check(picture: &ChunkedArray<u16>) -> Outcome {
    let points = picture.take(0..picture.len(), Duration::from_secs(10))?;
    let wrong = (0..points.len())
        .step_by(97)
        .find(|&index| points[index] != steps_at(index));
    if let Some(index) = wrong {
        return Err(format!("point {index} is {}", points[index]).into());
    }
    println!("the result is right");
    for line in (0..HEIGHT).step_by(HEIGHT / 24) {
        let shades = (0..WIDTH).step_by(WIDTH / 72).map(|column| {
            let steps = points[line * WIDTH + column] as usize;
            [' ', '.', ':', '+', '*', '#'][steps.ilog2().min(5) as usize]
        });
        println!("{}", shades.collect::<String>());
    }
    Ok(())
}

/// Returns after how many steps of z * z + c point `index` has left the circle of radius 2; 1 or more.
fn steps_at(index: usize) -> u16 {
    let real = (index % WIDTH) as f64 / WIDTH as f64 * 3.0 - 2.2;
    let imaginary = (index / WIDTH) as f64 / HEIGHT as f64 * 2.4 - 1.2;
    let (mut x, mut y) = (0.0, 0.0);
    for step in 1..STEPS {
        (x, y) = (x * x - y * y + real, 2.0 * x * y + imaginary);
        if x * x + y * y > 4.0 {
            return step as u16;
        }
    }
    STEPS as u16
}
