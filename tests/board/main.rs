//! The board in one process, as its users see it: whole values under many threads, versions, waits,
//! values of any length, leases, and bad input.

mod leases;
mod model;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use millpond::{Board, BoardOptions, Error, Record, Result};

const HANG: Duration = Duration::from_secs(20);

fn board<T: Record>(len: usize) -> Board<T> {
    Board::anonymous(BoardOptions::new(len)).unwrap()
}

#[track_caller]
fn refuse<T>(result: Result<T>, parts: &[&str]) -> Error {
    let error = result.err().expect("an error");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    error
}

#[test]
fn values_are_whole_and_never_older_while_threads_publish() {
    const LENGTH: usize = 1000;
    const PUBLICATIONS: u64 = 20_000;
    let board = board::<u64>(LENGTH);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let publish = |first: u64| {
            let board = board.clone();
            move || {
                let mut last = 0;
                for count in 0..PUBLICATIONS {
                    let version = board.publish(&[first + count; LENGTH]).unwrap();
                    assert!(version > last, "versions rise");
                    last = version;
                }
            }
        };
        let publishers = [0, 1 << 32].map(|first| scope.spawn(publish(first)));
        for _ in 0..2 {
            scope.spawn(|| {
                let (mut value, mut last) = ([0; LENGTH], 0);
                board.wait_newer(0, HANG).unwrap();
                while !done.load(Ordering::Relaxed) {
                    let newest = board.version();
                    let version = board.fetch(&mut value).unwrap();
                    assert!(version >= newest.max(last), "{version} after {last}");
                    assert_eq!(value, [value[0]; LENGTH], "a torn value");
                    last = version;
                }
            });
        }
        for publisher in publishers {
            publisher.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(board.version(), 2 * PUBLICATIONS);
}

#[test]
fn versions_count_from_one() {
    let board = board::<f32>(2);
    assert_eq!(board.version(), 0);
    let mut value = [9.0; 2];
    for version in 1..=10 {
        assert_eq!(board.publish(&[version as f32, 0.5]).unwrap(), version);
        assert_eq!(board.version(), version);
        assert_eq!(board.fetch(&mut value).unwrap(), version);
        assert_eq!(value, [version as f32, 0.5]);
    }
    // A fetch takes nothing away, and a clone is the same board.
    assert_eq!(board.clone().fetch(&mut value).unwrap(), 10);
}

#[test]
fn values_of_every_length_come_back_as_they_were() {
    // Bytes fill the last word in every way; others fill it never, or half.
    for len in (1..40).chain([4095, 4096, 100_001]) {
        let value: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
        let board = board::<u8>(len);
        assert_eq!(board.len(), len);
        board.publish(&vec![0xff; len]).unwrap();
        board.publish(&value).unwrap();
        let mut found = vec![0; len];
        board.fetch(&mut found).unwrap();
        assert!(found == value, "{len} bytes");
        assert!(*board.lease().unwrap() == value, "{len} bytes in place");
    }
    let value: Vec<f32> = (0..4610).map(|at| at as f32 * 0.1).collect();
    let board = board::<f32>(value.len());
    board.publish(&value).unwrap();
    let mut found = vec![0.0; value.len()];
    board.fetch(&mut found).unwrap();
    assert_eq!(found, value);
}

#[test]
fn a_value_may_be_records() {
    #[derive(Clone, Copy, Debug, PartialEq, Record)]
    #[repr(C)]
    struct Normalization {
        mean: [f32; 3],
        deviation: [f32; 3],
        count: u16,
        _unused: [u8; 2],
    }
    let value = [1, 2, 3].map(|count| Normalization {
        mean: [0.5; 3],
        deviation: [f32::from(count); 3],
        count,
        _unused: [0; 2],
    });
    let board = board::<Normalization>(3);
    board.publish(&value).unwrap();
    let mut found = [bytemuck::Zeroable::zeroed(); 3];
    board.fetch(&mut found).unwrap();
    assert_eq!(found, value);
    assert_eq!(*board.lease().unwrap(), value);
    assert_eq!(board.fetch_vec().unwrap(), (value.to_vec(), 1));
}

#[test]
fn nothing_is_fetched_before_the_first_publication() {
    let board = board::<u8>(3);
    let mut value = [9; 3];
    let error = refuse(
        board.fetch(&mut value),
        &["nothing was published yet", "wait_newer"],
    );
    assert!(matches!(error, Error::NothingPublished));
    assert_eq!(value, [9; 3]);
    assert!(matches!(board.lease(), Err(Error::NothingPublished)));
    assert!(matches!(board.fetch_vec(), Err(Error::NothingPublished)));
}

#[test]
fn a_value_has_the_length_of_the_board() {
    let board = board::<u64>(3);
    let says = ["the length of the value", "that of the board, 3"];
    for len in [0, 2, 4] {
        refuse(board.publish(&vec![1; len]), &says);
        refuse(board.fetch(&mut vec![1; len]), &says);
    }
    assert_eq!(board.version(), 0);
}

#[test]
fn options_that_cannot_be_are_refused() {
    let create = |options| Board::<u64>::anonymous(options);
    refuse(
        create(BoardOptions::new(0)),
        &["length of a board is 0", "1 or more"],
    );
    refuse(create(BoardOptions::new(1).participants(0)), &["1 to 1022"]);
    refuse(
        create(BoardOptions::new(1).participants(2000)),
        &["1 to 1022"],
    );
    refuse(create(BoardOptions::new(usize::MAX)), &["address space"]);
    refuse(
        create(BoardOptions::new(usize::MAX / 8)),
        &["address space"],
    );
    // One buffer would fit, all of them do not.
    let most = isize::MAX as usize / 8 / 4;
    refuse(create(BoardOptions::new(most)), &["address space"]);
    refuse(
        create(BoardOptions::new(most / 8).buffers(64)),
        &["address space"],
    );
    for buffers in [0, 1, 65, usize::MAX] {
        let says = ["number of a board's buffers", "2 to 64"];
        refuse(create(BoardOptions::new(1).buffers(buffers)), &says);
    }
    for name in ["", "a//b", "../up", "CON"] {
        refuse(Board::<u64>::open(name), &["cannot name a segment"]);
        refuse(Board::<u64>::create(name, BoardOptions::new(1)), &[name]);
    }
}

#[test]
fn who_waits_gets_the_newest_version() {
    let board = board::<u64>(1);
    for version in 1..=5 {
        board.publish(&[version]).unwrap();
    }
    assert_eq!(board.wait_newer(0, Duration::ZERO).unwrap(), 5);
    assert_eq!(board.wait_newer(4, Duration::ZERO).unwrap(), 5);
    let error = refuse(
        board.wait_newer(5, Duration::from_millis(20)),
        &["waited 20ms", "a version after 5", "without success"],
    );
    assert!(matches!(error, Error::TimedOut { .. }));
}

#[test]
fn every_waiting_thread_wakes() {
    let board = board::<u64>(1);
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..8u64)
            .map(|after| {
                scope.spawn({
                    let board = &board;
                    move || board.wait_newer(after, HANG)
                })
            })
            .collect();
        for value in 0..8 {
            board.publish(&[value]).unwrap();
        }
        for (after, waiter) in (0..).zip(waiters) {
            assert!(waiter.join().unwrap().unwrap() > after);
        }
    });
}

