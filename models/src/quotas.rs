//! Quotas of rate limiters: a queue takes no more than its size, and no side waits for the dead.

use crate::limits::{Pool, SIZE, spawn};
use crate::model;
use crate::os::NEVER;
use crate::quota::Quota;
use crate::sync::primitive::Ordering;

#[test]
fn a_queue_takes_no_more_than_its_size() {
    model(3, || {
        let pool = Pool::new(true, 0);
        let other = spawn(&pool, |pool| pool.insert(1, NEVER).unwrap());
        let here = pool.insert(0, NEVER).unwrap();
        assert!(here != other.join().unwrap());
        assert_eq!(pool.end(), 1);
        pool.goes_on(1);
    });
}

#[test]
fn a_queue_takes_no_more_than_its_size_beside_a_consumer() {
    model(3, || {
        let pool = Pool::new(true, 1);
        let consumer = spawn(&pool, |pool| pool.sample(1, NEVER).unwrap());
        for _ in 0..2 {
            pool.insert(0, NEVER).unwrap();
            assert!(pool.there.load(Ordering::Relaxed) <= SIZE);
        }
        assert!(consumer.join().unwrap());
        let there = pool.end();
        pool.goes_on(there);
    });
}

#[test]
fn a_record_that_may_be_taken_from_a_queue_is_there() {
    model(3, || {
        let pool = Pool::new(true, 1);
        let other = spawn(&pool, |pool| pool.sample(1, NEVER).unwrap());
        let here = pool.sample(0, NEVER).unwrap();
        assert!(here != other.join().unwrap());
        assert_eq!(pool.end(), 0);
        pool.goes_on(0);
    });
}

/// A process that inserts into an empty queue dies at `step`, beside another that inserts.
fn die_inserting(step: &'static str, second: &'static str) {
    model(3, move || {
        let pool = Pool::new(true, 0);
        let other = spawn(&pool, move |pool| {
            pool.clean(0, second);
            pool.insert(1, NEVER).unwrap()
        });
        let died = pool.insert(0, step).is_none();
        other.join().unwrap();
        pool.clean(0, NEVER);
        pool.join(0);
        // Until the shard is repaired, the record of the dead is there and not counted.
        let more = u64::from(died && step == "change.word");
        let there = pool.end();
        assert!(there <= SIZE + more);
        pool.goes_on(there);
    });
}

#[test]
fn a_queue_goes_on_whatever_an_inserter_did_when_it_died() {
    for step in [
        "quota.noted",
        "quota.raised",
        "change.word",
        "change.length",
    ] {
        die_inserting(step, NEVER);
    }
}

#[test]
fn a_queue_goes_on_although_the_one_that_cleans_up_dies() {
    die_inserting("quota.noted", "quota.back");
    die_inserting("change.length", "quota.back");
}

#[test]
fn a_queue_goes_on_whatever_a_consumer_did_when_it_died() {
    for step in ["quota.noted", "quota.raised", "change.length"] {
        model(3, move || {
            let pool = Pool::new(true, 1);
            let other = spawn(&pool, |pool| {
                pool.clean(0, NEVER);
                pool.sample(1, NEVER).unwrap()
            });
            pool.sample(0, step);
            other.join().unwrap();
            pool.clean(0, NEVER);
            let there = pool.end();
            pool.goes_on(there);
        });
    }
}

#[test]
fn what_may_be_sampled_was_inserted() {
    model(3, || {
        let pool = Pool::new(false, 0);
        let other = spawn(&pool, |pool| {
            if pool.may_sample(1, NEVER).unwrap() {
                assert!(pool.there.load(Ordering::Relaxed) > 0);
            }
        });
        pool.fail_to_insert(0);
        pool.insert(0, NEVER).unwrap();
        other.join().unwrap();
        assert_eq!(pool.inserted.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn threads_of_one_participant_strike_off_what_is_theirs() {
    model(3, || {
        let pool = Pool::new(false, 5);
        let other = spawn(&pool, |pool| pool.may_insert(0, NEVER).unwrap());
        pool.insert(0, NEVER).unwrap();
        other.join().unwrap();
        let inserting = &pool.participants[0].inserting;
        assert_eq!(inserting.load(Ordering::Relaxed), 1);
        Quota(inserting).give_back(1, [&pool.inserted]);
        assert_eq!(pool.end(), 6);
        assert_eq!(pool.inserted.load(Ordering::Relaxed), 6);
    });
}

#[test]
fn each_death_moves_a_counter_by_one_call_at_most() {
    for step in [
        "quota.noted",
        "quota.raised",
        "change.word",
        "change.length",
    ] {
        for second in [NEVER, "quota.back"] {
            model(2, move || {
                let pool = Pool::new(false, 5);
                let other = spawn(&pool, move |pool| {
                    pool.clean(0, second);
                    pool.insert(1, NEVER).unwrap();
                });
                assert_eq!(pool.insert(0, step), None);
                other.join().unwrap();
                pool.clean(0, second);
                pool.join(0);
                let (there, inserted) = (pool.end(), pool.inserted.load(Ordering::Relaxed));
                // Too few were inserted rather than too many: so no insertion waits for it.
                let deaths = 1 + u64::from(second != NEVER);
                assert!(inserted <= there && there <= inserted + deaths);
            });
        }
    }
}

#[test]
fn what_a_dead_process_was_going_to_sample_is_given_back() {
    for step in ["quota.noted", "quota.raised"] {
        model(3, move || {
            let pool = Pool::new(false, 5);
            let other = spawn(&pool, |pool| pool.clean(0, NEVER));
            assert_eq!(pool.sample(0, step), None);
            other.join().unwrap();
            pool.clean(0, NEVER);
            assert_eq!(pool.end(), 5);
            assert_eq!(pool.sampled.load(Ordering::Relaxed), 0);
        });
    }
}

/// A process that cleans up dies before it clears the notes.
#[test]
fn a_note_that_is_left_stops_no_queue() {
    model(3, || {
        let pool = Pool::new(true, 0);
        assert_eq!(pool.insert(0, "quota.noted"), None);
        let other = spawn(&pool, |pool| pool.clean(0, "quota.back"));
        pool.clean(0, NEVER);
        other.join().unwrap();
        assert_eq!(pool.insert(1, NEVER), Some(true));
    });
}

/// What the process that cleans up has taken from a counter is seen with the note that it has cleared.
#[test]
fn what_is_taken_back_from_the_dead_may_not_be_sampled() {
    model(3, || {
        let pool = Pool::new(false, 0);
        assert_eq!(pool.insert(0, "quota.raised"), None);
        let other = spawn(&pool, |pool| {
            let note = &pool.participants[0].inserting;
            if note.load(Ordering::Relaxed) == 0 {
                assert_eq!(pool.may_sample(1, NEVER), Some(false));
            }
        });
        pool.clean(0, NEVER);
        other.join().unwrap();
    });
}
