//! The dictionary against a plain map: after any sequence of calls, by any of its handles, both hold the same
//! rows under the same keys, every key has the row number that it was given, and nothing contradicts itself.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use millpond::dict::{Checkout, DynArrayDict, Key};
use millpond::{ArrayDict, DictOptions, Lifetime, Record, Result};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::new_name;

/// How many keys there are to choose from.
const KEYS: u16 = 300;

/// A key that a number stands for.
pub trait Numbered: Key + Hash + Debug {
    fn of(number: u16) -> Self;
}

impl Numbered for u64 {
    fn of(number: u16) -> Self {
        u64::from(number) << 48
    }
}

impl Numbered for i64 {
    fn of(number: u16) -> Self {
        i64::from(number) - i64::from(KEYS / 2)
    }
}

impl Numbered for u8 {
    fn of(number: u16) -> Self {
        number as u8
    }
}

/// Byte strings that differ at their end only.
macro_rules! byte_strings {
    ($($length:literal)*) => {$(
        impl Numbered for [u8; $length] {
            fn of(number: u16) -> Self {
                let mut bytes = [b'x'; $length];
                bytes[$length - 2..].copy_from_slice(&number.to_be_bytes());
                bytes
            }
        }
    )*};
}

byte_strings!(5 16 24 32);

/// A row that a number stands for.
pub trait Row: Record + PartialEq + Debug {
    fn of(seed: u32) -> Self;
}

impl Row for [f32; 8] {
    fn of(seed: u32) -> Self {
        std::array::from_fn(|at| (seed % 10_000 * 8 + at as u32) as f32)
    }
}

impl Row for u8 {
    fn of(seed: u32) -> Self {
        seed as u8
    }
}

impl Row for [u8; 3] {
    fn of(seed: u32) -> Self {
        [seed as u8, (seed >> 8) as u8, 7]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Record)]
#[repr(C)]
struct Word {
    count: u64,
    weights: [f32; 3],
    flags: u32,
}

impl Row for Word {
    fn of(seed: u32) -> Self {
        Self {
            count: u64::from(seed) << 20,
            weights: [seed as f32; 3],
            flags: !seed,
        }
    }
}

/// A change, by a handle or in a checkout.
#[derive(Clone, Debug)]
enum Change {
    Insert(u16, u32),
    Update(u16, u32),
    Remove(u16),
    Extend(Vec<(u16, u32)>),
    Reserve(usize),
    Clear,
}

