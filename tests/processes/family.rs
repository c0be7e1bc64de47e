//! Families of boards: values of different types and lengths under one name, published by any process.

use std::time::Duration;

use millpond::board::{Boards, BoardsOptions};
use millpond::{Board, BoardOptions, Error, Lifetime, Pool, PoolOptions};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "family",
    trials: named![
        values_of_many_types_and_lengths_stand_side_by_side,
        whoever_comes_first_creates_a_value,
        a_value_that_is_not_there_yet_is_waited_for,
        another_type_or_length_is_an_error_that_names_the_value,
        the_names_are_those_of_the_familys_boards,
        threads_that_ask_at_once_share_one_board,
        values_for_the_attached_go_with_them,
    ],
    roles: named![publisher],
    ..Part::EMPTY
};

const NAME: &str = "run/weights";
const HANG: Duration = Duration::from_secs(20);
/// How many values the publishers share.
const VALUES: u64 = 5;

fn family() -> Boards {
    Boards::new(NAME, BoardsOptions::new()).unwrap()
}

#[track_caller]
fn assert_says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

/// How long value `number` is.
fn length(number: u64) -> usize {
    1 << (3 * number)
}

fn values_of_many_types_and_lengths_stand_side_by_side() {
    let (learner, simulator) = (family(), family());
    assert_eq!(learner.publish("actor", &[0.5f32; 1000]).unwrap(), 1);
    assert_eq!(simulator.publish("temperature", &[0.25f64]).unwrap(), 1);
    assert_eq!(learner.publish("layer/1", &[[1u8; 3]; 7]).unwrap(), 1);
    assert_eq!(simulator.publish("actor", &[0.75f32; 1000]).unwrap(), 2);

    let mut actor = [0f32; 1000];
    assert_eq!(learner.fetch("actor", &mut actor).unwrap(), 2);
    assert_eq!(actor, [0.75; 1000]);
    assert_eq!(
        learner.fetch_vec("temperature").unwrap(),
        (vec![0.25f64], 1)
    );
    let lease = simulator.lease::<[u8; 3]>("layer/1").unwrap();
    assert_eq!((lease.version(), &lease[..]), (1, &[[1; 3]; 7][..]));
    // A value is a board like any other.
    let board = Board::<f32>::open("run/weights/actor").unwrap();
    assert_eq!(board.publish(&[1.0; 1000]).unwrap(), 3);
    assert_eq!(learner.board::<f32>("actor").unwrap().version(), 3);
    assert_eq!(learner.wait_newer::<f32>("actor", 2, HANG).unwrap(), 3);
}

/// Publishes all values so often, whoever created them. Argument: how often.
fn publisher() {
    let _orders = Orders::listen();
    let family = family();
    let mut last = [0; VALUES as usize];
    for round in 0..argument(0) {
        for (number, last) in (0..).zip(&mut last) {
            let name = format!("value-{number}");
            let value = vec![round; length(number)];
            let version = family.publish::<u64>(&name, &value).unwrap();
            assert!(version > *last, "versions rise");
            *last = version;
        }
    }
    println!("done");
    _orders.next();
}

fn whoever_comes_first_creates_a_value() {
    const ROUNDS: u64 = 50;
    let mut publishers = [(); 4].map(|()| Child::start("family::publisher", &[&ROUNDS]));
    let family = family();
    for number in 0..VALUES {
        let name = format!("value-{number}");
        family.wait_newer::<u64>(&name, 0, HANG).unwrap();
        let (value, _) = family.fetch_vec::<u64>(&name).unwrap();
        assert_eq!(value, vec![value[0]; length(number)]);
    }
    for publisher in &mut publishers {
        publisher.expect("done");
    }
    for number in 0..VALUES {
        let board = family.board::<u64>(&format!("value-{number}")).unwrap();
        assert_eq!(board.version(), 4 * ROUNDS, "no publication is lost");
        assert_eq!(board.participants().unwrap().len(), 5);
    }
    publishers
        .into_iter()
        .for_each(|child| drop(child.finish()));
}

fn a_value_that_is_not_there_yet_is_waited_for() {
    let family = family();
    let error = family.fetch_vec::<u64>("value-0").unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_says(&error, &["run/weights/value-0"]);
    let error = family.lease::<u64>("value-0").unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    let waited = family.wait_newer::<u64>("value-0", 0, Duration::from_millis(1));
    let error = waited.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert_says(&error, &["a version after 0"]);

    let mut publisher = Child::start("family::publisher", &[&3]);
    assert!(family.wait_newer::<u64>("value-4", 0, HANG).unwrap() >= 1);
    assert_eq!(family.wait_newer::<u64>("value-4", 2, HANG).unwrap(), 3);
    publisher.expect("done");
    // Created and not published yet: somebody was killed in between, or made the board by itself.
    let _empty = Board::<u64>::create("run/weights/empty", BoardOptions::new(1)).unwrap();
    let empty = family.fetch_vec::<u64>("empty");
    assert!(matches!(empty, Err(Error::NothingPublished)), "{empty:?}");
}

