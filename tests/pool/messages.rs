//! Errors whose words depend on what is the case: the advice is true where it is shown.

use std::time::Duration;

use millpond::pool::{Patience, RateLimiter, Remover, ViewOptions};
use millpond::{Error, Pool, PoolOptions, Sampler};

use crate::snapshot::random;

fn pool(options: PoolOptions) -> Pool<u64> {
    Pool::anonymous(options).unwrap()
}

#[track_caller]
fn refused<R>(result: Result<R, Error>) -> (Error, String) {
    let error = result.err().expect("an error");
    let text = error.to_string();
    (error, text)
}

#[test]
fn what_was_used_up_is_not_said_to_have_priority_zero() {
    // One record may be sampled once: a batch of two finds one.
    let pool = pool(PoolOptions::new(10).sampled_at_most(1));
    pool.insert(&7).unwrap();
    for sampler in [Sampler::stratified(), Sampler::ranked(), Sampler::uniform()] {
        let (error, text) = refused(pool.sample_by(sampler, 2, &mut random()));
        let found = matches!(error, Error::TooFewRecords { asked: 2, found: 1 });
        assert!(found, "{sampler}: {text}");
        assert!(!text.contains("priority"), "{text}");
        assert!(text.contains("ask for fewer"), "{text}");
    }
    assert_eq!(pool.sample(1, &mut random()).unwrap().get(0), &7);
}

#[test]
fn a_view_that_has_used_its_records_up_says_so() {
    let view = ViewOptions::new().sampled_at_most(1);
    let pool = pool(PoolOptions::new(10).view("once", view));
    let once = pool.view("once").unwrap();
    pool.insert_batch(&[1, 2]).unwrap();
    pool.insert_into_views(&3, &[Some(1.0), None]).unwrap();
    once.sample_by(Sampler::oldest(), 2, &mut random()).unwrap();
    for sampler in [Sampler::stratified(), Sampler::ranked(), Sampler::uniform()] {
        let (error, text) = refused(once.sample_by(sampler, 1, &mut random()));
        assert!(
            matches!(
                error,
                Error::NothingToSample {
                    length: 3,
                    used_up: 3
                }
            ),
            "{sampler}: {text}"
        );
        assert!(!text.contains("priority 0"), "{text}");
    }
    pool.insert_into_views(&4, &[Some(1.0), Some(0.0)]).unwrap();
    let (error, text) = refused(once.sample(1, &mut random()));
    let expected = matches!(
        error,
        Error::NothingToSample {
            length: 4,
            used_up: 3
        }
    );
    assert!(expected && text.contains("1 have priority 0"), "{text}");
}

#[test]
fn records_of_priority_zero_are_counted_whatever_the_sampler() {
    let pool = pool(PoolOptions::new(10));
    pool.insert_batch_with_priorities(&[1, 2, 3], &[0.0; 3])
        .unwrap();
    for sampler in [
        Sampler::stratified(),
        Sampler::ranked(),
        Sampler::independent(),
    ] {
        let (error, text) = refused(pool.sample_by(sampler, 1, &mut random()));
        assert!(
            matches!(
                error,
                Error::NothingToSample {
                    length: 3,
                    used_up: 0
                }
            ),
            "{sampler}: {text}"
        );
        assert!(text.contains("all of priority 0"), "{text}");
    }
}

#[test]
fn a_sampler_that_the_pool_has_no_order_for_is_refused_before_anything_else() {
    let plain = pool(PoolOptions::new(10));
    let limiter = RateLimiter::min_size(5).unwrap();
    let limited = pool(PoolOptions::new(10).rate_limiter(limiter));
    let limited = limited.with_patience(Patience::new().limit(Duration::ZERO));
    for pool in [plain, limited] {
        for sampler in [Sampler::highest(), Sampler::lowest()] {
            let (error, text) = refused(pool.sample_by(sampler, 1, &mut random()));
            assert!(matches!(error, Error::InvalidArgument { .. }), "{text}");
            assert!(text.contains("PoolOptions::ordered"), "{text}");
        }
    }
}

/// With more samples than records: a limited pool waits for what may come, and only for that.
#[test]
fn a_batch_that_no_pool_can_give_is_refused_and_not_waited_for() {
    let limiter = RateLimiter::new(4.0, 1, -100.0, 100.0).unwrap();
    let options = PoolOptions::new(2).sampled_at_most(3).rate_limiter(limiter);
    let pool = pool(options).with_patience(Patience::new().limit(Duration::ZERO));
    pool.insert(&1).unwrap();
    let late = refused(pool.sample(6, &mut random())).0;
    assert!(matches!(late, Error::TimedOut { .. }), "{late}");
    let never = refused(pool.sample(7, &mut random())).0;
    assert!(
        matches!(never, Error::TooFewRecords { asked: 7, .. }),
        "{never}"
    );
    let distinct = Sampler::uniform().without_replacement();
    let never = refused(pool.sample_by(distinct, 3, &mut random())).0;
    assert!(
        matches!(never, Error::TooFewRecords { asked: 3, .. }),
        "{never}"
    );
    pool.insert(&2).unwrap();
    assert_eq!(pool.sample(6, &mut random()).unwrap().len(), 6);
}

#[test]
fn options_are_shown_in_words() {
    let shown = [
        (Sampler::stratified().to_string(), "stratified"),
        (
            Sampler::uniform().without_replacement().to_string(),
            "uniform without replacement",
        ),
        (Remover::Lowest.to_string(), "lowest"),
        (
            RateLimiter::min_size(7).unwrap().to_string(),
            "from 7 records on",
        ),
        (
            RateLimiter::sample_to_insert_ratio(8.0, 1000, 64.0)
                .unwrap()
                .to_string(),
            "8 samples per insert from 1000 records on, difference 7936 to 8064",
        ),
    ];
    for (found, expected) in shown {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_record_before_a_reservation_is_an_earlier_one() {
    let pool = pool(PoolOptions::new(10).linked(true));
    let slot = pool.reserve().unwrap();
    let own = slot.key();
    let (error, text) = refused(slot.commit_after(Some(own)));
    assert!(matches!(error, Error::InvalidArgument { .. }), "{text}");
    let slot = pool.reserve().unwrap();
    let later = pool.insert(&7).unwrap();
    let (_, text) = refused(slot.commit_after(Some(later)));
    assert!(text.contains(&format!("below {}", later - 1)), "{text}");
    // What `previous` says of loaded records is taken: the record before has left.
    let key = pool.insert_after(Some((1 << 62) - 1), &8).unwrap();
    assert_eq!(pool.previous(key).unwrap(), Some((1 << 62) - 1));
    let windows = pool.sample_windows(50, 2, &mut random()).unwrap();
    assert!(windows.ends().keys().iter().all(|&end| end != key));
}
