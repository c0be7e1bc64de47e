//! Rows and their numbers, by hand-worked examples; who keeps whom out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use millpond::{ArrayDict, DictOptions};

type Dict = ArrayDict<u64, [u32; 3]>;

/// Keys 0, 10, 20, … with rows 0, 1, 2, … of these numbers.
fn dict(count: u64) -> Dict {
    let dict = Dict::anonymous(DictOptions::new(0)).unwrap();
    let pairs = (0..count).map(|number| (10 * number, [number as u32; 3]));
    dict.extend(pairs).unwrap();
    dict
}

#[test]
fn freed_rows_are_zero_until_the_next_keys_get_them() {
    let dict = dict(6);
    for key in [10, 30, 20] {
        dict.remove(&key).unwrap().expect("a row");
    }
    let view = dict.read().unwrap();
    assert_eq!(view.keys(), [0, 0, 0, 0, 40, 50]);
    assert_eq!(view.rows()[..4], [[0; 3]; 4]);
    let live: Vec<usize> = (0..9).filter(|&row| view.key_at(row).is_some()).collect();
    assert_eq!(live, [0, 4, 5]);
    drop(view);
    // The one that was freed last is the first to be used.
    for (key, row) in [(7, 2), (8, 3), (9, 1), (11, 6)] {
        assert_eq!(dict.insert(key, &[9; 3]).unwrap(), None);
        assert_eq!(dict.row_of(&key).unwrap(), Some(row));
    }
    assert_eq!(dict.read().unwrap().rows().len(), 7);
    dict.verify().unwrap();
}

#[test]
fn a_row_keeps_its_number_while_the_dictionary_grows() {
    let dict = dict(5);
    let before = dict.capacity().unwrap();
    dict.remove(&20).unwrap();
    dict.extend((1000..9000).map(|key| (key, [1; 3]))).unwrap();
    assert!(dict.capacity().unwrap() > 100 * before);
    for (key, row) in [
        (0, 0),
        (10, 1),
        (1000, 2),
        (30, 3),
        (40, 4),
        (1001, 5),
        (8999, 8003),
    ] {
        assert_eq!(dict.row_of(&key).unwrap(), Some(row), "key {key}");
    }
    assert_eq!(dict.get(&40).unwrap(), Some([4; 3]));
    dict.verify().unwrap();
}

#[test]
fn keys_that_come_and_go_need_no_more_room() {
    let dict = dict(5);
    let before = dict.capacity().unwrap();
    for key in 1000..100_000 {
        dict.insert(key, &[1; 3]).unwrap();
        dict.remove(&key).unwrap();
    }
    assert_eq!(dict.capacity().unwrap(), before);
    assert_eq!(dict.read().unwrap().rows().len(), 6);
    dict.verify().unwrap();
}

#[test]
fn reserved_room_is_used_before_it_grows() {
    let dict = dict(3);
    dict.reserve(5000).unwrap();
    let room = dict.capacity().unwrap();
    assert!(room >= 5000);
    dict.reserve(100).unwrap();
    dict.extend((0..5000).map(|key| (key, [2; 3]))).unwrap();
    assert_eq!(dict.capacity().unwrap(), room);
    dict.clear().unwrap();
    assert_eq!((dict.len(), dict.capacity().unwrap()), (0, room));
    assert_eq!(dict.read().unwrap().rows(), [[0; 3]; 0]);
    dict.verify().unwrap();
}

#[test]
fn a_capacity_that_was_asked_for_is_there_from_the_beginning() {
    for asked in [0, 1, 14, 15, 1000, 100_000] {
        let dict = Dict::anonymous(DictOptions::new(asked)).unwrap();
        let found = dict.capacity().unwrap();
        assert!(
            (asked..=(2 * asked).max(14)).contains(&found),
            "{asked}: {found}"
        );
        dict.extend((0..asked as u64).map(|key| (key, [0; 3])))
            .unwrap();
        assert_eq!(dict.capacity().unwrap(), found);
    }
}

#[test]
fn a_view_stays_as_it_is_while_a_writer_waits() {
    let dict = dict(100);
    thread::scope(|scope| {
        let view = dict.read().unwrap();
        let writer = scope.spawn(|| {
            dict.update(&10, |row| *row = [7; 3]).unwrap();
            dict.insert(5, &[5; 3]).unwrap();
            dict.clear().unwrap();
        });
        for _ in 0..10_000 {
            assert_eq!(view.rows()[1], [1; 3]);
            assert_eq!((view.len(), view.get(&5)), (100, None));
        }
        drop(view);
        writer.join().unwrap();
        assert!(dict.is_empty());
    });
}

#[test]
fn readers_see_what_is_done_in_a_checkout_at_once() {
    let dict = dict(3);
    let mut checkout = dict.checkout().unwrap();
    checkout.insert(1, &[1; 3]).unwrap();
    assert_eq!(dict.get(&1).unwrap(), Some([1; 3]));
    checkout.remove(&1).unwrap();
    assert_eq!(dict.get(&1).unwrap(), None);
    assert_eq!(checkout.keys(), [0, 10, 20, 0]);
}

#[test]
fn an_entry_is_changed_or_filled() {
    let dict = dict(1);
    let mut checkout = dict.checkout().unwrap();
    for key in [0, 5, 5] {
        let row = checkout.entry(key).and_modify(|row| row[0] += 1);
        row.or_insert_with(|| [9; 3]).unwrap();
    }
    assert_eq!(checkout.rows(), [[1, 0, 0], [10, 9, 9]]);
}

#[test]
fn a_panic_in_a_checkout_is_told_to_the_next_owner() {
    let dict = dict(3);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut checkout = dict.checkout().unwrap();
        checkout.insert(1, &[1; 3]).unwrap();
        checkout.update(&10, |_| panic!("half way")).unwrap();
    }));
    assert!(panicked.is_err());
    let checkout = dict.checkout().unwrap();
    assert!(checkout.was_interrupted());
    assert_eq!(checkout.get(&1), Some(&[1; 3]));
    assert_eq!(checkout.get(&10), Some(&[1; 3]));
    drop(checkout);
    assert!(!dict.checkout().unwrap().was_interrupted());
    dict.verify().unwrap();
}
