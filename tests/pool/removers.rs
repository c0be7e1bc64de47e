//! What goes: by the remover against a plain model, by a limit on samples, by key, all at once.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use millpond::pool::{Patience, Remover, Statistics};
use millpond::{Error, Pool, PoolOptions, Sampler};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn create(options: PoolOptions) -> Pool<u64> {
    Pool::anonymous(options).unwrap()
}

/// Every record of the pool.
fn contents(pool: &Pool<u64>) -> Vec<u64> {
    match pool.len() {
        0 => Vec::new(),
        length => {
            let batch = pool
                .sample_by(Sampler::oldest(), length, &mut random())
                .unwrap();
            batch.records().copied().collect()
        }
    }
}

/// One call. Numbers that choose something are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
enum Call {
    Insert(Vec<u32>),
    Update(usize, u32),
    Remove(usize),
    Hold(usize),
    Release,
}

fn call() -> impl Strategy<Value = Call> {
    // Few priorities, so that there are equals; 0 among them.
    prop_oneof![
        4 => vec(0..20u32, 1..30).prop_map(Call::Insert),
        2 => (any::<usize>(), 0..20u32).prop_map(|(which, priority)| Call::Update(which, priority)),
        1 => any::<usize>().prop_map(Call::Remove),
        1 => (1..20usize).prop_map(Call::Hold),
        1 => Just(Call::Release),
    ]
}

/// Keys and priorities of a pool whose remover goes by priority, beside the pool itself.
fn behaves_as_its_model(remover: Remover, capacity: usize, calls: Vec<Call>) {
    let pool = create(PoolOptions::new(capacity).alpha(1.0).remover(remover));
    let mut model: BTreeMap<u64, u32> = BTreeMap::new();
    let mut held = None;
    for call in calls {
        let keys: Vec<u64> = model.keys().copied().collect();
        match call {
            Call::Insert(priorities) => {
                for priority in priorities {
                    let found = pool.insert_with_priority(&7, priority as f32);
                    let holds: HashSet<u64> = held
                        .iter()
                        .flat_map(|batch: &millpond::Batch<u64>| batch.keys())
                        .copied()
                        .collect();
                    let Ok(key) = found else {
                        let free = model.keys().any(|key| !holds.contains(key));
                        assert!(!free && !holds.is_empty(), "{found:?} with room");
                        continue;
                    };
                    let gone: Vec<u64> = (model.keys().copied())
                        .filter(|&key| pool.get(key).unwrap().is_none())
                        .collect();
                    // Removed records that are held take room as long.
                    let occupied: HashSet<_> = model.keys().chain(&holds).collect();
                    assert_eq!(
                        gone.len(),
                        usize::from(occupied.len() == capacity),
                        "{model:?}"
                    );
                    let candidates = model.iter().filter(|(key, _)| !holds.contains(key));
                    let priorities = candidates.map(|(_, priority)| *priority);
                    let expected = match remover {
                        Remover::Lowest => priorities.min(),
                        _ => priorities.max(),
                    };
                    for key in gone {
                        assert_eq!(model.remove(&key), expected);
                    }
                    assert!(model.last_key_value().is_none_or(|(last, _)| *last < key));
                    model.insert(key, priority);
                }
            }
            Call::Update(which, priority) if !keys.is_empty() => {
                let key = keys[which % keys.len()];
                assert_eq!(
                    pool.update_priorities(&[key], &[priority as f32]).unwrap(),
                    0
                );
                model.insert(key, priority);
            }
            Call::Remove(which) if !keys.is_empty() => {
                let key = keys[which % keys.len()];
                assert_eq!(pool.remove(&[key, key]).unwrap(), 1);
                model.remove(&key);
            }
            Call::Hold(count) if !keys.is_empty() => {
                let sampler = Sampler::uniform();
                held = Some(pool.sample_by(sampler, count, &mut random()).unwrap());
            }
            Call::Release => held = None,
            _ => {}
        }
        assert_eq!(pool.len(), model.len());
        let total: u32 = model.values().sum();
        assert_eq!(pool.total_priority(), total as f32);
        pool.verify().unwrap();
    }
    assert!(model.keys().all(|&key| pool.get(key).unwrap() == Some(7)));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        rng_seed: RngSeed::Fixed(6),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_lowest_goes(capacity in 1..600usize, calls in vec(call(), 1..60)) {
        behaves_as_its_model(Remover::Lowest, capacity, calls);
    }

    #[test]
    fn the_highest_goes(capacity in 1..600usize, calls in vec(call(), 1..60)) {
        behaves_as_its_model(Remover::Highest, capacity, calls);
    }
}

