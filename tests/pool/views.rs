//! Views: other priorities and limits over the same records.

use millpond::pool::{RateLimiter, Remover, ViewOptions};
use millpond::{Error, Pool, PoolOptions, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn all(pool: &Pool<u64>) -> Vec<u64> {
    match pool.sample_by(Sampler::oldest(), 1, &mut random()) {
        Err(_) => Vec::new(),
        Ok(_) => (1..)
            .map_while(|count| pool.sample_by(Sampler::oldest(), count, &mut random()).ok())
            .last()
            .map(|batch| batch.records().copied().collect())
            .unwrap(),
    }
}

#[test]
fn each_view_has_priorities_of_its_own() {
    let options = PoolOptions::new(100)
        .alpha(1.0)
        .view("actor", ViewOptions::new().alpha(0.5).ordered(true))
        .view("newest", ViewOptions::new().sampler(Sampler::newest()));
    let pool = Pool::<u64>::anonymous(options).unwrap();
    assert!(pool.views().eq(["actor", "newest"]));
    let (actor, newest) = (pool.view("actor").unwrap(), pool.view("newest").unwrap());
    let keys = pool
        .insert_batch_with_priorities(&[7, 8], &[1.0, 3.0])
        .unwrap();
    // In the others a record begins with the highest priority there.
    assert_eq!((pool.total_priority(), actor.total_priority()), (4.0, 2.0));
    actor.update_priorities(&keys, &[16.0, 0.0]).unwrap();
    assert_eq!((pool.total_priority(), actor.total_priority()), (4.0, 4.0));
    assert_eq!(actor.lowest_priority().unwrap(), Some(16.0));
    let batch = actor.sample(10, &mut random()).unwrap();
    assert!(batch.records().all(|&record| record == 7));
    assert_eq!(newest.sample(1, &mut random()).unwrap().get(0), &8);
    let key = actor.insert_with_priority(&9, 4.0).unwrap();
    assert_eq!((pool.total_priority(), actor.total_priority()), (7.0, 6.0));
    pool.remove(&[key]).unwrap();
    assert_eq!((pool.total_priority(), actor.total_priority()), (4.0, 4.0));
    pool.verify().unwrap();
}

#[test]
fn a_record_leaves_with_the_last_of_its_views() {
    for remover in [Remover::Oldest, Remover::Lowest] {
        let options = PoolOptions::new(10)
            .remover(remover)
            .sampled_at_most(2)
            .view("once", ViewOptions::new().sampled_at_most(1));
        let pool = Pool::<u64>::anonymous(options).unwrap();
        let once = pool.view("once").unwrap();
        pool.insert(&7).unwrap();
        assert_eq!(once.sample(1, &mut random()).unwrap().len(), 1);
        let gone = once.sample(1, &mut random());
        assert!(
            matches!(gone, Err(Error::NothingToSample { .. })),
            "{gone:?}"
        );
        let gone = once.sample_by(Sampler::uniform(), 1, &mut random());
        assert!(
            matches!(gone, Err(Error::NothingToSample { .. })),
            "{gone:?}"
        );
        // A new priority does not bring it back.
        once.update_priorities(&[0], &[5.0]).unwrap();
        assert!(once.sample(1, &mut random()).is_err());
        assert_eq!(pool.sample(2, &mut random()).unwrap().len(), 2);
        assert!(pool.is_empty());
        pool.verify().unwrap();
    }
}

#[test]
fn a_record_may_be_in_one_view_only() {
    let options = PoolOptions::new(10).view("expert", ViewOptions::new());
    let pool = Pool::<u64>::anonymous(options).unwrap();
    let expert = pool.view("expert").unwrap();
    pool.insert_into_views(&1, &[Some(1.0), None]).unwrap();
    pool.insert_into_views(&2, &[None, Some(1.0)]).unwrap();
    pool.insert_into_views(&3, &[Some(0.0), Some(1.0)]).unwrap();
    assert_eq!((all(&pool), all(&expert)), (vec![1, 3], vec![2, 3]));
    let uniform = expert
        .sample_by(Sampler::uniform(), 50, &mut random())
        .unwrap();
    assert!(uniform.records().all(|&record| record > 1));
    let by_priority = pool.sample(50, &mut random()).unwrap();
    assert!(by_priority.records().all(|&record| record == 1));
    for priorities in [&[Some(1.0)][..], &[None, None], &[Some(1.0); 3]] {
        let refused = pool.insert_into_views(&4, priorities);
        assert!(
            matches!(refused, Err(Error::InvalidArgument { .. })),
            "{refused:?}"
        );
    }
    let refused = pool.insert_into_views(&4, &[Some(1.0), Some(f32::NAN)]);
    assert!(
        matches!(refused, Err(Error::InvalidPriority { .. })),
        "{refused:?}"
    );
}

#[test]
fn each_view_has_a_limiter_of_its_own() {
    let two = RateLimiter::min_size(2).unwrap();
    let options = PoolOptions::new(10).view("later", ViewOptions::new().rate_limiter(two));
    let pool = Pool::<u64>::anonymous(options).unwrap();
    let later = pool.view("later").unwrap();
    let later =
        later.with_patience(millpond::pool::Patience::new().limit(std::time::Duration::ZERO));
    pool.insert(&7).unwrap();
    assert!(pool.sample(1, &mut random()).is_ok());
    let waits = later.sample(1, &mut random());
    assert!(matches!(waits, Err(Error::TimedOut { .. })), "{waits:?}");
    later.insert(&8).unwrap();
    assert!(later.sample(1, &mut random()).is_ok());
}

/// What was sampled from a view is still in the pool, and must not be taken for waiting in it.
#[test]
fn a_view_may_be_a_queue_over_a_pool_that_keeps_its_records() {
    let queue = ViewOptions::new()
        .sampler(Sampler::oldest())
        .sampled_at_most(1)
        .rate_limiter(RateLimiter::queue(10).unwrap());
    let pool = Pool::<u64>::anonymous(PoolOptions::new(100).view("once", queue)).unwrap();
    let once = pool.view("once").unwrap();
    for lap in 0..30 {
        pool.insert_batch(&[lap; 10]).unwrap();
        let batch = once.sample(10, &mut random()).unwrap();
        assert!(batch.records().all(|&record| record == lap));
    }
    assert_eq!(pool.len(), 100);
    // The limiter counts every insert, so no record can be kept out.
    let refused = pool.insert_into_views(&1, &[Some(1.0), None]);
    assert!(
        matches!(refused, Err(Error::InvalidArgument { .. })),
        "{refused:?}"
    );
}

#[test]
fn names_that_are_not_there_are_refused() {
    let pool = Pool::<u64>::anonymous(PoolOptions::new(10)).unwrap();
    let refused = pool.view("nobody").unwrap_err().to_string();
    assert!(refused.contains("it has none"), "{refused}");
    let view = ViewOptions::new;
    for options in [
        PoolOptions::new(10).view("", view()),
        PoolOptions::new(10).view("a", view()).view("a", view()),
        PoolOptions::new(10).view(&"x".repeat(33), view()),
        PoolOptions::new(10).view("a", view().alpha(f32::NAN)),
        ["a", "b", "c", "d"]
            .iter()
            .fold(PoolOptions::new(10), |options, name| {
                options.view(name, view())
            }),
    ] {
        let refused = Pool::<u64>::anonymous(options);
        assert!(
            matches!(refused, Err(Error::InvalidArgument { .. })),
            "{refused:?}"
        );
    }
}
