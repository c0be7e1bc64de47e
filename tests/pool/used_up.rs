//! Records that samples use up, while several sample at once. One thread plays all parts: what others do in the
//! middle of a draw is done by the generator that the draw is given.

use std::convert::Infallible;

use millpond::pool::ViewOptions;
use millpond::{Error, Pool, PoolOptions, Sampler};
use rand::rngs::StdRng;
use rand::{SeedableRng, TryRng};

/// A generator that does something before its number `at`.
struct Meanwhile<F: FnMut()> {
    random: StdRng,
    at: usize,
    act: F,
}

impl<F: FnMut()> Meanwhile<F> {
    fn new(at: usize, act: F) -> Self {
        let random = StdRng::seed_from_u64(1);
        Self { random, at, act }
    }

    fn count(&mut self) {
        if self.at == 0 {
            (self.act)();
        }
        self.at = self.at.wrapping_sub(1);
    }
}

impl<F: FnMut()> TryRng for Meanwhile<F> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.count();
        self.random.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.count();
        self.random.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.count();
        self.random.try_fill_bytes(bytes)
    }
}

fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn is_too_few<T>(sampled: &Result<T, Error>) -> bool {
    matches!(
        sampled,
        Err(Error::TooFewRecords { .. } | Error::NothingToSample { .. })
    )
}

/// One wants two records of a view, in which there is one, and holds it while another takes the last sample of it
/// that the pool's own table gives.
#[test]
fn a_sample_that_fails_uses_nothing_up_in_any_table() {
    for sampler in [Sampler::stratified(), Sampler::uniform(), Sampler::oldest()] {
        let view = ViewOptions::new().sampler(sampler).sampled_at_most(1);
        let options = PoolOptions::new(50).sampled_at_most(1).view("view", view);
        let pool = Pool::<u64>::anonymous(options).unwrap();
        let view = pool.view("view").unwrap();
        for record in 0..300 {
            let key = pool.insert(&record).unwrap();
            // Numbers 0 and 1 are for the first round, of which the second sample is lost.
            let mut others = Meanwhile::new(2, || {
                assert_eq!(pool.sample(1, &mut random()).unwrap().keys(), [key]);
            });
            let failed = view.sample(2, &mut others);
            assert!(is_too_few(&failed), "{:?}", failed.map(drop));
            drop(others);
            let sampled = view.sample(1, &mut random()).unwrap();
            assert_eq!(sampled.keys(), [key]);
        }
        assert!(pool.is_empty());
        pool.verify().unwrap();
    }
}

#[test]
fn a_record_whose_last_sample_is_not_final_takes_new_priorities() {
    let options = PoolOptions::new(50).alpha(1.0).sampled_at_most(1);
    let pool = Pool::<u64>::anonymous(options).unwrap();
    let key = pool.insert(&7).unwrap();
    let mut others = Meanwhile::new(2, || {
        assert_eq!(pool.update_priorities(&[key], &[5.0]).unwrap(), 0);
    });
    assert!(is_too_few(&pool.sample(2, &mut others)));
    drop(others);
    assert_eq!(pool.total_priority(), 5.0);
    assert_eq!(pool.sample(1, &mut random()).unwrap().keys(), [key]);
    assert!(pool.is_empty());
}

/// The user's generator panics, and the batch with all that it has counted is dropped on the way.
#[test]
fn a_sample_that_panics_uses_nothing_up() {
    for sampler in [
        Sampler::stratified(),
        Sampler::uniform(),
        Sampler::oldest(),
        Sampler::highest(),
        Sampler::ranked(),
    ] {
        let options = PoolOptions::new(50).ordered(true).sampler(sampler);
        let pool = Pool::<u64>::anonymous(options.sampled_at_most(1)).unwrap();
        pool.insert(&7).unwrap();
        let panics = std::panic::AssertUnwindSafe(|| {
            let mut generator = Meanwhile::new(2, || panic!("the generator's own"));
            drop(pool.sample(2, &mut generator));
        });
        let _ = std::panic::catch_unwind(panics);
        let sampled = pool.sample(1, &mut random());
        assert!(sampled.is_ok(), "{sampler:?}: {:?}", sampled.map(drop));
        drop(sampled);
        assert!(pool.is_empty());
        pool.verify().unwrap();
    }
}

#[test]
fn ranks_that_are_out_of_date_give_no_record_of_priority_0() {
    let pool = Pool::<u64>::anonymous(PoolOptions::new(1000).sampler(Sampler::ranked())).unwrap();
    let records: Vec<u64> = (0..1000).collect();
    let keys = pool.insert_batch(&records).unwrap();
    let mut generator = random();
    drop(pool.sample(10, &mut generator).unwrap());
    // All but 60, which are scattered.
    let gone: Vec<u64> = keys
        .iter()
        .copied()
        .filter(|key| key * 7919 % 1000 >= 60)
        .collect();
    pool.update_priorities(&gone, &vec![0.0; gone.len()])
        .unwrap();
    for _ in 0..8 {
        let batch = pool.sample(10, &mut generator).unwrap();
        assert!(
            batch.keys().iter().all(|key| key * 7919 % 1000 < 60),
            "{:?}",
            batch.keys()
        );
    }
    let mut many = pool.sample(60, &mut generator).unwrap().keys().to_vec();
    many.retain(|key| key * 7919 % 1000 >= 60);
    assert!(many.is_empty(), "{many:?}");
}
