//! Links, windows and stacks: against a plain model with episodes of several writers, evictions and held
//! windows; by hand-worked numbers; and with bad input.

use std::collections::HashMap;

use millpond::{
    Column, EpisodeWriter, Error, Fill, Pool, PoolOptions, Record, Sampler, Sequences, Windows,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Its episode and its step, again and again.
type Told = [u64; 10];

fn told(episode: u64, step: u64) -> Told {
    std::array::from_fn(|at| if at % 2 == 0 { episode } else { step })
}

fn linked<T: Record>(capacity: usize) -> Pool<T> {
    Pool::anonymous(PoolOptions::new(capacity).linked(true)).unwrap()
}

fn generator() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// One call. Numbers that choose something are taken modulo what there is to choose from.
#[derive(Clone, Debug)]
enum Call {
    /// A step of a writer's episode, which may be the last, with a priority.
    Push(usize, bool, f32),
    /// A record that belongs to no episode.
    Insert(f32),
    Remove(usize),
    /// Windows: how many, of what length.
    Sample(usize, usize, u64),
    Release(usize),
}

fn call() -> impl Strategy<Value = Call> {
    let priority = || prop_oneof![Just(0.0f32), Just(1.0), 0.1..10f32];
    prop_oneof![
        20 => (0..WRITERS, 0..12u8, priority())
            .prop_map(|(writer, last, priority)| Call::Push(writer, last == 0, priority)),
        2 => priority().prop_map(Call::Insert),
        1 => any::<usize>().prop_map(Call::Remove),
        4 => (1..20usize, 1..9usize, any::<u64>())
            .prop_map(|(count, length, seed)| Call::Sample(count, length, seed)),
        2 => any::<usize>().prop_map(Call::Release),
    ]
}

const WRITERS: usize = 3;

#[derive(Clone, Copy)]
struct Entry {
    record: Told,
    previous: Option<u64>,
    priority: f32,
}

struct Model {
    pool: Pool<Told>,
    writers: Vec<(EpisodeWriter<Told>, u64)>,
    /// All records that were ever inserted, by their keys.
    entries: HashMap<u64, Entry>,
    episodes: u64,
    held: Vec<(Windows<Told>, Vec<Vec<Told>>)>,
}

impl Model {
    fn new(pool: Pool<Told>) -> Self {
        let writer = |number| (pool.episode().unwrap(), number as u64);
        Self {
            writers: (0..WRITERS).map(writer).collect(),
            pool,
            entries: HashMap::new(),
            episodes: WRITERS as u64,
            held: Vec::new(),
        }
    }

    fn apply(&mut self, call: Call) {
        match call {
            Call::Push(writer, last, priority) => self.push(writer, last, priority),
            Call::Insert(priority) => {
                let record = told(self.episodes, 0);
                self.episodes += 1;
                match self.pool.insert_with_priority(&record, priority) {
                    Ok(key) => self.note(key, record, None, priority),
                    Err(error) => assert!(matches!(error, Error::NoFreeSlot { .. })),
                }
            }
            Call::Remove(which) => {
                let mut keys: Vec<u64> = self.entries.keys().copied().collect();
                keys.sort_unstable();
                if let Some(key) = keys
                    .len()
                    .checked_sub(1)
                    .map(|last| keys[which % (last + 1)])
                {
                    self.pool.remove(&[key]).unwrap();
                }
            }
            Call::Sample(count, length, seed) => self.sample(count, length, seed),
            Call::Release(which) if !self.held.is_empty() => {
                let (windows, copies) = self.held.swap_remove(which % self.held.len());
                for (window, copy) in windows.iter().zip(copies) {
                    assert!(window.records().eq(&copy), "a held window changed");
                }
            }
            Call::Release(_) => {}
        }
    }

    fn push(&mut self, writer: usize, last: bool, priority: f32) {
        let (writer, episode) = &mut self.writers[writer];
        let (previous, step) = (writer.previous(), writer.steps());
        let record = told(*episode, step);
        match writer.push_with_priority(&record, priority, last) {
            Ok(key) => {
                if last {
                    assert_eq!((writer.previous(), writer.steps()), (None, 0));
                    *episode = self.episodes;
                    self.episodes += 1;
                }
                self.note(key, record, previous, priority);
            }
            Err(error) => {
                assert!(matches!(error, Error::NoFreeSlot { .. }));
                assert_eq!((writer.previous(), writer.steps()), (previous, step));
            }
        }
    }

    fn note(&mut self, key: u64, record: Told, previous: Option<u64>, priority: f32) {
        assert_eq!(self.pool.previous(key).unwrap(), previous);
        let entry = Entry {
            record,
            previous,
            priority,
        };
        assert!(
            self.entries.insert(key, entry).is_none(),
            "a key came twice"
        );
    }

    /// The keys of the window that ends with `key`; `None` where one of its records has left the pool.
    fn window(&self, key: u64, length: usize) -> Option<Vec<u64>> {
        let mut keys = vec![key];
        while keys.len() < length {
            match self.entries[&keys[keys.len() - 1]].previous {
                Some(previous) => keys.push(previous),
                None => break,
            }
        }
        keys.reverse();
        let is_here = |key: &u64| self.pool.get(*key).unwrap().is_some();
        keys.iter().all(is_here).then_some(keys)
    }

    fn sample(&mut self, count: usize, length: usize, seed: u64) {
        let (mut whole, mut broken) = (0f64, 0f64);
        for (&key, entry) in &self.entries {
            if self.pool.get(key).unwrap().is_some() {
                let leaf = f64::from(entry.priority.powf(0.6)) * f64::from(entry.priority > 0.0);
                match self.window(key, length) {
                    Some(_) => whole += leaf,
                    None => broken += leaf,
                }
            }
        }
        let random = &mut StdRng::seed_from_u64(seed);
        match self.pool.sample_windows(count, length, random) {
            Ok(windows) => {
                assert_eq!(windows.len(), count);
                self.check(&windows, length);
                if self.held.len() < 3 {
                    let copy =
                        |window: millpond::Window<'_, Told>| window.records().copied().collect();
                    let copies = windows.iter().map(copy).collect();
                    self.held.push((windows, copies));
                }
            }
            Err(Error::NothingToSample { .. }) => assert!(whole == 0.0 && broken == 0.0),
            Err(Error::TooFewWindows {
                asked,
                length: longest,
                found,
            }) => {
                assert_eq!((asked, longest), (count, length));
                assert!(found < count);
                // Else that was no chance.
                assert!(broken > 9.0 * whole, "{whole} whole, {broken} broken");
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn check(&self, windows: &Windows<Told>, length: usize) {
        let mut rows = vec![[7u64; 10]; windows.len() * length];
        let columns = &mut [Column::new("value", &mut rows)];
        windows.gather(Fill::Zero, columns).unwrap();
        let ends = windows.ends().keys().iter().zip(windows.iter());
        for ((&end, window), rows) in ends.zip(rows.chunks(length)) {
            assert!(self.entries[&end].priority > 0.0);
            let expected = self.window(end, length).expect("a whole window");
            assert!(window.keys().eq(expected.iter().copied()));
            let (zeros, rows) = rows.split_at(length - window.len());
            assert!(zeros.iter().flatten().all(|&number| number == 0));
            for ((record, row), key) in window.records().zip(rows).zip(&expected) {
                assert_eq!(*record, self.entries[key].record);
                assert_eq!(record, row);
            }
            let [episode, last, ..] = *window.get(window.len() - 1);
            for (back, record) in window.records().rev().enumerate() {
                assert_eq!(*record, told(episode, last - back as u64));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn windows_are_what_the_model_says(
        capacity in prop_oneof![5..=40usize, 60..=300usize, 500..=700usize],
        calls in vec(call(), 1..400),
    ) {
        let options = PoolOptions::new(capacity).linked(true).leases(4096);
        let mut model = Model::new(Pool::anonymous(options).unwrap());
        for call in calls {
            model.apply(call);
        }
        model.pool.verify().unwrap();
    }
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
    pool.insert_after(None, &3).unwrap();
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