#[test]
fn two_threads_answer_each_other() {
    let (questions, answers) = (board::<u64>(1), board::<u64>(1));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut question = [0];
            for round in 1..=1000 {
                assert_eq!(questions.wait_newer(round - 1, HANG).unwrap(), round);
                questions.fetch(&mut question).unwrap();
                answers.publish(&[question[0] * 2]).unwrap();
            }
        });
        let mut answer = [0];
        for round in 1..=1000 {
            questions.publish(&[round]).unwrap();
            assert_eq!(answers.wait_newer(round - 1, HANG).unwrap(), round);
            answers.fetch(&mut answer).unwrap();
            assert_eq!(answer, [round * 2]);
        }
    });
}

#[test]
fn a_board_says_what_it_is_and_who_has_it() {
    let board = Board::<f32>::anonymous(BoardOptions::new(7).role("learner")).unwrap();
    assert_eq!((board.name(), board.len()), (None, 7));
    board.publish(&[0.0; 7]).unwrap();
    assert_eq!(
        format!("{board:?}"),
        "Board { name: None, len: 7, version: 1, .. }"
    );
    let participants = board.participants().unwrap();
    assert_eq!(participants.len(), 1);
    assert_eq!(participants[0].role, "learner");
    assert_eq!(participants[0].process, std::process::id());
}

#[test]
fn a_role_is_cut_at_a_character() {
    let role = "ä".repeat(20);
    let board = Board::<f32>::anonymous(BoardOptions::new(1).role(role)).unwrap();
    assert_eq!(board.participants().unwrap()[0].role, "ä".repeat(16));
    let role = format!("x{}", "ä".repeat(20));
    let board = Board::<f32>::anonymous(BoardOptions::new(1).role(role)).unwrap();
    let shown = format!("x{}", "ä".repeat(15));
    assert_eq!(board.participants().unwrap()[0].role, shown);
}
