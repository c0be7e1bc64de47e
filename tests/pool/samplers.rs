//! Samplers: probabilities against numbers worked out by hand, orders against the order of insertion and
//! of priorities. Where chance decides, the error rate of the test is stated.

use std::collections::{BTreeMap, HashSet};

use millpond::pool::Remover;
use millpond::{Error, Pool, PoolOptions, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn random(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A pool of records 0, 1, … with these priorities.
fn pool_of(options: PoolOptions, priorities: &[f32]) -> Pool<u64> {
    let pool = Pool::anonymous(options).unwrap();
    let records: Vec<u64> = (0..priorities.len() as u64).collect();
    pool.insert_batch_with_priorities(&records, priorities)
        .unwrap();
    pool
}

fn drawn(pool: &Pool<u64>, sampler: Sampler, count: usize) -> Vec<u64> {
    let batch = pool.sample_by(sampler, count, &mut random(1)).unwrap();
    batch.records().copied().collect()
}

/// How far counts are from what is expected of them, in standard deviations of the worst.
fn worst(counts: &BTreeMap<Vec<u64>, u32>, expected: &[(Vec<u64>, f64)], draws: u32) -> f64 {
    assert_eq!(counts.len(), expected.len(), "{counts:?}");
    let deviations = expected.iter().map(|(drawn, probability)| {
        let mean = probability * f64::from(draws);
        let deviation = (mean * (1.0 - probability)).sqrt();
        (f64::from(counts[drawn]) - mean).abs() / deviation
    });
    deviations.fold(0.0, f64::max)
}

const ALL: [Sampler; 8] = [
    Sampler::stratified(),
    Sampler::independent(),
    Sampler::uniform(),
    Sampler::newest(),
    Sampler::oldest(),
    Sampler::highest(),
    Sampler::lowest(),
    Sampler::ranked(),
];
const REMOVERS: [Remover; 5] = [
    Remover::Oldest,
    Remover::Lowest,
    Remover::Highest,
    Remover::Uniform,
    Remover::Nothing,
];

/// Schaul et al. 2016, section 3.3: P(i) = (1 / rank(i))^alpha / sum.
#[test]
fn ranks_have_the_probabilities_of_the_paper() {
    // By hand: 1 + 1/2 + 1/3 + 1/4 = 25/12.
    let by_one = [12.0 / 25.0, 6.0 / 25.0, 4.0 / 25.0, 3.0 / 25.0];
    // 1 + 2^-0.7 + 3^-0.7 + 4^-0.7 + 5^-0.7 = 2.782095724.
    let by_seven_tenths = [
        0.359_441_26,
        0.221_262_05,
        0.166_587_75,
        0.136_202_77,
        0.116_506_17,
    ];
    for (alpha, expected) in [(1.0, &by_one[..]), (0.7, &by_seven_tenths)] {
        // Record number r has rank r, whatever the sizes of the priorities.
        let priorities: Vec<f32> = (0..expected.len())
            .map(|at| 1e6 / (at + 1).pow(5) as f32)
            .collect();
        let options = PoolOptions::new(10).alpha(alpha).sampler(Sampler::ranked());
        let pool = pool_of(options, &priorities);
        let batch = pool.sample(1000, &mut random(1)).unwrap();
        for (record, probability) in batch.records().zip(batch.probabilities()) {
            assert!((probability - expected[*record as usize]).abs() < 1e-6);
        }
        // Stratified: each comes as often as it should, but for the strata at its two ends.
        for (record, expected) in (0..).zip(expected) {
            let count = batch.records().filter(|found| **found == record).count();
            assert!(
                (count as f32 - 1000.0 * expected).abs() <= 2.0,
                "{record}: {count}"
            );
        }
    }
}

#[test]
fn ranks_follow_the_priorities() {
    let pool = pool_of(PoolOptions::new(10).alpha(1.0), &[1.0, 2.0, 4.0, 3.0]);
    let first = |pool: &Pool<u64>| drawn(pool, Sampler::ranked(), 100)[0];
    assert_eq!(first(&pool), 2);
    pool.update_priorities(&[0], &[5.0]).unwrap();
    assert_eq!(first(&pool), 0);
    let batch = pool
        .sample_by(Sampler::ranked(), 12, &mut random(1))
        .unwrap();
    let mut weights = Vec::new();
    batch.weights(1.0, &mut weights).unwrap();
    // By hand, (rank / 4): 1/4, 1/2, 3/4 and 1.
    let by_record = [0.25, 1.0, 0.5, 0.75];
    for (record, weight) in batch.records().zip(weights) {
        assert!((weight - by_record[*record as usize]).abs() < 1e-6);
    }
}

/// 100,000 draws of two out of three, without replacement. By hand for the weights 1, 2 and 3: the first
/// is drawn in proportion, the second in proportion among those that are left, so 0 and 1 come together
/// with 1/6 · 2/5 + 2/6 · 1/4 = 3/20, 0 and 2 with 1/6 · 3/5 + 3/6 · 1/3 = 4/15, 1 and 2 with 7/12.
/// A right sampler is further off than 4.5 standard deviations once in 50,000 runs; the seed is fixed.
#[test]
fn without_replacement_each_is_drawn_as_if_the_others_were_gone() {
    const DRAWS: u32 = 100_000;
    let pool = pool_of(PoolOptions::new(3).alpha(1.0), &[1.0, 2.0, 3.0]);
    let expected = [
        (vec![0, 1], 3.0 / 20.0),
        (vec![0, 2], 4.0 / 15.0),
        (vec![1, 2], 7.0 / 12.0),
    ];
    let mut random = random(1);
    let mut counts = BTreeMap::new();
    for _ in 0..DRAWS {
        let sampler = Sampler::independent().without_replacement();
        let batch = pool.sample_by(sampler, 2, &mut random).unwrap();
        let mut pair: Vec<u64> = batch.records().copied().collect();
        pair.sort_unstable();
        *counts.entry(pair).or_default() += 1;
    }
    assert!(worst(&counts, &expected, DRAWS) < 4.5, "{counts:?}");
}

/// Independent draws: of two, each pair comes with the product of its probabilities. Error rate as above.
#[test]
fn independent_draws_know_nothing_of_each_other() {
    const DRAWS: u32 = 100_000;
    let pool = pool_of(PoolOptions::new(2).alpha(1.0), &[1.0, 3.0]);
    let expected = [
        (vec![0, 0], 1.0 / 16.0),
        (vec![0, 1], 3.0 / 16.0),
        (vec![1, 0], 3.0 / 16.0),
        (vec![1, 1], 9.0 / 16.0),
    ];
    let mut random = random(1);
    let mut counts = BTreeMap::new();
    for _ in 0..DRAWS {
        let batch = pool
            .sample_by(Sampler::independent(), 2, &mut random)
            .unwrap();
        let pair: Vec<u64> = batch.records().copied().collect();
        *counts.entry(pair).or_default() += 1;
    }
    assert!(worst(&counts, &expected, DRAWS) < 4.5, "{counts:?}");
}

/// One record out of ten in a pool that is nearly empty, 100,000 times; error rate as above, ten times.
#[test]
fn uniform_draws_find_few_records_in_a_large_pool() {
    const DRAWS: u32 = 20_000;
    for remover in REMOVERS {
        let options = PoolOptions::new(5000).remover(remover);
        let pool = pool_of(options, &[1.0; 1000]);
        let keys: Vec<u64> = (0..1000).filter(|key| key % 100 != 7).collect();
        assert_eq!(pool.remove(&keys).unwrap(), 990);
        let expected: Vec<_> = (0..10).map(|at| (vec![7 + 100 * at], 0.1)).collect();
        let mut random = random(1);
        let mut counts = BTreeMap::new();
        for _ in 0..DRAWS / 10 {
            let batch = pool.sample_by(Sampler::uniform(), 10, &mut random).unwrap();
            assert_eq!(batch.probabilities(), [0.1; 10]);
            for record in batch.records() {
                *counts.entry(vec![*record]).or_default() += 1;
            }
        }
        assert!(
            worst(&counts, &expected, DRAWS) < 4.5,
            "{remover:?}: {counts:?}"
        );
        let sampler = Sampler::uniform().without_replacement();
        let all: HashSet<u64> = drawn(&pool, sampler, 10).into_iter().collect();
        assert_eq!(all.len(), 10);
    }
}

#[test]
fn the_oldest_and_the_newest_come_in_the_order_of_insertion() {
    for remover in REMOVERS {
        let pool = pool_of(PoolOptions::new(1000).remover(remover), &[1.0; 700]);
        pool.remove(&[0, 2, 699]).unwrap();
        assert_eq!(
            drawn(&pool, Sampler::oldest(), 4),
            [1, 3, 4, 5],
            "{remover:?}"
        );
        assert_eq!(drawn(&pool, Sampler::newest(), 3), [698, 697, 696]);
        let all: Vec<u64> = (0..699).filter(|at| ![0, 2].contains(at)).collect();
        assert_eq!(drawn(&pool, Sampler::oldest(), 697), all);
        let few = pool.sample_by(Sampler::newest(), 698, &mut random(1));
        let expected = matches!(
            few,
            Err(Error::TooFewRecords {
                asked: 698,
                found: 697
            })
        );
        assert!(expected, "{few:?}");
    }
}

#[test]
fn after_laps_of_the_ring_the_oldest_is_still_the_first() {
    let pool = pool_of(PoolOptions::new(100), &[1.0; 250]);
    // Held: the ring passes them over, so that they outlive their lap.
    let held = pool
        .sample_by(Sampler::oldest(), 3, &mut random(1))
        .unwrap();
    assert!(held.records().eq(&[150, 151, 152]));
    pool.insert_batch(&(250..350).collect::<Vec<u64>>())
        .unwrap();
    assert_eq!(drawn(&pool, Sampler::newest(), 2), [349, 348]);
    let oldest = drawn(&pool, Sampler::oldest(), 100);
    assert_eq!(oldest.len(), 100);
    let all: HashSet<u64> = oldest.into_iter().collect();
    assert!([150, 151, 152].iter().all(|record| all.contains(record)));
    drop(held);
}

/// The numbers are those of the tests of Reverb's heap selector.
#[test]
fn heaps_go_by_priority() {
    let options = PoolOptions::new(10).ordered(true).alpha(1.0);
    let pool = pool_of(options, &[1.0, 1.0, 1.0, 20.0, 20.0, 300.0]);
    assert_eq!(drawn(&pool, Sampler::lowest(), 6), [0, 1, 2, 3, 4, 5]);
    assert_eq!(drawn(&pool, Sampler::highest(), 3), [5, 3, 4]);
    pool.update_priorities(&[1, 5], &[5.0, 0.5]).unwrap();
    assert_eq!(drawn(&pool, Sampler::lowest(), 2), [5, 0]);
    assert_eq!(drawn(&pool, Sampler::highest(), 3), [3, 4, 1]);
    // What has no priority is never sampled by priority.
    pool.update_priorities(&[0, 2], &[0.0, 0.0]).unwrap();
    assert_eq!(drawn(&pool, Sampler::lowest(), 4), [5, 1, 3, 4]);
    let few = pool.sample_by(Sampler::lowest(), 5, &mut random(1));
    assert!(
        matches!(few, Err(Error::TooFewRecords { asked: 5, .. })),
        "{few:?}"
    );
}

#[test]
fn a_large_pool_knows_its_extremes() {
    for remover in REMOVERS {
        let priority = |at: u64| ((at * 7919) % 10_007 + 1) as f32;
        let priorities: Vec<f32> = (0..10_000).map(priority).collect();
        let options = PoolOptions::new(10_000).remover(remover).ordered(true);
        let pool = pool_of(options, &priorities);
        let mut order: Vec<u64> = (0..10_000).collect();
        order.sort_by(|a, b| priority(*a).total_cmp(&priority(*b)));
        assert_eq!(drawn(&pool, Sampler::lowest(), 1000), order[..1000]);
        order.reverse();
        assert_eq!(drawn(&pool, Sampler::highest(), 1000), order[..1000]);
        pool.verify().unwrap();
    }
}

#[test]
fn extremes_that_are_not_kept_are_an_error() {
    let pool = pool_of(PoolOptions::new(10), &[1.0; 3]);
    let refused = pool.sample_by(Sampler::highest(), 1, &mut random(1));
    assert!(
        matches!(refused, Err(Error::InvalidArgument { .. })),
        "{refused:?}"
    );
    let batch = pool.sample(1, &mut random(1)).unwrap();
    let refused = batch.weights_by_pool(0.5, &mut Vec::new());
    assert!(
        matches!(refused, Err(Error::InvalidArgument { .. })),
        "{refused:?}"
    );
    assert!(pool.lowest_priority().is_err());
}

#[test]
fn the_same_generator_draws_the_same_records() {
    let priorities: Vec<f32> = (1..=500).map(|at| at as f32).collect();
    for sampler in ALL
        .into_iter()
        .flat_map(|one| [one, one.without_replacement()])
    {
        let draws = || {
            let pool = pool_of(PoolOptions::new(600).ordered(true), &priorities);
            let mut random = random(7);
            let mut draw = || {
                let batch = pool.sample_by(sampler, 64, &mut random).unwrap();
                batch.keys().to_vec()
            };
            [draw(), draw()]
        };
        let first = draws();
        assert_eq!(first, draws(), "{sampler:?}");
        let different: HashSet<u64> = first[0].iter().copied().collect();
        if sampler == sampler.without_replacement() {
            assert_eq!(different.len(), 64, "{sampler:?}");
        }
    }
}

#[test]
fn without_replacement_a_batch_is_no_larger_than_the_pool() {
    let pool = pool_of(
        PoolOptions::new(20).ordered(true),
        &[1e6, 1.0, 1.0, 1e-6, 0.0],
    );
    for sampler in ALL.map(Sampler::without_replacement) {
        let by_priority = sampler.without_replacement() != Sampler::uniform().without_replacement()
            && sampler != Sampler::newest().without_replacement()
            && sampler != Sampler::oldest().without_replacement();
        let most = if by_priority { 4 } else { 5 };
        let all: HashSet<u64> = drawn(&pool, sampler, most).into_iter().collect();
        assert_eq!(all.len(), most, "{sampler:?}");
        let few = pool.sample_by(sampler, most + 1, &mut random(1));
        assert!(
            matches!(few, Err(Error::TooFewRecords { .. })),
            "{sampler:?}: {few:?}"
        );
    }
}

/// TorchRL's documentation and tests divide by the pool's largest weight.
#[test]
fn weights_by_the_pool_do_not_depend_on_the_batch() {
    let pool = pool_of(
        PoolOptions::new(10).alpha(1.0).ordered(true),
        &[1.0, 4.0, 16.0],
    );
    assert_eq!(pool.lowest_priority().unwrap(), Some(1.0));
    let mut weights = Vec::new();
    for count in [1, 2, 10] {
        let batch = pool.sample(count, &mut random(1)).unwrap();
        batch.weights_by_pool(0.5, &mut weights).unwrap();
        for (record, weight) in batch.records().zip(&weights) {
            // By hand: (p_min / p)^0.5.
            let expected = [1.0, 0.5, 0.25][*record as usize];
            assert!((weight - expected).abs() < 1e-6, "{weight}, not {expected}");
        }
    }
    pool.update_priorities(&[0], &[0.0]).unwrap();
    assert_eq!(pool.lowest_priority().unwrap(), Some(4.0));
}
