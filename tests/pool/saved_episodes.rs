//! Episodes that are saved and loaded: a window is as whole, or as short, as it was before.

use std::collections::BTreeSet;

use millpond::pool::{Column, Fill, Remover};
use millpond::{Error, Pool, PoolOptions, Record};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::snapshot::{Place, random};

/// Tells the episode, and the step in it.
#[derive(Clone, Copy, Record, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(C)]
struct Step {
    episode: u32,
    step: u32,
}

fn linked(capacity: usize) -> PoolOptions {
    PoolOptions::new(capacity)
        .linked(true)
        .alpha(1.0)
        .leases(2048)
}

/// A pool with so many steps of one episode, numbered from 0 on.
fn one_episode(options: PoolOptions, steps: u64) -> Pool<u64> {
    let pool = Pool::anonymous(options).unwrap();
    let mut episode = pool.episode().unwrap();
    for step in 0..steps {
        episode.push(&step, false).unwrap();
    }
    pool
}

/// What is left of a pool after it was saved and loaded into another, so often.
fn loaded<T: Record>(
    saved: &Pool<T>,
    options: &PoolOptions,
    times: usize,
    place: &Place,
) -> Pool<T> {
    let mut loaded = saved.clone();
    for _ in 0..times {
        loaded.save(place.file()).unwrap();
        loaded = Pool::anonymous(options.clone()).unwrap();
        loaded.load(place.file()).unwrap();
    }
    loaded.verify().unwrap();
    loaded
}

/// All windows of this length that the pool yields.
fn windows<T: Record + Ord>(pool: &Pool<T>, length: usize) -> BTreeSet<Vec<T>> {
    let (mut found, random) = (BTreeSet::new(), &mut random());
    for _ in 0..40 {
        let windows = pool.sample_windows(100, length, random).unwrap();
        found.extend(
            windows
                .iter()
                .map(|window| window.records().copied().collect()),
        );
    }
    found
}

#[track_caller]
fn assert_windows<const COUNT: usize>(pool: &Pool<u64>, expected: [&[u64]; COUNT]) {
    let expected = expected.map(<[u64]>::to_vec);
    assert_eq!(windows(pool, 3), BTreeSet::from(expected));
}

#[test]
fn a_loaded_pool_cuts_no_episode_whose_beginning_has_left() {
    let place = Place::new("lapped");
    let saved = one_episode(linked(4), 5);
    let expected: [&[u64]; 2] = [&[1, 2, 3], &[2, 3, 4]];
    assert_windows(&saved, expected);
    for times in 1..=3 {
        assert_windows(&loaded(&saved, &linked(4), times, &place), expected);
        assert_windows(&loaded(&saved, &linked(100), times, &place), expected);
    }
}

#[test]
fn a_beginning_that_is_in_the_snapshot_is_one() {
    let place = Place::new("beginning");
    let saved = one_episode(linked(4), 4);
    let expected: [&[u64]; 4] = [&[0], &[0, 1], &[0, 1, 2], &[1, 2, 3]];
    assert_windows(&saved, expected);
    for times in 1..=3 {
        assert_windows(&loaded(&saved, &linked(9), times, &place), expected);
    }
}

#[test]
fn a_hole_is_a_hole_after_loading() {
    let place = Place::new("holes");
    let saved = one_episode(linked(100), 8);
    saved.remove(&[3]).unwrap();
    let expected: [&[u64]; 5] = [&[0], &[0, 1], &[0, 1, 2], &[4, 5, 6], &[5, 6, 7]];
    for times in 0..=3 {
        assert_windows(&loaded(&saved, &linked(100), times, &place), expected);
    }
    // Where the one that is removed is the first of all, there is no record with a lower key.
    saved.remove(&[0]).unwrap();
    let expected: [&[u64]; 2] = [&[4, 5, 6], &[5, 6, 7]];
    for times in 0..=3 {
        assert_windows(&loaded(&saved, &linked(100), times, &place), expected);
    }
}

#[test]
fn what_a_smaller_pool_leaves_out_has_left_it() {
    let place = Place::new("smaller");
    let saved = one_episode(linked(100), 8);
    let expected: [&[u64]; 2] = [&[4, 5, 6], &[5, 6, 7]];
    for times in 1..=3 {
        assert_windows(&loaded(&saved, &linked(4), times, &place), expected);
        // Also where the remover does not follow the ring.
        let lowest = linked(4).remover(Remover::Nothing);
        assert_windows(&loaded(&saved, &lowest, times, &place), expected);
    }
}

#[test]
fn what_was_used_up_has_left() {
    let place = Place::new("used-up");
    let options = linked(100).sampled_at_most(1);
    let saved = one_episode(options.clone(), 4);
    // Takes the first step out, as only that one can be sampled.
    saved.update_priorities(&[1, 2, 3], &[0.0; 3]).unwrap();
    assert_eq!(*saved.sample(1, &mut random()).unwrap().get(0), 0);
    saved.update_priorities(&[1, 2, 3], &[1.0; 3]).unwrap();
    assert_eq!(saved.len(), 3);
    for times in 1..=3 {
        let loaded = loaded(&saved, &options, times, &place);
        let asked = loaded.sample_windows(1, 3, &mut random()).unwrap();
        assert!(asked.get(0).records().eq(&[1, 2, 3]), "{asked:?}");
        drop(asked);
        let rest = loaded.sample_windows(1, 3, &mut random());
        assert!(matches!(rest, Err(Error::TooFewWindows { .. })), "{rest:?}");
    }
}

