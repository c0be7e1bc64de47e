//! Time limits, and workers that do not get as far as their first task.

use std::env;
use std::process::{Command, abort};
use std::time::Duration;

use millpond::error::TaskFailure;
use millpond::workers::{AnyTask, Failure, Start, Worker};
use millpond::{Error, Task, Workers, WorkersOptions};

use super::living::{has_children, segments};
use super::{ENDS_EARLY, MAIN, OTHER_TASKS, WITHOUT_BEGIN};
use crate::child::Child;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "workers_limits",
    trials: named![
        a_task_that_spins_is_killed_and_reported_and_the_others_go_on,
        an_init_task_that_spins_makes_start_fail,
        an_init_task_that_fails_makes_start_fail_with_its_words,
        a_worker_that_dies_in_its_init_task_again_and_again_makes_start_fail,
        one_worker_that_dies_in_its_init_task_again_and_again_makes_start_fail,
        an_exit_task_that_spins_makes_finish_fail,
        an_exit_task_that_fails_makes_finish_fail_with_its_words,
        a_worker_that_dies_in_its_exit_task_is_replaced_and_makes_finish_fail,
        a_worker_that_does_not_end_makes_finish_fail,
        workers_that_end_before_they_are_there_make_start_fail,
        workers_that_know_other_tasks_make_start_fail,
        a_program_that_names_no_tasks_is_told_so,
        #[cfg(unix)]
        a_worker_that_cannot_be_started_is_named_once,
    ],
    roles: named![
        starter,
        starter_without_tasks,
        #[cfg(unix)]
        starter_without_descriptors,
    ],
    ..Part::EMPTY
};

pub const TASKS: &[&dyn AnyTask] = &[&SPIN_AT, &REFUSE, &ABORT, &ABORT_IN, &KEEP];

static SPIN_AT: Task<(), (u64, u64), u64> = Task {
    name: "spin at",
    run: spin_at,
};
static REFUSE: Task<(), String, ()> = Task {
    name: "refuse",
    run: |_, words| Err(words.into()),
};
static ABORT: Task<(), (), ()> = Task {
    name: "abort",
    run: |_, ()| abort(),
};
/// Aborts in the worker of this number.
static ABORT_IN: Task<(), usize, usize> = Task {
    name: "abort in",
    run: |worker, at| match worker.id() {
        id if id == at => abort(),
        id => Ok(id),
    },
};
static KEEP: Task<(), (), ()> = Task {
    name: "keep",
    run: |worker, ()| {
        worker.state::<Endless>();
        Ok(())
    },
};

/// What cannot be dropped.
#[derive(Default)]
struct Endless;

