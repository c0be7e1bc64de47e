//! Dictionaries across processes: what several of them do at once, and one after another, is as on a plain
//! map.

use std::collections::HashMap;

use millpond::{ArrayDict, DictOptions};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dict",
    trials: named![
        what_many_processes_do_at_once_is_all_there,
        what_processes_do_in_turn_is_as_on_a_map,
        readers_find_whole_rows_while_writers_are_killed,
    ],
    roles: named![scribe, servant, mason, watcher],
    ..Part::EMPTY
};

pub type Row = [u64; 6];
pub type Dict = ArrayDict<u64, Row>;

pub const NAME: &str = "dict/words";

pub fn create() -> Dict {
    Dict::create(NAME, DictOptions::new(0)).unwrap()
}

pub fn open() -> Dict {
    Dict::open(NAME).unwrap()
}

pub fn row(key: u64, version: u64) -> Row {
    [key, version, key ^ version, key + version, !key, !version]
}

/// Everything in a dictionary, each row of which must be whole.
pub fn contents(dict: &Dict) -> HashMap<u64, Row> {
    dict.verify().unwrap();
    let view = dict.read().unwrap();
    let all: HashMap<u64, Row> = view.iter().map(|(&key, &row)| (key, row)).collect();
    assert_eq!((all.len(), all.len()), (view.len(), dict.len()));
    for (key, found) in &all {
        assert_eq!(dict.get(key).unwrap(), Some(*found));
    }
    all
}

/// What one process does to keys of its own: each step is a key, and its new version or none.
fn steps(number: u64) -> impl Iterator<Item = (u64, Option<u64>)> {
    let mut random = StdRng::seed_from_u64(number);
    (1..=20_000).map(move |version| {
        let key = (number << 32) + random.random_range(0..4000);
        (key, random.random_bool(0.7).then_some(version))
    })
}

/// Keys that all processes count up.
const COMMON: u64 = 5;

/// Inserts, changes and removes. Argument: its number.
fn scribe() {
    let (dict, number) = (open(), argument(0));
    for (at, (key, version)) in steps(number).enumerate() {
        let version = version.map(|version| row(key, version));
        match (version, at % 3) {
            (None, _) => drop(dict.remove(&key).unwrap()),
            (Some(row), 0) => drop(dict.insert(key, &row).unwrap()),
            (Some(row), 1) => {
                if !dict.update(&key, |old| *old = row).unwrap() {
                    dict.insert(key, &row).unwrap();
                }
            }
            (Some(row), _) => {
                let mut checkout = dict.checkout().unwrap();
                let entry = checkout.entry(key).and_modify(|old| *old = row);
                entry.or_insert(row).unwrap();
            }
        }
        if at % 10 == 0 {
            let common = u64::MAX - at as u64 / 10 % COMMON;
            assert!(dict.update(&common, |row| row[0] += 1).unwrap());
        }
    }
}

fn what_many_processes_do_at_once_is_all_there() {
    const SCRIBES: u64 = 3;
    let dict = create();
    let common = u64::MAX - COMMON + 1..=u64::MAX;
    dict.extend(common.map(|key| (key, [0; 6]))).unwrap();
    let scribes: Vec<Child> = (1..=SCRIBES)
        .map(|number| Child::start("dict::scribe", &[&number]))
        .collect();
    scribes.into_iter().for_each(|scribe| drop(scribe.ended()));
    let mut expected = HashMap::new();
    for (key, version) in (1..=SCRIBES).flat_map(steps) {
        match version {
            Some(version) => drop(expected.insert(key, row(key, version))),
            None => drop(expected.remove(&key)),
        }
    }
    for key in u64::MAX - COMMON + 1..=u64::MAX {
        expected.insert(key, [SCRIBES * 2000 / COMMON, 0, 0, 0, 0, 0]);
    }
    assert!(contents(&dict) == expected);
    assert!(dict.capacity().unwrap() > 4000);
}

/// Does what it is told, to the dictionary that it is told of, and says what came of it.
fn servant() {
    let orders = Orders::listen();
    let mut dict = None;
    loop {
        let order = orders.next();
        let words: Vec<&str> = order.split(' ').collect();
        let number = |at: usize| -> u64 { words[at].parse().unwrap() };
        if let ["open", name] = words[..] {
            dict = Some(Dict::open(name).unwrap());
            println!("opened");
            continue;
        }
        let dict = dict.as_ref().expect("a dictionary");
        let said = match words[0] {
            "insert" => format!(
                "{:?}",
                dict.insert(number(1), &row(number(1), number(2))).unwrap()
            ),
            "update" => {
                let new = row(number(1), number(2));
                format!("{}", dict.update(&number(1), |old| *old = new).unwrap())
            }
            "remove" => format!("{:?}", dict.remove(&number(1)).unwrap()),
            "get" => format!("{:?}", dict.get(&number(1)).unwrap()),
            "extend" => {
                let mut checkout = dict.checkout().unwrap();
                let keys = number(1)..number(1) + number(2);
                checkout
                    .extend(keys.map(|key| (key, row(key, number(3)))))
                    .unwrap();
                format!("{}", checkout.len())
            }
            "reserve" => format!("{:?}", dict.reserve(number(1) as usize).unwrap()),
            "clear" => format!("{:?}", dict.clear().unwrap()),
            _ => return,
        };
        println!("{said}");
    }
}

/// An order for a servant, which also says what it does to a map.
#[derive(Clone, Debug)]
enum Order {
    Insert(u64, u64),
    Update(u64, u64),
    Remove(u64),
    Get(u64),
    Extend(u64, u64, u64),
    Reserve(u64),
    Clear,
}

