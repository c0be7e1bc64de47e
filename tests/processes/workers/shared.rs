//! What workers share and what is their own; how long they stay; and what travels to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::process;

use millpond::error::TaskFailure;
use millpond::workers::{AnyTask, Failure, InPlace, LineRanges, Worker};
use millpond::{
    ArrayDict, ArrayOptions, AtomicArray, Board, BoardOptions, DictOptions, Error, Lookup, Open,
    Task, Workers, WorkersOptions,
};

use super::living::lives;
use crate::experience::{Experience, UNKNOWN};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "workers_shared",
    trials: named![
        structures_are_shared_and_replaced_while_workers_stay,
        objects_that_cannot_be_opened_fail_the_tasks_that_want_them_alone,
        a_lifespan_gives_fresh_processes_and_each_begins_and_exits,
        a_state_stays_as_long_as_its_process,
        records_and_texts_are_read_where_they_lie,
        a_file_is_read_by_workers_in_ranges_of_lines,
        #[cfg(target_os = "linux")]
        a_pinned_worker_runs_on_one_processor,
    ],
    ..Part::EMPTY
};

pub const TASKS: &[&dyn AnyTask] = &[
    &USE,
    &WHO,
    &COUNT,
    &SUM,
    &KEY,
    &LENGTHS,
    &PROCESSORS,
    &ABORTED,
    &PANICKED,
];

/// All of one name.
#[derive(Open)]
struct Things {
    sums: AtomicArray<u64>,
    words: ArrayDict<u64, u64>,
    table: Lookup<u64, u64>,
    factor: Board<u64>,
}

impl Things {
    fn create(name: &str, factor: u64) -> Self {
        let inside = |thing| format!("{name}/{thing}");
        let words = ArrayDict::create(&inside("words"), DictOptions::new(1000)).unwrap();
        let board = Board::create(&inside("factor"), BoardOptions::new(1)).unwrap();
        board.publish(&[factor]).unwrap();
        Self {
            sums: AtomicArray::create(&inside("sums"), ArrayOptions::new(100)).unwrap(),
            words,
            table: Lookup::publish(inside("table"), (0..100).map(|key| (key, key + factor)))
                .unwrap(),
            factor: board,
        }
    }
}

/// What ends the process that opens it, and what panics.
struct Aborting;
struct Panicking;

impl Open for Aborting {
    fn open_by_name(_: &str) -> millpond::Result<Self> {
        process::abort()
    }
}

impl Open for Panicking {
    fn open_by_name(name: &str) -> millpond::Result<Self> {
        panic!("`{name}` is not opened")
    }
}

static ABORTED: Task<Aborting, u64, ()> = Task {
    name: "aborted",
    run: |_, _| Ok(()),
};
static PANICKED: Task<Panicking, u64, ()> = Task {
    name: "panicked",
    run: |_, _| Ok(()),
};
static USE: Task<Things, u64, u32> = Task {
    name: "use",
    run: use_things,
};
static WHO: Task<(), u64, (usize, u32)> = Task {
    name: "who",
    run: |worker, _| Ok((worker.id(), process::id())),
};
static COUNT: Task<(), (), (u32, u64)> = Task {
    name: "count in a process",
    run: count,
};
static SUM: Task<(), InPlace<[f64]>, f64> = Task {
    name: "sum of numbers",
    run: |_, numbers| Ok(numbers.iter().sum()),
};
static KEY: Task<(), InPlace<Experience>, InPlace<Experience>> = Task {
    name: "next",
    run: |_, record| {
        Ok(Experience::new(
            record.key,
            record.writer,
            record.sequence + 1,
        ))
    },
};
static LENGTHS: Task<(), (PathBuf, Range<u64>), (u64, u64)> = Task {
    name: "lengths",
    run: lengths,
};
static PROCESSORS: Task<(), u64, String> = Task {
    name: "processors",
    run: processors,
};

/// Reads two structures, and writes two.
fn use_things(worker: &mut Worker<'_, Things>, input: u64) -> Result<u32, Failure> {
    let things = worker.shared();
    let mut factor = [0];
    things.factor.fetch(&mut factor)?;
    let found = things.table.get(&(input % 100)).ok_or("no such key")?;
    things.sums[(input % 100) as usize].fetch_add(found * factor[0]);
    things.words.insert(input, &(input * factor[0]))?;
    Ok(process::id())
}

