//! What no public call shows of a snapshot: links, and the guard of a saver that is gone.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::pool::layout::slot::Slot;
use crate::pool::{Pool, PoolOptions};
use crate::sync::Owner;

fn path(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("millpond-{test}-{}", std::process::id()))
}

fn linked(capacity: usize) -> Pool<u64> {
    Pool::anonymous(PoolOptions::new(capacity).linked(true)).unwrap()
}

/// Makes the record of `key` name the one of `before`.
fn link(pool: &Pool<u64>, key: u64, before: u64) {
    let parts = pool.inner.parts();
    let links = parts.links.as_ref().expect("links");
    links[parts.slot_of(key)].store(before + 1, Ordering::Relaxed);
}

/// The key that `Pool::previous` names where the record before has left, and its key is not known.
const LEFT: u64 = (1 << 62) - 1;

/// The key that the record of `key` names.
fn before(pool: &Pool<u64>, key: u64) -> Option<u64> {
    pool.previous(key).unwrap()
}

#[test]
fn links_lead_to_the_same_records_under_their_new_keys() {
    let path = path("links");
    let pool = linked(300);
    pool.insert_batch(&(0..400).collect::<Vec<_>>()).unwrap();
    // The record before 101 has left; 150 is at the other end of the ring, 399 in the same claim.
    for (key, before) in [(101, 99), (102, 101), (399, 398), (390, 150)] {
        link(&pool, key, before);
    }
    pool.save(&path).unwrap();
    // Keys 100 to 399 become 7 to 306.
    let loaded = linked(1000);
    loaded.insert_batch(&[0; 7]).unwrap();
    loaded.load(&path).unwrap();
    let new = |key: u64| key - 100 + 7;
    for (key, expected) in [
        (100, None),
        (101, Some(LEFT)),
        (102, Some(new(101))),
        (399, Some(new(398))),
        (390, Some(new(150))),
    ] {
        assert_eq!(loaded.get(new(key)).unwrap(), Some(key));
        assert_eq!(before(&loaded, new(key)), expected, "of {key}");
    }
    // What leads to a record that is left out leads to one that has left.
    let smaller = linked(200);
    assert_eq!(smaller.load(&path).unwrap().left_out, 100);
    assert_eq!(before(&smaller, 390 - 200), Some(LEFT));
    assert_eq!(before(&smaller, 399 - 200), Some(398 - 200));
    // Also when it is saved once more, where it has the first keys that there are.
    smaller.save(&path).unwrap();
    let again = linked(200);
    again.load(&path).unwrap();
    assert_eq!(before(&again, 390 - 200), Some(LEFT));
    assert_eq!(before(&again, 399 - 200), Some(398 - 200));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_link_that_cannot_be_is_saved_as_one_to_a_record_that_has_left() {
    let path = path("impossible");
    let pool = linked(10);
    pool.insert_batch(&[0, 1, 2]).unwrap();
    // As in a damaged segment: to itself, to a later one, to the largest number.
    for (key, before) in [(0, 0), (1, 2), (2, u64::MAX - 1)] {
        link(&pool, key, before);
    }
    pool.save(&path).unwrap();
    let loaded = linked(10);
    loaded.load(&path).unwrap();
    assert_eq!([0, 1, 2].map(|key| before(&loaded, key)), [Some(LEFT); 3]);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn the_guard_of_a_saver_that_is_gone_is_in_nobodys_way() {
    let path = path("gone");
    let pool = linked(100);
    pool.insert_batch(&[7; 100]).unwrap();
    let control = pool.inner.parts().control();
    let guard = |owner: Owner| {
        control.cut.store(100, Ordering::Relaxed);
        control.saved.store(50, Ordering::Relaxed);
        control.saving.store(owner.bits().into(), Ordering::Relaxed);
        let guard = pool.inner.parts().guard();
        let held = |key| guard.holds(Slot::Committed(key)) && guard.holds(Slot::Removed(key));
        assert_eq!([49, 50, 99, 100].map(held), [false, true, true, false]);
        assert!(!guard.holds(Slot::Empty));
    };
    let stranger = Owner::new(900, 5);
    guard(stranger);
    assert_eq!(pool.insert_batch(&[8; 60]).unwrap().len(), 60);
    assert_eq!(control.saving.load(Ordering::Relaxed), 0);
    guard(stranger);
    assert_eq!(pool.save(&path).unwrap().records, 100);
    // A number that names nobody, as in a damaged segment.
    control.saving.store(1 << 40, Ordering::Relaxed);
    pool.insert_batch(&[9; 100]).unwrap();
    // While this participant saves, it inserts as far as it has copied.
    let saved = pool.save_with(&path, |_, _| {
        pool.insert(&10).unwrap();
        ControlFlow::Continue(())
    });
    assert_eq!(saved.unwrap().records, 100);
    assert!(pool.inner.parts().guard().0.is_empty());
    std::fs::remove_file(&path).unwrap();
}
