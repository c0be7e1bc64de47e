//! What a forked child has open of its parent's: nothing that carries a lock, keeps space that has no name, or keeps a
//! pipe from ending.

// What a process has open is looked up in /proc.
#![cfg_attr(not(target_os = "linux"), allow(unused_imports, dead_code))]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use millpond::board::BoardReader;
use millpond::readonly::{LookupBuilder, Place, PublishOptions};
use millpond::workers::{Csv, CsvRange, CsvRecord, LineRanges};
use millpond::{
    ArrayDict, ArrayOptions, Board, BoardOptions, ChunkedArray, DictOptions, Lookup, Pool,
    PoolOptions, SharedArray, Trie,
};

use nix::sys::wait::{WaitStatus, waitpid};

use crate::child::Child;
use crate::fork::in_a_forked_child;
use crate::forking::{end, fork_here, fork_once, is_refused, with_a_child};
use crate::orders::argument;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "forked_descriptors",
    trials: named![
        #[cfg(target_os = "linux")]
        a_forked_child_has_nothing_open_of_what_its_parent_has,
        #[cfg(target_os = "linux")]
        a_forked_child_has_nothing_open_of_what_its_parent_writes,
        #[cfg(feature = "workers")]
        ranges_of_lines_go_on_in_parent_and_children,
        #[cfg(feature = "workers")]
        ranges_and_records_of_tables_go_on_in_parent_and_children,
        a_killed_saver_saves_no_more_although_its_forked_child_lives,
        a_killed_publisher_publishes_no_more_although_its_forked_child_lives,
    ],
    roles: named![saver, publisher],
    ..Part::EMPTY
};

const CAPACITY: usize = 50_000;

/// Where this trial may put files.
fn place() -> PathBuf {
    let root = env::var_os("MILLPOND_DIR").expect("a directory for segments");
    Path::new(&root).parent().expect("the trial's own").into()
}

/// What this process has open, by the numbers.
#[cfg(target_os = "linux")]
fn open_now() -> BTreeMap<u32, String> {
    let numbers = fs::read_dir("/proc/self/fd").unwrap();
    let numbers = numbers.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let open = numbers.filter_map(|number| {
        let path = fs::read_link(format!("/proc/self/fd/{number}")).ok()?; // the directory itself
        Some((number.parse().unwrap(), path.display().to_string()))
    });
    open.filter(|(_, path)| !path.starts_with("/proc/"))
        .collect()
}

fn fill(pool: &Pool<u64>) {
    for number in 0..CAPACITY as u64 {
        pool.insert(&number).unwrap();
    }
}

#[cfg(target_os = "linux")]
fn a_forked_child_has_nothing_open_of_what_its_parent_has() {
    let before = open_now();
    let pool = Pool::<u64>::create("open/pool", PoolOptions::new(100)).unwrap();
    let board = Board::<u64>::create("open/board", BoardOptions::new(1)).unwrap();
    let reader = BoardReader::<u64>::open("open/board").unwrap();
    let array = SharedArray::<u64>::create("open/array", ArrayOptions::new(10)).unwrap();
    let chunked = ChunkedArray::<u64>::create("open/chunked", ArrayOptions::new(10)).unwrap();
    let dict = ArrayDict::<u64, u64>::create("open/dict", DictOptions::new(100)).unwrap();
    let nameless = ArrayDict::<u64, u64>::anonymous(DictOptions::new(100)).unwrap();
    let table = Lookup::<u64, u64>::publish("open/table", [(1, 2)]).unwrap();
    let memory = Lookup::<u64, u64>::build([(1, 2)]).unwrap();
    let path = place().join("table");
    let file = Lookup::<u64, u64>::publish(Place::File(path.clone()), [(1, 2)]).unwrap();
    let mut builder = LookupBuilder::<u64, u64>::new(&PublishOptions::new().memory(64 << 10));
    builder.extend((0..20_000).map(|key| (key, key))).unwrap();
    let here = open_now();
    assert!(here.len() > before.len() + 8, "{here:?}");
    in_a_forked_child(|| {
        let mut left = open_now();
        left.retain(|number, _| !before.contains_key(number));
        // A plain file without a lock, by which `refresh` tells it from a newer one.
        left.retain(|_, open| Path::new(open) != path);
        assert!(left.is_empty(), "open in the child: {left:?}");
        // What is mapped can be read.
        assert_eq!(
            (table.get(&1), memory.get(&1), file.get(&1)),
            (Some(&2), Some(&2), Some(&2))
        );
    });
    drop((
        pool, board, reader, array, chunked, dict, nameless, table, memory, file, builder,
    ));
    assert_eq!(open_now(), before, "all is closed here");
}

