//! Lookups, of every kind of key and of value.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use millpond::Lookup;
use millpond::readonly::{LookupKey, LookupValue, PublishOptions};

use crate::keys::{Keys, bytes, count, kinds, length, scattered};
use crate::place::Place;

/// A key or a value that a number stands for.
trait Numbered<T: ?Sized>: Borrow<T> + Clone {
    fn of(number: u64) -> Self;
}

macro_rules! integers {
    ($($integer:ident)*) => {$(
        impl Numbered<$integer> for $integer {
            fn of(number: u64) -> Self {
                scattered(number) as Self
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 i8 i16 i32 i64);

impl<const N: usize> Numbered<[u8; N]> for [u8; N] {
    fn of(number: u64) -> Self {
        bytes(number, N).try_into().unwrap()
    }
}

impl Numbered<[u8]> for Vec<u8> {
    fn of(number: u64) -> Self {
        bytes(number, length(number))
    }
}

impl Numbered<str> for String {
    /// Characters of one to three bytes.
    fn of(number: u64) -> Self {
        let characters = bytes(number, length(number));
        let characters = characters.chunks(2).map(|pair| match pair {
            [first, second] => char::from_u32(u32::from(*first) << 3 | u32::from(*second) >> 5),
            _ => Some('.'),
        });
        characters
            .map(|character| character.unwrap_or('?'))
            .collect()
    }
}

/// Records: one that lies beside its key in the table, and one that is too large for that.
impl Numbered<[u64; 5]> for [u64; 5] {
    fn of(number: u64) -> Self {
        std::array::from_fn(|at| scattered(number.rotate_left(at as u32)))
    }
}

impl Numbered<[u64; 40]> for [u64; 40] {
    fn of(number: u64) -> Self {
        std::array::from_fn(|at| scattered(number.rotate_left(at as u32)))
    }
}

/// Keys and values, some of which are longer than each buffer.
#[derive(Clone)]
struct Long(Vec<u8>);

impl Borrow<[u8]> for Long {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl Numbered<[u8]> for Long {
    fn of(number: u64) -> Self {
        let length = match number % 64 {
            7 => (1 << 20) + scattered(number) as usize % (1 << 20),
            _ => scattered(number) as usize % 20_000,
        };
        Self(bytes(number, length))
    }
}

/// Builds a lookup with little memory, as a file and under a name, and compares both with a map, key by key. Keys
/// that come again get another value.
fn check<K, V, Q, W>(
    pairs: impl Fn() -> Box<dyn Iterator<Item = (Q, W)>>,
    absent: impl Fn(u64) -> Q,
) where
    K: LookupKey + Hash + Eq + Debug + ?Sized,
    V: LookupValue + PartialEq + Debug + ?Sized,
    Q: Borrow<K>,
    W: Borrow<V>,
{
    let place = Place::new();
    let all: Vec<(Q, W)> = pairs().collect();
    let map: HashMap<&K, &V> = all
        .iter()
        .map(|(key, value)| (key.borrow(), value.borrow()))
        .collect();
    let options = PublishOptions::new().memory(1 << 20);
    let (file, name) = (place.file("lookup"), place.name("lookup"));
    drop(Lookup::<K, V>::publish_with(&file, &options, pairs()).unwrap());
    drop(Lookup::<K, V>::publish_with(&name, &options, pairs()).unwrap());
    let opened = [Lookup::<K, V>::open(&file), Lookup::<K, V>::open(&name)];
    for lookup in opened.map(Result::unwrap) {
        assert_eq!(lookup.len(), map.len() as u64);
        for (key, value) in &map {
            assert_eq!(lookup.get(key), Some(*value), "{key:?}");
        }
        for key in (1 << 40..(1 << 40) + 10_000).map(&absent) {
            assert_eq!(lookup.get(key.borrow()), map.get(key.borrow()).copied());
        }
        let (mut count, mut seen) = (0, 0u64);
        for (key, value) in lookup.iter() {
            assert_eq!(map.get(key), Some(&value), "{key:?}");
            (count, seen) = (count + 1, seen.max(count));
        }
        assert_eq!(count, map.len() as u64);
        lookup.verify().unwrap();
    }
}

/// Keys `Q` and values `W`, so many, of which a tenth comes twice.
fn check_kind<K, V, Q, W>(count: u64)
where
    K: LookupKey + Hash + Eq + Debug + ?Sized,
    V: LookupValue + PartialEq + Debug + ?Sized,
    Q: Numbered<K> + 'static,
    W: Numbered<V> + 'static,
{
    let numbers = move || (0..count).chain((0..count).step_by(10));
    let pairs = move || {
        let pairs = numbers().zip(0..);
        let pairs = pairs.map(|(key, value)| (Q::of(key), W::of(value)));
        Box::new(pairs) as Box<dyn Iterator<Item = (Q, W)>>
    };
    check::<K, V, Q, W>(pairs, Q::of);
}

#[test]
fn a_lookup_has_what_a_map_has_whatever_its_keys_are() {
    let count = count() / 4;
    check_kind::<u8, [u8], u8, Long>(300);
    check_kind::<i8, [u64; 40], i8, [u64; 40]>(count);
    check_kind::<u16, [u64; 40], u16, [u64; 40]>(count);
    check_kind::<i16, str, i16, String>(count);
    check_kind::<u32, [u64; 5], u32, [u64; 5]>(count);
    check_kind::<i32, [u8], i32, Vec<u8>>(count);
    check_kind::<i64, u16, i64, u16>(4 * count);
    check_kind::<[u8; 5], u64, [u8; 5], u64>(4 * count);
    check_kind::<[u8; 16], [u64; 5], [u8; 16], [u64; 5]>(count);
    check_kind::<[u8; 200], i32, [u8; 200], i32>(count);
    check_kind::<str, u64, String, u64>(2 * count);
    check_kind::<[u8], u8, Vec<u8>, u8>(2 * count);
    check_kind::<[u8], u32, Long, u32>(200);
}

#[test]
fn a_lookup_has_what_a_map_has_whatever_its_values_are() {
    let count = count() / 4;
    check_kind::<u64, u64, u64, u64>(4 * count);
    check_kind::<u64, [u64; 5], u64, [u64; 5]>(count);
    check_kind::<u64, [u64; 40], u64, [u64; 40]>(count);
    check_kind::<u64, str, u64, String>(count);
    check_kind::<u64, [u8], u64, Vec<u8>>(count);
    check_kind::<u64, [u8], u64, Long>(200);
    check_kind::<str, str, String, String>(count);
}

#[test]
fn a_lookup_of_each_kind_of_text_has_what_a_map_has() {
    for keys in kinds() {
        let Keys { count, .. } = keys;
        let keys = std::rc::Rc::new(keys);
        let absent = keys.clone();
        let pairs = move || {
            let keys = keys.clone();
            let pairs = (0..count).map(move |number| (keys.key(number), scattered(number)));
            Box::new(pairs) as Box<dyn Iterator<Item = (Vec<u8>, u64)>>
        };
        check::<[u8], u64, Vec<u8>, u64>(pairs, |number| absent.key(number));
    }
}

#[test]
fn a_key_that_must_not_come_twice_is_an_error_that_names_it() {
    fn refused<K: LookupKey + ?Sized, Q: Borrow<K>>(again: Q, others: impl Fn(u64) -> Q) -> String {
        let options = PublishOptions::new().unique_keys(true).memory(10_000);
        let keys = (0..1000)
            .map(&others)
            .chain([again])
            .chain((1000..2000).map(&others));
        let pairs = keys.map(|key| (key, 1u8));
        let refused =
            Lookup::<K, u8>::publish_with(millpond::readonly::Place::Memory, &options, pairs);
        refused.unwrap_err().to_string()
    }
    let pairs = (0..2000u64).map(|key| (key, key));
    let options = PublishOptions::new().unique_keys(true);
    let place = millpond::readonly::Place::Memory;
    assert_eq!(
        Lookup::<u64, u64>::publish_with(place, &options, pairs)
            .unwrap()
            .len(),
        2000
    );

    let error = refused::<i64, i64>(-7, |key| -(key as i64));
    assert!(
        error.starts_with("a key of the lookup is -7, twice; it must be"),
        "{error}"
    );
    let error = refused::<str, String>("key 7".into(), |key| format!("key {key}"));
    assert!(
        error.starts_with("a key of the lookup is `key 7`, twice"),
        "{error}"
    );
    let error = refused::<[u8], Vec<u8>>(vec![7; 500], |key| vec![7; key as usize]);
    assert!(
        error.contains("(500 bytes), twice") && error.len() < 600,
        "{error}"
    );
    let error = refused::<[u8; 2], [u8; 2]>([0, 255], |key| (key as u16).to_be_bytes());
    assert!(error.contains(r"`\x00\xff`, twice"), "{error}");
}