/// As TorchRL's writer that keeps the highest, but for a new record, which always finds a place.
#[test]
fn a_pool_keeps_its_best() {
    let pool = create(PoolOptions::new(3).alpha(1.0).remover(Remover::Lowest));
    for value in [4, 9, 1, 7, 8, 2, 3] {
        pool.insert_with_priority(&value, value as f32).unwrap();
    }
    assert_eq!(contents(&pool), [9, 8, 3]);
}

#[test]
fn among_equals_the_oldest_goes() {
    for remover in [Remover::Lowest, Remover::Highest] {
        let pool = create(PoolOptions::new(1000).remover(remover));
        pool.insert_batch(&(0..3500).collect::<Vec<u64>>()).unwrap();
        assert_eq!(contents(&pool), (2500..3500).collect::<Vec<u64>>());
    }
}

/// 40 insertions into 10 slots, 5000 times: the first record stays with (9/10)^40 = 1.48 %, so 74 times,
/// 8.5 more or less. A right remover is off by more than 4.5 of these once in 150,000 runs.
#[test]
fn anybody_goes_with_the_same_probability() {
    let mut stayed = 0;
    for _ in 0..5000 {
        let pool = create(PoolOptions::new(10).remover(Remover::Uniform));
        pool.insert_batch(&(0..50).collect::<Vec<u64>>()).unwrap();
        stayed += usize::from(contents(&pool).contains(&0));
    }
    assert!((36..=112).contains(&stayed), "{stayed}");
}

/// The cases are those of the tests of Reverb's table.
#[test]
fn a_record_leaves_after_its_last_sample() {
    for (times, remover) in [
        (2, Remover::Oldest),
        (2, Remover::Lowest),
        (1, Remover::Uniform),
    ] {
        let pool = create(PoolOptions::new(10).sampled_at_most(times).remover(remover));
        let key = pool.insert(&7).unwrap();
        for sampled in 0..times {
            assert_eq!(pool.len(), 1, "after {sampled}");
            let batch = pool.sample(1, &mut random()).unwrap();
            assert_eq!((batch.get(0), batch.keys()), (&7, &[key][..]));
        }
        assert!(pool.is_empty());
        assert_eq!(pool.get(key).unwrap(), None);
        let none = pool.sample(1, &mut random());
        assert!(
            matches!(none, Err(Error::NothingToSample { length: 0, .. })),
            "{none:?}"
        );
        pool.verify().unwrap();
    }
}

#[test]
fn a_batch_holds_what_it_sampled_last() {
    let pool = create(PoolOptions::new(2).sampled_at_most(1));
    pool.insert_batch(&[7, 8]).unwrap();
    let batch = pool.sample_by(Sampler::oldest(), 2, &mut random()).unwrap();
    assert!(pool.is_empty());
    let full = pool.insert(&9);
    assert!(
        matches!(full, Err(Error::NoFreeSlot { capacity: 2 })),
        "{full:?}"
    );
    assert!(batch.records().eq(&[7, 8]));
    drop(batch);
    pool.insert(&9).unwrap();
    assert_eq!(contents_left(&pool), 1);
}

fn contents_left(pool: &Pool<u64>) -> usize {
    pool.verify().unwrap();
    pool.len()
}