#[cfg(target_os = "linux")]
fn a_forked_child_has_nothing_open_of_what_its_parent_writes() {
    const KEYS: u64 = 20_000;
    let before = open_now();
    let left_open = || {
        let mut left = open_now();
        left.retain(|number, _| !before.contains_key(number));
        left
    };
    let fork = |number: u64| {
        if number == KEYS - 1 && fork_once() {
            let left = left_open();
            assert!(left.is_empty(), "open in the child: {left:?}");
        }
        (number.to_be_bytes(), number)
    };
    let options = PublishOptions::new().memory(64 << 10);
    for place in [
        Place::Name("open/table".into()),
        Place::File(place().join("table")),
        Place::Memory,
    ] {
        // The keys are written as they come, or go through a temporary file first.
        let sorted = || Trie::publish_with(place.clone(), &options, (0..KEYS).map(fork));
        let last_first = (KEYS / 2..KEYS).chain(0..KEYS / 2);
        let unsorted =
            || Trie::publish_unsorted(place.clone(), &options, last_first.clone().map(fork));
        let ways: [&dyn Fn() -> millpond::Result<Trie>; 2] = [&sorted, &unsorted];
        for way in ways {
            let trie = with_a_child(way, is_refused).unwrap();
            assert_eq!(trie.len() as u64, KEYS);
            assert!((0..KEYS).all(|number| trie.get(number.to_be_bytes()) == Some(number)));
        }
        assert!(left_open().is_empty(), "all is closed here");
    }
    let pool = Pool::<u64>::create("open/pool", PoolOptions::new(CAPACITY)).unwrap();
    fill(&pool);
    let before = open_now();
    let saved = with_a_child(
        || {
            pool.save_with(place().join("snapshot"), |_, _| {
                if fork_once() {
                    // Without those of the pool, too.
                    let left = open_now();
                    let more = left.keys().filter(|number| !before.contains_key(number));
                    assert_eq!(more.count(), 0, "open in the child: {left:?}");
                }
                ControlFlow::Continue(())
            })
        },
        crate::forking::is_forked,
    );
    assert_eq!(saved.unwrap().records, CAPACITY);
}

/// Parent and children go through one text from the same place on, at the same time.
#[cfg(feature = "workers")]
fn ranges_of_lines_go_on_in_parent_and_children() {
    let path = place().join("text");
    let mut text = String::new();
    for number in 0..20_000_u64 {
        let length = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57;
        text.push_str(&"x".repeat(length as usize));
        text.push('\n');
    }
    fs::write(&path, &text).unwrap();
    let expected: Vec<_> = LineRanges::open(&path, 100)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(expected.len() > 5_000);
    let mut ranges = LineRanges::open(&path, 100).unwrap();
    let first = ranges.by_ref().take(10).map(Result::unwrap);
    assert!(first.eq(expected[..10].iter().cloned()));
    go_on_in_parent_and_children(|| {
        let rest = ranges.by_ref().map(Result::unwrap);
        rest.eq(expected[10..].iter().cloned())
    });
}

/// Three children go on, and their parent beside them; in each `goes_on` says whether it got what was to come.
#[cfg(feature = "workers")]
#[track_caller]
fn go_on_in_parent_and_children(mut goes_on: impl FnMut() -> bool) {
    let children = [(); 3].map(|()| match fork_here() {
        None => {
            let went_on = catch_unwind(AssertUnwindSafe(&mut goes_on));
            end((!went_on.unwrap_or(false)).into())
        }
        Some(child) => child,
    });
    assert!(goes_on());
    for child in children {
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
    }
}

