//! Probabilities and importance weights, against numbers worked by hand from the formulas of Schaul
//! et al. 2016: `P(i) = p_i^alpha / sum(p_k^alpha)` and `w_i = (N P(i))^-beta / max w`.

use millpond::{Batch, Pool, PoolOptions, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// A pool of as many records as there are priorities, and a batch with each of them once or more.
fn sample(priorities: &[f32], alpha: f32, count: usize) -> (Pool<u64>, Batch<u64>) {
    let pool = Pool::anonymous(PoolOptions::new(priorities.len()).alpha(alpha)).unwrap();
    let records: Vec<u64> = (0..priorities.len() as u64).collect();
    pool.insert_batch_with_priorities(&records, priorities)
        .unwrap();
    let batch = pool.sample(count, &mut StdRng::seed_from_u64(1)).unwrap();
    (pool, batch)
}

#[track_caller]
fn assert_near(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
    }
}

fn weights(batch: &Batch<u64>, beta: f32) -> Vec<f32> {
    let mut weights = vec![9.0; 3]; // what is in it does not matter
    batch.weights(beta, &mut weights).unwrap();
    weights
}

#[test]
fn probabilities_and_weights_are_those_of_the_paper() {
    // Ten strata over the priorities 1, 2, 3, 4: as many draws of each.
    let (_, batch) = sample(&[1.0, 2.0, 3.0, 4.0], 1.0, 10);
    assert_eq!(batch.keys(), [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]);
    assert_near(
        batch.probabilities(),
        &[0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0.4, 0.4, 0.4, 0.4],
    );
    // (4 · 0.1)^-1 = 2.5 is the largest; 1.25, 0.8333 and 0.625 divided by it.
    let third = 1.0 / 3.0;
    assert_near(
        &weights(&batch, 1.0),
        &[1.0, 0.5, 0.5, third, third, third, 0.25, 0.25, 0.25, 0.25],
    );
    // The square roots of these.
    let (half, third) = (0.707_106_77, 0.577_350_26);
    assert_near(
        &weights(&batch, 0.5),
        &[1.0, half, half, third, third, third, 0.5, 0.5, 0.5, 0.5],
    );
    assert_near(&weights(&batch, 0.0), &[1.0; 10]);
}

#[test]
fn alpha_is_the_power_of_the_priorities() {
    // 1^0.5, 4^0.5 and 9^0.5 are 1, 2 and 3.
    let (pool, batch) = sample(&[1.0, 4.0, 9.0], 0.5, 6);
    assert_eq!(pool.total_priority(), 6.0);
    assert_eq!(batch.keys(), [0, 1, 1, 2, 2, 2]);
    let (third, half) = (1.0 / 3.0, 0.5);
    assert_near(
        batch.probabilities(),
        &[1.0 / 6.0, third, third, half, half, half],
    );
    assert_near(
        &weights(&batch, 1.0),
        &[1.0, half, half, third, third, third],
    );
}

#[test]
fn the_largest_weight_is_that_of_the_batch() {
    // The record of priority 1 has 1 of 1000 and is not drawn.
    let (_, batch) = sample(&[1.0, 333.0, 666.0], 1.0, 3);
    assert_eq!(batch.keys(), [1, 2, 2]);
    assert_near(&weights(&batch, 1.0), &[1.0, 0.5, 0.5]);
}

#[test]
fn an_alpha_of_zero_makes_all_alike_but_those_of_priority_zero() {
    let (pool, batch) = sample(&[0.0, 1e-3, 1.0, 1e6, 0.0], 0.0, 6);
    assert_eq!(pool.total_priority(), 3.0);
    assert_eq!(batch.keys(), [1, 1, 2, 2, 3, 3]);
    assert_near(batch.probabilities(), &[1.0 / 3.0; 6]);
    assert_near(&weights(&batch, 0.4), &[1.0; 6]);
}

#[test]
fn uniform_samples_have_equal_probabilities_and_weights_of_one() {
    let (pool, _) = sample(&[0.0, 1.0, 5.0, 9.0], 1.0, 1);
    let random = &mut StdRng::seed_from_u64(1);
    let batch = pool.sample_by(Sampler::uniform(), 50, random).unwrap();
    assert_eq!(batch.probabilities(), [0.25; 50]);
    assert_eq!(weights(&batch, 0.7), [1.0; 50]);
    assert!((0..4).all(|key| batch.keys().contains(&key)));
}