#[derive(Clone, Debug)]
enum Call {
    Change(Change),
    Checkout(Vec<Change>),
    /// Modify the row if it is there; insert it if not.
    Entry(u16, Option<u32>, Option<u32>),
    GetMany(Vec<u16>),
    /// Another handle in the place of one.
    Open(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let key = || 0..KEYS;
    prop_oneof![
        12 => (key(), any::<u32>()).prop_map(|(key, seed)| Change::Insert(key, seed)),
        8 => (key(), any::<u32>()).prop_map(|(key, seed)| Change::Update(key, seed)),
        12 => key().prop_map(Change::Remove),
        4 => vec((key(), any::<u32>()), 0..60).prop_map(Change::Extend),
        1 => (0..400usize).prop_map(Change::Reserve),
        1 => Just(Change::Clear),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let some = || proptest::option::of(any::<u32>());
    prop_oneof![
        6 => change().prop_map(Call::Change),
        3 => vec(change(), 0..20).prop_map(Call::Checkout),
        2 => (0..KEYS, some(), some()).prop_map(|(key, old, new)| Call::Entry(key, old, new)),
        1 => vec(0..KEYS, 0..150).prop_map(Call::GetMany),
        1 => any::<usize>().prop_map(Call::Open),
    ]
}

/// What a handle and a checkout have in common.
trait Write<K, T> {
    fn insert(&mut self, key: K, row: &T) -> Result<Option<T>>;
    fn update(&mut self, key: &K, change: impl FnOnce(&mut T)) -> Result<bool>;
    fn remove(&mut self, key: &K) -> Result<Option<T>>;
    fn extend(&mut self, pairs: impl IntoIterator<Item = (K, T)>) -> Result<()>;
    fn reserve(&mut self, rows: usize) -> Result<()>;
    fn clear(&mut self) -> Result<()>;
}

macro_rules! writes {
    ($by:ident, $untyped:ident: $writer:ty) => {
        impl<K: Key, T: Record> Write<K, T> for $writer {
            fn insert(&mut self, key: K, row: &T) -> Result<Option<T>> {
                $by::insert(self, key, row)
            }
            fn update(&mut self, key: &K, change: impl FnOnce(&mut T)) -> Result<bool> {
                $by::update(self, key, change)
            }
            fn remove(&mut self, key: &K) -> Result<Option<T>> {
                $by::remove(self, key)
            }
            fn extend(&mut self, pairs: impl IntoIterator<Item = (K, T)>) -> Result<()> {
                $by::extend(self, pairs)
            }
            fn reserve(&mut self, rows: usize) -> Result<()> {
                $untyped::reserve(self, rows)
            }
            fn clear(&mut self) -> Result<()> {
                $untyped::clear(self)
            }
        }
    };
}

writes!(ArrayDict, DynArrayDict: ArrayDict<K, T>);
writes!(Checkout, Checkout: Checkout<'_, K, T>);

/// The dictionary as it should be.
struct Model<K, T> {
    rows: HashMap<K, T>,
    /// The row numbers of keys, as they were first seen.
    numbers: HashMap<K, usize>,
}

impl<K: Numbered, T: Row> Model<K, T> {
    fn new() -> Self {
        Self {
            rows: HashMap::new(),
            numbers: HashMap::new(),
        }
    }

    fn apply(&mut self, writer: &mut impl Write<K, T>, change: Change) {
        match change {
            Change::Insert(key, seed) => {
                let (key, row) = (K::of(key), T::of(seed));
                let old = writer.insert(key, &row).unwrap();
                assert_eq!(old, self.rows.insert(key, row));
            }
            Change::Update(key, seed) => {
                let (key, row) = (K::of(key), T::of(seed));
                let mine = self.rows.get_mut(&key);
                let there = writer.update(&key, |its| {
                    assert_eq!(Some(*its), mine.as_deref().copied());
                    *its = row;
                });
                assert_eq!(there.unwrap(), mine.is_some());
                mine.into_iter().for_each(|mine| *mine = row);
            }
            Change::Remove(key) => {
                let removed = writer.remove(&K::of(key)).unwrap();
                assert_eq!(removed, self.rows.remove(&K::of(key)));
                self.numbers.remove(&K::of(key));
            }
            Change::Extend(pairs) => {
                let pairs = pairs.iter().map(|&(key, seed)| (K::of(key), T::of(seed)));
                writer.extend(pairs.clone()).unwrap();
                self.rows.extend(pairs);
            }
            Change::Reserve(rows) => writer.reserve(rows).unwrap(),
            Change::Clear => {
                writer.clear().unwrap();
                *self = Self::new();
            }
        }
    }

    fn enter(&mut self, dict: &ArrayDict<K, T>, key: K, old: Option<T>, new: Option<T>) {
        let mut checkout = dict.checkout().unwrap();
        assert!(!checkout.was_interrupted());
        let mut entry = checkout.entry(key);
        assert_eq!(
            (*entry.key(), entry.is_present()),
            (key, self.rows.contains_key(&key))
        );
        if let Some(old) = old {
            entry = entry.and_modify(|row| *row = old);
            self.rows.entry(key).and_modify(|row| *row = old);
        }
        if let Some(new) = new {
            let row = *entry.or_insert(new).unwrap();
            assert_eq!(row, *self.rows.entry(key).or_insert(new));
        }
        assert_eq!(checkout.get(&key), self.rows.get(&key));
    }

    fn get_many(&self, dict: &ArrayDict<K, T>, keys: Vec<K>) {
        let before = T::of(77);
        let mut rows = vec![before; keys.len()];
        let missing = dict.get_many(&keys, &mut rows).unwrap();
        let absent = (0..keys.len()).filter(|&at| !self.rows.contains_key(&keys[at]));
        assert_eq!(missing, absent.collect::<Vec<_>>());
        for (key, row) in keys.iter().zip(rows) {
            assert_eq!(row, *self.rows.get(key).unwrap_or(&before));
        }
    }

    fn check(&mut self, dict: &ArrayDict<K, T>) {
        dict.verify().unwrap();
        assert_eq!(
            (dict.len(), dict.is_empty()),
            (self.rows.len(), self.rows.is_empty())
        );
        assert!(dict.capacity().unwrap() >= dict.len());
        for number in 0..KEYS {
            let key = K::of(number);
            let row = self.rows.get(&key).copied();
            assert_eq!(dict.get(&key).unwrap(), row);
            assert_eq!(dict.contains(&key).unwrap(), row.is_some());
            let found = dict.row_of(&key).unwrap();
            assert_eq!(found.is_some(), row.is_some());
            if let Some(found) = found {
                assert_eq!(found, *self.numbers.entry(key).or_insert(found), "it moved");
            }
        }
        self.check_view(dict);
    }

    fn check_view(&self, dict: &ArrayDict<K, T>) {
        let view = dict.read().unwrap();
        assert_eq!(
            (view.len(), view.is_empty()),
            (self.rows.len(), self.rows.is_empty())
        );
        assert_eq!(view.rows().len(), view.keys().len());
        let mut live = 0;
        for (number, (key, row)) in view.keys().iter().zip(view.rows()).enumerate() {
            match view.key_at(number) {
                Some(found) => {
                    live += 1;
                    assert_eq!((found, row), (key, &self.rows[key]));
                    assert_eq!((view.row_of(key), view.get(key)), (Some(number), Some(row)));
                }
                None => assert_eq!((*key, *row), (K::zeroed(), T::zeroed())),
            }
        }
        assert_eq!(live, self.rows.len());
        assert_eq!(view.key_at(view.rows().len()), None);
        let all: HashMap<K, T> = view.iter().map(|(key, row)| (*key, *row)).collect();
        assert!(all == self.rows && view.iter().count() == all.len());
    }
}

fn compare<K: Numbered, T: Row>(capacity: usize, calls: Vec<(usize, Call)>) {
    let name = new_name();
    let options = DictOptions::new(capacity).lifetime(Lifetime::WhileAttached);
    let first = ArrayDict::<K, T>::create(&name, options.clone()).unwrap();
    let open = || ArrayDict::open(&name).unwrap();
    let again = ArrayDict::open_or_create(&name, options).unwrap();
    let mut handles = [first.clone(), first, open(), again];
    let mut model = Model::new();
    for (which, call) in calls {
        let handle = &mut handles[which % 4];
        match call {
            Call::Change(change) => model.apply(handle, change),
            Call::Checkout(changes) => {
                let mut checkout = handle.checkout().unwrap();
                for change in changes {
                    model.apply(&mut checkout, change);
                }
            }
            Call::Entry(key, old, new) => {
                model.enter(handle, K::of(key), old.map(T::of), new.map(T::of));
            }
            Call::GetMany(keys) => {
                model.get_many(handle, keys.into_iter().map(K::of).collect());
            }
            Call::Open(place) => handles[place % 4] = open(),
        }
        model.check(&handles[(which + 1) % 4]);
    }
    handles.iter().for_each(|handle| model.check(handle));
}

fn any_sequence_of_calls_is_as_on_a_map<K: Numbered, T: Row>() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 60,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let strategy = (0..100usize, vec((0..4usize, call()), 1..60));
    let ran = runner.run(&strategy, |(capacity, calls)| {
        compare::<K, T>(capacity, calls);
        Ok(())
    });
    ran.unwrap_or_else(|found| panic!("{found}"));
}

macro_rules! tests {
    ($($test:ident: $key:ty, $row:ty;)*) => {$(
        #[test]
        fn $test() {
            any_sequence_of_calls_is_as_on_a_map::<$key, $row>();
        }
    )*};
}

tests! {
    numbers_lead_to_vectors_as_in_a_map: u64, [f32; 8];
    negative_numbers_lead_to_records_as_in_a_map: i64, Word;
    bytes_lead_to_bytes_as_in_a_map: u8, u8;
    short_strings_lead_to_three_bytes_as_in_a_map: [u8; 5], [u8; 3];
    strings_of_two_words_lead_to_vectors_as_in_a_map: [u8; 16], [f32; 8];
    strings_of_three_words_lead_to_records_as_in_a_map: [u8; 24], Word;
    strings_of_four_words_lead_to_bytes_as_in_a_map: [u8; 32], u8;
}
