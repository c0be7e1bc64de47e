//! Every sampler with every remover, limited or not, with a view or without, linked or not: random calls, and after
//! each the pool holds and gives what a plain model does.

use std::collections::BTreeMap;
use std::time::Duration;

use millpond::pool::{Patience, Remover, ViewOptions};
use millpond::{Batch, Error, Pool, PoolOptions, Sampler};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const CAPACITY: usize = 37;
const CALLS: usize = 120;
const LENGTH: usize = 3;

const SAMPLERS: [(&str, Sampler); 9] = [
    ("stratified", Sampler::stratified()),
    ("independent", Sampler::independent()),
    ("distinct", Sampler::independent().without_replacement()),
    ("uniform", Sampler::uniform()),
    ("newest", Sampler::newest()),
    ("oldest", Sampler::oldest()),
    ("highest", Sampler::highest()),
    ("lowest", Sampler::lowest()),
    ("ranked", Sampler::ranked()),
];
const REMOVERS: [Remover; 5] = [
    Remover::Oldest,
    Remover::Lowest,
    Remover::Highest,
    Remover::Uniform,
    Remover::Nothing,
];

/// How the pool is made: the sampler of all tables, what each of them lets a record be sampled.
#[derive(Clone, Copy, Debug)]
struct Policy {
    name: &'static str,
    sampler: Sampler,
    remover: Remover,
    limits: &'static [u32],
    linked: bool,
}

/// What a table knows of a record.
#[derive(Clone, Copy, Debug)]
struct Place {
    priority: f32,
    sampled: u32,
}

#[derive(Clone, Debug)]
struct Entry {
    previous: Option<u64>,
    places: Vec<Place>,
}

struct Model {
    policy: Policy,
    tables: Vec<Pool<u64>>,
    entries: BTreeMap<u64, Entry>,
    highest: Vec<f32>,
    last: Option<u64>,
    random: StdRng,
}

impl Model {
    fn new(policy: Policy, seed: u64) -> Self {
        let mut options = PoolOptions::new(CAPACITY)
            .alpha(1.0)
            .ordered(true)
            .sampler(policy.sampler)
            .remover(policy.remover)
            .linked(policy.linked)
            .sampled_at_most(policy.limits[0]);
        if let [_, limit] = policy.limits {
            let view = ViewOptions::new().alpha(1.0).ordered(true);
            options = options.view("view", view.sampler(policy.sampler).sampled_at_most(*limit));
        }
        let pool = Pool::anonymous(options).unwrap();
        let pool = pool.with_patience(Patience::new().limit(Duration::ZERO));
        let mut tables = vec![pool.clone()];
        tables.extend(pool.view("view"));
        assert_eq!(tables.len(), policy.limits.len());
        Self {
            policy,
            highest: vec![1.0; tables.len()],
            tables,
            entries: BTreeMap::new(),
            last: None,
            random: StdRng::seed_from_u64(seed),
        }
    }

    fn call(&mut self) {
        match self.random.random_range(0..10) {
            0..=3 => self.insert(),
            4 => self.update(),
            5 => self.remove(),
            _ => self.sample(),
        }
        self.check();
    }

    /// Irregular, often equal, sometimes 0.
    fn priority(&mut self) -> f32 {
        match self.random.random_range(0..6) {
            0 => 0.0,
            1 => 2.0,
            _ => self.random.random_range(0.01f32..9.0).powi(3),
        }
    }

    fn insert(&mut self) {
        let value = self.random.random();
        let previous = self.last.filter(|_| self.random.random_bool(0.8));
        let (table, priority) = (
            self.random.random_range(0..self.tables.len()),
            self.priority(),
        );
        let given = self.random.random_bool(0.6);
        let pool = &self.tables[table];
        let inserted = match (self.policy.linked, given) {
            (true, true) => pool.insert_after_with_priority(previous, &value, priority),
            (true, false) => pool.insert_after(previous, &value),
            (false, true) => pool.insert_with_priority(&value, priority),
            (false, false) => pool.insert(&value),
        };
        let is_full = self.entries.len() == CAPACITY;
        if is_full && self.policy.remover == Remover::Nothing {
            assert!(
                matches!(inserted, Err(Error::TimedOut { .. })),
                "{inserted:?}"
            );
            return;
        }
        let key = inserted.unwrap();
        self.evict(key, is_full);
        let mut places = Vec::new();
        for (number, highest) in self.highest.iter_mut().enumerate() {
            let priority = if given && number == table {
                priority
            } else {
                *highest
            };
            *highest = highest.max(priority);
            places.push(Place {
                priority,
                sampled: 0,
            });
        }
        let previous = previous.filter(|_| self.policy.linked);
        assert_eq!(self.tables[0].get(key).unwrap(), Some(value));
        self.entries.insert(key, Entry { previous, places });
        self.last = Some(key);
    }

