//! What participants have counted stays counted, wherever they die, and is no other's.

use std::env;
use std::process::{Command, Stdio};

use millpond::{Pool, PoolOptions};

use crate::stage::{Part, ROLE, named, spawn};

pub const PART: Part = Part {
    name: "counts",
    obstacle: || {
        let built = cfg!(feature = "failpoints");
        (!built).then(|| "it was built without the feature `failpoints`".into())
    },
    trials: named![
        a_death_at_any_point_of_joining_or_leaving_loses_no_count_and_gives_none_to_another
    ],
    roles: named![counter],
    ..Part::EMPTY
};

const POOL: &str = "counts/pool";
/// What each counter inserts.
const RECORDS: u64 = 10;
/// Where counters die, and at which pass; one does not. Each finds what the one before left.
const POINTS: [(&str, u64); 16] = [
    ("leave.retired", 1),
    ("nowhere", 1),
    ("leave.retired", 1),
    ("join.gated", 1),
    ("join.retired", 1),
    ("join.locked", 1),
    ("join.counted", 1),
    ("join.counted", 2),
    ("join.counted", 16),
    ("join.reset", 1),
    ("join.half", 1),
    ("join.done", 1),
    ("clean.locked", 1),
    ("clean.retired", 1),
    ("clean.reset", 1),
    ("leave.retired", 1),
];

fn a_death_at_any_point_of_joining_or_leaving_loses_no_count_and_gives_none_to_another() {
    let pool = Pool::<u64>::create(POOL, PoolOptions::new(50)).unwrap();
    let mut inserted = 0;
    for (point, pass) in POINTS {
        // Dies with an entry behind the one that the next takes, who cleans up after it.
        let first = Pool::<u64>::open(POOL).unwrap();
        inserted += run("commit.locked:10");
        drop(first);
        assert_eq!(pool.statistics().inserted, inserted, "before {point}");
        inserted += run(&format!("{point}:{pass}"));
        assert_eq!(pool.statistics().inserted, inserted, "after {point}:{pass}");
    }
    assert!(inserted >= RECORDS * POINTS.len() as u64, "{inserted}");
    for (participant, counted) in pool.statistics_by_participant().unwrap() {
        assert_eq!(counted.inserted, 0, "of {participant:?}");
    }
    assert_eq!(pool.statistics().inserted, inserted);
}

/// Runs a counter that dies at `point`, and returns how many records it said that it had inserted.
fn run(point: &str) -> u64 {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .env(ROLE, "counts::counter")
        .env("MILLPOND_FAIL", point)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let ended = spawn(&mut command).unwrap().wait_with_output().unwrap();
    let died = !ended.status.success();
    assert_eq!(died, !point.starts_with("nowhere"), "at {point}");
    String::from_utf8(ended.stdout).unwrap().lines().count() as u64
}

/// Inserts, and says so; what it has counted is its own.
fn counter() {
    let pool = Pool::<u64>::open(POOL).unwrap();
    for count in 0..RECORDS {
        pool.insert(&count).unwrap();
        println!("inserted");
        if count == 4 {
            let all = pool.statistics_by_participant().unwrap();
            let own = |(participant, _): &&(millpond::segment::Participant, _)| {
                participant.process == std::process::id()
            };
            let (_, counted) = all.iter().find(own).unwrap();
            assert_eq!(counted.inserted, count + 1);
        }
    }
}
