//! Links, windows, stacks and sequences: by hand-worked numbers, and with bad input.

use millpond::episode::Sequences;
use millpond::pool::{Column, Fill, Windows};
use millpond::{Error, Pool, PoolOptions, Record, Sampler};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn linked<T: Record>(capacity: usize) -> Pool<T> {
    Pool::anonymous(PoolOptions::new(capacity).linked(true)).unwrap()
}

fn generator() -> StdRng {
    StdRng::seed_from_u64(1)
}

#[test]
fn frames_are_stacked_as_a_hand_stacks_them() {
    let pool = linked::<[u8; 2]>(100);
    let mut episode = pool.episode().unwrap();
    episode.begin(&[10, 11]).unwrap();
    for number in [20, 30, 40, 50] {
        episode
            .push_with_priority(&[number, number + 1], 0.0, false)
            .unwrap();
    }
    let ends = |time: usize| {
        let mut priorities = [0.0; 5];
        priorities[time] = 1.0;
        pool.update_priorities(&[0, 1, 2, 3, 4], &priorities)
            .unwrap();
    };
    let stack = |fill| {
        let windows = pool.sample_windows(1, 4, &mut generator()).unwrap();
        let (mut now, mut next) = ([[[9u8; 2]; 3]; 1], [[[9u8; 2]; 3]; 1]);
        let columns = (
            Column::new("value", &mut now),
            Column::new("value", &mut next),
        );
        windows
            .stack(fill, columns.0, columns.1)
            .map(|()| (now, next))
    };
    ends(4);
    let full = (
        [[[20, 21], [30, 31], [40, 41]]],
        [[[30, 31], [40, 41], [50, 51]]],
    );
    assert_eq!(stack(Fill::First).unwrap(), full);
    assert_eq!(stack(Fill::Zero).unwrap(), full);
    ends(1);
    let repeated = ([[[10, 11]; 3]], [[[10, 11], [10, 11], [20, 21]]]);
    assert_eq!(stack(Fill::First).unwrap(), repeated);
    let zeros = ([[[0, 0], [0, 0], [10, 11]]], [[[0, 0], [10, 11], [20, 21]]]);
    assert_eq!(stack(Fill::Zero).unwrap(), zeros);
    ends(0);
    let refused = stack(Fill::First);
    assert!(
        matches!(refused, Err(Error::InvalidArgument { .. })),
        "{refused:?}"
    );
}

#[test]
fn every_step_of_long_and_short_episodes_is_in_a_sequence() {
    for steps in [1, 3, 8, 9, 12, 13, 30] {
        let pool = linked::<u64>(100);
        let sequences = Sequences::new(8, 4).unwrap();
        let mut episode = pool.episode().unwrap().by_sequences(sequences);
        for step in 0..steps {
            episode.push(&step, step + 1 == steps).unwrap();
        }
        let windows = pool.sample_windows(64, 8, &mut generator()).unwrap();
        let mut seen = vec![false; steps as usize];
        for window in windows.iter() {
            assert_eq!(window.len() as u64, steps.min(8));
            window
                .records()
                .for_each(|&step| seen[step as usize] = true);
        }
        assert!(seen.into_iter().all(|seen| seen), "{steps} steps");
    }
}

#[test]
fn windows_whose_beginning_has_left_are_never_cut() {
    let pool = linked::<u64>(10);
    let mut episode = pool.episode().unwrap();
    for step in 0..25 {
        episode.push(&step, false).unwrap();
    }
    // Steps 15 to 24 are there: windows of 8 can end at the last three.
    let windows = pool.sample_windows(100, 8, &mut generator()).unwrap();
    for window in windows.iter() {
        let last = *window.get(7);
        assert!((22..25).contains(&last));
        assert!(window.records().copied().eq(last - 7..=last));
    }
    drop(windows);
    let found = |length| pool.sample_windows(2, length, &mut generator()).map(|_| ());
    assert!(found(10).is_ok());
    let expected = (2, 11, 0);
    match found(11) {
        Err(Error::TooFewWindows {
            asked,
            length,
            found,
        }) => {
            assert_eq!((asked, length, found), expected);
        }
        other => panic!("{other:?}"),
    }
    // Nothing is held after an error.
    assert!(pool.insert_batch(&[0; 10]).is_ok());
}

#[test]
fn whole_windows_keep_their_odds() {
    let options = PoolOptions::new(6).linked(true).alpha(1.0);
    let pool = Pool::<u64>::anonymous(options).unwrap();
    let mut episode = pool.episode().unwrap();
    for (step, priority) in (0..8).zip([0.0, 0.0, 9.0, 9.0, 0.0, 0.0, 1.0, 3.0]) {
        episode.push_with_priority(&step, priority, false).unwrap();
    }
    let random = &mut generator();
    let (mut sixth, mut all) = (0, 0);
    for _ in 0..400 {
        let windows = pool.sample_windows(50, 4, random).unwrap();
        sixth += windows.iter().filter(|window| *window.get(3) == 6).count();
        all += windows.len();
    }
    let share = sixth as f64 / all as f64;
    // Steps 2 and 3 have 18 parts of 22, and no window. The deviation of such a share is 0.003.
    assert!((share - 0.25).abs() < 0.015, "{share}");
}

