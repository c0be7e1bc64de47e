//! Forked children of one process do not draw the same random numbers: each has nonces, hidden files and places of its
//! own.

use std::collections::HashSet;
use std::env;
use std::fs::{self, File};
use std::io::{Read, Write, pipe};
use std::path::{Path, PathBuf};

use millpond::board::BoardReader;
use millpond::pool::Remover;
use millpond::readonly::{LookupBuilder, Place, PublishOptions};
use millpond::{Board, BoardOptions, Lookup, Pool, PoolOptions, Sampler};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use rand::RngExt;

use crate::fork::fork_and;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "forked_siblings",
    trials: named![
        siblings_publish_one_table_as_often_as_they_like,
        siblings_sort_in_one_directory,
        siblings_order_the_same_pairs_differently,
        what_siblings_create_can_be_told_apart,
        the_300th_forked_reader_reads_as_the_first_does,
        siblings_choose_records_to_remove_differently,
    ],
    ..Part::EMPTY
};

/// Irregular numbers, for keys and values.
fn scramble(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// Has this process draw random numbers, as one does that was at work before it forks.
fn draw() {
    let drawn: u64 = rand::rng().random();
    let table = [(drawn, 0)];
    drop(Lookup::<u64, u64>::publish("siblings/before", table).unwrap());
}

fn wait_for(children: &[Pid]) {
    for &child in children {
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
    }
}

fn siblings_publish_one_table_as_often_as_they_like() {
    const SIBLINGS: u64 = 4;
    const TIMES: u64 = 60;
    draw();
    let publish = |sibling| {
        fork_and(move || {
            for time in 0..TIMES {
                let pairs = (0..500).map(|key| (scramble(key), scramble(sibling ^ time << 8)));
                Lookup::<u64, u64>::publish("siblings/table", pairs).unwrap();
            }
        })
    };
    let children: Vec<_> = (0..SIBLINGS).map(publish).collect();
    wait_for(&children);
    let table = Lookup::<u64, u64>::open("siblings/table").unwrap();
    assert_eq!(table.version(), SIBLINGS * TIMES);
    assert_eq!(table.len(), 500);
}

/// All pairs go through temporary files, which have hidden names for a moment.
fn siblings_sort_in_one_directory() {
    draw();
    let options = PublishOptions::new().memory(64 << 10);
    let publish = |sibling: u64| {
        let options = &options;
        fork_and(move || {
            for time in 0..10 {
                let pairs = (0..20_000).map(|key| (scramble(key), scramble(key ^ sibling)));
                let place = Place::Name(format!("siblings/sorted/{sibling}/{time}"));
                Lookup::<u64, u64>::publish_with(place, options, pairs).unwrap();
            }
        })
    };
    let children: Vec<_> = (0..4).map(publish).collect();
    wait_for(&children);
    for (sibling, time) in (0..4).flat_map(|sibling| (0..10).map(move |time| (sibling, time))) {
        let name = format!("siblings/sorted/{sibling}/{time}");
        let table = Lookup::<u64, u64>::open(&name).unwrap();
        for key in 0..20_000 {
            assert_eq!(table.get(&scramble(key)), Some(&scramble(key ^ sibling)));
        }
    }
}

/// What keys are hashed with is drawn anew for each table: one that knows a table's does not know another's.
fn siblings_order_the_same_pairs_differently() {
    const KEYS: u64 = 1_000;
    draw();
    let options = PublishOptions::new();
    let name = |sibling: u64| format!("siblings/ordered/{sibling}");
    let publish = |sibling| {
        let options = &options;
        fork_and(move || {
            let mut builder = LookupBuilder::<u64, u64>::new(options);
            let pairs = (0..KEYS).map(|key| (scramble(key), key));
            builder.extend(pairs).unwrap();
            builder.publish(Place::Name(name(sibling))).unwrap();
        })
    };
    wait_for(&[publish(0), publish(1)]);
    let order = |sibling| {
        let table = Lookup::<u64, u64>::open(name(sibling)).unwrap();
        table.iter().map(|(_, &number)| number).collect::<Vec<_>>()
    };
    let (mut one, mut other) = (order(0), order(1));
    assert!(one != other, "both hashed with the same number");
    one.sort_unstable();
    other.sort_unstable();
    assert!(one == other && one.into_iter().eq(0..KEYS));
}

/// Where this trial may put files.
fn place() -> PathBuf {
    let root = env::var_os("MILLPOND_DIR").expect("a directory for segments");
    Path::new(&root).parent().expect("the trial's own").into()
}

/// The nonces of all segments and volumes below a directory: the number in bytes 32 to 40 of each.
fn nonces(directory: &Path, into: &mut Vec<u64>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            nonces(&path, into);
            continue;
        }
        let mut start = [0; 40];
        let read = File::open(&path).and_then(|mut file| file.read_exact(&mut start));
        if read.is_ok() && start.starts_with(b"MILLPOND") {
            into.push(u64::from_le_bytes(start[32..].try_into().unwrap()));
        }
    }
}