fn order() -> impl Strategy<Value = Order> {
    let key = || 0..60u64;
    let version = || 0..1000u64;
    prop_oneof![
        6 => (key(), version()).prop_map(|(key, version)| Order::Insert(key, version)),
        4 => (key(), version()).prop_map(|(key, version)| Order::Update(key, version)),
        4 => key().prop_map(Order::Remove),
        6 => key().prop_map(Order::Get),
        2 => (key(), 0..40u64, version()).prop_map(|(key, more, version)| Order::Extend(key, more, version)),
        1 => (0..300u64).prop_map(Order::Reserve),
        1 => Just(Order::Clear),
    ]
}

impl Order {
    /// The order in words, and what is to be said.
    fn give(&self, map: &mut HashMap<u64, Row>) -> (String, String) {
        match *self {
            Self::Insert(key, version) => {
                let old = map.insert(key, row(key, version));
                (format!("insert {key} {version}"), format!("{old:?}"))
            }
            Self::Update(key, version) => {
                let mine = map.get_mut(&key);
                let there = mine.map(|mine| *mine = row(key, version)).is_some();
                (format!("update {key} {version}"), there.to_string())
            }
            Self::Remove(key) => (format!("remove {key}"), format!("{:?}", map.remove(&key))),
            Self::Get(key) => (format!("get {key}"), format!("{:?}", map.get(&key))),
            Self::Extend(key, more, version) => {
                map.extend((key..key + more).map(|key| (key, row(key, version))));
                (
                    format!("extend {key} {more} {version}"),
                    map.len().to_string(),
                )
            }
            Self::Reserve(rows) => (format!("reserve {rows}"), "()".into()),
            Self::Clear => {
                map.clear();
                ("clear".into(), "()".into())
            }
        }
    }
}

fn what_processes_do_in_turn_is_as_on_a_map() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 40,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let servants = [(); 3].map(|()| Child::start("dict::servant", &[]));
    let servants = std::cell::RefCell::new(servants);
    let ran = runner.run(&vec((0..3usize, order()), 1..80), |orders| {
        let dict = create();
        let servants = &mut *servants.borrow_mut();
        for servant in servants.iter_mut() {
            servant.tell(&format!("open {NAME}"));
            servant.expect("opened");
        }
        let mut map = HashMap::new();
        for (which, order) in orders {
            let (words, said) = order.give(&mut map);
            servants[which].tell(&words);
            servants[which].expect(&said);
        }
        assert!(contents(&dict) == map);
        millpond::unlink(NAME).unwrap();
        Ok(())
    });
    ran.unwrap_or_else(|found| panic!("{found}"));
}

/// Keys that are always there.
const STEADY: u64 = 30;

/// Whether a row is one of this key's.
#[track_caller]
fn check(key: u64, found: &Row) {
    assert_eq!(*found, row(key, found[1]), "of key {key}");
}

/// Changes the dictionary in every way, until it is killed; never removes a steady key. Argument: its number.
fn mason() {
    let (_orders, dict) = (Orders::listen(), open());
    let mut random = StdRng::seed_from_u64(argument(0));
    for version in 1u64.. {
        let (steady, other) = (
            random.random_range(0..STEADY),
            random.random_range(100..900),
        );
        dict.update(&steady, |old| *old = row(steady, version))
            .unwrap();
        match version % 3 {
            0 => drop(dict.remove(&other).unwrap()),
            _ => drop(dict.insert(other, &row(other, version)).unwrap()),
        }
        if version == 1 {
            println!("at work");
        }
    }
}

/// Looks up and reads in place until it is told to stop; says how often.
fn watcher() {
    let (orders, dict) = (Orders::listen(), open());
    println!("at work");
    let keys: [u64; 40] = std::array::from_fn(|at| at as u64);
    let (mut rows, mut rounds) = ([[0; 6]; 40], 0);
    while !orders.arrived() {
        for key in 0..STEADY {
            let found = dict.get(&key).unwrap();
            check(key, &found.expect("a key that is always there"));
        }
        let missing = dict.get_many(&keys, &mut rows).unwrap();
        assert!(missing.into_iter().eq(STEADY as usize..40));
        keys.iter()
            .zip(&rows)
            .take(STEADY as usize)
            .for_each(|(&key, row)| check(key, row));
        if u64::is_multiple_of(rounds, 20) {
            let view = dict.read().unwrap();
            view.iter().for_each(|(&key, row)| check(key, row));
        }
        rounds += 1;
    }
    println!("{rounds}");
}

fn readers_find_whole_rows_while_writers_are_killed() {
    let dict = create();
    dict.extend((0..STEADY).map(|key| (key, row(key, 0))))
        .unwrap();
    let mut watchers = [(); 2].map(|()| Child::start("dict::watcher", &[]));
    watchers
        .iter_mut()
        .for_each(|watcher| watcher.expect("at work"));
    let mut random = StdRng::seed_from_u64(1);
    for number in 0..60 {
        let mut mason = Child::start("dict::mason", &[&number]);
        mason.expect("at work");
        // Not to wait for anything: the moment is to be a random one.
        std::thread::sleep(std::time::Duration::from_micros(
            random.random_range(0..2000),
        ));
        mason.kill();
        contents(&dict)
            .iter()
            .for_each(|(&key, row)| check(key, row));
    }
    for watcher in watchers {
        let rounds: u64 = watcher.finish()[0].parse().unwrap();
        assert!(rounds > 0);
    }
}
