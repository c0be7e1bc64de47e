//! Archives of maps and vectors.

use std::collections::{BTreeMap, HashMap};

use millpond::Archive;
use millpond::readonly::Archivable;
use millpond::rkyv::rend::u64_le;

use crate::keys::{bytes, count, length, scattered};
use crate::place::Place;

/// Publishes a value as a file and under a name, and has `compare` look at both, opened anew.
fn check<T: Archivable>(value: &T, compare: impl Fn(&Archive<T>)) {
    let place = Place::new();
    let (file, name) = (place.file("archive"), place.name("archive"));
    compare(&Archive::publish(&file, value).unwrap());
    compare(&Archive::publish(&name, value).unwrap());
    let opened = [Archive::<T>::open(&file), Archive::open(&name)];
    for archive in opened.map(Result::unwrap) {
        assert!(archive.bytes() > 4 << 20, "more than each buffer has");
        compare(&archive);
    }
}

#[test]
fn a_map_of_texts_is_the_map_that_it_was_made_of() {
    let text = |number| {
        let characters = bytes(number, length(number));
        String::from_utf8_lossy(&characters).into_owned()
    };
    let pairs = (0..count()).map(|number| (scattered(number), text(number)));
    let map: HashMap<u64, String> = pairs.collect();
    check(&map, |archive| {
        assert_eq!(archive.len(), map.len());
        for (key, value) in &map {
            assert_eq!(archive.get(&u64_le::from(*key)).unwrap(), value.as_str());
        }
        for number in count()..count() + 10_000 {
            assert!(archive.get(&u64_le::from(scattered(number))).is_none());
        }
    });
}

#[test]
fn an_ordered_map_of_vectors_is_the_map_that_it_was_made_of() {
    let key = |number| format!("{:016x}", scattered(number));
    let numbers = |number| {
        let words = bytes(number, 4 * length(number));
        let words = words.chunks_exact(4);
        words
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect()
    };
    let map: BTreeMap<String, Vec<u32>> = (0..count())
        .map(|number| (key(number), numbers(number)))
        .collect();
    check(&map, |archive| {
        assert_eq!(archive.len(), map.len());
        for (key, value) in &map {
            let found = archive.get(key.as_str()).unwrap();
            assert!(
                found
                    .iter()
                    .map(|word| word.to_native())
                    .eq(value.iter().copied())
            );
        }
        for number in count()..count() + 10_000 {
            assert!(archive.get(key(number).as_str()).is_none());
        }
    });
}

#[test]
fn vectors_longer_than_each_buffer_are_what_they_were() {
    let lengths = [
        0,
        1,
        (1 << 20) - 1,
        1 << 20,
        (1 << 20) + 1,
        3 << 20,
        12_345_678,
    ];
    let vectors: Vec<Vec<u8>> = (0..)
        .zip(lengths)
        .map(|(number, length)| bytes(number, length))
        .collect();
    check(&vectors, |archive| {
        assert_eq!(archive.len(), vectors.len());
        for (found, expected) in archive.iter().zip(&vectors) {
            assert!(found.as_slice() == expected.as_slice());
        }
    });
}
