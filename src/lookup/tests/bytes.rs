//! The bytes of a table, which are a format: always the same ones of the same pairs and nonce, and the same ones
//! whether the types are known to the compiler or to the program.

use std::borrow::Borrow;
use std::path::PathBuf;

use super::{Data, Large, written};
use crate::error::{Error, Result};
use crate::lookup::build::Builder;
use crate::lookup::dynamic::Dynamic;
use crate::lookup::format::Format;
use crate::lookup::shape::Parameters;
use crate::lookup::table::Table;
use crate::lookup::typed::Typed;
use crate::lookup::{
    DynLookup, DynLookupBuilder, Lookup, LookupBuilder, LookupKey, LookupValue, ValueType,
};
use crate::record::{KeyType, Scalar, Schema};
use crate::volume::{OpenOptions, Place, PublishOptions};

/// Compares the data of a table, and what is kept beside it, with what a builder makes of the same pairs that has the
/// types as data; and the pairs with those that are found by it.
pub(super) fn compare<K, V, Q, W>(
    pairs: &[(Q, W)],
    budget: usize,
    (bytes, parameters): (&[u8], &Parameters),
) where
    K: LookupKey + ?Sized,
    V: LookupValue + ?Sized,
    Q: Borrow<K>,
    W: Borrow<V>,
{
    let options = PublishOptions::new().memory(budget);
    let mut builder = DynLookupBuilder::with(K::TYPE, V::value_type(), &options, 7).unwrap();
    for (key, value) in pairs {
        let (key, value) = (key.borrow().as_bytes(), value.borrow().as_bytes());
        builder.insert(key, value).unwrap();
    }
    let mut same = Vec::new();
    assert_eq!(builder.builder.write(&mut same).unwrap(), *parameters);
    assert!(same == bytes, "other bytes");

    let format = Dynamic::read(&Typed::<K, V>::text()).unwrap();
    let table = Table::over(format, Data::of(bytes), parameters).unwrap();
    table.verify().unwrap();
    let typed = Table::over(Typed::<K, V>::NEW, Data::of(bytes), parameters).unwrap();
    assert!(table.iter().eq(typed.iter()));
    let keys = Vec::from_iter(pairs.iter().map(|(key, _)| key.borrow().as_bytes()));
    let mut values = vec![];
    table.get_many(&keys, |key| key, Some, |_, value| values.push(value));
    for (key, value) in keys.into_iter().zip(values) {
        assert_eq!(table.get(key, Some), value);
        assert_eq!(typed.get(key, Some), value);
    }
}

