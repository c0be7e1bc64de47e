//! Windows against a plain model, with the episodes of several writers, records of none, evictions, removals
//! and windows that are held; and beside threads that write.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use millpond::pool::{Column, EpisodeWriter, Fill, Window, Windows};
use millpond::{Error, Pool, PoolOptions};
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
                    let copy = |window: Window<'_, Told>| window.records().copied().collect();
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
fn windows_stay_whole_beside_threads_that_write() {
    const LENGTH: usize = 8;
    let pool = Pool::<Told>::anonymous(PoolOptions::new(600).linked(true)).unwrap();
    let write = &|number: u64| {
        let mut writer = pool.episode().unwrap();
        for episode in 0..3000 {
            let length = 5 + episode % 30;
            for step in 0..length {
                let record = told(number << 32 | episode, step);
                writer.push(&record, step + 1 == length).unwrap();
            }
        }
    };
    thread::scope(|scope| {
        let writers = [1, 2].map(|number| scope.spawn(move || write(number)));
        pool.wait_for_len(300, Duration::from_secs(20)).unwrap();
        let (random, mut windows) = (&mut StdRng::seed_from_u64(1), Windows::new(&pool));
        while !writers.iter().all(|writer| writer.is_finished()) {
            pool.sample_windows_into(10, LENGTH, random, &mut windows)
                .unwrap();
            for window in windows.iter() {
                let [episode, first, ..] = *window.get(0);
                assert!(window.len() == LENGTH || first == 0, "{window:?} was cut");
                for (step, record) in (first..).zip(window.records()) {
                    assert_eq!(*record, told(episode, step));
                }
            }
        }
    });
    pool.verify().unwrap();
}
