//! Tables against plain maps, however small the memory that they are built in; and damaged ones.

mod bytes;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::format::Format;
use super::shape::Parameters;
use super::table::Table;
use super::typed::Typed;
use super::{LookupBuilder, LookupKey, LookupValue, perfect, shape};
use crate::error::Error;
use crate::volume::PublishOptions;

/// Data of a table, which begins where it must.
struct Data(Vec<u64>, usize);

impl Data {
    fn of(bytes: &[u8]) -> Self {
        let mut words = vec![0; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self(words, bytes.len())
    }
}

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.0)[..self.1]
    }
}

/// How many parts of each size are placed.
const PARTS: u64 = 300;

type Built<K, V> = Table<Typed<K, V>, Data>;

fn built<K, V>(bytes: &[u8], parameters: &Parameters) -> Result<Built<K, V>, String>
where
    K: LookupKey + ?Sized,
    V: LookupValue + ?Sized,
{
    Table::over(Typed::NEW, Data::of(bytes), parameters)
}

/// The value of a key.
fn get<'a, K, V>(table: &'a Built<K, V>, key: &K) -> Option<&'a V>
where
    K: LookupKey + ?Sized,
    V: LookupValue + ?Sized,
{
    table.get(key.as_bytes(), V::seen_in)
}

/// The data of a table, and what is kept beside it.
fn written<K, V, Q, W>(pairs: &[(Q, W)], budget: usize) -> (Vec<u8>, Parameters)
where
    K: LookupKey + ?Sized,
    V: LookupValue + ?Sized,
    Q: Borrow<K>,
    W: Borrow<V>,
{
    let options = PublishOptions::new().memory(budget);
    let mut builder = LookupBuilder::<K, V>::with(&options, 7);
    builder
        .extend(
            pairs
                .iter()
                .map(|(key, value)| (key.borrow(), value.borrow())),
        )
        .unwrap();
    let mut bytes = Vec::new();
    let parameters = builder.builder.write(&mut bytes).unwrap();
    (bytes, parameters)
}

/// Builds a table of these pairs, and compares it with a map of them.
fn check<K, V, Q, W>(pairs: &[(Q, W)], absent: &[Q], budget: usize)
where
    K: LookupKey + ?Sized + Hash + Debug,
    V: LookupValue + ?Sized + PartialEq + Debug,
    Q: Borrow<K> + Clone,
    W: Borrow<V>,
{
    let (bytes, parameters) = written::<K, V, Q, W>(pairs, budget);
    bytes::compare::<K, V, Q, W>(pairs, budget, (&bytes, &parameters));
    let table = built::<K, V>(&bytes, &parameters).unwrap();
    table.verify().unwrap();
    let map: HashMap<&K, &V> = pairs
        .iter()
        .map(|(key, value)| (key.borrow(), value.borrow()))
        .collect();
    assert_eq!(table.len(), map.len() as u64);
    let pairs_of_types = |(key, value)| (K::seen_in(key).unwrap(), V::seen_in(value).unwrap());
    let found: HashMap<&K, &V> = table.iter().map(pairs_of_types).collect();
    assert_eq!(found, map);
    assert_eq!(table.iter().count(), map.len());
    let mut asked: Vec<Q> = pairs.iter().map(|(key, _)| key.clone()).collect();
    asked.extend_from_slice(absent);
    let mut next = 0;
    let bytes = |key| Borrow::<K>::borrow(key).as_bytes();
    table.get_many(&asked, bytes, V::seen_in, |number, value| {
        let key = asked[number].borrow();
        assert_eq!(number, next);
        assert_eq!(value, map.get(key).copied(), "{key:?}");
        assert_eq!(value, get(&table, key), "{key:?}");
        next += 1;
    });
    assert_eq!(next, asked.len());
}

fn run<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value)) {
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(8),
        cases,
        ..Config::default()
    });
    let checked = runner.run(&strategy, |value| {
        test(value);
        Ok(())
    });
    checked.unwrap();
}

fn budget() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), Just(1000), Just(1 << 20)]
}

/// A record that is too large for a slot.
type Large = [u64; 20];

#[test]
fn a_table_from_integers_holds_what_a_map_holds() {
    let key = prop_oneof![0..50u64, any::<u64>()];
    let pairs = vec((key.clone(), any::<[u16; 3]>()), 0..300);
    run(
        64,
        (pairs, vec(key, 0..50), budget()),
        |(pairs, absent, budget)| check::<u64, [u16; 3], _, _>(&pairs, &absent, budget),
    );
    let pairs = vec(
        (any::<i8>(), any::<f64>().prop_filter("equal", |x| x == x)),
        0..300,
    );
    run(64, (pairs, budget()), |(pairs, budget)| {
        let all: Vec<i8> = (i8::MIN..=i8::MAX).collect();
        check::<i8, f64, _, _>(&pairs, &all, budget)
    });
}

