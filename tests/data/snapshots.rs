//! Pools that are saved and loaded.

use std::collections::HashMap;

use millpond::{Pool, PoolOptions, Record};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::keys::{bytes, count, scattered};
use crate::place::Place;

/// Saves a pool of which some records are gone, and compares what another pool loads with a map.
fn check<T: Record + PartialEq>(record: impl Fn(u64) -> T) {
    let place = Place::new();
    let count = count() / 2;
    let options = || PoolOptions::new(count as usize).alpha(1.0).leases(2048);
    let pool = Pool::<T>::anonymous(options()).unwrap();
    let mut map = HashMap::new();
    let priority = |number| (scattered(number) % 1000) as f32;
    for number in 0..count + count / 3 {
        let inserted = pool.insert_with_priority(&record(number), priority(number));
        map.insert(inserted.unwrap(), number);
    }
    // The ring has dropped the oldest, and some are removed.
    map.retain(|_, number| *number >= count / 3);
    let removed: Vec<u64> = map.keys().copied().filter(|key| key % 7 == 3).collect();
    pool.remove(&removed).unwrap();
    map.retain(|key, _| key % 7 != 3);
    let saved = pool.save(place.file("snapshot")).unwrap();
    assert_eq!(saved.records, map.len());
    assert!(saved.bytes > 4 << 20, "{} bytes", saved.bytes);

    let loaded = Pool::<T>::anonymous(options()).unwrap();
    assert_eq!(
        loaded.load(place.file("snapshot")).unwrap().records,
        map.len()
    );
    loaded.verify().unwrap();
    let mut keys: Vec<u64> = map.keys().copied().collect();
    keys.sort_unstable();
    for (new, old) in (0..).zip(&keys) {
        let found = loaded.get(new).unwrap().expect("a record that was saved");
        assert!(found == record(map[old]), "record {}", map[old]);
    }
    assert_eq!(loaded.len(), keys.len());
    assert_eq!(loaded.total_priority(), pool.total_priority());
    // What a record's odds are of the sum is its priority.
    let batch = loaded.sample(2000, &mut StdRng::seed_from_u64(1)).unwrap();
    for (&key, &odds) in batch.keys().iter().zip(batch.probabilities()) {
        let expected = priority(map[&keys[key as usize]]);
        let found = odds * loaded.total_priority();
        assert!(
            (found - expected).abs() < 0.5,
            "{found}, and not {expected}"
        );
    }
}

#[test]
fn a_pool_of_bytes_is_loaded_as_it_was_saved() {
    check(|number| <[u8; 131]>::try_from(bytes(number, 131)).unwrap());
}

#[test]
fn a_pool_of_numbers_is_loaded_as_it_was_saved() {
    check(|number| std::array::from_fn::<u64, 11, _>(|at| scattered(number << at)));
}
