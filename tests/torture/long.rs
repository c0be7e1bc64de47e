//! The long run: fail points and random kills in turn, for as long as asked; one line at the end.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::score::Score;
use crate::stage::{Part, ROLE, named};
use crate::{points, storm};

/// The variable that says for how many seconds.
pub const SECONDS: &str = "MILLPOND_TORTURE_SECONDS";

pub const PART: Part = Part {
    name: "long",
    roles: named![run],
    ..Part::EMPTY
};

/// Runs the whole in a process with a directory of its own, which is removed at the end.
pub fn direct() -> ExitCode {
    let shared_memory = Path::new("/dev/shm");
    let parent = match cfg!(unix) && shared_memory.is_dir() {
        true => shared_memory.to_path_buf(),
        false => std::env::temp_dir(),
    };
    let place = parent.join(format!("millpond-torture-{}", std::process::id()));
    fs::create_dir(&place).expect("a directory for the segments");
    let status = Command::new(std::env::current_exe().expect("the path of this program"))
        .env(ROLE, "long::run")
        .env("MILLPOND_DIR", place.join("pond"))
        .status();
    let _ = fs::remove_dir_all(&place);
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Alternates until the time is over.
fn run() {
    let seconds = std::env::var(SECONDS).expect("the time");
    let limit = Duration::from_secs(seconds.parse().expect("a number of seconds"));
    let (began, mut score) = (Instant::now(), Score::default());
    let (mut points, mut storms) = (Score::default(), Score::default());
    for seed in 0.. {
        if cfg!(feature = "failpoints") {
            points::go_through(seed, &mut points);
            println!("{:4.0?} fail points: {points}", began.elapsed());
        }
        for storm in 0..10 {
            if began.elapsed() > limit {
                break;
            }
            let capacity = [600, 5000][storm % 2];
            storm::run_epoch(seed * 10 + storm as u64, capacity, &mut storms);
        }
        println!("{:4.0?} random kills: {storms}", began.elapsed());
        if began.elapsed() > limit {
            break;
        }
    }
    println!("fail points: {}", points.distribution());
    println!("random kills: {}", storms.distribution());
    score.add(points);
    score.add(storms);
    println!("{score}");
    std::process::exit(i32::from(!score.violations.is_empty()));
}
