//! Dictionaries that grow through many sizes.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use millpond::dict::Key;
use millpond::{ArrayDict, DictOptions};

use crate::keys::{bytes, count, scattered};
use crate::place::Place;

type Row = [u64; 3];

fn row(number: u64) -> Row {
    std::array::from_fn(|at| scattered(number.rotate_left(at as u32)))
}

/// Inserts keys without a pattern into the smallest dictionary there is, changes and removes some in between, and
/// compares it with a map, key by key, through another attachment.
fn check<K: Key + Hash + Debug>(key: impl Fn(u64) -> K) {
    let place = Place::new();
    let name = place.name("dictionary");
    let writer = ArrayDict::<K, Row>::create(&name, DictOptions::new(0)).unwrap();
    let reader = ArrayDict::<K, Row>::open(&name).unwrap();
    let mut map = HashMap::new();
    for number in 0..count() {
        let inserted = writer.insert(key(number), &row(number)).unwrap();
        assert_eq!(inserted, map.insert(key(number), row(number)));
        let earlier = key(scattered(!number) % (number + 1));
        match scattered(number) % 8 {
            0 => assert_eq!(writer.remove(&earlier).unwrap(), map.remove(&earlier)),
            1 => {
                let changed = writer.update(&earlier, |row| row[1] = number).unwrap();
                let row = map.get_mut(&earlier).map(|row| row[1] = number);
                assert_eq!(changed, row.is_some());
            }
            2 => assert_eq!(reader.get(&earlier).unwrap(), map.get(&earlier).copied()),
            _ => {}
        }
    }
    assert!(
        writer.capacity().unwrap() > 1 << 16,
        "it has grown many times"
    );
    assert_eq!(reader.len(), map.len());
    for number in 0..count() + 10_000 {
        let key = key(number);
        assert_eq!(reader.get(&key).unwrap(), map.get(&key).copied(), "{key:?}");
    }
    let view = reader.read().unwrap();
    assert_eq!(view.rows().len(), map.len());
    for (key, row) in view.iter() {
        assert_eq!(map.get(key), Some(row), "{key:?}");
    }
    drop(view);
    reader.verify().unwrap();
}

#[test]
fn a_dictionary_of_numbers_that_grows_has_what_a_map_has() {
    check(scattered);
}

#[test]
fn a_dictionary_of_byte_strings_that_grows_has_what_a_map_has() {
    check(|number| <[u8; 16]>::try_from(bytes(number, 16)).unwrap());
}