    /// Takes the record out that had to go for `key`.
    fn evict(&mut self, key: u64, is_full: bool) {
        let slot = |key: u64| key % CAPACITY as u64;
        let victim = self
            .entries
            .keys()
            .copied()
            .find(|&old| slot(old) == slot(key));
        let victim = victim.and_then(|victim| self.entries.remove(&victim));
        let follows_the_ring = self.policy.remover == Remover::Oldest;
        assert!(victim.is_some() || !is_full, "nothing went");
        assert!(
            victim.is_none() || is_full || follows_the_ring,
            "there was room"
        );
        if let Some(victim) = victim {
            let priority = victim.places[0].priority;
            let mut others = self.entries.values().map(|entry| entry.places[0].priority);
            match self.policy.remover {
                Remover::Lowest => assert!(others.all(|other| other >= priority)),
                Remover::Highest => assert!(others.all(|other| other <= priority)),
                _ => {}
            }
        }
    }

    fn update(&mut self) {
        let table = self.random.random_range(0..self.tables.len());
        let mut keys = Vec::new();
        let mut priorities = Vec::new();
        for _ in 0..self.random.random_range(1..9) {
            keys.push(self.random.random_range(0..self.last.unwrap_or(0) + 2));
            priorities.push(self.priority());
        }
        let stale = self.tables[table]
            .update_priorities(&keys, &priorities)
            .unwrap();
        let mut expected = 0;
        for (key, priority) in keys.iter().zip(priorities) {
            match self
                .entries
                .get_mut(key)
                .map(|entry| &mut entry.places[table])
            {
                Some(place) if !is_used_up(*place, self.policy.limits[table]) => {
                    place.priority = priority;
                    self.highest[table] = self.highest[table].max(priority);
                }
                _ => expected += 1,
            }
        }
        assert_eq!(stale, expected);
    }

    fn remove(&mut self) {
        let key = self.random.random_range(0..self.last.unwrap_or(0) + 2);
        let removed = self.tables[0].remove(&[key]).unwrap();
        assert_eq!(removed, usize::from(self.entries.remove(&key).is_some()));
    }

    fn sample(&mut self) {
        let table = self.random.random_range(0..self.tables.len());
        let count = self.random.random_range(1..8);
        let pool = self.tables[table].clone();
        if self.policy.linked {
            match pool.sample_windows(count, LENGTH, &mut self.random) {
                Ok(windows) => {
                    let ends = windows.ends().keys().to_vec();
                    for (window, end) in windows.iter().zip(&ends) {
                        let whole = self.window(*end).expect("a whole window");
                        assert!(window.keys().eq(whole), "the window of another record");
                    }
                    self.check_batch(windows.ends(), table, count);
                }
                Err(error) => self.check_refusal(&error, table, count),
            }
        } else {
            match pool.sample(count, &mut self.random) {
                Ok(batch) => self.check_batch(&batch, table, count),
                Err(error) => self.check_refusal(&error, table, count),
            }
        }
    }

    /// The keys of the window that ends with a record; nothing where one has left.
    fn window(&self, end: u64) -> Option<Vec<u64>> {
        let mut keys = vec![end];
        while keys.len() < LENGTH
            && let Some(previous) = self.entries[&keys[0]].previous
        {
            self.entries.get(&previous)?;
            keys.insert(0, previous);
        }
        Some(keys)
    }

    /// The records that may be sampled from a table, each with its priority there and how often it may.
    fn open(&self, table: usize) -> Vec<(u64, f32, u32)> {
        let limit = self.policy.limits[table];
        let by_age = matches!(self.policy.name, "uniform" | "newest" | "oldest");
        let entries = self
            .entries
            .iter()
            .map(|(key, entry)| (*key, entry.places[table]));
        entries
            .filter(|(_, place)| !is_used_up(*place, limit) && (by_age || place.priority > 0.0))
            .filter(|(key, _)| !self.policy.linked || self.window(*key).is_some())
            .map(|(key, place)| (key, place.priority, limit.wrapping_sub(place.sampled)))
            .collect()
    }

    fn is_distinct(&self) -> bool {
        let names = ["distinct", "newest", "oldest", "highest", "lowest"];
        names.contains(&self.policy.name)
    }

    fn check_refusal(&self, error: &Error, table: usize, count: usize) {
        let open = self.open(table);
        let times = |left: u32| match self.policy.limits[table] {
            _ if self.is_distinct() => 1,
            0 => count,
            _ => left as usize,
        };
        let most: usize = open.iter().map(|(_, _, left)| times(*left)).sum();
        // Where most of the windows are not whole, chance may find none that is.
        let by_chance = matches!(error, Error::TooFewWindows { .. }) && !self.is_distinct();
        assert!(most < count || by_chance, "{error} of {open:?}");
    }

