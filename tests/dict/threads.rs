//! Readers without a lock beside a writer: each row that they see is whole and its key's, and a key that is
//! always there is always found.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use millpond::{ArrayDict, DictOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The key, a version, and numbers that follow from both.
type Row = [u64; 9];

/// Keys that are always there, and those that come and go.
const STEADY: u64 = 40;
const FLEETING: u64 = 3000;

fn row(key: u64, version: u64) -> Row {
    let mixed = |at: u64| (key + 1).wrapping_mul(version + at).rotate_left(at as u32);
    std::array::from_fn(|at| match at {
        0 => key,
        1 => version,
        _ => mixed(at as u64),
    })
}

#[track_caller]
fn check(key: u64, found: &Row) {
    assert_eq!(*found, row(key, found[1]), "of key {key}");
}

/// Changes the dictionary in every way but one: it never removes a steady key.
fn write(dict: &ArrayDict<u64, Row>, rounds: u64, random: &mut StdRng) {
    for version in 1..=rounds {
        let steady = random.random_range(0..STEADY);
        let fleeting = STEADY + random.random_range(0..FLEETING);
        match random.random_range(0..8) {
            0..3 => assert!(
                dict.update(&steady, |old| *old = row(steady, version))
                    .unwrap()
            ),
            3 => check(
                steady,
                &dict.insert(steady, &row(steady, version)).unwrap().unwrap(),
            ),
            4..6 => drop(dict.insert(fleeting, &row(fleeting, version)).unwrap()),
            6 => drop(dict.remove(&fleeting).unwrap()),
            // Another takes the row of one that goes.
            _ => {
                let mut checkout = dict.checkout().unwrap();
                if checkout.remove(&fleeting).unwrap().is_some() {
                    let other = STEADY + random.random_range(0..FLEETING);
                    checkout.insert(other, &row(other, version)).unwrap();
                }
            }
        }
    }
}

/// Reads until it is told to stop, and once in any case; says how often it found what it looked for.
fn read(dict: &ArrayDict<u64, Row>, stop: &AtomicBool, random: &mut StdRng) -> u64 {
    let mut found = 0;
    let mut rows = [[0; 9]; 70];
    loop {
        let steady = random.random_range(0..STEADY);
        check(
            steady,
            &dict
                .get(&steady)
                .unwrap()
                .expect("a key that is always there"),
        );
        assert!(dict.row_of(&steady).unwrap().is_some());
        let fleeting = STEADY + random.random_range(0..FLEETING);
        if let Some(row) = dict.get(&fleeting).unwrap() {
            check(fleeting, &row);
            found += 1;
        }
        let keys: [u64; 70] = std::array::from_fn(|_| random.random_range(0..STEADY + FLEETING));
        let missing = dict.get_many(&keys, &mut rows).unwrap();
        assert!(
            missing.iter().all(|&at| keys[at] >= STEADY),
            "a steady key is missing"
        );
        for at in (0..70).filter(|at| !missing.contains(at)) {
            check(keys[at], &rows[at]);
        }
        found += 71 - missing.len() as u64;
        if random.random_range(0..100) == 0 {
            let view = dict.read().unwrap();
            view.iter().for_each(|(&key, row)| check(key, row));
            assert_eq!(view.iter().count(), view.len());
        }
        if stop.load(Ordering::Relaxed) {
            return found;
        }
    }
}

#[test]
fn a_row_that_is_read_is_whole_and_its_keys() {
    for seed in 0..6 {
        let dict = ArrayDict::anonymous(DictOptions::new(0)).unwrap();
        dict.extend((0..STEADY).map(|key| (key, row(key, 0))))
            .unwrap();
        let stop = AtomicBool::new(false);
        let found: u64 = thread::scope(|scope| {
            let readers = [1, 2].map(|number| {
                let (dict, stop) = (dict.clone(), &stop);
                let random = StdRng::seed_from_u64(seed << 8 | number);
                scope.spawn(move || read(&dict, stop, &mut { random }))
            });
            let random = &mut StdRng::seed_from_u64(seed << 8);
            write(&dict, 60_000, random);
            stop.store(true, Ordering::Relaxed);
            readers
                .map(|reader| reader.join().unwrap())
                .into_iter()
                .sum()
        });
        assert!(found > 0);
        dict.verify().unwrap();
    }
}

#[test]
fn writers_of_the_same_keys_take_turns() {
    let dict = ArrayDict::<u32, [u64; 2]>::anonymous(DictOptions::new(0)).unwrap();
    thread::scope(|scope| {
        for writer in 0..4u32 {
            let dict = &dict;
            scope.spawn(move || {
                for number in 0..5000 {
                    let mut checkout = dict.checkout().unwrap();
                    let counted = checkout.entry(number % 500).and_modify(|row| row[0] += 1);
                    counted.or_insert([1, 0]).unwrap();
                    drop(checkout);
                    dict.update(&(number % 500), |row| row[1] += 1).unwrap();
                    let own = 10_000 * (writer + 1) + number;
                    dict.insert(own, &[u64::from(number); 2]).unwrap();
                    assert_eq!(dict.remove(&own).unwrap(), Some([u64::from(number); 2]));
                }
            });
        }
    });
    let view = dict.read().unwrap();
    assert_eq!(view.len(), 500);
    assert!(view.iter().all(|(_, row)| *row == [40, 40]));
    drop(view);
    dict.verify().unwrap();
}