fn count(worker: &mut Worker<'_, ()>, (): ()) -> Result<(u32, u64), Failure> {
    *worker.state::<u64>() += 1;
    Ok((process::id(), *worker.state::<u64>()))
}

/// How many lines and bytes.
fn lengths(
    worker: &mut Worker<'_, ()>,
    (path, range): (PathBuf, Range<u64>),
) -> Result<(u64, u64), Failure> {
    let text = worker.state::<String>();
    LineRanges::read(path, &range, text)?;
    let lines = text
        .lines()
        .inspect(|line| assert!(line.starts_with("line ")));
    Ok((lines.count() as u64, text.len() as u64))
}

/// Those that this process may run on.
fn processors(_: &mut Worker<'_, ()>, _: u64) -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    Ok(line.ok_or("no such line")?.trim().into())
}

fn structures_are_shared_and_replaced_while_workers_stay() {
    let all = [("first", 3), ("second", 5)]
        .map(|(name, factor)| (name, factor, Things::create(name, factor)));
    let options = WorkersOptions::new(2).init(&WHO, &0).unwrap();
    let workers = Workers::start(options).unwrap();
    let started: BTreeSet<u32> = workers
        .initialised(&WHO)
        .unwrap()
        .into_iter()
        .map(|(worker, (id, process))| {
            assert_eq!(worker, id);
            process
        })
        .collect();
    assert_eq!(started.len(), 2);
    for (name, factor, things) in &all {
        workers.share(name).unwrap();
        let processes = workers.map(&USE, 0..1000).unwrap();
        assert!(processes.iter().all(|process| started.contains(process)));
        for input in 0..100 {
            let sum = things.sums[input as usize].load();
            assert_eq!(sum, 10 * (input + factor) * factor);
        }
        assert_eq!(things.words.len(), 1000);
        for input in 0..1000 {
            assert_eq!(things.words.get(&input).unwrap(), Some(input * factor));
        }
        // What changes is seen by workers that have it open.
        things.factor.publish(&[0]).unwrap();
        workers.map(&USE, [7; 100]).unwrap();
        assert_eq!(things.words.get(&7).unwrap(), Some(0));
    }
    workers.share("third").unwrap();
    let error = workers.apply(&USE, 1).unwrap_err().to_string();
    assert!(error.contains("third"), "{error}");
    workers.share("first").unwrap();
    assert!(started.contains(&workers.apply(&USE, 1).unwrap()));
}

