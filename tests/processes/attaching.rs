//! What attaching takes: private memory does not grow with the pool, as nothing of it is copied.

use std::fs;
use std::hint::black_box;

use millpond::{Pool, PoolOptions};

use crate::child::Child;
use crate::orders::argument;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "attaching",
    trials: named![private_memory_does_not_grow_with_the_pool],
    roles: named![attacher],
    ..Part::EMPTY
};

type Bytes = [u8; 1000];

/// The sizes of two pools.
const MEBIBYTES: [usize; 2] = [1, 256];
/// Handles that are opened, so that what each takes stands out.
const HANDLES: usize = 16;
/// What one of the larger pool may take beyond one of the smaller, in KiB: a few pages. A byte for each
/// record would be 268, a copy of the slots' words 2,144.
const TOLERANCE: usize = 64;

fn private_memory_does_not_grow_with_the_pool() {
    let [small, large] = MEBIBYTES.map(|mebibytes| {
        let name = format!("attaching-{mebibytes}");
        let options = PoolOptions::new((mebibytes << 20) / size_of::<Bytes>());
        let _pool = Pool::<Bytes>::create(&name, options).unwrap();
        let said = Child::start("attaching::attacher", &[&mebibytes]).ended();
        said[0].parse::<usize>().unwrap()
    });
    println!("{HANDLES} handles take {small} KiB of private memory each time, or {large}");
    assert!(large <= small + HANDLES * TOLERANCE, "{small} and {large}");
}

/// Opens the pool many times, inserts and samples, and says how much private memory that took, in KiB.
fn attacher() {
    let name = format!("attaching-{}", argument::<usize>(0));
    let before = private_memory();
    let open = || Pool::<Bytes>::open(&name).unwrap();
    let pools: Vec<_> = (0..HANDLES).map(|_| open()).collect();
    for pool in &pools {
        pool.insert(&[1; 1000]).unwrap();
        black_box(pool.sample(1, &mut rand::rng()).unwrap());
    }
    println!("{}", private_memory() - before);
}

/// The memory of this process that is in no file, in KiB.
fn private_memory() -> usize {
    let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find(|line| line.starts_with("Anonymous:"));
    let amount = line.unwrap().split_whitespace().nth(1);
    amount.unwrap().parse().unwrap()
}
