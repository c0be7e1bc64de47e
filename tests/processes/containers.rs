//! Processes in containers of their own that share the directory: none of them sees the others'
//! process ids, and all see who lives and who died.
//!
//! Each participant runs in a process namespace, in which it is process 1 or so, and in a mount
//! namespace. Where neither root nor a user namespace may make them, the trials are ignored.

use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, thread};

use millpond::{Attach, Pool, PoolOptions};

use crate::child::Child;
use crate::namespaces::unshare;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "containers",
    obstacle,
    trials: named![
        participants_of_other_containers_are_seen_alive_and_dead,
        what_dies_in_one_container_is_freed_in_another,
    ],
    roles: named![inhabitant],
    ..Part::EMPTY
};

const NAME: &str = "containers/pool";
const CAPACITY: usize = 64;
const HANG: Duration = Duration::from_secs(20);

const NAMESPACES: [&str; 4] = ["--pid", "--mount", "--fork", "--kill-child"];

/// A command for a container, where that works.
fn container() -> Option<Command> {
    unshare(&NAMESPACES)
}

fn obstacle() -> Option<String> {
    match container() {
        Some(_) => None,
        None => Some("`unshare` may make no namespaces, neither as root nor as a user".into()),
    }
}

fn settle(role: &str) -> Child {
    let mut command = container().expect("a container");
    command.arg(env::current_exe().unwrap());
    let mut child = Child::start_by(command, "containers::inhabitant", &[&role]);
    child.expect("attached");
    child
}

/// Attaches, reserves a slot, and answers orders.
fn inhabitant() {
    let orders = Orders::listen();
    let role: String = argument(0);
    let pool = Pool::<u64>::open_with(NAME, &Attach::new().role(role)).unwrap();
    let reserved = pool.reserve().unwrap();
    println!("attached");
    loop {
        match orders.next().as_str() {
            "look" => println!("{}", roles(&pool).join(" ")),
            "lap" => println!("{}", lap(&pool)),
            "stop" => break,
            order => panic!("no such order: {order}"),
        }
    }
    drop(reserved);
}

/// What the participants say they are, sorted.
fn roles(pool: &Pool<u64>) -> Vec<String> {
    let listed = pool.participants().unwrap();
    let mut roles: Vec<_> = listed.into_iter().map(|found| found.role).collect();
    roles.sort();
    roles
}

/// Inserts as many records as the pool has slots, and says how many it has then: all but those that
/// the living have reserved.
fn lap(pool: &Pool<u64>) -> usize {
    for value in 0..CAPACITY as u64 {
        pool.insert(&value).unwrap();
    }
    pool.len()
}

/// Asks from outside and in a container until both see `expected`: `unshare` ends before its child.
fn wait_for(pool: &Pool<u64>, inside: &mut Child, expected: &[&str]) {
    let began = Instant::now();
    loop {
        inside.tell("look");
        let seen = [roles(pool).join(" "), inside.line()];
        if seen.iter().all(|seen| *seen == expected.join(" ")) {
            return;
        }
        assert!(began.elapsed() < HANG, "{seen:?} instead of {expected:?}");
        thread::yield_now();
    }
}

fn create() -> Pool<u64> {
    let options = PoolOptions::new(CAPACITY).role("outside");
    Pool::create(NAME, options).unwrap()
}

fn participants_of_other_containers_are_seen_alive_and_dead() {
    let pool = create();
    let mut first = settle("first");
    for _ in 0..5 {
        let second = settle("second");
        first.tell("look");
        assert_eq!(first.line(), "first outside second");
        let listed = pool.participants().unwrap();
        assert_eq!(listed.len(), 3);
        // Numbers from different namespaces, so they may well be the same one.
        assert_eq!(listed[1].process, listed[2].process, "{listed:?}");
        second.kill();
        wait_for(&pool, &mut first, &["first", "outside"]);
    }
    first.finish();
    assert_eq!(roles(&pool), ["outside"]);
}

fn what_dies_in_one_container_is_freed_in_another() {
    let pool = create();
    let mut first = settle("first");
    let second = settle("second");
    first.tell("lap");
    assert_eq!(
        first.line(),
        (CAPACITY - 2).to_string(),
        "two slots are reserved"
    );
    assert_eq!(lap(&pool), CAPACITY - 2);
    second.kill();
    wait_for(&pool, &mut first, &["first", "outside"]);
    first.tell("lap");
    assert_eq!(first.line(), (CAPACITY - 1).to_string());
    first.finish();
    assert_eq!(lap(&pool), CAPACITY);
    pool.verify().unwrap();
}