#[test]
fn a_table_from_strings_holds_what_a_map_holds() {
    let text = || prop_oneof![".{0,3}", "[ab]{0,12}", "\\PC{20,60}"];
    run(
        64,
        (vec((text(), text()), 0..200), vec(text(), 0..50), budget()),
        |(pairs, absent, budget)| check::<str, str, _, _>(&pairs, &absent, budget),
    );
    let bytes = || vec(0u8..4, 0..9);
    run(
        64,
        (
            vec((bytes(), any::<u32>()), 0..200),
            vec(bytes(), 0..50),
            budget(),
        ),
        |(pairs, absent, budget)| check::<[u8], u32, _, _>(&pairs, &absent, budget),
    );
}

#[test]
fn a_table_of_large_records_holds_what_a_map_holds() {
    let pairs = vec((any::<[u8; 3]>(), any::<Large>()), 0..100);
    run(32, (pairs, budget()), |(pairs, budget)| {
        check::<[u8; 3], Large, _, _>(&pairs, &[], budget)
    });
    let pairs = vec((any::<u64>(), vec(any::<u8>(), 0..200)), 0..100);
    run(32, (pairs, budget()), |(pairs, budget)| {
        check::<u64, [u8], _, _>(&pairs, &[1], budget)
    });
}

#[test]
fn a_table_of_many_parts_is_whole_and_the_later_of_two_pairs_counts() {
    let pairs: Vec<(u64, u64)> = (0..200_000).map(|n| (n % 150_000 * 3, n)).collect();
    let absent: Vec<u64> = (0..10_000).map(|n| 3 * n + 1).collect();
    check::<u64, u64, _, _>(&pairs, &absent, 300_000);
    let words: Vec<(String, u64)> = pairs
        .iter()
        .map(|(key, value)| (key.to_string(), *value))
        .collect();
    check::<str, u64, _, _>(&words, &[], 300_000);
}

#[test]
fn parts_without_pairs_have_none() {
    for key in [0, 1] {
        let pairs = vec![(key, 5); 200_000];
        let absent: Vec<u64> = (0..1000).filter(|&other| other != key).collect();
        check::<u64, u64, _, _>(&pairs, &absent, 1 << 20);
    }
}

#[test]
fn what_the_perfect_hash_leaves_over_is_found_behind_its_slots() {
    // Two thirds of these hashes are the same as another one.
    let hashes: Vec<u64> = (0..300u64).map(|n| (n / 3 + n % 3 / 2) << 54).collect();
    let placed = perfect::place(&hashes, 320, 100, |hash| shape::bucket(hash, 100) as usize);
    let mut numbers = placed.left_over.clone();
    numbers.extend(placed.slots.iter().flatten());
    numbers.sort();
    assert_eq!(numbers, (0..300).collect::<Vec<u32>>());
    for (slot, number) in placed.slots.iter().enumerate() {
        if let Some(number) = number {
            let hash = hashes[*number as usize];
            let pilot = placed.pilots[shape::bucket(hash, 100) as usize];
            assert_eq!(
                perfect::slot_of(hash, pilot, placed.slots.len() as u64),
                slot as u64
            );
        }
    }
}

#[test]
fn parts_of_random_hashes_are_placed_whole() {
    // As many keys as a part has on the average, more than one in a million parts has, and few.
    for (count, slots, buckets) in [(24_576, 25_885, 8192), (25_360, 25_885, 8192), (20, 37, 7)] {
        for seed in 0..PARTS {
            let seed = crate::hash::Seed::of(seed);
            let mut hashes: Vec<u64> = (0..count).map(|key| seed.hash(&[key])).collect();
            hashes.sort();
            let bucket_of = |hash| shape::bucket(hash, buckets as u64) as usize;
            let placed = perfect::place(&hashes, slots, buckets, bucket_of);
            assert!(placed.left_over.is_empty(), "{count} keys");
            assert_eq!(placed.slots.iter().flatten().count(), hashes.len());
        }
    }
}