    fn check_batch(&mut self, batch: &Batch<u64>, table: usize, count: usize) {
        let open = self.open(table);
        assert_eq!(batch.len(), count);
        let found = |key: &u64| {
            *open
                .iter()
                .find(|open| open.0 == *key)
                .expect("a record that may be sampled")
        };
        let drawn: Vec<_> = batch.keys().iter().map(found).collect();
        let mut expected = open.clone();
        match self.policy.name {
            "oldest" => expected.sort_by_key(|open| open.0),
            "newest" => expected.sort_by_key(|open| !open.0),
            "highest" => expected.sort_by(|a, b| b.1.total_cmp(&a.1)),
            "lowest" => expected.sort_by(|a, b| a.1.total_cmp(&b.1)),
            _ => expected = drawn.clone(),
        }
        for (drawn, expected) in drawn.iter().zip(&expected) {
            match self.policy.name {
                "highest" | "lowest" => assert_eq!(drawn.1, expected.1),
                _ => assert_eq!(drawn.0, expected.0),
            }
        }
        let mut times = BTreeMap::new();
        for (key, _, left) in &drawn {
            let times = times.entry(*key).or_insert(0);
            *times += 1;
            assert!(*times == 1 || !self.is_distinct());
            assert!(self.policy.limits[table] == 0 || *times <= *left);
        }
        self.check_probabilities(batch, &drawn, table);
        self.count(&times, table);
    }

    fn check_probabilities(&self, batch: &Batch<u64>, drawn: &[(u64, f32, u32)], table: usize) {
        let total: f64 = self.weights(table).sum();
        for (probability, (_, priority, _)) in batch.probabilities().iter().zip(drawn) {
            let expected = match self.policy.name {
                "stratified" | "independent" | "distinct" => f64::from(*priority) / total,
                "uniform" => 1.0 / self.entries.len() as f64,
                "ranked" => f64::from(*probability),
                _ => 1.0,
            };
            let difference = (f64::from(*probability) - expected).abs();
            assert!(
                difference <= 1e-5 * expected,
                "{probability}, expected {expected}"
            );
        }
    }

    /// The priorities of what a table has.
    fn weights(&self, table: usize) -> impl Iterator<Item = f64> {
        let limit = self.policy.limits[table];
        let places = self.entries.values().map(move |entry| entry.places[table]);
        let places = places.filter(move |place| !is_used_up(*place, limit));
        places.map(|place| f64::from(place.priority))
    }

    /// Counts samples; what all tables have used up has left.
    fn count(&mut self, times: &BTreeMap<u64, u32>, table: usize) {
        let limits = self.policy.limits;
        for (key, times) in times {
            let entry = self.entries.get_mut(key).expect("a record of the model");
            let place = &mut entry.places[table];
            place.sampled += times;
            if is_used_up(*place, limits[table]) {
                place.priority = 0.0;
            }
            let mut places = entry.places.iter().zip(limits);
            if places.all(|(place, limit)| is_used_up(*place, *limit)) {
                self.entries.remove(key);
            }
        }
    }

    fn check(&self) {
        let pool = &self.tables[0];
        pool.verify().unwrap();
        assert_eq!(pool.len(), self.entries.len());
        for key in self.entries.keys() {
            assert!(pool.get(*key).unwrap().is_some(), "record {key} is gone");
        }
        for (number, table) in self.tables.iter().enumerate() {
            let total: f64 = self.weights(number).sum();
            let difference = (f64::from(table.total_priority()) - total).abs();
            assert!(
                difference <= 1e-5 * total,
                "{} of {total}",
                table.total_priority()
            );
            let lowest = self
                .weights(number)
                .filter(|&weight| weight > 0.0)
                .reduce(f64::min);
            assert_eq!(table.lowest_priority().unwrap().map(f64::from), lowest);
        }
    }
}

fn is_used_up(place: Place, limit: u32) -> bool {
    limit > 0 && place.sampled >= limit
}

fn check_all(linked: bool) {
    let limits: [&[u32]; 6] = [&[0], &[1], &[3], &[0, 2], &[2, 1], &[1, 0]];
    for (name, sampler) in SAMPLERS {
        for (at, remover) in REMOVERS.into_iter().enumerate() {
            for limits in limits {
                let policy = Policy {
                    name,
                    sampler,
                    remover,
                    limits,
                    linked,
                };
                let said = std::panic::catch_unwind(|| {
                    let mut model = Model::new(policy, at as u64);
                    (0..CALLS).for_each(|_| model.call());
                });
                assert!(said.is_ok(), "with {policy:?}");
            }
        }
    }
}

#[test]
fn records_come_as_every_policy_says() {
    check_all(false);
}

#[test]
fn windows_come_as_every_policy_says() {
    check_all(true);
}