impl Drop for Endless {
    fn drop(&mut self) {
        spin();
    }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn spin_at(_: &mut Worker<'_, ()>, (number, at): (u64, u64)) -> Result<u64, Failure> {
    match number == at {
        true => spin(),
        false => Ok(number),
    }
}

/// Long for a task of these, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(1);

/// What starting fails with; nothing is left of it.
#[track_caller]
fn refused(options: WorkersOptions) -> String {
    let error = Workers::start(options).unwrap_err();
    assert!(matches!(error, Error::WorkerFailed { .. }), "{error}");
    assert_nothing_is_left();
    error.to_string()
}

#[track_caller]
fn assert_nothing_is_left() {
    assert_eq!(segments(), [""; 0]);
    assert!(!has_children());
}

fn a_task_that_spins_is_killed_and_reported_and_the_others_go_on() {
    let workers = Workers::start(WorkersOptions::new(2)).unwrap();
    for chunk in [1, 10] {
        let call = workers.call(&SPIN_AT).chunk_len(chunk).limit(LIMIT);
        let results = call.imap((0..50).map(|number| (number, 25))).unwrap();
        let mut late = 0;
        for (number, result) in (0..).zip(results) {
            match result {
                Ok(output) => assert_eq!(output, number),
                Err(Error::TaskFailed {
                    index: 25,
                    input,
                    failure: TaskFailure::TimedOut(limit),
                    ..
                }) => {
                    assert_eq!((input.as_str(), limit), ("(25, 25)", LIMIT));
                    late += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(late, 1);
    }
    let starts: u64 = workers
        .insights()
        .workers
        .iter()
        .map(|worker| worker.starts)
        .sum();
    assert_eq!(
        starts, 4,
        "two workers, and two in the place of those that were killed"
    );
}

fn an_init_task_that_spins_makes_start_fail() {
    let options = WorkersOptions::new(2).init_limit(LIMIT);
    let error = refused(options.init(&SPIN_AT, &(1, 1)).unwrap());
    assert!(
        error.contains("its init task took longer than 1s"),
        "{error}"
    );
    // In time all is well.
    let options = WorkersOptions::new(2).init_limit(Duration::from_secs(60));
    let workers = Workers::start(options.init(&SPIN_AT, &(1, 0)).unwrap()).unwrap();
    assert_eq!(workers.initialised(&SPIN_AT).unwrap().len(), 2);
}

fn an_init_task_that_fails_makes_start_fail_with_its_words() {
    let options = WorkersOptions::new(2)
        .init(&REFUSE, &"not today".into())
        .unwrap();
    let error = refused(options);
    assert!(
        error.contains("its init task") && error.contains("not today"),
        "{error}"
    );
}

fn a_worker_that_dies_in_its_init_task_again_and_again_makes_start_fail() {
    let error = refused(WorkersOptions::new(1).init(&ABORT, &()).unwrap());
    assert!(error.contains("ended"), "{error}");
}

fn one_worker_that_dies_in_its_init_task_again_and_again_makes_start_fail() {
    for at in [1, 0] {
        let error = refused(WorkersOptions::new(2).init(&ABORT_IN, &at).unwrap());
        assert!(error.contains("ended"), "{error}");
    }
}

/// What finishing fails with; nothing is left of it.
#[track_caller]
fn not_finished(options: WorkersOptions, work: impl FnOnce(&Workers)) -> String {
    let workers = Workers::start(options).unwrap();
    work(&workers);
    let error = workers.finish().unwrap_err();
    assert!(matches!(error, Error::WorkerFailed { .. }), "{error}");
    assert_nothing_is_left();
    error.to_string()
}

fn an_exit_task_that_spins_makes_finish_fail() {
    let options = WorkersOptions::new(2).exit_limit(LIMIT);
    let error = not_finished(options.exit(&SPIN_AT, &(1, 1)).unwrap(), |_| {});
    assert!(error.contains("exit"), "{error}");
}

fn an_exit_task_that_fails_makes_finish_fail_with_its_words() {
    let options = WorkersOptions::new(2)
        .exit(&REFUSE, &"not yet".into())
        .unwrap();
    let error = not_finished(options, |_| {});
    assert!(error.contains("not yet"), "{error}");
}

fn a_worker_that_dies_in_its_exit_task_is_replaced_and_makes_finish_fail() {
    let options = WorkersOptions::new(2).lifespan(10).exit(&ABORT, &());
    let error = not_finished(options.unwrap(), |workers| {
        let call = || workers.call(&SPIN_AT).chunk_len(5);
        for _ in 0..2 {
            let outputs = call().map((0..100).map(|number| (number, 100)));
            assert!(outputs.unwrap().into_iter().eq(0..100));
        }
        let insights = workers.insights();
        let starts: u64 = insights.workers.iter().map(|worker| worker.starts).sum();
        assert!(starts >= 20, "{starts}");
    });
    assert!(error.contains("exit"), "{error}");
}

fn a_worker_that_does_not_end_makes_finish_fail() {
    let error = not_finished(WorkersOptions::new(1).exit_limit(LIMIT), |workers| {
        workers.apply(&KEEP, ()).unwrap();
    });
    assert!(error.contains("1s"), "{error}");
}

/// Starts this program, whose `main` is wrong, in a role.
fn with_wrong_main(wrong: &str, role: &str) -> Vec<String> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(MAIN, wrong);
    Child::start_by(command, role, &[]).ended()
}

/// Says what workers cannot be started for.
fn starter() {
    println!("{}", refused(WorkersOptions::new(2)));
}

fn workers_that_end_before_they_are_there_make_start_fail() {
    let said = with_wrong_main(ENDS_EARLY, "workers_limits::starter");
    assert!(said.len() == 1 && said[0].contains('7'), "{said:?}");
}

fn workers_that_know_other_tasks_make_start_fail() {
    let said = with_wrong_main(OTHER_TASKS, "workers_limits::starter");
    assert!(said.len() == 1 && said[0].contains('2'), "{said:?}");
}

fn starter_without_tasks() {
    let error = Workers::start(WorkersOptions::new(1)).unwrap_err();
    assert!(matches!(error, Error::NoWorkers), "{error}");
    // What the error advises is possible.
    assert!(error.to_string().contains("`Start::Threads`"), "{error}");
    for start in [Start::Threads, Start::Inline] {
        let options = WorkersOptions::new(2).start(start);
        let options = options.init(&SPIN_AT, &(7, 2000)).unwrap();
        let workers = Workers::start(options).unwrap();
        let inputs = (0..1000).map(|number| (number, 2000));
        let outputs = workers.map(&SPIN_AT, inputs).unwrap();
        assert_eq!(outputs, Vec::from_iter(0..1000));
        assert!(workers.map(&REFUSE, ["why".to_string()]).is_err());
    }
}

/// Starts workers, which it cannot for want of descriptors, until there are enough.
#[cfg(unix)]
fn starter_without_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let mut ballast = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        ballast.push(file);
    }
    let workers = loop {
        match Workers::start(WorkersOptions::new(2)) {
            Ok(workers) => break workers,
            Err(Error::WorkerFailed { worker, reason }) => println!("{worker}: {reason}"),
            Err(_) => {}
        }
        ballast.pop().expect("success with all descriptors");
    };
    workers.finish().unwrap();
}

#[cfg(unix)]
fn a_worker_that_cannot_be_started_is_named_once() {
    let said = Child::start("workers_limits::starter_without_descriptors", &[]).ended();
    assert!(
        !said.is_empty(),
        "each start was refused before it came to a worker"
    );
    for reason in said {
        assert!(reason.contains("cannot start"), "{reason}");
        assert!(reason.contains("RLIMIT_NOFILE"), "{reason}");
        for wrong in ["of its group failed", "Workers::begin"] {
            assert!(!reason.contains(wrong), "{reason}");
        }
    }
}

fn a_program_that_names_no_tasks_is_told_so() {
    with_wrong_main(WITHOUT_BEGIN, "workers_limits::starter_without_tasks");
}
