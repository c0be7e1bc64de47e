//! Worker processes fill one array in place, each its own chunks; the parent shows how far they are and
//! checks the result: `cargo run --release --example parallel_map_array`.
//!
//! The workers are this program once more. Each asks for one chunk after another, computes its elements
//! where they lie, and so gets as many chunks as it has time for. One of them kills itself half way: the
//! others do its chunk again, and the result is the same.

use std::env;
use std::error::Error;
use std::process::{Child, Command, exit};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use millpond::{ArrayOptions, Attach, ChunkedArray, Lifetime};

type Outcome = Result<(), Box<dyn Error>>;

/// A picture of the Mandelbrot set: for each point, after how many steps it has left.
const WIDTH: usize = 3000;
const HEIGHT: usize = 2000;
const STEPS: u32 = 300;

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => parent(),
        [name, number] => worker(name, number.parse()?),
        _ => Err("this program takes no arguments".into()),
    }
}

fn parent() -> Outcome {
    let name = format!("parallel-map-{}", std::process::id());
    let options = ArrayOptions::new(WIDTH * HEIGHT)
        .chunk_len(8 * WIDTH) // eight lines
        .lifetime(Lifetime::WhileAttached)
        .role("parent");
    let picture = ChunkedArray::<u16>::create(&name, options)?;

    let began = Instant::now();
    let count = thread::available_parallelism()?.get().max(2);
    let start = |number: usize| {
        let mut command = Command::new(env::current_exe()?);
        command.args([&name, &number.to_string()]).spawn()
    };
    let mut workers = (0..count).map(start).collect::<Result<Vec<_>, _>>()?;
    watch(&picture, &mut workers)?;
    println!(
        "{count} processes, one of which died: {:.2?}",
        began.elapsed()
    );

    check(&picture)
}

/// Shows what is done, until all is.
fn watch(picture: &ChunkedArray<u16>, workers: &mut [Child]) -> Outcome {
    let bar = ProgressBar::new(picture.len() as u64);
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {percent}% of {human_len} points, {elapsed}",
    )?);
    let mut running = true;
    while running {
        thread::sleep(Duration::from_millis(20));
        bar.set_position(picture.done(1)? as u64);
        running = false;
        for worker in workers.iter_mut() {
            running |= worker.try_wait()?.is_none();
        }
    }
    bar.finish();
    match picture.done(1)? == picture.len() {
        true => Ok(()),
        false => Err("all workers have ended, and not all is done".into()),
    }
}

/// Every point is what this process computes, without help, for some of them.
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

fn worker(name: &str, number: usize) -> Outcome {
    let picture = ChunkedArray::<u16>::open_with(name, &Attach::new().role("worker"))?;
    for (count, mut chunk) in picture.split(1)?.enumerate() {
        let first = chunk.range().start;
        for (index, steps) in (first..).zip(chunk.iter_mut()) {
            *steps = steps_at(index);
        }
        if number == 0 && count == 3 {
            exit(1); // with this chunk, undropped, which somebody else will do
        }
    }
    Ok(())
}

/// After how many steps of z * z + c the point number `index` has left the circle of radius 2; 1 or more.
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
