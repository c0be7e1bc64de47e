//! Plain participants, for trials in which it matters that somebody is attached, and not what they
//! do: a guest attaches to the pool that its argument names, takes something, and waits.

use millpond::{Attach, Pool, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::experience::{Experience, check_batch};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "guest",
    roles: named![attached, holding, reserving],
    ..Part::EMPTY
};

fn open() -> Pool<Experience> {
    let name: String = argument(0);
    Pool::open_with(&name, &Attach::new().role("guest")).unwrap()
}

/// Says `attached`, and stays until it is told to go.
fn attached() {
    let orders = Orders::listen();
    let _pool = open();
    println!("attached");
    orders.next();
}

/// Holds a uniform sample of as many records as its second argument says, and says their keys; when
/// it is told to go, finds them as they were.
fn holding() {
    let orders = Orders::listen();
    let pool = open();
    let random = &mut StdRng::seed_from_u64(argument(2));
    let batch = pool
        .sample_by(Sampler::uniform(), argument(1), random)
        .unwrap();
    let copies = check_batch(&batch);
    let keys: Vec<String> = batch.keys().iter().map(u64::to_string).collect();
    println!("{}", keys.join(" "));
    orders.next();
    assert!(check_batch(&batch) == copies, "a held record changed");
}

/// Reserves a slot and says its key; when it is told to go, fills the slot and commits.
fn reserving() {
    let orders = Orders::listen();
    let pool = open();
    let mut slot = pool.reserve().unwrap();
    println!("{}", slot.key());
    orders.next();
    *slot = Experience::new(slot.key(), 0, 0);
    slot.commit().unwrap();
}
