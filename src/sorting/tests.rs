//! The sorter against `sort` of the standard library, which is stable, too.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::*;
use crate::hash::Seed;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn sorted(pairs: &Pairs, budget: usize) -> Pairs {
    let mut sorter = Sorter::new(&std::env::temp_dir(), budget);
    for (key, value) in pairs {
        let (first, second) = key.split_at(key.len() / 2);
        sorter.push(&[first, second], &[value]).unwrap();
    }
    assert_eq!(sorter.len(), pairs.len() as u64);
    let mut sorted = sorter.finish().unwrap();
    let mut found = Vec::new();
    while let Some((key, value)) = sorted.next().unwrap() {
        found.push((key.to_vec(), value.to_vec()));
    }
    assert!(sorted.next().unwrap().is_none());
    found
}

#[test]
fn pairs_come_in_the_order_of_their_keys_and_equal_ones_as_they_were_pushed() {
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(1),
        cases: 64,
        ..Config::default()
    });
    let key = prop_oneof![
        vec(0u8..3, 0..4),
        vec(any::<u8>(), 0..20),
        vec(0u8..2, 9..12)
    ];
    let pairs = vec((key, vec(any::<u8>(), 0..40)), 0..400);
    let budgets = prop_oneof![Just(0usize), Just(300), Just(5000), Just(BUDGET)];
    let checked = runner.run(&(pairs, budgets), |(pairs, budget)| {
        let mut expected = pairs.clone();
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        prop_assert_eq!(sorted(&pairs, budget), expected);
        Ok(())
    });
    checked.unwrap();
}

/// Bytes that look random; `length` of them.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let seed = Seed::of(seed);
    (0..length as u64)
        .map(|at| seed.hash(&[at]) as u8)
        .collect()
}

#[test]
fn many_irregular_pairs_are_sorted_through_several_merges() {
    // 12 MB in 40 runs or so, of which four are merged at a time: more than each buffer, block and step has.
    let length = |number: u64, most| Seed::of(number).hash(&[most]) % most;
    let pairs: Pairs = (0..90_000)
        .map(|number| {
            // Some keys come again, and some pairs are longer than a block.
            let key = bytes(number / 3 * 3, length(number / 3, 60) as usize);
            let value = match number % 20_000 {
                7 => bytes(number, 1_234_567),
                _ => bytes(number, length(!number, 80) as usize),
            };
            (key, value)
        })
        .collect();
    let mut expected = pairs.clone();
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(sorted(&pairs, 300_000) == expected);
}

#[test]
fn a_pair_larger_than_the_budget_and_than_a_block_is_sorted_like_others() {
    let large = |byte: u8| (vec![byte; 3 << 20], vec![byte; 2 << 20]);
    let pairs = vec![large(3), (vec![2], vec![]), large(1), large(2)];
    let order = sorted(&pairs, 1 << 10)
        .iter()
        .map(|pair| pair.0[0])
        .collect::<Vec<_>>();
    assert_eq!(order, [1, 2, 2, 3]);
}

#[test]
fn no_pairs_are_sorted_at_once() {
    assert!(sorted(&Vec::new(), 0).is_empty());
}

#[test]
fn a_directory_that_is_not_there_is_an_error_as_soon_as_it_is_needed() {
    let missing = std::env::temp_dir()
        .join("millpond-missing")
        .join("sorting");
    let mut sorter = Sorter::new(&missing, 0);
    sorter.push(&[b"one"], &[]).unwrap();
    let refused = sorter.push(&[b"two"], &[]).unwrap_err();
    assert!(matches!(refused, Error::System { .. }), "{refused}");
}
