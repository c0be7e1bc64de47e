//! Forked children of the process of a worker group, which have its handle and not its workers; and what a task finds on the
//! standard input. Unix alone: elsewhere there are none.

use std::io;
use std::process;

use millpond::workers::AnyTask;
use millpond::{Error, Task, Workers, WorkersOptions};

use super::living::lives;
use crate::fork::{assert_forked, in_a_forked_child};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "workers_children",
    trials: named![
        a_forked_child_cannot_use_the_workers_and_harms_none_of_them,
        what_a_forked_child_has_of_a_call_stays_the_parents,
        a_task_that_reads_the_standard_input_finds_its_end,
    ],
    ..Part::EMPTY
};

pub const TASKS: &[&dyn AnyTask] = &[&SELF, &READ];

static SELF: Task<(), u64, (u64, u32)> = Task {
    name: "self",
    run: |_, number| Ok((number, process::id())),
};
/// How much of the standard input there is, which process reads it.
static READ: Task<(), (), (usize, u32)> = Task {
    name: "read",
    run: |_, ()| Ok((io::read_to_string(io::stdin())?.len(), process::id())),
};

const WORKERS: usize = 2;

fn initialised(workers: &Workers) -> Vec<u32> {
    let all = workers.initialised(&SELF).unwrap();
    all.into_iter().map(|(_, (_, process))| process).collect()
}

/// The workers are there, the same as at first, and work.
#[track_caller]
fn assert_unharmed(workers: &Workers) {
    let processes = initialised(workers);
    assert_eq!(processes.len(), WORKERS);
    assert!(processes.iter().all(|&process| lives(process)));
    for (place, (number, process)) in (0..).zip(workers.map(&SELF, 0..1000).unwrap()) {
        assert_eq!(number, place);
        assert!(processes.contains(&process));
    }
    let insights = workers.insights();
    assert!(insights.workers.iter().all(|worker| worker.starts == 1));
}

fn a_forked_child_cannot_use_the_workers_and_harms_none_of_them() {
    let options = WorkersOptions::new(WORKERS).init(&SELF, &0).unwrap();
    let mut workers = Some(Workers::start(options).unwrap());
    in_a_forked_child(|| {
        let workers = workers.as_ref().unwrap();
        assert_forked(workers.map(&SELF, 0..10));
        assert_forked(workers.imap(&SELF, 0..10));
        assert_forked(workers.imap_unordered(&SELF, 0..10));
        assert_forked(workers.apply(&SELF, 0));
        assert_forked(workers.apply_async(&SELF, 0));
        assert_forked(workers.share("another"));
    });
    assert_unharmed(workers.as_ref().unwrap());
    in_a_forked_child(|| drop(workers.take()));
    assert_unharmed(workers.as_ref().unwrap());
    in_a_forked_child(|| assert_forked(workers.take().unwrap().finish()));
    assert_unharmed(workers.as_ref().unwrap());
    // What it starts itself is its own.
    in_a_forked_child(|| {
        let own = Workers::start(WorkersOptions::new(1)).unwrap();
        assert_eq!(own.apply(&SELF, 7).unwrap().0, 7);
        own.finish().unwrap();
    });
    assert_unharmed(workers.as_ref().unwrap());
    workers.take().unwrap().finish().unwrap();
}

fn what_a_forked_child_has_of_a_call_stays_the_parents() {
    let options = WorkersOptions::new(WORKERS).init(&SELF, &0).unwrap();
    let workers = Workers::start(options).unwrap();
    let call = workers.call(&SELF).chunk_len(10).in_flight(400);
    let mut results = Some(call.imap(0..10_000).unwrap());
    let mut numbers: Vec<u64> = Vec::new();
    let mut take = |results: &mut dyn Iterator<Item = Result<(u64, u32), Error>>| {
        numbers.extend(results.map(|result| result.unwrap().0));
    };
    take(&mut results.as_mut().unwrap().take(100));
    let mut pending = Some(workers.apply_async(&SELF, 5).unwrap());
    in_a_forked_child(|| {
        // Those that had come are there; then comes the error, and nothing more.
        let last = results.as_mut().unwrap().last();
        assert_forked(last.unwrap());
        assert_forked(pending.take().unwrap().wait());
    });
    take(&mut results.as_mut().unwrap().take(100));
    in_a_forked_child(|| {
        drop(results.take());
        drop(pending.take());
    });
    take(&mut results.take().unwrap());
    assert!(numbers.into_iter().eq(0..10_000));
    assert_eq!(pending.unwrap().wait().unwrap().0, 5);
    assert_unharmed(&workers);
}

fn a_task_that_reads_the_standard_input_finds_its_end() {
    let options = WorkersOptions::new(WORKERS).init(&SELF, &0).unwrap();
    let workers = Workers::start(options).unwrap();
    let processes = initialised(&workers);
    for (length, process) in workers.map(&READ, [(); 100]).unwrap() {
        assert_eq!(length, 0);
        assert!(processes.contains(&process));
    }
    assert_unharmed(&workers);
    workers.finish().unwrap();
}
