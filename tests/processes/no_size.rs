//! File systems that do not say how large they are: ramfs, and a tmpfs that was mounted with `size=0`. What is
//! unknown is not zero.
//!
//! Each trial mounts one in a mount namespace of its own, which a ramfs wants to be root for.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use millpond::readonly::{LookupBuilder, PublishOptions};
use millpond::{ArrayDict, DictOptions, Pool, PoolOptions};

use crate::full::play_on;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "no_size",
    obstacle,
    trials: named![
        a_tmpfs_without_a_size_takes_segments,
        a_ramfs_takes_segments,
    ],
    roles: named![living],
    ..Part::EMPTY
};

const WAY: &[&str] = &["--mount"];

fn obstacle() -> Option<String> {
    let mut command = Command::new("unshare");
    command.args(WAY).args(["mount", "-t", "ramfs", "none"]);
    let tried = command.arg(env::temp_dir()).output();
    match tried.is_ok_and(|output| output.status.success()) {
        true => None,
        false => Some("`unshare` may not mount a ramfs, for which it has to be root".into()),
    }
}

fn a_tmpfs_without_a_size_takes_segments() {
    play_on("-t tmpfs -o size=0,mode=0700", WAY, "no_size::living");
}

fn a_ramfs_takes_segments() {
    play_on("-t ramfs -o mode=0700", WAY, "no_size::living");
}

/// Creates, grows, publishes and saves.
fn living() {
    let pool = Pool::<u64>::create("run/pool", PoolOptions::new(10_000)).unwrap();
    let numbers: Vec<u64> = (0..25_000).map(|number| number * number % 10_007).collect();
    pool.insert_batch(&numbers).unwrap();
    assert_eq!(Pool::<u64>::open("run/pool").unwrap().len(), 10_000);

    let dict = ArrayDict::<u64, u64>::create("words", DictOptions::new(0)).unwrap();
    let rows = numbers.iter().enumerate();
    dict.extend(rows.map(|(key, &row)| (key as u64, row)))
        .unwrap();
    assert_eq!(dict.len(), numbers.len());
    dict.verify().unwrap();

    let mut builder = LookupBuilder::<u64, u64>::new(&PublishOptions::new());
    let pairs = numbers.iter().enumerate();
    builder
        .extend(pairs.map(|(key, &value)| (key as u64, value)))
        .unwrap();
    builder.publish("table").unwrap().verify().unwrap();

    let root = PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"));
    let path = root.with_file_name("pool.snapshot");
    assert_eq!(pool.save(&path).unwrap().records, 10_000);
    let loaded = Pool::<u64>::anonymous(PoolOptions::new(10_000)).unwrap();
    assert_eq!(loaded.load(&path).unwrap().records, 10_000);
}
