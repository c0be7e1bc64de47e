//! The tree against plain sums and against statistics. Error rates: each chi-square test fails by
//! chance once in a million runs of random seeds; the seeds are fixed.

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::*;

fn tree(capacity: usize) -> SumTree {
    let mut carver = Carver::after(0);
    let shards = Shards::of(capacity);
    let span = SumTree::carve(&mut carver, shards).unwrap();
    let mapping = Mapping::anonymous(carver.length()).unwrap();
    SumTree::place(&span, shards, &mapping)
}

fn rebuild(tree: &SumTree) {
    (0..tree.shards.count()).for_each(|shard| tree.rebuild(shard));
}

fn fill(tree: &SumTree, value: impl Fn(usize) -> f32) {
    for slot in 0..tree.shards.slots() {
        tree.write(tree.cell_of(slot), value(slot));
    }
    rebuild(tree);
}

fn draw(tree: &SumTree, count: usize, random: &mut impl Rng) -> Vec<u32> {
    let mut draws: Vec<_> = (0..count).map(|_| Draw::new(random.random())).collect();
    tree.descend(&mut draws, |_| ());
    draws.iter().map(|draw| draw.index).collect()
}

/// Asserts that `counts` of the bins come from draws in proportion to `weights`.
fn assert_proportional(counts: &[u64], weights: &[f64]) {
    let draws: u64 = counts.iter().sum();
    let total: f64 = weights.iter().sum();
    let statistic: f64 = counts
        .iter()
        .zip(weights)
        .filter(|(_, weight)| **weight > 0.0)
        .map(|(&count, weight)| {
            let expected = draws as f64 * weight / total;
            assert!(expected >= 5.0, "too few draws for a chi-square test");
            (count as f64 - expected).powi(2) / expected
        })
        .sum();
    let freedom = weights.iter().filter(|weight| **weight > 0.0).count() as f64 - 1.0;
    // Wilson and Hilferty (1931): the cube root of chi-square is nearly normal; 4.75 deviations
    // leave one in a million.
    let spread = 2.0 / (9.0 * freedom);
    let limit = freedom * (1.0 - spread + 4.75 * spread.sqrt()).powi(3);
    assert!(statistic < limit, "chi-square {statistic} above {limit}");
}

#[test]
fn leaves_are_drawn_in_proportion_at_every_size() {
    for (capacity, draws) in [
        (1 << 4, 100_000),
        (1 << 10, 1_000_000),
        (1 << 20, 4_000_000),
        (1 << 24, 4_000_000),
    ] {
        let tree = tree(capacity);
        fill(&tree, |index| ((index * 7919) % 13) as f32 * 0.5);
        let random = &mut StdRng::seed_from_u64(capacity as u64);
        // Bins of neighbours, and by residue, so that each holds draws enough.
        let bins = capacity.min(1 << 10);
        let (mut near, mut far) = (vec![0; bins], vec![0; bins]);
        let (mut near_weight, mut far_weight) = (vec![0.0; bins], vec![0.0; bins]);
        for index in 0..capacity {
            near_weight[index * bins / capacity] += f64::from(tree.leaf(index));
            far_weight[index % bins] += f64::from(tree.leaf(index));
        }
        for _ in 0..draws / 1000 {
            for index in draw(&tree, 1000, random) {
                assert!(tree.leaf(index as usize) > 0.0);
                near[index as usize * bins / capacity] += 1;
                far[index as usize % bins] += 1;
            }
        }
        assert_proportional(&near, &near_weight);
        assert_proportional(&far, &far_weight);
    }
}

#[test]
fn a_zero_leaf_is_never_drawn_in_ten_million_draws() {
    draw_among_zeros(1 << 12);
    draw_among_zeros(1 << 24);
}

