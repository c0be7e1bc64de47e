//! The entry of a dead participant, while another process that takes it or cleans it up is stopped: the dead one
//! stays dead for all others.

use millpond::{ArrayOptions, SharedArray};

use crate::child::Child;
use crate::locked::{go_on, stopped_at, to_stop_at, wait_until_stopped};
use crate::orders::Orders;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "entries",
    obstacle: || {
        let built = cfg!(feature = "failpoints");
        (!built).then(|| "it was built without the feature `failpoints`".into())
    },
    trials: named![
        a_dead_participant_stays_dead_while_its_entry_is_taken,
        a_dead_participant_stays_dead_while_its_entry_is_cleaned,
    ],
    roles: named![owner, joiner, cleaner],
    ..Part::EMPTY
};

const ARRAY: &str = "entries/array";

fn open() -> SharedArray<u64> {
    SharedArray::open(ARRAY).unwrap()
}

/// Has the lock until it is killed.
fn owner() {
    let (orders, array) = (Orders::listen(), open());
    let mut elements = array.write().unwrap();
    elements[0] += 1;
    println!("locked");
    orders.next();
}

/// Takes the entry of the owner.
fn joiner() {
    drop(open());
    println!("done");
}

/// Cleans up after the owner, when it is told to.
fn cleaner() {
    let (orders, array) = (Orders::listen(), open());
    println!("ready");
    orders.next();
    array.participants().unwrap();
    println!("done");
}

/// Kills an owner of the lock, which another process is stopped beside that is doing something about its entry.
fn stop_beside_a_dead_owner(point: &str, stop: impl FnOnce() -> Child) {
    let array = SharedArray::<u64>::open(ARRAY).unwrap();
    let mut owner = Child::start("entries::owner", &[]);
    owner.expect("locked");
    let dead = owner.id();
    owner.kill();
    let stopped = stop();
    let listed = array.participants().unwrap();
    let is_listed = listed.iter().any(|found| found.process == dead);
    assert!(!is_listed, "at {point}: {listed:?}");
    // Does not wait for the dead owner.
    let mut elements = array.write().unwrap();
    assert!(elements.is_damaged(), "at {point}");
    elements.repaired();
    drop(elements);
    go_on(stopped);
}

fn a_dead_participant_stays_dead_while_its_entry_is_taken() {
    let _array = SharedArray::<u64>::create(ARRAY, ArrayOptions::new(1)).unwrap();
    for point in ["join.gated", "join.retired", "join.locked", "join.reset"] {
        stop_beside_a_dead_owner(point, || stopped_at(point, "entries::joiner"));
    }
}

fn a_dead_participant_stays_dead_while_its_entry_is_cleaned() {
    let _array = SharedArray::<u64>::create(ARRAY, ArrayOptions::new(1)).unwrap();
    for point in ["clean.locked", "clean.retired", "clean.reset"] {
        let mut cleaner = to_stop_at(point, "entries::cleaner");
        cleaner.expect("ready");
        stop_beside_a_dead_owner(point, || {
            cleaner.tell("clean");
            wait_until_stopped(&cleaner);
            cleaner
        });
    }
}