#[test]
fn a_lost_window_does_not_count_as_sampled() {
    let options = PoolOptions::new(10).linked(true).sampled_at_most(1);
    let pool = Pool::<u64>::anonymous(options.alpha(1.0)).unwrap();
    let first = pool.insert_after(None, &1).unwrap();
    pool.insert_after_with_priority(Some(first), &2, 99.0)
        .unwrap();
    pool.remove(&[first]).unwrap();
    let random = &mut generator();
    let lost = pool.sample_windows(1, 2, random);
    assert!(matches!(lost, Err(Error::TooFewWindows { .. })), "{lost:?}");
    // Also where it was lost on the way to another.
    pool.insert_after_with_priority(None, &3, 11.0).unwrap();
    let windows = pool.sample_windows(1, 2, random).unwrap();
    assert!(windows.get(0).records().eq(&[3]));
    drop(windows);
    assert!(pool.sample(1, random).unwrap().records().eq(&[2]));
    assert!(pool.is_empty());
}

#[test]
fn samplers_that_go_by_order_pass_over_what_is_not_whole() {
    let options = PoolOptions::new(5).linked(true).sampler(Sampler::oldest());
    let pool = Pool::<u64>::anonymous(options).unwrap();
    let mut episode = pool.episode().unwrap();
    for step in 0..8 {
        episode.push(&step, false).unwrap();
    }
    // 3 to 7 are there.
    let windows = pool.sample_windows(2, 3, &mut generator()).unwrap();
    let ends: Vec<u64> = windows.ends().records().copied().collect();
    assert_eq!(ends, [5, 6]);
    let too_many = pool.sample_windows(4, 3, &mut generator());
    assert!(matches!(
        too_many,
        Err(Error::TooFewRecords { asked: 4, found: 3 })
    ));
}

#[test]
fn reservations_are_linked_too() {
    let pool = linked::<u64>(10);
    let first = pool.insert_after(None, &1).unwrap();
    let mut slot = pool.reserve().unwrap();
    *slot = 2;
    pool.insert(&7).unwrap();
    let second = slot.commit_after(Some(first)).unwrap();
    pool.update_priorities(&[first, 2], &[0.0, 0.0]).unwrap();
    let windows = pool.sample_windows(1, 5, &mut generator()).unwrap();
    assert!(windows.get(0).keys().eq([first, second]));
    assert!(windows.get(0).records().eq(&[1, 2]));
    // A slot that is used again does not keep its link.
    pool.insert_batch(&[0; 20]).unwrap();
    drop(windows);
    let keys = pool.insert_batch(&[0; 10]).unwrap();
    for key in keys {
        assert_eq!(pool.previous(key).unwrap(), None);
    }
    pool.verify().unwrap();
}

#[test]
fn calls_that_cannot_be_are_refused() {
    let random = &mut generator();
    let plain = Pool::<u64>::anonymous(PoolOptions::new(10)).unwrap();
    plain.insert(&1).unwrap();
    let refusals = [
        plain.insert_after(None, &1).map(|_| ()),
        plain.insert_after_with_priority(None, &1, 1.0).map(|_| ()),
        plain.previous(0).map(|_| ()),
        plain.episode().map(|_| ()),
        plain.sample_windows(1, 1, random).map(|_| ()),
        plain.reserve().unwrap().commit_after(None).map(|_| ()),
    ];
    for refused in refusals {
        let text = refused.unwrap_err().to_string();
        assert!(
            text.ends_with("must be created with `PoolOptions::linked`"),
            "{text}"
        );
    }
    let pool = linked::<u64>(10_000);
    let key = pool.insert(&1).unwrap();
    for refused in [
        pool.insert_after(Some(key + 1), &1).map(|_| ()),
        pool.insert_after(Some(u64::MAX), &1).map(|_| ()),
        pool.sample_windows(1, 0, random).map(|_| ()),
        pool.sample_windows(0, 1, random).map(|_| ()),
    ] {
        assert!(
            matches!(refused, Err(Error::InvalidArgument { .. })),
            "{refused:?}"
        );
    }
    let refused = pool.insert_after_with_priority(Some(key), &1, f32::NAN);
    assert!(matches!(refused, Err(Error::InvalidPriority { .. })));
    match pool.sample_windows(64, 80, random) {
        Err(Error::TooManyLeases { asked, limit, .. }) => assert_eq!((asked, limit), (5120, 4096)),
        other => panic!("{other:?}"),
    }
    let absurd = pool.sample_windows(2, usize::MAX, random);
    assert!(matches!(absurd, Err(Error::TooManyLeases { .. })));
    assert_eq!(pool.previous(u64::MAX).unwrap(), None);
    let windows = pool.sample_windows(2, 3, random).unwrap();
    let short = windows.gather(Fill::Zero, &mut [Column::new("value", &mut [0u64; 5])]);
    assert!(matches!(short, Err(Error::WrongColumn { .. })));
    let empty = Windows::new(&pool);
    assert!(empty.is_empty());
    empty
        .gather(Fill::First, &mut [Column::new("value", &mut [0u64; 0])])
        .unwrap();
}

/// What `docs/replay.md` says about memory.
#[test]
fn a_step_of_atari_takes_an_eighth_of_its_stacks() {
    #[derive(Clone, Copy, Record)]
    #[repr(C)]
    struct Stacked {
        observation: [[u8; 84 * 84]; 4],
        next_observation: [[u8; 84 * 84]; 4],
        reward: f32,
        action: u8,
        terminated: u8,
        _padding: [u8; 2],
    }
    #[derive(Clone, Copy, Record)]
    #[repr(C)]
    struct Seen {
        frame: [u8; 84 * 84],
        reward: f32,
        action: u8,
        terminated: u8,
        _padding: [u8; 2],
    }
    assert_eq!(size_of::<Stacked>(), 56_456);
    assert_eq!(size_of::<Seen>(), 7_064);
    // Slots are whole cache lines.
    assert_eq!(size_of::<Stacked>().next_multiple_of(64), 56_512);
    assert_eq!(size_of::<Seen>().next_multiple_of(64), 7_104);
}