/// One record has nearly all the weight, and may come once: the others are found all the same.
#[test]
fn a_record_that_is_used_up_hides_no_other() {
    let samplers = [
        Sampler::stratified(),
        Sampler::independent(),
        Sampler::ranked(),
    ];
    for sampler in samplers {
        for seed in 0..50 {
            let pool = create(PoolOptions::new(100).alpha(1.0).sampled_at_most(1));
            pool.insert_with_priority(&1, 1e6).unwrap();
            pool.insert_batch_with_priorities(&[2; 99], &[0.01; 99])
                .unwrap();
            let random = &mut StdRng::seed_from_u64(seed);
            let batch = pool.sample_by(sampler, 50, random).unwrap();
            let different: HashSet<u64> = batch.keys().iter().copied().collect();
            assert_eq!(different.len(), 50);
            drop(batch);
            assert_eq!(pool.len(), 50);
        }
    }
}

#[test]
fn a_sample_that_fails_uses_nothing_up() {
    let pool = create(PoolOptions::new(10).sampled_at_most(1));
    pool.insert_batch(&[7, 8]).unwrap();
    for sampler in [Sampler::oldest(), Sampler::uniform().without_replacement()] {
        let few = pool.sample_by(sampler, 3, &mut random());
        assert!(
            matches!(few, Err(Error::TooFewRecords { asked: 3, found: 2 })),
            "{few:?}"
        );
    }
    assert!(pool.sample(3, &mut random()).is_err());
    let batch = pool.sample_by(Sampler::newest(), 2, &mut random()).unwrap();
    assert!(batch.records().eq(&[8, 7]));
}

#[test]
fn what_is_removed_or_cleared_comes_back_as_room() {
    for remover in [
        Remover::Oldest,
        Remover::Lowest,
        Remover::Highest,
        Remover::Uniform,
        Remover::Nothing,
    ] {
        let pool = create(PoolOptions::new(500).remover(remover));
        let keys = pool.insert_batch(&(0..500).collect::<Vec<u64>>()).unwrap();
        let removed: Vec<u64> = keys.iter().copied().filter(|key| key % 3 == 0).collect();
        assert_eq!(pool.remove(&removed).unwrap(), 167);
        assert_eq!(pool.remove(&removed).unwrap(), 0);
        assert_eq!(
            pool.update_priorities(&removed, &vec![9.0; 167]).unwrap(),
            167
        );
        assert_eq!(contents_left(&pool), 333);
        if remover != Remover::Oldest {
            // Nothing goes while there is room.
            pool.insert_batch(&(500..667).collect::<Vec<u64>>())
                .unwrap();
            let expected: Vec<u64> = (0..667).filter(|at| at % 3 != 0 || *at >= 500).collect();
            assert_eq!(contents(&pool), expected, "{remover:?}");
        }
        assert_eq!(pool.clear().unwrap(), pool_before(remover));
        assert_eq!(contents_left(&pool), 0);
        let keys = pool.insert_batch(&[1, 2, 3]).unwrap();
        assert_eq!(pool.get(keys[2]).unwrap(), Some(3));
        assert_eq!(contents(&pool), [1, 2, 3]);
        assert_eq!(pool.remove(&[u64::MAX, 0]).unwrap(), 0);
    }
}

/// How many records are in the pool before it is cleared.
fn pool_before(remover: Remover) -> usize {
    if remover == Remover::Oldest { 333 } else { 500 }
}

#[test]
fn a_pool_from_which_nothing_goes_waits_for_room() {
    let pool = create(PoolOptions::new(4).remover(Remover::Nothing));
    pool.insert_batch(&[1, 2, 3, 4]).unwrap();
    let impatient = pool.with_patience(Patience::new().limit(Duration::from_millis(1)));
    let full = impatient.insert(&5);
    assert!(matches!(full, Err(Error::TimedOut { .. })), "{full:?}");
    let Statistics { insert_waits, .. } = pool.statistics();
    assert_eq!(insert_waits, 1);
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| pool.insert_batch(&[5, 6]).unwrap());
        let oldest = pool.sample_by(Sampler::oldest(), 2, &mut random()).unwrap();
        let keys = oldest.keys().to_vec();
        drop(oldest);
        pool.remove(&keys).unwrap();
        writer.join().unwrap();
    });
    assert_eq!(contents(&pool), [3, 4, 5, 6]);
}
