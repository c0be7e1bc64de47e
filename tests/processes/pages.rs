//! Pages of memory on request: huge ones, and ones that are in the page table ahead. What is written
//! is read back, in this process and in another; what the system does not have is an error.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::process::{self, Command};

use millpond::{Attach, Error, Pool, PoolOptions, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::child::Child;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "pages",
    trials: named![
        prefaulted_pages_hold_what_is_written,
        huge_pages_hold_what_is_written_or_are_refused,
        huge_pages_on_a_disk_are_refused,
        a_pool_that_exists_gets_huge_pages_or_refuses_them,
    ],
    roles: named![reader, disk],
    ..Part::EMPTY
};

/// 250 KiB, so that many pages hold a part of each.
type Numbers = [u32; 64_000];

const NAME: &str = "pages";
/// 10 MiB of records.
const CAPACITY: usize = 40;
const KIBIBYTES: usize = CAPACITY * size_of::<Numbers>() / 1024;
/// What a pool of this size leaves over at its end, at most, where huge pages have 2 MiB.
const REST: usize = 2048;

fn prefaulted_pages_hold_what_is_written() {
    let options = PoolOptions::new(CAPACITY).prefault(true);
    let pool = Pool::<Numbers>::create(NAME, options.clone()).unwrap();
    if cfg!(target_os = "linux") {
        assert!(mapped("Rss:") >= KIBIBYTES);
    }
    fill_and_read(&pool);
    fill_and_read(&Pool::anonymous(options).unwrap());
}

fn huge_pages_hold_what_is_written_or_are_refused() {
    let options = PoolOptions::new(CAPACITY).huge_pages(true).prefault(true);
    let made = Pool::<Numbers>::create(NAME, options.clone());
    if let Some(pool) = unless_refused(made) {
        assert!(mapped("ShmemPmdMapped:") >= KIBIBYTES - REST);
        let huge_elsewhere = fill_and_read(&pool);
        assert!(huge_elsewhere >= KIBIBYTES - REST);
    }
    if let Some(pool) = unless_refused(Pool::anonymous(options)) {
        fill_and_read(&pool);
    }
}

/// What is refused leaves nothing behind.
fn unless_refused(made: millpond::Result<Pool<Numbers>>) -> Option<Pool<Numbers>> {
    let error = match made {
        Ok(pool) => return Some(pool),
        Err(error) => error,
    };
    println!("{error}");
    let Error::System { action, cause, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*action, "use huge pages for");
    assert!([ErrorKind::Unsupported, ErrorKind::ResourceBusy].contains(&cause.kind()));
    assert!(millpond::list(None).unwrap().is_empty());
    let pool = Pool::<Numbers>::create(NAME, PoolOptions::new(CAPACITY)).unwrap();
    fill_and_read(&pool);
    millpond::unlink(NAME).unwrap();
    None
}

fn a_pool_that_exists_gets_huge_pages_or_refuses_them() {
    let pool = Pool::<Numbers>::create(NAME, PoolOptions::new(CAPACITY)).unwrap();
    fill(&pool);
    let options = PoolOptions::new(CAPACITY).huge_pages(true);
    match Pool::<Numbers>::open_or_create(NAME, options) {
        Ok(other) => {
            assert!(mapped("ShmemPmdMapped:") >= KIBIBYTES - REST);
            check(&other);
        }
        Err(error) => assert!(error.to_string().contains("huge pages"), "{error}"),
    }
    check(&pool);
    let participants = pool.participants().unwrap();
    assert_eq!(participants.len(), 1, "who was refused has left");
}

/// A directory that the build has, most likely on a disk.
fn huge_pages_on_a_disk_are_refused() {
    // For Windows it is built elsewhere, and the path has no drive.
    let place = &std::path::absolute(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let place = place.join(format!("pages-{}", process::id()));
    fs::create_dir_all(&place).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.env("MILLPOND_DIR", place.join("pond"));
    let said = Child::start_by(command, "pages::disk", &[]).ended();
    fs::remove_dir_all(&place).unwrap();
    for line in said {
        println!("{line}");
    }
}

fn disk() {
    let options = PoolOptions::new(CAPACITY).huge_pages(true);
    if unless_refused(Pool::create(NAME, options)).is_some() {
        assert!(mapped("PmdMapped:") >= KIBIBYTES - REST);
        println!("the build's directory is in memory, or its file system has huge pages");
    }
}

/// Fills the pool and has it read, by another process where it has a name. Gives the KiB that were
/// mapped in huge pages there.
fn fill_and_read(pool: &Pool<Numbers>) -> usize {
    fill(pool);
    check(pool);
    pool.verify().unwrap();
    if pool.name().is_none() {
        return 0;
    }
    let said = Child::start("pages::reader", &[]).ended();
    said[0].parse().unwrap()
}

fn reader() {
    let pool = Pool::<Numbers>::open_with(NAME, &Attach::new().prefault(true)).unwrap();
    if cfg!(target_os = "linux") {
        assert!(mapped("Rss:") >= KIBIBYTES, "all is in the page table");
    }
    check(&pool);
    println!("{}", mapped("ShmemPmdMapped:"));
}

fn fill(pool: &Pool<Numbers>) {
    for key in 0..CAPACITY as u64 {
        assert_eq!(pool.insert(&numbers(key)).unwrap(), key);
    }
}

fn check(pool: &Pool<Numbers>) {
    let random = &mut StdRng::seed_from_u64(1);
    let batch = pool
        .sample_by(Sampler::uniform(), 2 * CAPACITY, random)
        .unwrap();
    for (key, record) in batch.keys().iter().zip(batch.records()) {
        assert!(*record == numbers(*key), "record {key}");
    }
}

/// Tells all records and all their numbers apart.
fn numbers(key: u64) -> Numbers {
    std::array::from_fn(|at| (key as u32) << 20 | at as u32)
}

/// What Linux says of this process's mappings of segments, in KiB, in fields that end so.
fn mapped(field: &str) -> usize {
    let root = env::var("MILLPOND_DIR").expect("the trial's directory");
    let maps = fs::read_to_string("/proc/self/smaps").expect("a list of mappings");
    let (mut of_segment, mut sum) = (false, 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some(first) if !first.ends_with(':') => of_segment = line.contains(&root),
            Some(first) if of_segment && first.ends_with(field) => {
                let amount: usize = words.next().unwrap().parse().unwrap();
                sum += amount;
            }
            _ => {}
        }
    }
    sum
}