fn objects_that_cannot_be_opened_fail_the_tasks_that_want_them_alone() {
    let _things = Things::create("things", 3);
    let options = || WorkersOptions::new(2).shared("things");
    let workers = Workers::start(options()).unwrap();
    let mut others = workers.imap(&USE, 0..1000).unwrap();
    assert!(others.by_ref().take(10).all(|result| result.is_ok()));
    for result in workers.imap(&PANICKED, 0..10).unwrap() {
        match result {
            Err(Error::TaskFailed {
                failure: TaskFailure::Panic(words),
                ..
            }) => assert!(words.starts_with("`things` is not opened"), "{words}"),
            other => panic!("{other:?}"),
        }
    }
    let starts = || -> u64 {
        let insights = workers.insights();
        insights.workers.iter().map(|worker| worker.starts).sum()
    };
    assert_eq!(starts(), 2);
    for times in 1..3 {
        match workers.apply(&ABORTED, 1) {
            Err(Error::TaskFailed {
                failure: TaskFailure::WorkerDied(_),
                ..
            }) => assert_eq!(starts(), 2 + 3 * times, "it was retried twice"),
            other => panic!("{other:?}"),
        }
    }
    assert!(others.all(|result| result.is_ok()));
    assert_eq!(workers.map(&USE, 0..100).unwrap().len(), 100);
    drop(others);
    drop(workers);
    for (options, word) in [
        (options().init(&ABORTED, &1).unwrap(), "ended"),
        (options().init(&PANICKED, &1).unwrap(), "is not opened"),
    ] {
        let error = Workers::start(options).unwrap_err();
        assert!(matches!(error, Error::WorkerFailed { .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

fn a_lifespan_gives_fresh_processes_and_each_begins_and_exits() {
    const LIFESPAN: u64 = 10;
    let options = WorkersOptions::new(2).lifespan(LIFESPAN);
    let options = options.init(&WHO, &0).unwrap().exit(&WHO, &0).unwrap();
    let workers = Workers::start(options).unwrap();
    let who = workers.call(&WHO).chunk_len(5).map(0..200).unwrap();
    let mut tasks = BTreeMap::new();
    who.iter()
        .for_each(|who| *tasks.entry(*who).or_insert(0) += 1);
    assert!(tasks.values().all(|&tasks| tasks <= LIFESPAN), "{tasks:?}");
    assert!(tasks.len() >= 20);
    let initialised = workers.initialised(&WHO).unwrap();
    let finished = workers.finish().unwrap();
    let exited = finished.exited(&WHO).unwrap();
    let sorted = |results: Vec<(usize, (usize, u32))>| {
        assert!(results.iter().all(|(worker, (id, _))| worker == id));
        let processes: BTreeSet<_> = results.iter().map(|&(_, who)| who).collect();
        assert_eq!(processes.len(), results.len(), "each once");
        processes
    };
    let (initialised, exited) = (sorted(initialised), sorted(exited));
    assert!(tasks.keys().all(|who| exited.contains(who)));
    assert!(initialised.is_subset(&exited));
    assert!(exited.iter().all(|&(_, process)| !lives(process)));
    let starts: u64 = finished
        .insights()
        .workers
        .iter()
        .map(|worker| worker.starts)
        .sum();
    assert_eq!(starts, exited.len() as u64);
}

fn a_state_stays_as_long_as_its_process() {
    let workers = Workers::start(WorkersOptions::new(2)).unwrap();
    let mut last = BTreeMap::new();
    for _ in 0..3 {
        for (process, count) in workers.map(&COUNT, [(); 500]).unwrap() {
            let before = last.entry(process).or_insert(0u64);
            *before = count.max(*before);
        }
    }
    assert!(last.len() <= 2);
    assert_eq!(last.values().sum::<u64>(), 1500);
}

fn records_and_texts_are_read_where_they_lie() {
    let workers = Workers::start(WorkersOptions::new(2)).unwrap();
    let sums = workers
        .map(&SUM, (0..2000).map(|length| vec![0.5; length]))
        .unwrap();
    assert!(
        sums.iter()
            .enumerate()
            .all(|(length, &sum)| sum == 0.5 * length as f64)
    );
    let record = |sequence| Experience::new(UNKNOWN, 1, sequence);
    let next = workers.map(&KEY, (0..2000).map(record)).unwrap();
    assert!(next.into_iter().eq((1..2001).map(record)));
}

fn a_file_is_read_by_workers_in_ranges_of_lines() {
    let path = PathBuf::from(std::env::var_os("MILLPOND_DIR").unwrap()).with_extension("txt");
    let line = |number: u64| format!("line {}\n", "straße ".repeat((number % 37) as usize));
    let text: String = (0..20_000).map(line).collect();
    std::fs::write(&path, format!("heading\n{text}")).unwrap();
    let workers = Workers::start(WorkersOptions::new(2)).unwrap();
    for about in [1, 1000, 100_000, 1 << 30] {
        let ranges = LineRanges::open(&path, about)
            .unwrap()
            .skip_heading()
            .unwrap();
        let inputs = ranges.map(|range| Ok((path.clone(), range?)));
        let lengths = workers.call(&LENGTHS).try_imap(inputs).unwrap();
        let lengths: Vec<_> = lengths.map(Result::unwrap).collect();
        let lines: u64 = lengths.iter().map(|length| length.0).sum();
        let bytes: u64 = lengths.iter().map(|length| length.1).sum();
        assert_eq!((lines, bytes), (20_000, text.len() as u64), "{about}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[cfg(target_os = "linux")]
fn a_pinned_worker_runs_on_one_processor() {
    let usable = std::thread::available_parallelism().unwrap().get();
    let options = |pin| {
        WorkersOptions::new(2)
            .pin(pin)
            .init(&PROCESSORS, &0)
            .unwrap()
    };
    let pinned = Workers::start(options(true))
        .unwrap()
        .initialised(&PROCESSORS)
        .unwrap();
    assert!(
        pinned.iter().all(|(_, list)| list.parse::<usize>().is_ok()),
        "{pinned:?}"
    );
    assert!(usable == 1 || pinned[0].1 != pinned[1].1, "{pinned:?}");
    let free = Workers::start(options(false))
        .unwrap()
        .initialised(&PROCESSORS)
        .unwrap();
    let own = processors_of_this_process();
    assert!(free.iter().all(|(_, list)| *list == own), "{free:?}, {own}");
}

#[cfg(target_os = "linux")]
fn processors_of_this_process() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.unwrap().trim().into()
}
