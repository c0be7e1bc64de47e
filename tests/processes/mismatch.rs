//! Segments that are sound and not what a program expects: the error names what it expected and what it
//! found.

use millpond::pool::{RateLimiter, Remover};
use millpond::{Board, BoardOptions, Error, Pool, PoolOptions, Record, Sampler};

use crate::damage::{Step, assert_says};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "mismatch",
    trials: named![
        another_structure_is_an_error_that_names_both,
        another_record_is_an_error_that_shows_both,
        other_options_are_an_error_that_shows_both,
    ],
    ..Part::EMPTY
};

const NAME: &str = "mismatched";

fn another_structure_is_an_error_that_names_both() {
    let board = Board::<Step>::create(NAME, BoardOptions::new(10)).unwrap();
    let error = Pool::<Step>::open(NAME).unwrap_err();
    assert_says(&error, &[NAME, "holds a board, not a pool"]);
    assert!(matches!(error, Error::WrongKind { .. }));
    drop(board);
    millpond::unlink(NAME).unwrap();
    let _pool = Pool::<Step>::create(NAME, PoolOptions::new(10)).unwrap();
    let error = Board::<Step>::open_or_create(NAME, BoardOptions::new(1)).unwrap_err();
    assert_says(&error, &[NAME, "holds a pool, not a board"]);
}

fn another_record_is_an_error_that_shows_both() {
    #[derive(Clone, Copy, Debug, Record)]
    #[repr(C)]
    struct OtherStep {
        observation: [f32; 3],
        action: i32,
    }
    let _pool = Pool::<Step>::create(NAME, PoolOptions::new(10)).unwrap();
    let error = Pool::<OtherStep>::open(NAME).unwrap_err();
    let Error::WrongRecord {
        expected, found, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(expected.fields().len(), 2);
    assert_eq!(found.fields().len(), 3);
    assert_says(
        &error,
        &[
            NAME, "f32[3]", "f32[2]", "i32", "u32", "reward", "expected", "found",
        ],
    );
    let error = Board::<u8>::open(NAME).unwrap_err();
    assert!(matches!(error, Error::WrongKind { .. }), "{error}");
}

fn other_options_are_an_error_that_shows_both() {
    let options = || PoolOptions::new(100).alpha(0.5).leases(128);
    let _pool = Pool::<Step>::create(NAME, options()).unwrap();
    let others = [
        (
            PoolOptions::new(101).alpha(0.5).leases(128),
            ["capacity 100", "not 101"],
        ),
        (options().alpha(0.6), ["alpha 0.5", "not 0.6"]),
        (options().leases(500), ["leases 128", "not 512"]),
        (options().linked(true), ["links off", "not on;"]),
        (options().ordered(true), ["order off", "not on;"]),
        (
            options().remover(Remover::Lowest),
            ["remover oldest", "not lowest;"],
        ),
        (
            options().sampler(Sampler::uniform().without_replacement()),
            ["sampler stratified", "not uniform without replacement;"],
        ),
        (
            options().rate_limiter(RateLimiter::min_size(7).unwrap()),
            ["rate limiter none", "not from 7 records on;"],
        ),
    ];
    for (other, parts) in others {
        let error = Pool::<Step>::open_or_create(NAME, other).unwrap_err();
        assert!(matches!(error, Error::WrongOption { .. }), "{error}");
        assert_says(&error, &parts);
    }
    Pool::<Step>::open_or_create(NAME, options()).unwrap();
}
