//! Draws by priority while another process changes priorities: their frequencies, and the sums that
//! they come from.
//!
//! Each chi-square test would fail by chance once in a million random seeds. Here the seeds are
//! fixed but the schedule of the processes is not, so that rate is what remains.

use std::time::Duration;

use millpond::{Batch, Pool, PoolOptions, Sampler};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "frequencies",
    trials: named![
        sixteen_leaves_are_drawn_in_proportion_while_others_change,
        a_thousand_leaves_are_drawn_in_proportion_while_others_change,
        a_million_leaves_are_drawn_in_proportion_while_others_change,
        sixteen_million_leaves_are_drawn_in_proportion_while_others_change,
        uniform_draws_do_not_heed_priorities,
        sums_are_exact_after_a_million_updates_by_two_processes,
    ],
    roles: named![rewriter, updater],
    ..Part::EMPTY
};

const NAME: &str = "frequencies";
const HANG: Duration = Duration::from_secs(60);

/// An uneven priority for record `index`; every thirteenth is zero.
fn priority(index: usize) -> f32 {
    (index * 7919 % 13) as f32 * 0.5
}

/// A pool whose record and key `index` is `index`.
fn create(capacity: usize) -> Pool<u64> {
    let options = PoolOptions::new(capacity).alpha(1.0).leases(1000);
    let pool = Pool::create(NAME, options).unwrap();
    let records: Vec<u64> = (0..capacity as u64).collect();
    let priorities: Vec<f32> = (0..capacity).map(priority).collect();
    let keys = pool.insert_batch_with_priorities(&records, &priorities);
    assert!(keys.unwrap() == records);
    pool
}

fn sixteen_leaves_are_drawn_in_proportion_while_others_change() {
    draw_from_the_first_half(1 << 4, 1_000_000);
}

fn a_thousand_leaves_are_drawn_in_proportion_while_others_change() {
    draw_from_the_first_half(1 << 10, 3_000_000);
}

fn a_million_leaves_are_drawn_in_proportion_while_others_change() {
    draw_from_the_first_half(1 << 20, 6_000_000);
}

fn sixteen_million_leaves_are_drawn_in_proportion_while_others_change() {
    draw_from_the_first_half(1 << 24, 6_000_000);
}

/// Draws while another process rewrites the second half's priorities. What comes from the first half
/// comes in proportion to its priorities, which nobody changes. Priorities of zero stay zero in both
/// halves.
fn draw_from_the_first_half(capacity: usize, draws: usize) {
    let pool = create(capacity);
    let mut rewriter = Child::start("frequencies::rewriter", &[&capacity]);
    rewriter.expect("at work");
    let half = capacity / 2;
    // Bins of neighbours, and by residue, so that each holds draws enough.
    let bins = half.min(512);
    let weight = |bin_of: &dyn Fn(usize) -> usize| {
        let mut weights = vec![0.0; bins];
        (0..half).for_each(|index| weights[bin_of(index)] += f64::from(priority(index)));
        weights
    };
    let near = |index: usize| index * bins / half;
    let far = |index: usize| index % bins;
    let mut near_shares = Shares::new(weight(&near));
    let mut far_shares = Shares::new(weight(&far));
    let mut random = StdRng::seed_from_u64(capacity as u64);
    let mut batch = Batch::new(&pool);
    let mut drawn = 0;
    while drawn < draws {
        // Stratified batches, and single draws.
        let count = if drawn % 10_000 < 9_000 { 1000 } else { 1 };
        pool.sample_into(count, &mut random, &mut batch).unwrap();
        drawn += count;
        for (&key, &record) in batch.keys().iter().zip(batch.records()) {
            assert_eq!(key, record);
            let index = key as usize;
            assert!(priority(index) > 0.0, "record {index} has priority 0");
            if index < half {
                near_shares.count(near(index));
                far_shares.count(far(index));
            }
        }
        near_shares.end_batch();
        far_shares.end_batch();
    }
    let updated: u64 = rewriter.finish()[0].parse().unwrap();
    assert!(updated > 0, "somebody changed priorities meanwhile");
    let deviations = near_shares.assert_right().max(far_shares.assert_right());
    pool.verify().unwrap();
    println!("{drawn} draws beside {updated} updates, off by {deviations:.1} standard deviations");
}

/// How batches fall into bins, against what each bin should have of what falls into all of them.
///
/// Draws of one batch depend on each other where the sum of all changes in its middle: the strata before
/// and after are cut from different wholes. So what is summed up is what each batch as a whole has too
/// much or too little; and its variance is taken from the batches, too.
struct Shares {
    share: Vec<f64>,
    /// Of the batch that is being counted.
    counts: Vec<f64>,
    /// Of all batches, the sums of deviations and of their squares.
    sums: Vec<(f64, f64)>,
}

impl Shares {
    fn new(weights: Vec<f64>) -> Self {
        let total: f64 = weights.iter().sum();
        Self {
            counts: vec![0.0; weights.len()],
            sums: vec![(0.0, 0.0); weights.len()],
            share: weights.iter().map(|weight| weight / total).collect(),
        }
    }

    fn count(&mut self, bin: usize) {
        self.counts[bin] += 1.0;
    }

    fn end_batch(&mut self) {
        let all: f64 = self.counts.iter().sum();
        let bins = self.counts.iter_mut().zip(&self.share);
        for ((count, share), (sum, squares)) in bins.zip(&mut self.sums) {
            let deviation = *count - all * share;
            *sum += deviation;
            *squares += deviation * deviation;
            *count = 0.0;
        }
    }