#[test]
fn a_new_record_has_the_highest_priority_there_ever_was() {
    let pool = Pool::<u64>::anonymous(PoolOptions::new(4).alpha(0.5)).unwrap();
    pool.insert(&0).unwrap();
    assert_eq!(pool.total_priority(), 1.0);
    pool.insert_with_priority(&1, 16.0).unwrap();
    pool.insert(&2).unwrap();
    assert_eq!(pool.total_priority(), 9.0); // 1, 4 and 4
    pool.update_priorities(&[0, 1, 2], &[25.0, 1.0, 1.0])
        .unwrap();
    pool.update_priorities(&[0], &[1.0]).unwrap();
    pool.insert(&3).unwrap();
    assert_eq!(pool.total_priority(), 8.0); // 1, 1, 1 and 5
    assert_eq!(pool.statistics().highest_priority, 25.0);
}

#[test]
fn an_empty_batch_has_no_weights() {
    let pool = Pool::<u64>::anonymous(PoolOptions::new(4)).unwrap();
    let batch = Batch::new(&pool);
    assert!(weights(&batch, 1.0).is_empty());
    assert_eq!(batch.records().len(), 0);
}

#[test]
fn the_same_seed_draws_the_same_batch() {
    let draw = || sample(&[3.0; 100], 0.6, 64).1.keys().to_vec();
    assert_eq!(draw(), draw());
}

#[test]
fn a_beta_that_cannot_be_is_refused_and_leaves_no_weights() {
    let options = PoolOptions::new(4).alpha(1.0).ordered(true);
    let pool = Pool::<u64>::anonymous(options).unwrap();
    pool.insert_batch_with_priorities(&[1, 2], &[1.0, 3.0])
        .unwrap();
    let batch = pool.sample(4, &mut StdRng::seed_from_u64(1)).unwrap();
    for beta in [f32::NAN, -0.1, f32::NEG_INFINITY, f32::INFINITY] {
        let mut weights = [vec![9.0; 3], vec![9.0; 3]];
        let refused = [
            batch.weights(beta, &mut weights[0]),
            batch.weights_by_pool(beta, &mut weights[1]),
        ];
        for refused in refused {
            let text = refused.unwrap_err().to_string();
            assert!(
                text.contains(&format!("beta is {beta}; it must be")),
                "{text}"
            );
        }
        assert_eq!(weights, [[0.0; 0]; 2]);
    }
}

#[test]
fn weights_by_the_pool_do_not_become_zero_where_the_lowest_share_is_tiny() {
    let options = PoolOptions::new(4).alpha(1.0).ordered(true);
    let pool = Pool::<u64>::anonymous(options).unwrap();
    pool.insert_batch_with_priorities(&[1, 2], &[2e-38, 1e28])
        .unwrap();
    let batch = pool.sample(1, &mut StdRng::seed_from_u64(1)).unwrap();
    assert_eq!(batch.get(0), &2);
    let mut weights = Vec::new();
    batch.weights_by_pool(0.4, &mut weights).unwrap();
    // (2e-38 / 1e28)^0.4 is 5.253e-27.
    assert!((weights[0] / 5.253e-27 - 1.0).abs() < 1e-3, "{weights:?}");
    batch.weights_by_pool(1.0, &mut weights).unwrap();
    assert_eq!(weights, [0.0], "2e-66 is no `f32`");
}

/// By each sampler the divisor is the largest weight that it could have given.
#[test]
fn weights_by_the_whole_pool_go_by_the_sampler() {
    let options = PoolOptions::new(4).alpha(1.0);
    let pool = Pool::<u64>::anonymous(options).unwrap();
    pool.insert_batch_with_priorities(&[0, 1, 2, 3], &[90.0, 40.0, 7.0, 0.5])
        .unwrap();
    let random = &mut StdRng::seed_from_u64(1);
    let mut weights = Vec::new();
    for sampler in [Sampler::uniform(), Sampler::newest(), Sampler::oldest()] {
        let batch = pool.sample_by(sampler, 3, random).unwrap();
        batch.weights_by_pool(1.0, &mut weights).unwrap();
        assert_near(&weights, &[1.0; 3]);
    }
    // 12/25, 6/25, 4/25 and 3/25, of which the last is the least.
    let batch = pool.sample_by(Sampler::ranked(), 50, random).unwrap();
    batch.weights_by_pool(1.0, &mut weights).unwrap();
    for (record, weight) in batch.records().zip(&weights) {
        let expected = [0.25, 0.5, 0.75, 1.0][*record as usize];
        assert!(
            (weight - expected).abs() < 1e-5,
            "{weight} of record {record}"
        );
    }
}