#[test]
fn any_changed_byte_gives_an_answer_and_no_panic() {
    damage::<u64, [f32; 2], _, _>(&(0..40).map(|n| (n, [n as f32; 2])).collect::<Vec<_>>());
    damage::<str, str, _, _>(
        &(0..40)
            .map(|n| (format!("k{n}"), format!("v{n}")))
            .collect::<Vec<_>>(),
    );
    damage::<[u8; 5], Large, _, _>(&(0..9).map(|n| ([n; 5], [n.into(); 20])).collect::<Vec<_>>());
}

/// Changes every byte of a table and of its parameters, in several ways.
fn damage<K, V, Q, W>(pairs: &[(Q, W)])
where
    K: LookupKey + ?Sized + Debug,
    V: LookupValue + ?Sized + Debug,
    Q: Borrow<K>,
    W: Borrow<V>,
{
    let (bytes, parameters) = written::<K, V, Q, W>(pairs, 1 << 20);
    let asked: Vec<&K> = pairs.iter().map(|(key, _)| key.borrow()).collect();
    let look = |bytes: &[u8], parameters: &Parameters| {
        let table = built::<K, V>(bytes, parameters)?;
        for key in &asked {
            let _ = get(&table, key);
        }
        table.get_many(&asked, |key| key.as_bytes(), V::seen_in, |_, _| ());
        table.iter().for_each(|(key, value)| {
            let _ = (K::seen_in(key), V::seen_in(value));
        });
        table.verify()
    };
    assert_eq!(look(&bytes, &parameters), Ok(()));
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= change;
            let _ = look(&bytes, &parameters);
        }
    }
    for at in 0..7 {
        for other in [
            0,
            1,
            u64::MAX,
            1 << 63,
            parameters[at] + 1,
            parameters[at].wrapping_sub(1),
        ] {
            let mut parameters = parameters;
            parameters[at] = other;
            let _ = look(&bytes, &parameters);
        }
    }
    assert!(look(&bytes[1..], &parameters).is_err());
}

#[test]
fn a_table_with_more_or_fewer_pairs_than_it_says_is_found_out() {
    let pairs: Vec<(u32, u32)> = (0..100).map(|n| (n, n)).collect();
    let (mut bytes, parameters) = written::<u32, u32, _, _>(&pairs, 1 << 20);
    let verify = |bytes: &[u8]| built::<u32, u32>(bytes, &parameters).unwrap().verify();
    assert_eq!(verify(&bytes), Ok(()));
    bytes[0] ^= 1; // another key, which does not belong there
    assert!(verify(&bytes).is_err());
}

#[test]
fn a_writer_that_fails_is_an_error_with_its_reason() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let options = PublishOptions::new().memory(100);
    let mut builder = LookupBuilder::<u64, u64>::with(&options, 1);
    builder.extend((0..1000).map(|n| (n, n))).unwrap();
    let refused = builder.builder.write(&mut Full).unwrap_err();
    assert!(matches!(refused, Error::System { .. }), "{refused}");
}

#[test]
fn an_empty_table_has_nothing() {
    check::<u64, u64, u64, u64>(&[], &[0, 1], 0);
    check::<str, str, &str, &str>(&[], &["", "a"], 0);
}

#[test]
fn the_schema_says_both_types_and_the_version() {
    assert_eq!(
        Typed::<u32, [f32; 2]>::text(),
        "lookup 1, hash 1\nkey size 4 align 4\nvalue u32 @0\nvalue size 8 align 4\nvalue f32[2] @0\n",
    );
    assert_eq!(
        Typed::<str, [u8]>::text(),
        "lookup 1, hash 1\nkey str\nvalue [u8]\n"
    );
}

#[test]
fn hashes_and_slots_never_change() {
    // They are part of the format.
    let seed = crate::hash::Seed::of(1);
    let hashes = [
        1u64.hash_with(seed),
        "".hash_with(seed),
        "millpond".hash_with(seed),
        "twelve bytes".hash_with(seed),
    ];
    assert_eq!(
        hashes,
        [
            15721045331546713975,
            4202582208731633631,
            14880495693932931303,
            4357454964674763291
        ]
    );
    assert_eq!(perfect::slot_of(hashes[0], 5, 1000), 132);
}

/// The hash of a key, under a name that nothing else has.
trait HashWith {
    fn hash_with(&self, seed: crate::hash::Seed) -> u64;
}

impl<K: LookupKey + ?Sized> HashWith for K {
    fn hash_with(&self, seed: crate::hash::Seed) -> u64 {
        Typed::<K, u8>::NEW.hash(self.as_bytes(), seed)
    }
}