/// The same for a table, whose ranges and records are read ahead, in pieces that are much smaller than it.
#[cfg(feature = "workers")]
fn ranges_and_records_of_tables_go_on_in_parent_and_children() {
    const RECORDS: u64 = 60_000;
    let path = place().join("table");
    let mut text = String::from("number,words\n");
    for number in 0..RECORDS {
        let length = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57;
        let words = "x".repeat(length as usize);
        text.push_str(&format!("{number},\"{words},\"\"\r\n{number}\"\n"));
    }
    assert!(text.len() > 4 << 20);
    fs::write(&path, &text).unwrap();
    let rules = Csv::new();
    let ranges = || rules.ranges(&path, 1000).unwrap().skip_heading().unwrap();
    let expected: Vec<CsvRange> = ranges().map(Result::unwrap).collect();
    assert!(expected.len() > 4_000);
    let mut going = ranges();
    let first = going.by_ref().take(10).map(Result::unwrap);
    assert!(first.eq(expected[..10].iter().copied()));
    go_on_in_parent_and_children(|| {
        let rest = going.by_ref().map(Result::unwrap);
        rest.eq(expected[10..].iter().copied())
    });

    let whole = CsvRange {
        end: text.len() as u64,
        ..expected[0]
    };
    let mut records = rules.records(&path, &whole).unwrap();
    let mut record = CsvRecord::new();
    let mut reads = |number: u64| {
        let is_there = records.read(&mut record).unwrap();
        is_there && record.text(0).unwrap() == number.to_string()
    };
    assert!((0..10).all(&mut reads));
    go_on_in_parent_and_children(|| (10..RECORDS).all(&mut reads));
}

/// Waits until the standard input ends; for ever in a parent that is killed before.
fn wait() {
    let mut byte = [0];
    let _ = nix::unistd::read(std::io::stdin(), &mut byte);
}

/// Forks, and waits to be killed. The child says so, after which it has nothing of its parent's, and waits for the
/// trial's end.
fn fork_and_stay() {
    match fork_here() {
        None => {
            println!("forked");
            wait();
            end(0);
        }
        Some(_) => wait(),
    }
}

/// Forks while it saves, and waits to be killed.
fn saver() {
    let (name, path): (String, PathBuf) = (argument(0), argument(1));
    let pool = Pool::<u64>::open(&name).unwrap();
    let stay = |_, _| {
        fork_and_stay();
        ControlFlow::Continue(())
    };
    pool.save_with(path, stay).unwrap();
}

fn a_killed_saver_saves_no_more_although_its_forked_child_lives() {
    let path = place().join("snapshot");
    let pool = Pool::<u64>::create("open/saved", PoolOptions::new(CAPACITY)).unwrap();
    fill(&pool);
    let mut saver = Child::start(
        "forked_descriptors::saver",
        &[&"open/saved", &path.display()],
    );
    saver.expect("forked");
    let _forked = saver.kill_and_keep_its_pipes();
    assert_eq!(pool.save(&path).unwrap().records, CAPACITY);
    assert_eq!(pool.save(&path).unwrap().records, CAPACITY);
}

/// Forks while it publishes in a file, and waits to be killed.
fn publisher() {
    let path: PathBuf = argument(0);
    let pairs = (0..2u64).map(|key| {
        if key == 1 {
            fork_and_stay();
        }
        (key.to_be_bytes(), key)
    });
    Trie::publish(Place::File(path), pairs).unwrap();
}

fn a_killed_publisher_publishes_no_more_although_its_forked_child_lives() {
    let path = place().join("table");
    let mut publisher = Child::start("forked_descriptors::publisher", &[&path.display()]);
    publisher.expect("forked");
    let _forked = publisher.kill_and_keep_its_pipes();
    let table = Lookup::<u64, u64>::publish(Place::File(path), [(1, 2)]).unwrap();
    assert_eq!(table.get(&1), Some(&2));
}
