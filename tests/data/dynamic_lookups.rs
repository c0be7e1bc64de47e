//! Lookups whose types are data, of every kind of key and of value, from bytes that begin anywhere.

use std::collections::HashMap;

use millpond::readonly::{DynLookup, PublishOptions, ValueType};
use millpond::record::{KeyType, Scalar};
use millpond::{Lookup, Schema};

use crate::keys::{bytes, count, length, scattered};
use crate::place::Place;

/// The bytes of a key or a value that a number stands for.
type Bytes = fn(u64) -> Vec<u8>;

fn fixed<const SIZE: usize>(number: u64) -> Vec<u8> {
    bytes(number, SIZE)
}

fn irregular(number: u64) -> Vec<u8> {
    bytes(number, length(number))
}

/// Some are longer than each buffer.
fn long(number: u64) -> Vec<u8> {
    let length = match number % 64 {
        7 => (1 << 20) + scattered(number) as usize % (1 << 20),
        _ => scattered(number) as usize % 20_000,
    };
    bytes(number, length)
}

/// Text of characters that take one to four bytes.
fn text(number: u64) -> Vec<u8> {
    let bytes = bytes(number, 4 * length(number));
    let (words, _) = bytes.as_chunks();
    let characters = words.iter().map(|word| {
        let number = u32::from_le_bytes(*word);
        char::from_u32(number >> 11 >> (number % 17)).unwrap_or('?')
    });
    characters.collect::<String>().into_bytes()
}

fn record() -> ValueType {
    let schema = Schema::builder()
        .field("weights", Scalar::F32, &[3, 2])
        .field("kind", Scalar::I16, &[])
        .field("stamp", Scalar::U64, &[])
        .build();
    let value_type = ValueType::Record(schema.unwrap());
    assert_eq!(value_type.size(), Some(40));
    value_type
}

fn numbers(scalar: Scalar, shape: &[usize]) -> ValueType {
    ValueType::Record(Schema::of_numbers(scalar, shape).unwrap())
}

/// Builds a lookup with little memory, as a file and under a name, and compares both with a map, key by key. A tenth
/// of the keys comes again, and gets another value.
fn check(
    key_type: KeyType,
    key: Bytes,
    value_type: &ValueType,
    value: Bytes,
    count: u64,
) -> (Place, HashMap<Vec<u8>, Vec<u8>>) {
    let place = Place::new();
    let numbers = || (0..count).chain((0..count).step_by(10)).zip(0..);
    let pairs = || numbers().map(|(number, other)| (key(number), value(other)));
    let shifted = || pairs().map(|(key, value)| (Shifted::of(&key), Shifted::of(&value)));
    let map: HashMap<Vec<u8>, Vec<u8>> = pairs().collect();
    let options = PublishOptions::new().memory(1 << 20);
    for at in [
        millpond::readonly::Place::from(place.file("lookup")),
        millpond::readonly::Place::from(place.name("lookup")),
    ] {
        let value_type = value_type.clone();
        DynLookup::publish_with(&at, &options, key_type, value_type, shifted()).unwrap();
        let lookup = DynLookup::open(&at).unwrap();
        assert_eq!(lookup.len(), map.len() as u64);
        for (key, value) in &map {
            assert_eq!(lookup.get(key).unwrap(), Some(&value[..]), "{key:?}");
        }
        let absent = Vec::from_iter((1 << 40..(1 << 40) + 10_000).map(key));
        let found = lookup.get_many(&absent, |number, found| {
            assert_eq!(found, map.get(&absent[number]).map(|value| &value[..]));
        });
        found.unwrap();
        let seen = lookup.iter().map(|(key, value)| {
            assert_eq!(map[key], value);
            1
        });
        assert_eq!(seen.sum::<usize>(), map.len());
        lookup.verify().unwrap();
    }
    (place, map)
}

/// Bytes behind another one, so that an allocation that is aligned gives some that are not.
struct Shifted(Vec<u8>);

impl Shifted {
    fn of(bytes: &[u8]) -> Self {
        Self([&[7], bytes].concat())
    }
}

impl AsRef<[u8]> for Shifted {
    fn as_ref(&self) -> &[u8] {
        &self.0[1..]
    }
}

#[test]
fn a_lookup_has_what_a_map_has_whatever_its_keys_are() {
    let count = count();
    let integer = KeyType::Integer;
    check(
        integer(Scalar::U8),
        fixed::<1>,
        &ValueType::Bytes,
        long,
        300,
    );
    check(
        integer(Scalar::I8),
        fixed::<1>,
        &record(),
        fixed::<40>,
        count / 4,
    );
    check(
        integer(Scalar::U16),
        fixed::<2>,
        &record(),
        fixed::<40>,
        count,
    );
    check(
        integer(Scalar::I16),
        fixed::<2>,
        &ValueType::Str,
        text,
        count / 4,
    );
    check(
        integer(Scalar::U32),
        fixed::<4>,
        &record(),
        fixed::<40>,
        count,
    );
    check(
        integer(Scalar::I32),
        fixed::<4>,
        &ValueType::Bytes,
        irregular,
        count / 4,
    );
    check(
        integer(Scalar::I64),
        fixed::<8>,
        &numbers(Scalar::U16, &[]),
        fixed::<2>,
        count,
    );
    check(
        KeyType::FixedBytes(5),
        fixed::<5>,
        &numbers(Scalar::F64, &[]),
        fixed::<8>,
        count,
    );
    check(
        KeyType::FixedBytes(200),
        fixed::<200>,
        &record(),
        fixed::<40>,
        count / 4,
    );
    check(KeyType::Str, text, &record(), fixed::<40>, count);
    check(
        KeyType::Bytes,
        long,
        &numbers(Scalar::I32, &[]),
        fixed::<4>,
        200,
    );
}

#[test]
fn a_lookup_has_what_a_map_has_whatever_its_values_are() {
    let (count, key_type) = (count(), KeyType::Integer(Scalar::U64));
    check(
        key_type,
        fixed::<8>,
        &numbers(Scalar::F32, &[2, 5]),
        fixed::<40>,
        count,
    );
    check(
        key_type,
        fixed::<8>,
        &numbers(Scalar::F32, &[150]),
        fixed::<600>,
        count / 4,
    );
    check(key_type, fixed::<8>, &ValueType::Str, text, count);
    check(key_type, fixed::<8>, &ValueType::Bytes, long, 200);
}

#[test]
fn a_program_with_types_finds_what_one_without_published() {
    let (place, map) = check(KeyType::Str, text, &ValueType::Bytes, irregular, count());
    let lookup = Lookup::<str, [u8]>::open(place.name("lookup")).unwrap();
    assert_eq!(lookup.len(), map.len() as u64);
    for (key, value) in &map {
        let key = std::str::from_utf8(key).unwrap();
        assert_eq!(lookup.get(key), Some(&value[..]), "{key}");
    }
    lookup.verify().unwrap();
}