#[test]
fn frames_are_stacked_after_loading_as_before() {
    const WRITERS: u32 = 8;
    const STACK: usize = 4;
    let place = Place::new("stacks");
    let saved = Pool::<Step>::anonymous(linked(200)).unwrap();
    let mut writers = Vec::new();
    writers.resize_with(WRITERS as usize, || saved.episode().unwrap());
    // 480 steps of episodes that are longer than what the pool holds of them.
    for step in 0..60 {
        for (episode, writer) in (0..WRITERS).zip(&mut writers) {
            let record = Step { episode, step };
            match step {
                0 => writer.begin(&record),
                _ => writer.push(&record, false),
            }
            .unwrap();
        }
    }
    let expected = windows(&saved, STACK + 1);
    assert_eq!(expected.len(), 8 * (200 / 8 - STACK));
    let loaded = loaded(&saved, &linked(200), 2, &place);
    assert_eq!(windows(&loaded, STACK + 1), expected);
    for seed in 0..50 {
        let random = &mut StdRng::seed_from_u64(seed);
        let windows = loaded.sample_windows(32, STACK + 1, random).unwrap();
        let mut now = [[[9u32; 1]; STACK]; 32];
        let mut next = now;
        let columns = (
            Column::new("step", &mut now),
            Column::new("step", &mut next),
        );
        windows.stack(Fill::First, columns.0, columns.1).unwrap();
        for ((now, next), end) in now.iter().zip(&next).zip(windows.ends().records()) {
            assert_eq!(next[STACK - 1], [end.step]);
            assert_eq!(now[1..], next[..STACK - 1]);
            assert_eq!(now[0], [end.step - STACK as u32]);
        }
    }
}

/// Episodes of 1 to 29 steps by several writers, of which some records are removed here and there.
fn irregular(options: PoolOptions, steps: u32, random: &mut StdRng) -> Pool<Step> {
    let pool = Pool::<Step>::anonymous(options).unwrap();
    let mut writers: Vec<_> = (0..5).map(|_| (pool.episode().unwrap(), 0, 0)).collect();
    let mut keys = Vec::new();
    for number in 0..steps {
        let turn = random.random_range(0..writers.len());
        let (writer, left, first) = &mut writers[turn];
        if *left == 0 {
            (*left, *first) = (random.random_range(1..30), number);
        }
        *left -= 1;
        let record = Step {
            episode: *first,
            step: writer.steps() as u32,
        };
        keys.push(writer.push(&record, *left == 0).unwrap());
    }
    keys.shuffle(random);
    pool.remove(&keys[..keys.len() / 20]).unwrap();
    pool
}

#[test]
fn windows_of_irregular_episodes_are_the_same_after_loading() {
    let place = Place::new("irregular");
    let random = &mut StdRng::seed_from_u64(7);
    for (capacity, steps) in [(50, 40), (300, 2_000), (1_000, 1_700), (700, 20_000)] {
        let saved = irregular(linked(capacity), steps, random);
        for length in [2, 5, 11] {
            let expected = windows(&saved, length);
            let loaded = loaded(&saved, &linked(2 * capacity), 2, &place);
            let found = windows(&loaded, length);
            for window in &found {
                let first = window[0];
                assert!(
                    window.len() == length || first.step == 0,
                    "{window:?} was cut"
                );
                let steps = (first.step..).zip(window);
                steps.for_each(|(step, record)| {
                    assert_eq!((record.episode, record.step), (first.episode, step));
                });
            }
            // 4,000 draws find almost all of them on both sides.
            let both = found.intersection(&expected).count();
            assert!(
                both * 10 > expected.len() * 8,
                "{both} of {}",
                expected.len()
            );
        }
    }
}

/// A file that an earlier build wrote, in which the record of key `k` has number `k`, and not `k + 1`.
fn earlier(bytes: &[u8], place: &Place) -> Pool<u64> {
    std::fs::write(place.file(), bytes).unwrap();
    let loaded = Pool::anonymous(linked(10)).unwrap();
    loaded.load(place.file()).unwrap();
    loaded.verify().unwrap();
    loaded
}

#[test]
fn snapshots_of_earlier_builds_are_loaded_with_their_episodes() {
    let place = Place::new("earlier");
    // Steps 1 to 4 of an episode in four slots; then an episode of 7 and 8 was begun, and 3 removed.
    let lapped = earlier(include_bytes!("fixtures/lapped_version_1.snapshot"), &place);
    assert_windows(&lapped, [&[7], &[7, 8]]);
    assert_eq!(lapped.len(), 3);
    // Two steps, with the keys 0 and 1.
    let fresh = earlier(include_bytes!("fixtures/fresh_version_1.snapshot"), &place);
    assert_windows(&fresh, [&[0], &[0, 1]]);
}
