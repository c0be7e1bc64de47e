//! A worker group whose process dies at one of its fail points, or whose workers die at one of theirs, again and again.
//! Each input has one output, in its place. Whichever process dies, the workers end and their segment goes.

use std::env;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use millpond::workers::{Failure, WhenWorkerDies, Worker};
use millpond::{Task, Workers, WorkersOptions};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::all_points::files_below;
use crate::points::was_killed;
use crate::score::Score;
use crate::stage::{ROLE, spawn};

/// So many that every worker passes its point often enough, and the process of the group its own.
const INPUTS: u64 = 3000;
const WORKERS: usize = 2;
/// The most tasks after which a worker dies; fewer than its lifespan.
const MOST_TASKS: u64 = 300;

static TRIPLE: Task<(), u64, u64> = Task {
    name: "triple",
    run: triple,
};

fn triple(_: &mut Worker<'_, ()>, input: u64) -> Result<u64, Failure> {
    Ok(input * 3)
}

/// Becomes a worker where this process was started as one.
pub fn begin() {
    Workers::begin(&[&TRIPLE]);
}

/// A worker group whose workers are replaced at intervals. Prints how many processes there were.
pub fn worker_group() {
    let options = WorkersOptions::new(WORKERS).lifespan(500);
    let workers = Workers::start(options).unwrap();
    for chunk in [1, 20] {
        let call = workers.call(&TRIPLE).chunk_len(chunk);
        let call = call.when_worker_dies(WhenWorkerDies::Retry(1000));
        let outputs = call.map(0..INPUTS).unwrap();
        assert!(outputs.into_iter().eq((0..INPUTS).map(|input| input * 3)));
    }
    let insights = workers.insights();
    let tasks: u64 = insights.workers.iter().map(|worker| worker.tasks).sum();
    assert_eq!(tasks, 2 * INPUTS, "each is answered once");
    let starts: u64 = insights.workers.iter().map(|worker| worker.starts).sum();
    println!("{starts}");
}

/// Lets the processes die, and checks their outputs and what is left of them.
pub fn try_point(point: &str, random: &mut StdRng, score: &mut Score) {
    let in_a_worker = matches!(point, "workers.begun" | "workers.ran" | "workers.answered");
    let pass = match point {
        // Every process that takes the place of another dies there too.
        _ if in_a_worker => random.random_range(100..=MOST_TASKS),
        "workers.ended" => random.random_range(1..=8),
        _ => random.random_range(1..=400),
    };
    let program = env::current_exe().expect("the path of this program");
    let mut command = Command::new(program);
    command
        .env(ROLE, "points::worker_group")
        .env("MILLPOND_FAIL", format!("{point}:{pass}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut group = spawn(&mut command).expect("a process that starts");
    let mut said = String::new();
    let output = group.stdout.as_mut().expect("a pipe");
    // Ends once all its writers have ended: the process of the group, and its workers, which inherit it.
    output.read_to_string(&mut said).expect("text");
    let ended = group.wait().expect("the end of a child");
    let context = format!("{point}:{pass}");
    let kills = match in_a_worker {
        true if ended.success() => {
            // Without a death each lives for 500 tasks.
            let starts: u64 = said.trim().parse().expect("a number");
            starts - WORKERS as u64
        }
        false if was_killed(ended) => 1,
        _ => return score.violation(format!("{context}: {ended}")),
    };
    let least = match in_a_worker {
        true => 2 * INPUTS / MOST_TASKS - WORKERS as u64,
        false => 1,
    };
    if kills < least {
        return score.violation(format!("{context}: {kills} died"));
    }
    score.kills += kills as usize;
    *score.deaths.entry(point.to_string()).or_default() += kills as usize;
    if point == "workers.ended" {
        // No worker may have lived to remove the name. Then a list of segments removes it.
        score.check(
            &context,
            millpond::list(None)
                .map_err(|error| error.to_string())
                .map(drop),
        );
    }
    wait_for_no_segment();
    score.recoveries += 1;
}

/// A worker whose group is gone removes the name. On Windows, where it ends with the group's process, a list of segments
/// removes it. A trial that waits too long is ended by the stage.
fn wait_for_no_segment() {
    let root = env::var_os("MILLPOND_DIR").expect("a directory for segments");
    let is_left = || {
        let files = files_below(Path::new(&root));
        files.iter().any(|file| file.starts_with("workers-"))
    };
    while is_left() {
        match cfg!(windows) {
            true => drop(millpond::list(None).expect("a list of segments")),
            false => thread::yield_now(),
        }
    }
}