/// A number that looks random.
fn scattered(number: u64) -> u64 {
    (number ^ 0xbeef)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(23)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn text(number: u64) -> String {
    format!("{:x}", scattered(number) >> (number % 60))
}

#[test]
fn the_bytes_of_a_table_never_change() {
    fn sum<K, V, Q: Borrow<K>, W: Borrow<V>>(
        count: u64,
        key: impl Fn(u64) -> Q,
        value: impl Fn(u64) -> W,
    ) -> u32
    where
        K: LookupKey + ?Sized,
        V: LookupValue + ?Sized,
    {
        let pairs = (0..count).map(|number| (key(scattered(number)), value(scattered(!number))));
        let (bytes, parameters) = written::<K, V, Q, W>(&Vec::from_iter(pairs), 1 << 16);
        let mut sum = crc32fast::Hasher::new();
        sum.update(&bytes);
        sum.update(bytemuck::bytes_of(&parameters));
        sum.finalize()
    }
    let large = |n: u64| [n as u32; 40];
    let sums = [
        sum::<u64, [f32; 8], _, _>(60_000, |n| n, |n| [(n >> 40) as f32; 8]),
        sum::<u8, str, _, _>(300, |n| n as u8, text),
        sum::<i16, [u32; 40], _, _>(5000, |n| n as i16, large),
        sum::<i32, u16, _, _>(5000, |n| n as i32, |n| n as u16),
        sum::<[u8; 5], [u8; 3], _, _>(5000, |n| [n as u8; 5], |n| [n as u8; 3]),
        sum::<[u8; 200], f32, _, _>(500, |n| [n as u8; 200], |n| (n >> 40) as f32),
        sum::<str, str, _, _>(60_000, text, text),
        sum::<[u8], [u8], _, _>(5000, |n| text(n).into_bytes(), |n| text(n).into_bytes()),
        sum::<str, i32, _, _>(5000, text, |n| n as i32),
        sum::<u32, [u8], _, _>(0, |n| n as u32, |_| vec![]),
    ];
    let expected = [
        4115075392, 3496678412, 1193721616, 3840935738, 1076880874, 3197982749, 3482176696,
        1360424517, 4238514217, 556667259,
    ];
    assert_eq!(sums, expected);
}

/// A plain file for one test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let name = format!("millpond-lookup-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_published_file_is_the_same_whoever_knows_the_types() {
    fn check<K, V, Q: Borrow<K>, W: Borrow<V>>(pairs: &[(Q, W)])
    where
        K: LookupKey + ?Sized,
        V: LookupValue + ?Sized,
    {
        let file = Temporary::new("same");
        let bytes = || {
            let mut bytes = std::fs::read(&file.0).unwrap();
            bytes[16..24].fill(0); // the header's checksum
            bytes[32..48].fill(0); // what tells one volume from another, and when it was made
            std::fs::remove_file(&file.0).unwrap();
            bytes
        };
        let options = PublishOptions::new();
        let mut builder = LookupBuilder::<K, V>::with(&options, 7);
        let borrowed = pairs
            .iter()
            .map(|(key, value)| (key.borrow(), value.borrow()));
        builder.extend::<&K, &V>(borrowed).unwrap();
        drop(builder.publish(&file.0).unwrap());
        let typed = bytes();
        let mut builder = DynLookupBuilder::with(K::TYPE, V::value_type(), &options, 7).unwrap();
        let borrowed = pairs
            .iter()
            .map(|(key, value)| (key.borrow(), value.borrow()));
        let as_bytes = borrowed.map(|(key, value): (&K, &V)| (key.as_bytes(), value.as_bytes()));
        builder.extend(as_bytes).unwrap();
        drop(builder.publish(&file.0).unwrap());
        assert!(bytes() == typed, "{}", Typed::<K, V>::text());
    }
    check::<u64, [f32; 3], _, _>(&[(7u64, [0.5f32; 3]), (8, [0.25; 3])]);
    check::<[u8; 3], Large, _, _>(&[([7; 3], [1; 20]), ([8; 3], [2; 20])]);
    check::<str, str, _, _>(&[("one", "eins"), ("two", "zwei")]);
    check::<i8, [u8], i8, Vec<u8>>(&[]);
}

#[test]
fn types_larger_than_memory_find_nothing() {
    let pairs = Vec::from_iter((0..100u64).map(|number| (number, [number; 20])));
    let (bytes, parameters) = written::<u64, Large, _, _>(&pairs, 1 << 20);
    let most = isize::MAX as usize - 7;
    let largest = Schema::of_numbers(Scalar::U64, &[most / 8]).unwrap();
    for (key_type, value_type) in [
        (
            KeyType::FixedBytes(most),
            ValueType::Record(largest.clone()),
        ),
        (KeyType::FixedBytes(most), ValueType::Str),
        (KeyType::FixedBytes(1), ValueType::Record(largest.clone())),
        (KeyType::Bytes, ValueType::Record(largest)),
    ] {
        let format = Dynamic::new(key_type, value_type).unwrap();
        assert!(Dynamic::read(&format.text).is_ok());
        let table = Table::over(format, Data::of(&bytes), &parameters).unwrap();
        assert_eq!(table.get(&[7], Some), None);
        assert_eq!(table.iter().count(), 0);
        table.verify().unwrap_err();
    }
}

#[test]
fn a_lookup_of_another_version_is_an_error_that_shows_both() {
    let file = Temporary::new("version");
    let text = "lookup 2, hash 1\nkey size 1 align 1\nvalue u8 @0\nvalue str\n";
    let builder = || {
        let options = PublishOptions::new();
        Builder::new(
            Typed::<u8, str>::NEW.key_type(),
            Typed::<u8, str>::PAIR,
            &options,
            7,
        )
    };
    let place = || Place::from(&file.0);
    drop(builder().publish::<Typed<u8, str>>(place(), text).unwrap());
    let check = |opened: Result<()>| match opened.unwrap_err() {
        Error::WrongContent {
            expected, found, ..
        } => {
            assert!(expected.contains("lookup 1, hash 1"), "{expected}");
            assert_eq!(found, text);
        }
        other => panic!("{other}"),
    };
    check(DynLookup::open(place()).map(drop));
    check(Lookup::<u8, str>::open(place()).map(drop));
    // SAFETY: nothing is looked at, as the types are others.
    check(unsafe { DynLookup::open_unchecked(place(), &OpenOptions::new()) }.map(drop));
}
