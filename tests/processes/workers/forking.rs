//! Tasks that fork, and callers that do: a forked child is no second worker and no second caller, and what it has does
//! not keep workers alive.

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use millpond::error::TaskFailure;
use millpond::workers::{AnyTask, Failure, Start, Worker};
use millpond::{Error, Open, Task, Workers, WorkersOptions};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::living::{lives, wait_for_no_segment, wait_for_their_end};
use crate::child::Child;
use crate::fork::in_a_forked_child;
use crate::forking::{end, fork_here, fork_once, is_forked, with_a_child};
use crate::orders::argument;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "workers_forking",
    trials: named![
        a_child_that_leaves_its_task_ends_and_says_why,
        children_that_leave_their_tasks_answer_nothing,
        a_child_that_leaves_what_a_task_calls_ends,
        a_child_that_leaves_a_task_in_a_thread_ends,
        a_child_of_a_task_has_no_pipe_of_its_workers,
        what_a_caller_gives_may_fork,
        what_reads_and_shows_for_a_caller_may_fork,
        a_forked_child_has_no_pipe_of_the_workers,
        a_forked_child_that_lives_keeps_no_worker_of_its_killed_parent,
        a_forked_child_that_lives_keeps_no_worker_of_its_ended_parent,
        a_child_that_is_forked_while_workers_start_keeps_none,
    ],
    roles: named![forking_group],
    ..Part::EMPTY
};

pub const TASKS: &[&dyn AnyTask] = &[&SELF, &LEAVE, &LEAVE_OFTEN, &CALLS, &SHARES, &PIPES, &FAIL];

/// What a forked child ends with that leaves its task.
const LEFT: i32 = 70;
const WORKERS: usize = 2;

static SELF: Task<(), u64, (u64, u32)> = Task {
    name: "forking self",
    run: |_, number| Ok((number, process::id())),
};
static LEAVE: Task<(), (u64, How), (u64, u32)> = Task {
    name: "forking leave",
    run: leave,
};
static LEAVE_OFTEN: Task<(), u64, (u64, u32, Vec<u8>)> = Task {
    name: "forking leave often",
    run: leave_often,
};
static CALLS: Task<(), Forks, Forks> = Task {
    name: "forking calls",
    run: |_, input| match input.0 % 3 {
        2 => Err(Box::new(Refusal)),
        _ => Ok(input),
    },
};
static SHARES: Task<Shares, u64, u64> = Task {
    name: "forking shares",
    run: |_, number| Ok(number),
};
static PIPES: Task<(), (), usize> = Task {
    name: "forking pipes",
    run: count_pipes,
};
static FAIL: Task<(), Forks, ()> = Task {
    name: "forking fail",
    run: |_, _| Err("as it should".into()),
};

/// How a child leaves its task.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum How {
    Returning,
    Failing,
    Panicking,
}

/// Where the child of task `number` says why it ends.
fn said(number: u64) -> PathBuf {
    let root = env::var_os("MILLPOND_DIR").expect("a directory for segments");
    Path::new(&root).with_file_name(format!("said-{number}"))
}

fn status_of(child: Pid) -> Result<(), Failure> {
    match waitpid(child, None)? {
        WaitStatus::Exited(_, LEFT) => Ok(()),
        other => Err(format!("the child ended otherwise: {other:?}").into()),
    }
}

fn leave(_: &mut Worker<'_, ()>, (number, how): (u64, How)) -> Result<(u64, u32), Failure> {
    match fork_here() {
        Some(child) => {
            status_of(child)?;
            let text = fs::read_to_string(said(number))?;
            fs::remove_file(said(number))?;
            match text.contains("a task forked") && text.contains("status 70") {
                true => Ok((number, process::id())),
                false => Err(format!("it said `{text}`").into()),
            }
        }
        None => {
            dup2_stderr(File::create(said(number))?)?;
            match how {
                How::Returning => Ok((number, process::id())),
                How::Failing => Err("the child fails".into()),
                How::Panicking => panic!("the child panics"),
            }
        }
    }
}

/// Its child, which nobody waits for, returns beside it.
fn leave_often(_: &mut Worker<'_, ()>, number: u64) -> Result<(u64, u32, Vec<u8>), Failure> {
    if number.is_multiple_of(7) && fork_here().is_none() {
        dup2_stderr(File::create("/dev/null")?)?;
    }
    // Long ones, so that a second writer tears them.
    let length = 500 + number as usize % 1_500;
    Ok((number, process::id(), vec![number as u8; length]))
}