    /// Fails where a bin is 6.5 standard deviations off, which happens by chance in one of ten million
    /// runs with a thousand bins. Gives the largest.
    #[track_caller]
    fn assert_right(&self) -> f64 {
        let bins = self.sums.iter().filter(|(_, squares)| *squares > 0.0);
        let largest = bins
            .map(|(sum, squares)| sum.abs() / squares.sqrt())
            .fold(0.0, f64::max);
        assert!(largest < 6.5, "{largest:.1} standard deviations");
        largest
    }
}

/// Rewrites the priorities of the second half over and over.
fn rewriter() {
    let (orders, capacity) = (Orders::listen(), argument::<u64>(0));
    let pool = Pool::<u64>::open(NAME).unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let keys: Vec<u64> = (capacity / 2..capacity).collect();
    let mut updated = 0;
    let mut chunks = keys.chunks(100).cycle();
    loop {
        let chunk = chunks.next().expect("chunks for ever");
        let factor = random.random_range(0.1..4.0);
        let priorities: Vec<f32> = chunk
            .iter()
            .map(|&key| priority(key as usize) * factor)
            .collect();
        assert_eq!(pool.update_priorities(chunk, &priorities).unwrap(), 0);
        if updated == 0 {
            println!("at work");
        }
        updated += chunk.len();
        if orders.arrived() {
            break;
        }
    }
    println!("{updated}");
}

fn uniform_draws_do_not_heed_priorities() {
    let pool = create(1 << 10);
    let mut rewriter = Child::start("frequencies::rewriter", &[&(1 << 10)]);
    rewriter.expect("at work");
    let mut counts = vec![0; 1 << 10];
    let mut random = StdRng::seed_from_u64(2);
    for _ in 0..1000 {
        let batch = pool
            .sample_by(Sampler::uniform(), 1000, &mut random)
            .unwrap();
        for &key in batch.keys() {
            counts[key as usize] += 1;
        }
        let probability = 1.0 / 1024.0;
        assert!(batch.probabilities().iter().all(|&p| p == probability));
    }
    assert_proportional(&counts, &[1.0; 1 << 10]);
    rewriter.finish();
}

/// Fails unless `counts` of bins come from draws in proportion to `weights`.
#[track_caller]
fn assert_proportional(counts: &[u64], weights: &[f64]) {
    let draws: u64 = counts.iter().sum();
    let total: f64 = weights.iter().sum();
    let (mut statistic, mut freedom) = (0.0, -1.0);
    for (&count, weight) in counts.iter().zip(weights) {
        let expected = draws as f64 * weight / total;
        if *weight == 0.0 {
            assert_eq!(count, 0);
            continue;
        }
        assert!(expected >= 5.0, "too few draws for a chi-square test");
        statistic += (count as f64 - expected).powi(2) / expected;
        freedom += 1.0;
    }
    // Wilson and Hilferty (1931): the cube root of chi-square is nearly normal; 4.75 deviations
    // leave one in a million.
    let spread: f64 = 2.0 / (9.0 * freedom);
    let limit = freedom * (1.0 - spread + 4.75 * spread.sqrt()).powi(3);
    assert!(statistic < limit, "chi-square {statistic} above {limit}");
}

/// Keys and priorities of all updates that one of two processes makes; the keys are its own.
fn updates(process: usize, capacity: usize) -> impl Iterator<Item = (Vec<u64>, Vec<f32>)> {
    let mut random = StdRng::seed_from_u64(process as u64);
    let mut left = 500_000;
    std::iter::from_fn(move || {
        let count = random.random_range(1..=300).min(left);
        left -= count;
        let half = capacity as u64 / 2;
        let keys = (0..count).map(|_| 2 * random.random_range(0..half) + process as u64);
        let keys = keys.collect();
        // Over some powers of ten, so that sums have something to round.
        let power = (0..count).map(|_| 10f32.powf(random.random_range(-6.0..6.0)));
        (count > 0).then(|| (keys, power.collect()))
    })
}

fn sums_are_exact_after_a_million_updates_by_two_processes() {
    const CAPACITY: usize = 5000;
    let pool = create(CAPACITY);
    let updaters =
        [0, 1].map(|process| Child::start("frequencies::updater", &[&process, &CAPACITY]));
    for updater in updaters {
        updater.ended();
    }
    pool.verify().unwrap();
    assert_eq!(pool.statistics().updated, 1_000_000);

    let mut level: Vec<f32> = (0..CAPACITY).map(priority).collect();
    for (keys, priorities) in updates(0, CAPACITY).chain(updates(1, CAPACITY)) {
        for (key, priority) in keys.iter().zip(priorities) {
            level[*key as usize] = priority;
        }
    }
    let leaves = level.clone();
    while level.len() > 1 {
        let sum = |node: &[f32]| node.iter().map(|&child| f64::from(child)).sum::<f64>() as f32;
        level = level.chunks(16).map(sum).collect();
    }
    let total = pool.total_priority();
    assert_eq!(total.to_bits(), level[0].to_bits());
    let batch = pool.sample(1000, &mut StdRng::seed_from_u64(3)).unwrap();
    for (&key, &probability) in batch.keys().iter().zip(batch.probabilities()) {
        assert_eq!(probability, leaves[key as usize] / total, "key {key}");
    }
}

fn updater() {
    let (process, capacity) = (argument(0), argument(1));
    let pool = Pool::<u64>::open(NAME).unwrap();
    pool.wait_for_len(capacity, HANG).unwrap();
    for (keys, priorities) in updates(process, capacity) {
        assert_eq!(pool.update_priorities(&keys, &priorities).unwrap(), 0);
    }
}
