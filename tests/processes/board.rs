//! A board between processes: values are whole and never older than before, a publisher that is killed in
//! the middle leaves the last one in place, and what a killed lessee held is free.

use std::thread;
use std::time::Duration;

use millpond::{Board, BoardOptions, Error};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "board",
    trials: named![
        values_are_whole_while_publishers_are_killed,
        a_lease_stays_while_another_process_publishes_a_hundred,
        what_killed_lessees_held_is_free_again,
        publishers_go_on_while_lessees_are_killed,
        who_takes_a_dead_lessees_place_does_not_take_its_leases,
        a_value_that_no_disk_has_room_for_is_an_error,
    ],
    roles: named![publisher, reader, lessee, holder],
    ..Part::EMPTY
};

const NAME: &str = "board";
/// So large that most kills come in the middle of a publication.
const LENGTH: usize = 20_000;
const HANG: Duration = Duration::from_secs(20);

fn create() -> Board<u64> {
    Board::create(NAME, BoardOptions::new(LENGTH)).unwrap()
}

/// A value of which every number follows from the first.
fn fill(value: &mut [u64], first: u64) {
    for (at, number) in (0..).zip(value) {
        *number = first ^ at << 32;
    }
}

#[track_caller]
fn check(value: &[u64]) {
    let torn = (0..)
        .zip(value)
        .find(|&(at, number)| *number != value[0] ^ at << 32);
    assert!(torn.is_none(), "a torn value: {torn:?} of {}", value[0]);
}

fn values_are_whole_while_publishers_are_killed() {
    let board = create();
    let mut readers = ["reader", "reader", "lessee"].map(|role| {
        // The same of all that read, in their own ways.
        Child::start(&format!("board::{role}"), &[])
    });
    readers.iter_mut().for_each(|reader| reader.expect("there"));
    let mut random = StdRng::seed_from_u64(1);
    let mut value = vec![0; LENGTH];
    for round in 0..60 {
        let publishers = [0, 1].map(|n| Child::start("board::publisher", &[&(round * 2 + n)]));
        board.wait_newer(board.version() + 2, HANG).unwrap();
        // Not to wait for anything: the moment is to be a random one.
        thread::sleep(Duration::from_micros(random.random_range(0..2000)));
        publishers.into_iter().for_each(Child::kill);

        let last = board.version();
        assert_eq!(board.fetch(&mut value).unwrap(), last);
        check(&value);
        fill(&mut value, 1_000_000 + round);
        assert_eq!(board.publish(&value).unwrap(), last + 1);
        assert_eq!(board.participants().unwrap().len(), 4);
    }
    let fetched: Vec<String> = readers.into_iter().flat_map(Child::finish).collect();
    println!(
        "{} values published, {} read",
        board.version(),
        fetched.join(" and ")
    );
}

fn publisher() {
    let (_orders, number): (_, u64) = (Orders::listen(), argument(0));
    let board = Board::<u64>::open(NAME).unwrap();
    let mut value = vec![0; LENGTH];
    for count in 0.. {
        fill(&mut value, number << 20 | count);
        board.publish(&value).unwrap();
    }
}

fn reader() {
    let orders = Orders::listen();
    let board = Board::<u64>::open(NAME).unwrap();
    println!("there");
    let (mut value, mut last, mut fetched) = (vec![0; LENGTH], 0, 0u64);
    board.wait_newer(0, HANG).unwrap();
    while !orders.arrived() {
        let newest = board.version();
        let version = board.fetch(&mut value).unwrap();
        assert!(version >= newest.max(last), "{version} after {last}");
        check(&value);
        last = version;
        fetched += 1;
    }
    println!("{fetched}");
}

/// Leases what is newest, again and again, and reads it twice.
fn lessee() {
    let orders = Orders::listen();
    let board = Board::<u64>::open(NAME).unwrap();
    println!("there");
    let (mut last, mut leased) = (0, 0u64);
    board.wait_newer(0, HANG).unwrap();
    while !orders.arrived() {
        let lease = board.lease().unwrap();
        assert!(lease.version() >= last, "{} after {last}", lease.version());
        check(&lease);
        let first = lease[0];
        check(&lease);
        assert_eq!(lease[0], first, "a leased value changed");
        last = lease.version();
        leased += 1;
    }
    println!("{leased}");
}