fn what_siblings_create_can_be_told_apart() {
    const SIBLINGS: usize = 4;
    const SEGMENTS: usize = 10;
    draw();
    let place = place();
    let create = |sibling: usize| {
        let place = &place;
        fork_and(move || {
            for number in 0..SEGMENTS {
                let name = format!("siblings/{sibling}/{number}");
                Pool::<u64>::create(&name, PoolOptions::new(10)).unwrap();
                let path = place.join(format!("{sibling}-{number}"));
                Lookup::<u64, u64>::publish(Place::File(path), [(1, 2)]).unwrap();
            }
        })
    };
    let children: Vec<_> = (0..SIBLINGS).map(create).collect();
    wait_for(&children);
    let mut all = Vec::new();
    nonces(&place, &mut all);
    // And the segment of the table that was there before, and its one version.
    assert_eq!(all.len(), SIBLINGS * SEGMENTS * 2 + 2);
    let different: HashSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "two have one nonce");
}

fn the_300th_forked_reader_reads_as_the_first_does() {
    const READERS: usize = 300;
    let board = Board::<u64>::create("siblings/board", BoardOptions::new(1)).unwrap();
    board.publish(&[7]).unwrap();
    // So that this process, too, has a place.
    let _own = BoardReader::<u64>::open("siblings/board").unwrap();
    let (mut said, say) = pipe().unwrap();
    let (until, end) = pipe().unwrap();
    let mut end = Some(end);
    let mut children = Vec::new();
    for number in 1..=READERS {
        children.push(fork_and(|| {
            drop(end.take());
            let mut value = [0];
            let reader = BoardReader::<u64>::open("siblings/board");
            let read = reader.and_then(|reader| Ok((reader.fetch(&mut value)?, reader)));
            (&say).write_all(&[value[0] as u8]).unwrap();
            let _reader = read.unwrap().1;
            // Stays until all are there.
            assert_eq!((&until).read(&mut [0]).unwrap(), 0);
        }));
        let mut byte = [0];
        said.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [7], "reader {number}");
    }
    drop(end.take());
    wait_for(&children);
}

fn siblings_choose_records_to_remove_differently() {
    const CAPACITY: usize = 256;
    let create = |name: &str| {
        let options = PoolOptions::new(CAPACITY).remover(Remover::Uniform);
        Pool::<u64>::create(name, options).unwrap()
    };
    let fill = |pool: &Pool<u64>| {
        for number in 0..3 * CAPACITY as u64 {
            pool.insert(&number).unwrap();
        }
    };
    fill(&create("siblings/chooser")); // as one does that was at work before it forks
    let child = |number| fork_and(move || fill(&create(&format!("siblings/chooser-{number}"))));
    wait_for(&[child(0), child(1)]);
    let remain = |number| {
        let pool = Pool::<u64>::open(&format!("siblings/chooser-{number}")).unwrap();
        let batch = pool.sample_by(Sampler::oldest(), CAPACITY, &mut rand::rng());
        batch.unwrap().records().copied().collect::<Vec<u64>>()
    };
    let (one, other) = (remain(0), remain(1));
    assert_eq!((one.len(), other.len()), (CAPACITY, CAPACITY));
    assert_ne!(one, other, "both chose the same records");
}
