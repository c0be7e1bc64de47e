//! A board between processes: values are whole and never older than before, and a publisher that is
//! killed in the middle leaves the last one in place.

use std::thread;
use std::time::Duration;

use millpond::{Board, BoardOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "board",
    trials: named![values_are_whole_while_publishers_are_killed],
    roles: named![publisher, reader],
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
    let mut readers = [(); 2].map(|()| Child::start("board::reader", &[]));
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
        assert_eq!(board.participants().unwrap().len(), 3);
    }
    let fetched: Vec<String> = readers.into_iter().flat_map(Child::finish).collect();
    println!(
        "{} values published, {} fetched",
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