/// Leases what is newest, says its version, and holds it.
fn holder() {
    let orders = Orders::listen();
    let board = Board::<u64>::open(NAME).unwrap();
    let lease = board.lease().unwrap();
    println!("{}", lease.version());
    orders.next();
    check(&lease);
}

/// Starts a process that leases what is newest.
fn hold(board: &Board<u64>) -> Child {
    let mut holder = Child::start("board::holder", &[]);
    holder.expect(&board.version().to_string());
    holder
}

fn a_lease_stays_while_another_process_publishes_a_hundred() {
    let board = create();
    let mut value = vec![0; LENGTH];
    fill(&mut value, 77);
    board.publish(&value).unwrap();
    let lease = board.lease().unwrap();
    let publisher = Child::start("board::publisher", &[&1]);
    while board.version() < 101 {
        assert!(*lease == value, "a leased value changed");
        board.wait_newer(board.version(), HANG).unwrap();
    }
    publisher.kill();
    assert!(*lease == value, "a leased value changed");
    assert_eq!(lease.version(), 1);
}

fn what_killed_lessees_held_is_free_again() {
    let board = create();
    let mut value = vec![0; LENGTH];
    let mut next = 0..;
    let mut publish = || {
        fill(&mut value, next.next().expect("a number"));
        board.publish(&value)
    };
    publish().unwrap();
    // Each of them holds another version, and with the newest these are all buffers.
    let mut holders: Vec<_> = (0..board.buffers() - 1)
        .map(|_| {
            let holder = hold(&board);
            publish().unwrap();
            holder
        })
        .collect();
    let newest = board.version();
    for _ in 0..10 {
        let refused = publish();
        assert!(
            matches!(refused, Err(Error::NoFreeBuffer { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(board.version(), newest);
    // The first one dies, the second one gives back; the others hold theirs.
    holders.remove(0).kill();
    for _ in 0..20 {
        publish().unwrap();
    }
    holders.remove(0).finish();
    for _ in 0..20 {
        publish().unwrap();
    }
    for holder in holders {
        holder.finish();
    }
    assert_eq!(board.participants().unwrap().len(), 1);
}

fn publishers_go_on_while_lessees_are_killed() {
    let options = BoardOptions::new(LENGTH).buffers(4);
    let board = Board::create(NAME, options).unwrap();
    let mut random = StdRng::seed_from_u64(2);
    let mut value = vec![0; LENGTH];
    let mut publish = |first| {
        fill(&mut value, first);
        board.publish(&value).unwrap()
    };
    publish(0);
    for round in 1..40 {
        let mut lessees = [(); 2].map(|()| Child::start("board::lessee", &[]));
        lessees.iter_mut().for_each(|lessee| lessee.expect("there"));
        for count in 0..random.random_range(1..40) {
            publish(round << 20 | count);
        }
        // Two at most hold a buffer, then none does; dead, they are in nobody's way.
        lessees.into_iter().for_each(Child::kill);
        for count in 0..10 {
            publish(round << 20 | 1 << 10 | count);
        }
    }
}

fn who_takes_a_dead_lessees_place_does_not_take_its_leases() {
    let options = BoardOptions::new(LENGTH).buffers(2).participants(2);
    let board = Board::create(NAME, options).unwrap();
    let value = vec![0; LENGTH];
    for _ in 0..5 {
        board.publish(&value).unwrap();
        hold(&board).kill();
        // There is but one place, and it has no lease yet.
        let newcomer = Board::<u64>::open(NAME).unwrap();
        for _ in 0..5 {
            board.publish(&value).unwrap();
        }
        drop(newcomer);
    }
}

fn a_value_that_no_disk_has_room_for_is_an_error() {
    // 32 TiB, and what fits into no address.
    for (length, says) in [(1 << 40, "free"), (1 << 60, "address space")] {
        let error = Board::<u64>::create(NAME, BoardOptions::new(length)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert!(millpond::list(None).unwrap().is_empty(), "nothing is left");
    }
    create();
}
