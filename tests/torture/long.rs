//! The long run: fail points and random kills in turn, for as long as asked; one line at the end.

use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use crate::orders::Orders;
use crate::score::Score;
use crate::stage::{Part, ROLE, named};
use crate::{footprint, points, storm};

/// The variable that says for how many seconds.
pub const SECONDS: &str = "MILLPOND_TORTURE_SECONDS";

pub const PART: Part = Part {
    name: "long",
    roles: named![run],
    ..Part::EMPTY
};

/// Epochs of random kills for each passage through the fail points: so many that neither of the two is
/// rare. An epoch has some fifty kills, a passage two deaths at each point.
const EPOCHS: u64 = 4;
/// What a run may take beyond its time, for the last round and for a busy machine.
const MARGIN: Duration = Duration::from_secs(120);
/// Between two looks whether the run is over.
const LOOK: Duration = Duration::from_millis(100);

/// How long a run is to take.
fn asked() -> Duration {
    let seconds = std::env::var(SECONDS).expect("the time");
    Duration::from_secs(seconds.parse().expect("a number of seconds"))
}

/// Runs the whole in a process with a directory of its own, which is removed at the end. A run that
/// does not end is killed, with all that it started.
pub fn direct() -> ExitCode {
    let shared_memory = Path::new("/dev/shm");
    let parent = match cfg!(unix) && shared_memory.is_dir() {
        true => shared_memory.to_path_buf(),
        false => std::env::temp_dir(),
    };
    let place = parent.join(format!("millpond-torture-{}", std::process::id()));
    fs::create_dir(&place).expect("a directory for the segments");
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command
        .env(ROLE, "long::run")
        .env("MILLPOND_DIR", place.join("pond"))
        .stdin(Stdio::piped());
    let mut run = start_in_a_group(command).expect("a process that starts");
    let ended = watch(&mut run, asked() + MARGIN);
    let _ = fs::remove_dir_all(&place);
    match ended {
        Some(status) if status.success() => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
        None => {
            println!(
                "the run hangs: it was to take {:?}, and did not end in {MARGIN:?} more",
                asked()
            );
            ExitCode::FAILURE
        }
    }
}

/// Waits for the end of a run; kills it after `limit`.
fn watch(run: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let began = Instant::now();
    while began.elapsed() < limit {
        if let Some(status) = run.try_wait().expect("the state of a child") {
            return Some(status);
        }
        thread::sleep(LOOK);
    }
    kill_group(run);
    run.wait().expect("the end of a child");
    None
}

#[cfg(unix)]
fn start_in_a_group(mut command: Command) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    command.process_group(0).spawn()
}

#[cfg(not(unix))]
fn start_in_a_group(mut command: Command) -> io::Result<Child> {
    command.spawn()
}

#[cfg(unix)]
fn kill_group(run: &mut Child) {
    use nix::sys::signal::{Signal, killpg};
    let group = nix::unistd::Pid::from_raw(run.id() as i32);
    killpg(group, Signal::SIGKILL).expect("a group to kill");
}

/// Kills the run. What it started ends when its standard input does.
#[cfg(not(unix))]
fn kill_group(run: &mut Child) {
    run.kill().expect("a process to kill");
}

/// Alternates until the time is over.
fn run() {
    let _orders = Orders::listen();
    let (limit, began) = (asked(), Instant::now());
    let (mut points, mut storms) = (Score::default(), Score::default());
    let mut first = None;
    for seed in 0.. {
        if cfg!(feature = "failpoints") {
            points::go_through(seed, &mut points);
            println!("{:4.0?} fail points: {points}", began.elapsed());
        }
        for storm in 0..EPOCHS {
            if began.elapsed() > limit {
                break;
            }
            let capacity = [600, 5000][storm as usize % 2];
            storm::run_epoch(seed * EPOCHS + storm, capacity, &mut storms);
        }
        println!("{:4.0?} random kills: {storms}", began.elapsed());
        // What the first round needed is there by now.
        let footprint = footprint::describe();
        println!("{:4.0?} this process: {footprint}", began.elapsed());
        first.get_or_insert(footprint);
        if began.elapsed() > limit {
            break;
        }
    }
    println!("fail points: {}", points.details());
    println!("random kills: {}", storms.details());
    println!(
        "this process after the first round: {}",
        first.expect("a round")
    );
    println!("this process at the end: {}", footprint::describe());
    let mut score = points;
    score.add(storms);
    println!("records checked: {}", score.checked);
    println!("{score}");
    std::process::exit(i32::from(!score.violations.is_empty()));
}
