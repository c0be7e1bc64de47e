//! What no public call shows of a snapshot: links, and the guard of a saver that is gone.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::super::slot::Slot;
use super::super::{Pool, PoolOptions};
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

/// The key that the record of `key` names.
fn before(pool: &Pool<u64>, key: u64) -> Option<u64> {
    let parts = pool.inner.parts();
    let links = parts.links.as_ref().expect("links");
    links[parts.slot_of(key)]
        .load(Ordering::Relaxed)
        .checked_sub(1)
}

#[test]
fn links_lead_to_the_same_records_under_their_new_keys() {
    let path = path("links");
    let pool = linked(300);
    pool.insert_batch(&(0..400).collect::<Vec<_>>()).unwrap();
    // The record before 101 is gone; 150 is at the other end of the ring, 399 in the same claim.
    for (key, before) in [(101, 99), (102, 101), (399, 398), (390, 150)] {
        link(&pool, key, before);
    }
    pool.save(&path).unwrap();
    // Keys 100 to 399 become 7 to 306.
    let loaded = linked(1000);
    loaded.insert_batch(&[0; 7]).unwrap();
    loaded.load(&path).unwrap();
    for (key, expected) in [
        (101, None),
        (102, Some(101)),
        (399, Some(398)),
        (390, Some(150)),
    ] {
        let new = |key: u64| key - 100 + 7;
        assert_eq!(loaded.get(new(key)).unwrap(), Some(key));
        assert_eq!(before(&loaded, new(key)), expected.map(new), "of {key}");
    }
    // What leads to a record that is left out leads nowhere.
    let smaller = linked(200);
    assert_eq!(smaller.load(&path).unwrap().left_out, 100);
    assert_eq!(before(&smaller, 390 - 200), None);
    assert_eq!(before(&smaller, 399 - 200), Some(398 - 200));
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