fn another_type_or_length_is_an_error_that_names_the_value() {
    let (learner, simulator) = (family(), family());
    learner.publish("actor", &[0.5f32; 10]).unwrap();
    // Also where this family has the value's board by its right type.
    for family in [&learner, &simulator] {
        let errors = [
            family.publish("actor", &[0.5f64; 10]).unwrap_err(),
            family.fetch("actor", &mut [0u32; 10]).unwrap_err(),
            family.fetch_vec::<[f32; 2]>("actor").unwrap_err(),
            family.lease::<u8>("actor").unwrap_err(),
            family.wait_newer::<u8>("actor", 0, HANG).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::WrongRecord { .. }), "{error}");
            assert_says(&error, &["run/weights/actor"]);
        }
        let errors = [
            family.publish("actor", &[0.5f32; 11]).unwrap_err(),
            family.fetch("actor", &mut [0f32; 11]).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::WrongOption { .. }), "{error}");
            assert_says(&error, &["run/weights/actor", "length 10, not 11"]);
        }
    }
    assert_eq!(
        learner.fetch_vec::<f32>("actor").unwrap(),
        (vec![0.5; 10], 1)
    );

    let more = Boards::new(NAME, BoardsOptions::new().buffers(9)).unwrap();
    let error = more.publish("actor", &[0.5f32; 10]).unwrap_err();
    assert_says(&error, &["run/weights/actor", "buffers 4, not 9"]);
    assert_eq!(more.publish("critic", &[0.5f32; 10]).unwrap(), 1);
    assert_eq!(more.board::<f32>("critic").unwrap().buffers(), 9);

    let error = learner.publish::<f32>("nothing", &[]).unwrap_err();
    assert_says(&error, &["length of a board is 0"]);
    let error = learner.publish("a b", &[1u8]).unwrap_err();
    assert!(matches!(error, Error::InvalidName { .. }), "{error}");
    for name in ["", "../up", "a//b"] {
        let error = Boards::new(name, BoardsOptions::new()).unwrap_err();
        assert!(matches!(error, Error::InvalidName { .. }), "{error}");
    }
    assert_eq!(learner.names().unwrap(), ["actor", "critic"]);
}

fn the_names_are_those_of_the_familys_boards() {
    let family = family();
    assert!(family.names().unwrap().is_empty());
    for name in ["critic", "actor", "layer/2"] {
        family.publish(name, &[1u8]).unwrap();
    }
    let other = |name: &str| Boards::new(name, BoardsOptions::new()).unwrap();
    other("run/weights-2").publish("other", &[1u8]).unwrap();
    other("run").publish("other", &[1u8]).unwrap();
    let _itself = Board::<u8>::create(NAME, BoardOptions::new(1)).unwrap();
    let _pool = Pool::<u8>::create("run/weights/pool", PoolOptions::new(1)).unwrap();
    assert_eq!(family.names().unwrap(), ["actor", "critic", "layer/2"]);
    assert_eq!(
        (family.name(), other("run").names().unwrap().len()),
        (NAME, 6)
    );
    millpond::unlink("run/weights/actor").unwrap();
    assert_eq!(family.names().unwrap(), ["critic", "layer/2"]);
    // Who has it keeps it.
    assert_eq!(family.publish("actor", &[2u8]).unwrap(), 2);
}

fn threads_that_ask_at_once_share_one_board() {
    let family = family();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let family = family.clone();
            scope.spawn(move || {
                for round in 0..100u64 {
                    family.publish("shared", &[round; 10]).unwrap();
                    family.lease::<u64>("shared").unwrap();
                }
            });
        }
    });
    let board = family.board::<u64>("shared").unwrap();
    assert_eq!(board.version(), 800);
    assert_eq!(board.participants().unwrap().len(), 1);
}

fn values_for_the_attached_go_with_them() {
    let options = BoardsOptions::new().lifetime(Lifetime::WhileAttached);
    let learner = Boards::new(NAME, options.role("learner")).unwrap();
    learner.publish("actor", &[1u8]).unwrap();
    let board = family().board::<u8>("actor").unwrap();
    assert_eq!(board.participants().unwrap()[0].role, "learner");
    drop(learner);
    assert_eq!(board.fetch_vec().unwrap(), (vec![1], 1));
    drop(board);
    assert!(millpond::list(None).unwrap().is_empty());
}
