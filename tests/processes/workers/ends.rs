//! However a worker group ends, its workers end with it, and nothing stays: no process, segment or descriptor.

use std::process;

use millpond::workers::{AnyTask, Failure, Worker};
use millpond::{Task, Workers, WorkersOptions};

use super::living::{
    descriptors, has_children, lives, look_for_no_segment, segments, wait_for_no_segment,
    wait_for_their_end,
};
use crate::child::Child;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "workers_ends",
    trials: named![
        workers_of_a_killed_group_end_whatever_they_do,
        workers_of_workers_end_with_the_group_of_all,
        a_worker_group_that_is_dropped_at_work_leaves_nothing,
        a_worker_group_that_is_finished_leaves_nothing,
        a_worker_group_that_cannot_go_on_leaves_nothing,
        #[cfg(unix)]
        an_interrupt_reaches_the_program_alone_and_its_workers_end_with_it,
    ],
    roles: named![
        busy,
        idle,
        nested,
        #[cfg(unix)]
        interrupted,
    ],
    ..Part::EMPTY
};

pub const TASKS: &[&dyn AnyTask] = &[&PROCESS, &FOREVER, &INNER, &NEST];

static PROCESS: Task<(), (), u32> = Task {
    name: "process",
    run: |_, ()| Ok(process::id()),
};
static FOREVER: Task<(), u64, u64> = Task {
    name: "forever",
    run: forever,
};
/// Starts and keeps a worker group of the worker's own. Returns its processes and the worker's.
static INNER: Task<(), usize, Vec<u32>> = Task {
    name: "inner",
    run: inner,
};
/// Sums squares in a worker group of its own.
static NEST: Task<(), u64, u64> = Task {
    name: "nest",
    run: nest,
};

/// Says nothing after number 100, as if it had much to do.
fn forever(worker: &mut Worker<'_, ()>, number: u64) -> Result<u64, Failure> {
    while number > 100 && !worker.is_cancelled() {
        std::hint::spin_loop();
    }
    Ok(number)
}

fn inner(worker: &mut Worker<'_, ()>, count: usize) -> Result<Vec<u32>, Failure> {
    let group = Workers::start(WorkersOptions::new(count).init(&PROCESS, &())?)?;
    let mut processes = processes(&group);
    processes.push(process::id());
    *worker.state::<Option<Workers>>() = Some(group);
    Ok(processes)
}

fn nest(_: &mut Worker<'_, ()>, count: u64) -> Result<u64, Failure> {
    let group = Workers::start(WorkersOptions::new(2))?;
    let numbers = group.map(&FOREVER, (0..count).map(|number| number % 100))?;
    group.finish()?;
    Ok(numbers.iter().sum())
}

fn processes(group: &Workers) -> Vec<u32> {
    let processes = group.initialised(&PROCESS).unwrap();
    processes.into_iter().map(|(_, process)| process).collect()
}

fn start(workers: usize) -> Workers {
    let options = WorkersOptions::new(workers).init(&PROCESS, &()).unwrap();
    Workers::start(options).unwrap()
}

fn say(processes: &[u32]) {
    let texts: Vec<_> = processes.iter().map(u32::to_string).collect();
    println!("{}", texts.join(" "));
}

/// The processes that a child says.
fn heard(child: &mut Child) -> Vec<u32> {
    let line = child.line();
    let processes: Vec<u32> = line.split(' ').map(|text| text.parse().unwrap()).collect();
    assert!(processes.iter().all(|&process| lives(process)), "{line}");
    processes
}

/// A worker group with tasks that do not end.
fn busy() {
    let workers = start(3);
    say(&processes(&workers));
    for output in workers.imap_unordered(&FOREVER, 0..).unwrap() {
        if output.unwrap() == 50 {
            println!("at work");
        }
    }
}

/// A worker group without tasks.
fn idle() {
    let workers = start(3);
    say(&processes(&workers));
    println!("at work");
    forever_here();
    drop(workers);
}

fn forever_here() {
    std::io::stdin().lines().for_each(drop);
}

/// A worker group whose workers have groups.
fn nested() {
    let workers = Workers::start(WorkersOptions::new(2)).unwrap();
    let all = workers.call(&INNER).chunk_len(1).map([2, 2, 2, 2]).unwrap();
    // The workers of the last groups live.
    let all: Vec<u32> = all
        .concat()
        .into_iter()
        .filter(|&process| lives(process))
        .collect();
    say(&all);
    println!("at work");
    forever_here();
    drop(workers);
}

fn workers_of_a_killed_group_end_whatever_they_do() {
    for role in ["busy", "idle"] {
        for _ in 0..3 {
            let mut group = Child::start(&format!("workers_ends::{role}"), &[]);
            let workers = heard(&mut group);
            assert_eq!(workers.len(), 3);
            group.expect("at work");
            assert_eq!(segments().len(), 1);
            group.kill();
            wait_for_their_end(&workers);
            wait_for_no_segment();
        }
    }
}