fn draw_among_zeros(capacity: usize) {
    let tree = tree(capacity);
    let random = &mut StdRng::seed_from_u64(1);
    let priorities: Vec<f32> = (0..capacity)
        .map(|index| match index % 3 {
            0 => 0.0,
            // Over many powers of ten, so that rounding has its chance.
            _ => 10f32.powf(random.random_range(-20.0..20.0)),
        })
        .collect();
    fill(&tree, |index| priorities[index]);
    for _ in 0..10_000 {
        for index in draw(&tree, 1000, random) {
            assert!(priorities[index as usize] > 0.0, "leaf {index}");
        }
    }
}

#[test]
fn the_ends_of_the_unit_interval_fall_on_leaves() {
    let tree = tree(1000);
    fill(
        &tree,
        |index| if (10..20).contains(&index) { 0.1 } else { 0.0 },
    );
    let mut draws = [
        0.0,
        f64::MIN_POSITIVE,
        1.0 - f64::EPSILON,
        1.0,
        2.0,
        f64::NAN,
    ]
    .map(Draw::new);
    tree.descend(&mut draws, |_| ());
    for draw in draws {
        assert!((10..20).contains(&draw.index), "{}", draw.index);
    }
}

#[test]
fn a_tree_of_zeros_gives_nothing() {
    let tree = tree(100);
    assert_eq!(draw(&tree, 1, &mut StdRng::seed_from_u64(0)), [Draw::LOST]);
    assert_eq!(tree.total(), 0.0);
}

#[test]
fn sums_equal_a_recomputation_to_the_bit_after_a_million_updates() {
    for capacity in [1, 15, 16, 17, 1000, 1 << 16, 1 << 24] {
        let tree = tree(capacity);
        let random = &mut StdRng::seed_from_u64(capacity as u64);
        for _ in 0..1_000_000 / 64 {
            let mut touched: Vec<u32> = (0..64)
                .map(|_| random.random_range(0..capacity as u32))
                .collect();
            touched.sort_by_key(|&slot| tree.shards.shard_of(slot as usize));
            let shard_of = |slot: u32| tree.shards.shard_of(slot as usize);
            for slots in touched.chunk_by_mut(|&a, &b| shard_of(a) == shard_of(b)) {
                let leaves = slots.iter().map(|_| random.random_range(0.0..1e6));
                let leaves: Vec<f32> = leaves.collect();
                tree.assign(slots, &leaves);
            }
        }
        let bits = |tree: &SumTree| -> Vec<u32> {
            let cells = tree.cells.iter();
            cells.map(|cell| cell.load(Ordering::Relaxed)).collect()
        };
        let incremental = bits(&tree);
        rebuild(&tree);
        assert_eq!(incremental, bits(&tree));
        let exact: f64 = (0..capacity).map(|index| f64::from(tree.leaf(index))).sum();
        assert!((f64::from(tree.total()) / exact - 1.0).abs() < 1e-6);
    }
}

#[test]
fn damaged_padding_is_never_drawn_and_becomes_zero_in_a_rebuild() {
    for capacity in [300, 2100] {
        damage_padding(capacity);
    }
}

fn damage_padding(capacity: usize) {
    let tree = tree(capacity);
    fill(&tree, |_| 1.0);
    for shard in 0..tree.shards.count() {
        for cell in tree.levels.padding(tree.shards.places(shard)) {
            tree.write(shard * tree.levels.cells + cell, 1e20);
        }
    }
    let random = &mut StdRng::seed_from_u64(3);
    assert!(
        draw(&tree, 1000, random)
            .iter()
            .all(|&slot| (slot as usize) < capacity)
    );
    assert!(tree.find_contradiction().is_some());
    rebuild(&tree);
    assert_eq!(tree.find_contradiction(), None);
    assert_eq!(tree.total(), capacity as f32);
}

#[test]
fn a_damaged_leaf_becomes_zero_in_a_rebuild() {
    let tree = tree(40);
    for (index, value) in [f32::NAN, -1.0, f32::INFINITY, 2.0].into_iter().enumerate() {
        tree.assign(&mut [index as u32], &[value]);
    }
    rebuild(&tree);
    assert_eq!(tree.total(), 2.0);
}