/// Forks where it is read and written by a worker, or by a caller that wants it. The worker waits for the child.
struct Forks(u64);

fn fork_in_a_worker() -> Result<(), Failure> {
    let is_worker = env::args()
        .nth(1)
        .is_some_and(|word| word == "millpond-worker");
    match is_worker.then(fork_here) {
        None => {
            fork_once();
            Ok(())
        }
        Some(None) => {
            dup2_stderr(File::create("/dev/null")?)?;
            Ok(())
        }
        Some(Some(child)) => status_of(child),
    }
}

impl Serialize for Forks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fork_in_a_worker().map_err(serde::ser::Error::custom)?;
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Forks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fork_in_a_worker().map_err(serde::de::Error::custom)?;
        u64::deserialize(deserializer).map(Self)
    }
}

impl fmt::Debug for Forks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fork_in_a_worker().map_err(|_| fmt::Error)?;
        write!(formatter, "number {}", self.0)
    }
}

/// An error that forks when it is shown.
#[derive(Debug)]
struct Refusal;

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match fork_in_a_worker() {
            Ok(()) => formatter.write_str("refused"),
            Err(error) => write!(formatter, "{error}"),
        }
    }
}

/// What workers share, which forks when it is opened and when it is dropped.
struct Shares;

impl Open for Shares {
    fn open_by_name(_: &str) -> millpond::Result<Self> {
        fork_in_a_worker().unwrap();
        Ok(Self)
    }
}

impl Drop for Shares {
    fn drop(&mut self) {
        if fork_in_a_worker().is_err() {
            process::abort(); // the worker: then there is one more of it
        }
    }
}

/// The pipes that this process has open beyond its standard ones.
fn pipes() -> usize {
    let numbers = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let numbers = numbers.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let beyond = numbers.filter(|number| number.parse().is_ok_and(|number: u32| number > 2));
    let links = beyond.filter_map(|number| fs::read_link(format!("/proc/self/fd/{number}")).ok());
    let is_pipe = |link: &PathBuf| link.to_string_lossy().starts_with("pipe:");
    links.filter(is_pipe).count()
}

fn count_pipes(_: &mut Worker<'_, ()>, (): ()) -> Result<usize, Failure> {
    match fork_here() {
        None => end(pipes() as i32),
        Some(child) => match waitpid(child, None)? {
            WaitStatus::Exited(_, pipes) => Ok(pipes as usize),
            other => Err(format!("{other:?}").into()),
        },
    }
}

fn start() -> Workers {
    let options = WorkersOptions::new(WORKERS).init(&SELF, &0).unwrap();
    Workers::start(options).unwrap()
}

fn processes(workers: &Workers) -> Vec<u32> {
    let all = workers.initialised(&SELF).unwrap();
    all.into_iter().map(|(_, (_, process))| process).collect()
}

/// The workers are there, the same as at first, and work.
#[track_caller]
fn assert_unharmed(workers: &Workers) {
    let processes = processes(workers);
    assert_eq!(processes.len(), WORKERS);
    for (place, (number, process)) in (0..).zip(workers.map(&SELF, 0..1000).unwrap()) {
        assert_eq!(number, place);
        assert!(processes.contains(&process), "{process} of {processes:?}");
    }
    let insights = workers.insights();
    assert!(insights.workers.iter().all(|worker| worker.starts == 1));
}

const WAYS: [How; 3] = [How::Returning, How::Failing, How::Panicking];

fn a_child_that_leaves_its_task_ends_and_says_why() {
    let workers = start();
    let inputs = (0..300).map(|number| (number, WAYS[number as usize % 3]));
    let processes = processes(&workers);
    for (place, output) in (0..).zip(workers.imap(&LEAVE, inputs).unwrap()) {
        let (number, process) = output.unwrap();
        assert_eq!(number, place);
        assert!(processes.contains(&process));
    }
    assert_unharmed(&workers);
    workers.finish().unwrap();
}