fn workers_of_workers_end_with_the_group_of_all() {
    let mut group = Child::start("workers_ends::nested", &[]);
    let workers = heard(&mut group);
    assert!(workers.len() >= 3, "{workers:?}");
    group.expect("at work");
    assert!(segments().len() >= 2, "{:?}", segments());
    group.kill();
    wait_for_their_end(&workers);
    wait_for_no_segment();
    // And without a kill: a task may have a worker group.
    let workers = start(2);
    let sums = workers.map(&NEST, [10, 0, 100]).unwrap();
    assert_eq!(sums, [45, 0, 4950]);
    assert_eq!(segments().len(), 1);
}

/// Runs a worker group, and ends it by `end`; twice, so that what is opened once is open before.
fn leaves_nothing(end: impl Fn(Workers)) {
    let mut before = None;
    for _ in 0..4 {
        let workers = start(3);
        let processes = processes(&workers);
        assert!(processes.iter().all(|&process| lives(process)));
        assert_eq!(segments().len(), 1);
        let outputs = workers.imap_unordered(&FOREVER, 0..90).unwrap().take(60);
        assert_eq!(outputs.map(Result::unwrap).count(), 60);
        end(workers);
        assert!(processes.iter().all(|&process| !lives(process)));
        assert!(!has_children(), "all were waited for");
        assert_eq!(segments(), [""; 0]);
        let now = descriptors();
        assert_eq!(*before.get_or_insert(now), now, "descriptors");
    }
}

fn a_worker_group_that_is_dropped_at_work_leaves_nothing() {
    leaves_nothing(|workers| {
        let mut results = workers.imap_unordered(&FOREVER, 0..).unwrap();
        assert!(results.by_ref().take(50).all(|result| result.is_ok()));
        drop(results);
    });
    leaves_nothing(|workers| {
        let _given = workers.apply_async(&FOREVER, 1000).unwrap();
    });
}

fn a_worker_group_that_is_finished_leaves_nothing() {
    leaves_nothing(|workers| {
        let finished = workers.finish().unwrap();
        assert_eq!(finished.insights().workers.len(), 3);
    });
}

fn a_worker_group_that_cannot_go_on_leaves_nothing() {
    leaves_nothing(|workers| {
        drop(workers);
        let options = WorkersOptions::new(2).init(&NEST, &u64::MAX).unwrap();
        let options = options.init_limit(std::time::Duration::from_millis(1));
        assert!(Workers::start(options).is_err());
        // Those of the workers that were killed in their init task, perhaps before they had workers.
        look_for_no_segment();
    });
}

/// Handles an interrupt by going on, once.
#[cfg(unix)]
fn interrupted() {
    use std::sync::atomic::{AtomicBool, Ordering};

    use nix::sys::signal::{SigHandler, Signal, signal};

    static CAME: AtomicBool = AtomicBool::new(false);
    extern "C" fn note(_: i32) {
        CAME.store(true, Ordering::Relaxed);
    }
    // SAFETY: what handles the signal stores a number, which it may at any instant.
    unsafe { signal(Signal::SIGINT, SigHandler::Handler(note)) }.unwrap();
    let workers = start(2);
    say(&processes(&workers));
    while !CAME.load(Ordering::Relaxed) {
        assert_eq!(workers.map(&FOREVER, 0..100).unwrap().len(), 100);
    }
    assert_eq!(workers.map(&FOREVER, 0..100).unwrap().len(), 100);
    assert!(
        workers
            .insights()
            .workers
            .iter()
            .all(|worker| worker.starts == 1)
    );
    // SAFETY: it is the usual end of the process.
    unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) }.unwrap();
    println!("at work");
    workers.map_unordered(&FOREVER, 0..).unwrap();
}

#[cfg(unix)]
fn an_interrupt_reaches_the_program_alone_and_its_workers_end_with_it() {
    use std::os::unix::process::CommandExt;

    use nix::sys::signal::{Signal, killpg};

    let mut command = process::Command::new(std::env::current_exe().unwrap());
    command.process_group(0); // as a shell does
    let mut parent = Child::start_by(command, "workers_ends::interrupted", &[]);
    let group = nix::unistd::Pid::from_raw(parent.id() as i32);
    let workers = heard(&mut parent);
    killpg(group, Signal::SIGINT).unwrap();
    parent.expect("at work");
    assert!(workers.iter().all(|&process| lives(process)));
    killpg(group, Signal::SIGINT).unwrap();
    wait_for_their_end(&workers);
    wait_for_no_segment();
}
