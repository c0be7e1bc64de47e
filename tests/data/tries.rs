//! Tries of sorted and of unsorted keys.

use std::collections::BTreeMap;

use millpond::Trie;
use millpond::readonly::PublishOptions;

use crate::keys::{Keys, kinds, scattered};
use crate::place::Place;

type Map = BTreeMap<Vec<u8>, u64>;

/// The trie and the map have the same keys with the same numbers, in the same order, and no others.
fn compare(trie: &Trie, map: &Map, keys: &Keys) {
    assert_eq!(trie.len(), map.len(), "{}", keys.name);
    let mut entries = trie.iter();
    for (key, &number) in map {
        assert_eq!(
            entries.next_entry(),
            Some((&key[..], number)),
            "{}",
            keys.name
        );
        assert_eq!(trie.get(key), Some(number), "{}", keys.name);
    }
    assert_eq!(entries.next_entry(), None, "{}", keys.name);
    for number in keys.count..keys.count + 10_000 {
        assert_eq!(trie.get(keys.key(number)), None, "{}", keys.name);
    }
}

/// Publishes the map sorted as a file and unsorted under a name, with little memory, and compares both.
fn check(keys: &Keys, numbers: &str, number_of: impl Fn(u64) -> u64) {
    let place = Place::new();
    let pairs = || (0..keys.count).map(|number| (keys.key(number), number_of(number)));
    let map: Map = pairs().collect();
    assert_eq!(
        map.len() as u64,
        keys.count,
        "{}: all are different",
        keys.name
    );
    drop(Trie::publish(place.file("trie"), map_pairs(&map)).unwrap());
    let sorted = Trie::open(place.file("trie")).unwrap();
    compare(&sorted, &map, keys);

    let (name, options) = (place.name("trie"), PublishOptions::new().memory(1 << 20));
    drop(Trie::publish_unsorted(&name, &options, pairs()).unwrap());
    let unsorted = Trie::open(&name).unwrap();
    compare(&unsorted, &map, keys);
    let (bytes, of_keys) = (sorted.bytes(), map.keys().map(Vec::len).sum::<usize>());
    assert_eq!(unsorted.bytes(), bytes);
    println!(
        "{} ({}), {numbers} numbers: {bytes} bytes, {:.1} % of the keys' own",
        keys.name,
        keys.count,
        100.0 * bytes as f64 / of_keys as f64
    );
}

fn map_pairs(map: &Map) -> Vec<(&[u8], u64)> {
    map.iter()
        .map(|(key, &number)| (&key[..], number))
        .collect()
}

#[test]
fn a_trie_of_many_irregular_keys_is_the_map_that_it_was_made_of() {
    for keys in kinds() {
        check(&keys, "scattered", |number| scattered(!number));
    }
}

#[test]
fn a_trie_whose_numbers_rise_with_its_keys_is_the_map_that_it_was_made_of() {
    for keys in kinds() {
        let mut sorted: Vec<Vec<u8>> = (0..keys.count).map(|number| keys.key(number)).collect();
        sorted.sort();
        check(&keys.ordered(sorted), "consecutive", |number| number);
    }
}

#[test]
fn a_trie_of_keys_that_come_again_is_the_map_that_they_were_inserted_into() {
    let keys = &kinds()[0];
    // A third of the keys comes twice or more often.
    let chosen = |number: u64| keys.key(scattered(number) % keys.count);
    let pairs = || (0..keys.count).map(|number| (chosen(number), scattered(!number)));
    let map: Map = pairs().collect();
    assert!(map.len() as u64 * 10 < keys.count * 9);
    let options = PublishOptions::new().memory(1 << 20);
    let place = Place::new();
    let unsorted = Trie::publish_unsorted(place.file("unsorted"), &options, pairs()).unwrap();
    let mut sorted = Vec::from_iter(pairs());
    sorted.sort_by(|one, other| one.0.cmp(&other.0)); // the same ones stay in their order
    let sorted = Trie::publish_with(place.file("sorted"), &options, sorted).unwrap();
    for trie in [unsorted, sorted] {
        assert_eq!(trie.len(), map.len());
        for (key, &number) in &map {
            assert_eq!(trie.get(key), Some(number));
        }
    }
    let options = options.unique_keys(true);
    let refused = Trie::publish_unsorted(place.file("refused"), &options, pairs());
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("give each key once"), "{error}");
    assert!(!place.file("refused").exists());
}
