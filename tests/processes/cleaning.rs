//! Opening against cleaning up: processes that open, create, list and are killed at any moment, all of
//! them for one name. Who is attached keeps the name, and in the end nothing is left.

use std::hint;
use std::path::PathBuf;
use std::{env, fs};

use millpond::{Error, Lifetime, Pool, PoolOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "cleaning",
    trials: named![who_is_attached_keeps_the_name_and_nothing_stays],
    roles: named![visitor, opener, lister],
    ..Part::EMPTY
};

const RUN: &str = "cleaning";
const NAME: &str = "cleaning/pool";
/// More than all visits of a trial, so that no record is overwritten.
const CAPACITY: usize = 20_000;
const ROUNDS: usize = 300;
/// In a round, of those who open or create, and of those who only open.
const VISITS: u64 = 5;
const ATTEMPTS: u64 = 40;
const ROLES: [&str; 4] = ["visitor", "visitor", "opener", "lister"];

fn start(number: usize) -> Child {
    let role = format!("cleaning::{}", ROLES[number % ROLES.len()]);
    let mut child = Child::start(&role, &[&number]);
    child.expect("ready");
    child
}

fn who_is_attached_keeps_the_name_and_nothing_stays() {
    let random = &mut StdRng::seed_from_u64(1);
    let mut children: Vec<_> = (0..ROLES.len()).map(start).collect();
    let (mut opened, mut attempts) = (0, 0);
    for round in 0..ROUNDS {
        children.iter_mut().for_each(|child| child.tell("go"));
        let victim = round % (2 * ROLES.len());
        if victim < ROLES.len() {
            // Not to wait for anything: the moments are to differ.
            (0..random.random_range(0..300_000)).for_each(|_| hint::spin_loop());
            let next = start(victim);
            std::mem::replace(&mut children[victim], next).kill();
        }
        for (number, child) in children.iter_mut().enumerate() {
            if number != victim {
                let said = child.line();
                if ROLES[number] == "opener" {
                    attempts += ATTEMPTS;
                    opened += said.parse::<u64>().unwrap();
                }
            }
        }
    }
    println!("{opened} of {attempts} openings found the segment");
    assert!(0 < opened && opened < attempts);
    // All at once, in the middle of something.
    children.iter_mut().for_each(|child| child.tell("go"));
    children.into_iter().for_each(Child::kill);
    assert_eq!(millpond::list(None).unwrap(), []);
    assert_no_file_is_left();
}

/// But for directories, of creators that were killed before they had made a file.
#[track_caller]
fn assert_no_file_is_left() {
    let root = PathBuf::from(env::var_os("MILLPOND_DIR").unwrap());
    let files = |directory: PathBuf| {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name())
    };
    let run = root.join(RUN);
    if run.exists() {
        assert_eq!(files(run).count(), 0);
    }
    let left: Vec<_> = files(root).filter(|name| name != RUN).collect();
    assert_eq!(left, [".lock"]);
}

/// While a handle is attached, the name means its segment, whoever cleans up.
fn check(pool: &Pool<u64>, value: u64) {
    let key = pool.insert(&value).unwrap();
    let again = Pool::<u64>::open(NAME).expect("the segment that is open");
    assert_eq!(again.get(key).unwrap(), Some(value), "another segment");
    assert_eq!(pool.get(key).unwrap(), Some(value));
}

/// At each order does `turn`, which gets a number that no other turn has.
fn serve(mut turn: impl FnMut(u64)) {
    let (orders, number) = (Orders::listen(), argument::<u64>(0));
    println!("ready");
    for count in 0.. {
        match orders.next().as_str() {
            "go" => turn(u64::from(std::process::id()) << 32 | number << 24 | count << 8),
            _ => return,
        }
    }
}

fn visitor() {
    serve(|value| {
        for visit in 0..VISITS {
            let options = PoolOptions::new(CAPACITY).lifetime(Lifetime::WhileAttached);
            let pool = Pool::open_or_create(NAME, options).unwrap();
            check(&pool, value + visit);
        }
        println!("done");
    });
}

fn opener() {
    serve(|value| {
        let mut opened = 0;
        for visit in 0..ATTEMPTS {
            match Pool::open(NAME) {
                Ok(pool) => {
                    check(&pool, value + visit);
                    opened += 1;
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        println!("{opened}");
    });
}

fn lister() {
    serve(|_| {
        for found in millpond::list(Some(RUN)).unwrap() {
            assert_eq!((found.name.as_str(), found.kind.as_str()), (NAME, "pool"));
        }
        println!("done");
    });
}
