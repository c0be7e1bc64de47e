//! What a process holds is its own while it lives, and free when it was killed: leases, reserved
//! slots, and places in the participant table.

use millpond::{Error, Pool, PoolOptions, Sampler};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN, check_batch};
use crate::orders::Orders;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "leases",
    trials: named![
        what_killed_samplers_held_is_reclaimed,
        who_takes_a_dead_samplers_place_does_not_take_its_leases,
        held_records_stay_while_writers_are_killed,
        a_slot_that_a_killed_writer_reserved_is_reclaimed,
        more_processes_than_places_come_one_after_another,
        a_full_table_is_an_error_that_says_so,
        a_participant_is_listed_with_its_role,
    ],
    roles: named![flooder],
    ..Part::EMPTY
};

const NAME: &str = "leases";
const CAPACITY: usize = 200;

fn create(options: PoolOptions) -> Pool<Experience> {
    let pool = Pool::create(NAME, options).unwrap();
    fill(&pool, CAPACITY);
    pool
}

/// Inserts `count` records.
fn fill(pool: &Pool<Experience>, count: usize) {
    let records: Vec<_> = (0..count as u64)
        .map(|sequence| Experience::new(UNKNOWN, 0, sequence))
        .collect();
    pool.insert_batch(&records).unwrap();
}

/// The keys that a holding guest says.
fn keys_of(holder: &mut Child) -> Vec<u64> {
    let line = holder.line();
    line.split(' ').map(|key| key.parse().unwrap()).collect()
}

fn what_killed_samplers_held_is_reclaimed() {
    let pool = create(PoolOptions::new(CAPACITY));
    let mut samplers: Vec<_> = (0..4)
        .map(|seed| Child::start("guest::holding", &[&NAME, &20, &seed]))
        .collect();
    let held: Vec<u64> = samplers.iter_mut().flat_map(keys_of).collect();
    fill(&pool, 2 * CAPACITY);
    for &key in &held {
        let record = pool.get(key).unwrap();
        record.expect("a held record stays").check(key);
    }
    samplers.into_iter().for_each(Child::kill);

    fill(&pool, 2 * CAPACITY);
    for &key in &held {
        assert!(pool.get(key).unwrap().is_none(), "nobody holds key {key}");
    }
    assert_eq!(pool.len(), CAPACITY);
    pool.verify().unwrap();
}

fn who_takes_a_dead_samplers_place_does_not_take_its_leases() {
    let pool = create(PoolOptions::new(CAPACITY).participants(2).leases(64));
    let hold = |seed: u64| {
        let mut sampler = Child::start("guest::holding", &[&NAME, &64, &seed]);
        let keys = keys_of(&mut sampler);
        (sampler, keys)
    };
    let (sampler, first) = hold(1);
    sampler.kill();
    // There is but one place, and as many leases as the dead one held.
    let (_sampler, second) = hold(2);
    fill(&pool, 2 * CAPACITY);
    for key in first {
        let is_there = pool.get(key).unwrap().is_some();
        assert_eq!(is_there, second.contains(&key), "key {key}");
    }
}

/// Writers look at held slots all the time, and some die while they do.
fn held_records_stay_while_writers_are_killed() {
    let pool = create(PoolOptions::new(CAPACITY));
    let mut random = StdRng::seed_from_u64(1);
    // Nine in ten slots or so are held.
    let batch = pool
        .sample_by(Sampler::uniform(), 500, &mut random)
        .unwrap();
    let copies = check_batch(&batch);
    let check_held = || {
        for (&key, copy) in batch.keys().iter().zip(&copies) {
            assert_eq!(pool.get(key).unwrap().as_ref(), Some(copy), "key {key}");
        }
    };
    for _ in 0..100 {
        let mut writers = [(); 2].map(|()| Child::start("leases::flooder", &[]));
        writers
            .iter_mut()
            .for_each(|writer| writer.expect("at work"));
        for _ in 0..random.random_range(1..10) {
            check_held();
        }
        writers.into_iter().for_each(Child::kill);
        check_held();
        pool.verify().unwrap();
    }
    assert!(check_batch(&batch) == copies, "a held record changed");
    let repairs = pool.statistics().repairs;
    println!("{repairs} of 200 writers were killed inside the lock");
}

/// Inserts until it is killed.
fn flooder() {
    let _orders = Orders::listen();
    let pool = Pool::<Experience>::open(NAME).unwrap();
    fill(&pool, 1);
    println!("at work");
    loop {
        fill(&pool, 1);
    }
}

fn a_slot_that_a_killed_writer_reserved_is_reclaimed() {
    let pool = create(PoolOptions::new(CAPACITY));
    let mut writers: Vec<_> = (0..4)
        .map(|_| Child::start("guest::reserving", &[&NAME]))
        .collect();
    let keys: Vec<u64> = writers
        .iter_mut()
        .map(|writer| writer.line().parse().unwrap())
        .collect();
    fill(&pool, 2 * CAPACITY);
    assert_eq!(pool.len(), CAPACITY - 4);
    for &key in &keys {
        assert_eq!(pool.get(key).unwrap(), None, "nothing was committed yet");
    }
    // One of them goes on after all these laps; the others die.
    writers.remove(0).finish();
    let committed = pool.get(keys[0]).unwrap();
    committed
        .expect("a record that was committed")
        .check(keys[0]);
    writers.into_iter().for_each(Child::kill);

    fill(&pool, 2 * CAPACITY);
    assert_eq!(pool.len(), CAPACITY);
    pool.verify().unwrap();
}

fn more_processes_than_places_come_one_after_another() {
    let pool = create(PoolOptions::new(CAPACITY).participants(3));
    for round in 0..20 {
        let attached = || {
            let mut guest = Child::start("guest::attached", &[&NAME]);
            guest.expect("attached");
            guest
        };
        let guests = [attached(), attached()];
        match round % 2 {
            0 => guests.into_iter().for_each(Child::kill),
            _ => guests.into_iter().for_each(|guest| drop(guest.finish())),
        }
    }
    assert_eq!(pool.participants().unwrap().len(), 1);
}

fn a_full_table_is_an_error_that_says_so() {
    let pool = create(PoolOptions::new(CAPACITY).participants(2));
    let mut guest = Child::start("guest::attached", &[&NAME]);
    guest.expect("attached");
    let refused = Pool::<Experience>::open(NAME).unwrap_err();
    assert!(matches!(
        refused,
        Error::TooManyParticipants { limit: 2, .. }
    ));
    let text = refused.to_string();
    assert!(text.contains("all 2 places"), "{text}");
    assert!(text.contains("create the segment with more"), "{text}");

    guest.kill();
    let second = Pool::<Experience>::open(NAME).unwrap();
    assert_eq!(pool.participants().unwrap().len(), 2);
    drop(second);
    assert_eq!(pool.participants().unwrap().len(), 1);
}

fn a_participant_is_listed_with_its_role() {
    let pool = create(PoolOptions::new(CAPACITY).role("the trial"));
    let mut guest = Child::start("guest::attached", &[&NAME]);
    guest.expect("attached");
    let listed = pool.participants().unwrap();
    let found: Vec<_> = listed
        .iter()
        .map(|listed| (listed.process, listed.role.as_str()))
        .collect();
    let expected = [(std::process::id(), "the trial"), (guest.id(), "guest")];
    assert_eq!(found, expected);
    assert!(listed[0].joined <= listed[1].joined);
}