fn children_that_leave_their_tasks_answer_nothing() {
    const NUMBERS: u64 = 2_000;
    let workers = start();
    let processes = processes(&workers);
    let outputs = workers.call(&LEAVE_OFTEN).chunk_len(5);
    for (place, output) in (0..).zip(outputs.imap(0..NUMBERS).unwrap()) {
        let (number, process, bytes) = output.unwrap();
        assert_eq!(number, place);
        assert!(processes.contains(&process), "{process} of {processes:?}");
        assert_eq!(bytes, vec![number as u8; 500 + number as usize % 1_500]);
    }
    assert_unharmed(&workers);
    workers.finish().unwrap();
}

fn a_child_that_leaves_what_a_task_calls_ends() {
    let workers = start();
    let results = workers.imap(&CALLS, (0..60).map(Forks)).unwrap();
    for (number, result) in (0..).zip(results) {
        match result {
            Ok(output) if number % 3 != 2 => assert_eq!(output.0, number),
            Err(Error::TaskFailed {
                failure: TaskFailure::Error(text),
                ..
            }) if number % 3 == 2 => {
                assert_eq!(text, "refused");
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    // Opened, dropped for another, opened, and dropped at the end.
    for name in ["one", "other"] {
        workers.share(name).unwrap();
        assert!(workers.map(&SHARES, 0..100).unwrap().into_iter().eq(0..100));
    }
    assert_unharmed(&workers);
    workers.finish().unwrap();
}

fn a_child_that_leaves_a_task_in_a_thread_ends() {
    for start in [Start::Threads, Start::Inline] {
        let workers = Workers::start(WorkersOptions::new(WORKERS).start(start)).unwrap();
        let inputs = (0..30).map(|number| (number, WAYS[number as usize % 3]));
        let outputs = workers.map(&LEAVE, inputs).unwrap();
        assert!(
            outputs
                .into_iter()
                .eq((0..30).map(|number| (number, process::id())))
        );
        workers.finish().unwrap();
    }
}

fn a_child_of_a_task_has_no_pipe_of_its_workers() {
    let before = pipes(); // what this program was started with
    let workers = start();
    assert_eq!(workers.map(&PIPES, [(); 20]).unwrap(), [before; 20]);
    assert_unharmed(&workers);
}

fn what_a_caller_gives_may_fork() {
    let workers = start();
    for at in [0, 1, 500, 999] {
        let inputs = || {
            (0..1000).inspect(move |&number| {
                if number == at {
                    fork_once();
                }
            })
        };
        let numbers = with_a_child(|| workers.map(&SELF, inputs()), is_forked).unwrap();
        assert!(numbers.iter().map(|(number, _)| *number).eq(0..1000));
        let results = || {
            let results = workers.imap_unordered(&SELF, inputs())?;
            results.collect::<Result<Vec<_>, _>>()
        };
        let numbers = with_a_child(results, is_forked).unwrap();
        assert_eq!(numbers.len(), 1000);
        // Inputs that may fail: also the one that does.
        let may_fail = || {
            let refused = || Error::Cancelled {
                what: "one input".into(),
            };
            inputs().map(move |number| match number {
                999 => Err(refused()),
                number => Ok(number),
            })
        };
        let results = || {
            let mut results = workers.call(&SELF).try_imap(may_fail())?;
            let there: Vec<_> = results.by_ref().take(999).collect::<Result<_, _>>()?;
            match results.next() {
                Some(Err(Error::Cancelled { .. })) => Ok(there),
                Some(Err(other)) => Err(other),
                other => panic!("{other:?}"),
            }
        };
        let numbers = with_a_child(results, is_forked).unwrap();
        assert!(numbers.iter().map(|(number, _)| *number).eq(0..999));
        assert_unharmed(&workers);
    }
    // The child panics in the iterator.
    let inputs = (0..1000).inspect(|number| assert!(*number != 300 || !fork_once()));
    let numbers = with_a_child(|| workers.map(&SELF, inputs), crate::forking::is_panic);
    assert_eq!(numbers.unwrap().len(), 1000);
    assert_unharmed(&workers);
    workers.finish().unwrap();
}

fn what_reads_and_shows_for_a_caller_may_fork() {
    let workers = start();
    for _ in 0..3 {
        // Written by the caller, once; and read by it, once.
        let call = || workers.map(&CALLS, [0, 1, 3].map(Forks));
        let numbers = with_a_child(call, is_forked).unwrap();
        assert!(numbers.into_iter().map(|output| output.0).eq([0, 1, 3]));
        let results = workers.imap(&CALLS, [0, 1, 3, 4].map(Forks)).unwrap();
        let read = || results.collect::<Result<Vec<_>, _>>();
        assert_eq!(with_a_child(read, is_forked).unwrap().len(), 4);
        assert_unharmed(&workers);
        let one = || workers.apply_async(&CALLS, Forks(6))?.wait();
        assert_eq!(with_a_child(one, is_forked).unwrap().0, 6);
        let pending = workers.apply_async(&CALLS, Forks(7)).unwrap();
        assert_eq!(with_a_child(|| pending.wait(), is_forked).unwrap().0, 7);
        let mut pending = workers.apply_async(&CALLS, Forks(9)).unwrap();
        let until_ready = || {
            while !pending.is_ready() {
                thread::yield_now();
            }
            pending.wait()
        };
        // The child was forked while the output was read, and has it: what had come is there.
        let has_come = |given: thread::Result<Result<Forks, Error>>| {
            assert_eq!(given.expect("no panic").unwrap().0, 9);
            is_forked(Ok(workers.apply(&SELF, 1)));
        };
        assert_eq!(with_a_child(until_ready, has_come).unwrap().0, 9);
        assert_unharmed(&workers);
        // Shown by it, as it failed: read for that, and shown.
        let failed = || match workers.apply(&FAIL, Forks(5)) {
            Err(Error::TaskFailed { input, .. }) => Ok(input),
            Err(other) => Err(other),
            Ok(()) => panic!("it should fail"),
        };
        assert_eq!(with_a_child(failed, is_forked).unwrap(), "number 5");
        assert_unharmed(&workers);
    }
    workers.finish().unwrap();
}

fn a_forked_child_has_no_pipe_of_the_workers() {
    let before = pipes();
    let workers = start();
    if cfg!(target_os = "linux") {
        assert_eq!(pipes(), before + WORKERS);
    }
    in_a_forked_child(|| assert_eq!(pipes(), before));
    assert_unharmed(&workers);
}

/// Starts workers, forks, says who they are, and waits to be killed, or ends. The child waits for the trial's end.
fn forking_group() {
    let ends: bool = argument(0);
    let workers = start();
    let child = fork_here();
    if child.is_some() {
        let texts = processes(&workers)
            .into_iter()
            .map(|process| process.to_string());
        println!("{}", texts.collect::<Vec<_>>().join(" "));
        if ends {
            end(0);
        }
    }
    // SAFETY: the child may stay for as long as the trial.
    unsafe { nix::libc::alarm(0) };
    let mut byte = [0];
    let _ = nix::unistd::read(std::io::stdin(), &mut byte);
    end(0);
}

fn keeps_no_worker(ends: bool) {
    for _ in 0..3 {
        let mut group = Child::start("workers_forking::forking_group", &[&ends]);
        let line = group.line();
        let workers: Vec<u32> = line.split(' ').map(|text| text.parse().unwrap()).collect();
        assert_eq!(workers.len(), WORKERS);
        let _forked = match ends {
            true => group,
            false => group.kill_and_keep_its_pipes(),
        };
        wait_for_their_end(&workers);
        wait_for_no_segment();
    }
}

fn a_forked_child_that_lives_keeps_no_worker_of_its_killed_parent() {
    keeps_no_worker(false);
}

fn a_forked_child_that_lives_keeps_no_worker_of_its_ended_parent() {
    keeps_no_worker(true);
}

/// One thread starts workers and lets them go, while another forks children that stay.
fn a_child_that_is_forked_while_workers_start_keeps_none() {
    let before = pipes();
    thread::scope(|scope| {
        let starting = scope.spawn(|| {
            for _ in 0..10 {
                let workers = start();
                let processes = processes(&workers);
                drop(workers);
                assert!(processes.iter().all(|&process| !lives(process)));
            }
        });
        let mut children = Vec::new();
        while !starting.is_finished() && children.len() < 200 {
            children.push(match fork_here() {
                Some(child) => child,
                None => end(i32::from(pipes() != before)),
            });
        }
        for child in children {
            assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
        }
        starting.join().unwrap();
    });
}

/// Has workers number a few things.
pub fn number_some(workers: &Workers) {
    let numbers = workers.map(&SELF, 0..10).unwrap();
    assert!(
        numbers
            .into_iter()
            .eq((0..10).map(|number| (number, process::id())))
    );
}
