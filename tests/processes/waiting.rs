//! Waiting across processes: for a segment, for records, for a value; in vain; and beside waiters
//! that are killed.

use std::time::{Duration, Instant};

use millpond::readonly::OpenOptions;
use millpond::{Attach, Board, BoardOptions, Error, Lookup, Pool, PoolOptions};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "waiting",
    trials: named![
        who_waits_for_a_segment_opens_it_when_it_is_created,
        who_waits_for_records_wakes_when_there_are_enough,
        two_processes_wake_each_other_a_thousand_times,
        waiting_in_vain_is_an_error_that_says_for_what,
        a_killed_waiter_does_not_disturb_the_others,
    ],
    roles: named![opener, waiter_for_records, waiter_for_values, echo],
    ..Part::EMPTY
};

const POOL: &str = "waiting/pool";
const BOARD: &str = "waiting/board";
const ANSWERS: &str = "waiting/answers";
const HANG: Duration = Duration::from_secs(20);

fn create() -> Pool<Experience> {
    Pool::create(POOL, PoolOptions::new(200)).unwrap()
}

fn insert(pool: &Pool<Experience>, count: u64) {
    for sequence in 0..count {
        let record = Experience::new(UNKNOWN, 0, sequence);
        pool.insert(&record).unwrap();
    }
}

fn who_waits_for_a_segment_opens_it_when_it_is_created() {
    let mut openers = [(); 3].map(|()| Child::start("waiting::opener", &[]));
    for opener in &mut openers {
        opener.expect("waiting");
    }
    let pool = create();
    let board = Board::<u64>::create(BOARD, BoardOptions::new(1)).unwrap();
    board.publish(&[1]).unwrap();
    for opener in &mut openers {
        opener.expect("opened");
    }
    assert_eq!(pool.participants().unwrap().len(), 4);
}

fn opener() {
    let orders = Orders::listen();
    println!("waiting");
    let attach = Attach::new().wait(HANG);
    let _pool = Pool::<Experience>::open_with(POOL, &attach).unwrap();
    let board = Board::<u64>::open_with(BOARD, &attach).unwrap();
    board.wait_newer(0, HANG).unwrap();
    println!("opened");
    orders.next();
}

fn who_waits_for_records_wakes_when_there_are_enough() {
    let pool = create();
    let mut waiters = [1, 50, 100].map(|count| {
        let mut waiter = Child::start("waiting::waiter_for_records", &[&count]);
        waiter.expect("waiting");
        (waiter, count)
    });
    for (waiter, count) in &mut waiters {
        insert(&pool, *count - pool.len() as u64);
        waiter.expect(&count.to_string());
    }
}

fn waiter_for_records() {
    let pool = Pool::<Experience>::open(POOL).unwrap();
    println!("waiting");
    let found = pool.wait_for_len(argument(0), HANG).unwrap();
    println!("{found}");
}

fn two_processes_wake_each_other_a_thousand_times() {
    let board = Board::<u64>::create(BOARD, BoardOptions::new(1)).unwrap();
    let answers = Board::<u64>::create(ANSWERS, BoardOptions::new(1)).unwrap();
    let echo = Child::start("waiting::echo", &[]);
    let began = Instant::now();
    for round in 1..=1000 {
        board.publish(&[round * 3]).unwrap();
        assert_eq!(answers.wait_newer(round - 1, HANG).unwrap(), round);
        let mut answer = [0];
        answers.fetch(&mut answer).unwrap();
        assert_eq!(answer, [round * 3]);
    }
    echo.ended();
    println!("a round trip took {:.1?}", began.elapsed() / 1000);
}

fn echo() {
    let board = Board::<u64>::open(BOARD).unwrap();
    let answers = Board::<u64>::open(ANSWERS).unwrap();
    for round in 1..=1000 {
        assert_eq!(board.wait_newer(round - 1, HANG).unwrap(), round);
        let mut value = [0];
        board.fetch(&mut value).unwrap();
        answers.publish(&value).unwrap();
    }
}

fn waiting_in_vain_is_an_error_that_says_for_what() {
    let limit = Duration::from_millis(30);
    let attach = Attach::new().wait(limit);
    let began = Instant::now();
    let absent = Pool::<Experience>::open_with(POOL, &attach).unwrap_err();
    assert!(began.elapsed() >= limit);
    assert!(
        matches!(absent, Error::NotFound { waited, .. } if waited == limit),
        "{absent}"
    );
    assert!(!absent.to_string().contains("Attach::wait"), "{absent}");
    let options = OpenOptions::new().wait(limit);
    let absent = Lookup::<u64, u64>::open_with(POOL, &options).unwrap_err();
    assert!(
        matches!(absent, Error::NotFound { waited, .. } if waited == limit),
        "{absent}"
    );
    let absent = Lookup::<u64, u64>::open(POOL).unwrap_err();
    assert!(
        absent.to_string().contains("`OpenOptions::wait`"),
        "{absent}"
    );

    let pool = create();
    let began = Instant::now();
    let error = pool.wait_for_len(5, limit).unwrap_err();
    assert!(began.elapsed() >= limit);
    assert!(matches!(error, Error::TimedOut { waited, .. } if waited == limit));
    let text = error.to_string();
    assert!(text.contains("30ms for 5 records"), "{text}");

    let board = Board::<u64>::create(BOARD, BoardOptions::new(1)).unwrap();
    board.publish(&[1]).unwrap();
    let text = board.wait_newer(1, limit).unwrap_err().to_string();
    assert!(text.contains("30ms for a version after 1"), "{text}");

    let text = pool.wait_for_len(201, limit).unwrap_err().to_string();
    assert!(text.contains("at most the pool's capacity, 200"), "{text}");
}

fn a_killed_waiter_does_not_disturb_the_others() {
    let pool = create();
    let board = Board::<u64>::create(BOARD, BoardOptions::new(1)).unwrap();
    for round in 1..=10 {
        let start = |_| {
            let mut waiter = Child::start("waiting::waiter_for_values", &[&round]);
            waiter.expect("waiting");
            waiter
        };
        let mut waiters: Vec<_> = (0..4).map(start).collect();
        waiters.remove(round as usize % 4).kill();
        waiters.remove(0).kill();
        insert(&pool, 1);
        board.publish(&[round]).unwrap();
        for waiter in waiters {
            assert_eq!(waiter.ended(), [format!("{round} {round}")]);
        }
    }
    assert_eq!(pool.participants().unwrap().len(), 1);
}

/// Waits for as many records and values as its argument says.
fn waiter_for_values() {
    let wanted: u64 = argument(0);
    let pool = Pool::<Experience>::open(POOL).unwrap();
    let board = Board::<u64>::open(BOARD).unwrap();
    println!("waiting");
    let records = pool.wait_for_len(wanted as usize, HANG).unwrap();
    let version = board.wait_newer(wanted - 1, HANG).unwrap();
    println!("{records} {version}");
}
