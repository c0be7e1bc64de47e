//! A dictionary's `get` beside a writer that inserts, changes and removes, uses rows again, and exchanges indexes.
//!
//! The index here is of one bucket, and its search stands here; the words and fences are those that ship.

use loom::sync::Arc;
use loom::thread;

use crate::os::{NEVER, die_at, fail_point};
use crate::seqlock::{EMPTY, InUse, RowWord, Stripe, after_reading, before_writing};
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};
use crate::{Branch, model};

/// How many slots an index has, of which the last stays empty.
const SLOTS: usize = 3;
const ROWS: usize = 2;

/// The value of a key's row at first.
fn value_of(key: u64) -> u64 {
    key * 10
}

/// A word of each slot's key, and the word that has its row.
#[derive(Default)]
struct Index {
    keys: [AtomicU64; SLOTS],
    rows: [AtomicU32; SLOTS],
}

impl Index {
    /// Returns the slot and the row of a key. As in a bucket that ships, keys are compared first, without an order.
    fn find(&self, key: u64) -> Option<(usize, usize)> {
        let is_key = |slot: usize| self.keys[slot].load(Ordering::Relaxed) == key;
        let confirm = |slot: usize| Some((slot, RowWord(&self.rows[slot]).find(|| is_key(slot))?));
        let slot = (0..SLOTS).find(|&slot| is_key(slot))?;
        confirm(slot).or_else(|| (0..SLOTS).find_map(confirm))
    }

    fn publish(&self, key: u64, row: usize) {
        let is_empty = |row: &AtomicU32| row.load(Ordering::Relaxed) == EMPTY;
        let slot = self.rows.iter().position(is_empty).unwrap();
        let write_key = || self.keys[slot].store(key, Ordering::Relaxed);
        RowWord(&self.rows[slot]).publish(row, write_key);
    }
}

/// What a process finds that did not look in time.
#[derive(Debug, PartialEq, Eq)]
struct Again;

#[derive(Default)]
struct Rows([[AtomicU64; 2]; ROWS]);

impl Rows {
    fn load(&self, row: usize) -> [u64; 2] {
        [0, 1].map(|half: usize| self.0[row][half].load(Ordering::Relaxed))
    }

    fn store(&self, row: usize, value: u64) {
        for half in &self.0[row] {
            half.store(value, Ordering::Relaxed);
            fail_point("row.half");
        }
    }
}

struct Dict {
    generation: AtomicU64,
    indexes: [Index; 2],
    rows: Rows,
    stripes: [AtomicU64; ROWS],
    branch: Branch,
}

impl Dict {
    /// Has key 1 in row 0.
    fn new() -> Arc<Self> {
        let dict = Self {
            generation: AtomicU64::new(0),
            indexes: Default::default(),
            rows: Rows::default(),
            stripes: Default::default(),
            branch: Branch::new(),
        };
        dict.insert(1, 0);
        Arc::new(dict)
    }

    /// One try to get the row of a key.
    fn get(&self, key: u64) -> Result<Option<u64>, Again> {
        let generation = InUse(&self.generation);
        let word = generation.read();
        self.branch.here();
        let index = &self.indexes[word as usize % 2];
        let Some((slot, row)) = index.find(key) else {
            after_reading();
            return generation.is_still(word).then_some(None).ok_or(Again);
        };
        self.branch.here();
        let [one, two] = Stripe(&self.stripes[row])
            .read(
                RowWord(&index.rows[slot]),
                row,
                || self.rows.load(row),
                || generation.is_still(word),
            )
            .ok_or(Again)?;
        assert_eq!(one, two);
        Ok(Some(one))
    }

    fn index(&self) -> &Index {
        &self.indexes[self.generation.load(Ordering::Relaxed) as usize % 2]
    }

    fn insert(&self, key: u64, row: usize) {
        before_writing();
        self.rows.store(row, value_of(key));
        self.index().publish(key, row);
    }

    fn remove(&self, key: u64) {
        let (slot, row) = self.index().find(key).unwrap();
        RowWord(&self.index().rows[slot]).kill();
        before_writing();
        self.rows.store(row, 0);
    }

    fn update(&self, key: u64, value: u64, step: &'static str) {
        let (_, row) = self.index().find(key).unwrap();
        let write = || self.rows.store(row, value);
        die_at(step, || Stripe(&self.stripes[row]).change(write));
    }

    /// Builds the next index, with all keys that are live.
    fn exchange(&self) {
        let now = self.generation.load(Ordering::Relaxed);
        let (index, next) = (self.index(), &self.indexes[(now + 1) as usize % 2]);
        before_writing();
        for row in &next.rows {
            row.store(EMPTY, Ordering::Relaxed);
        }
        for slot in 0..SLOTS {
            if let Some(row) = RowWord(&index.rows[slot]).find(|| true) {
                next.publish(index.keys[slot].load(Ordering::Relaxed), row);
            }
        }
        InUse(&self.generation).exchange(now + 1);
    }
}

/// A process that gets a key, and `check`s what it gets, beside one that does `write`.
fn get_beside(
    preemptions: usize,
    key: u64,
    check: fn(Result<Option<u64>, Again>) -> bool,
    write: fn(&Dict),
) {
    model(preemptions, move || {
        let dict = Dict::new();
        let reader = {
            let dict = dict.clone();
            thread::spawn(move || {
                let got = dict.get(key);
                let said = format!("{got:?}");
                assert!(check(got), "{said}");
            })
        };
        dict.branch.here();
        write(&dict);
        reader.join().unwrap();
    });
}

#[test]
fn a_row_that_is_inserted_is_whole() {
    get_beside(
        3,
        2,
        |got| matches!(got, Ok(None | Some(20))),
        |dict| dict.insert(2, 1),
    );
}

#[test]
fn a_row_that_is_changed_is_whole() {
    get_beside(
        3,
        1,
        |got| matches!(got, Err(Again) | Ok(Some(10..=12))),
        |dict| {
            dict.update(1, 11, NEVER);
            dict.update(1, 12, NEVER);
        },
    );
}

#[test]
fn a_row_that_is_used_again_is_not_that_of_the_key_before() {
    get_beside(
        3,
        1,
        |got| matches!(got, Err(Again) | Ok(None | Some(10))),
        |dict| {
            dict.remove(1);
            dict.insert(2, 0);
        },
    );
}

#[test]
fn a_row_that_is_used_again_is_that_of_its_new_key() {
    get_beside(
        3,
        2,
        |got| matches!(got, Err(Again) | Ok(None | Some(20))),
        |dict| {
            dict.remove(1);
            dict.insert(2, 0);
        },
    );
}

#[test]
fn a_key_that_stays_is_found_while_indexes_are_exchanged() {
    get_beside(
        3,
        1,
        |got| matches!(got, Err(Again) | Ok(Some(10))),
        |dict| {
            dict.exchange();
            dict.exchange();
        },
    );
}

/// The slot of key 1 is that of key 3, two indexes later.
#[test]
fn a_key_that_moves_to_another_slot_is_found_while_indexes_are_exchanged() {
    model(2, || {
        let dict = Dict::new();
        // Key 1 is in slot 1 alone.
        RowWord(&dict.indexes[0].rows[0]).kill();
        dict.indexes[0].keys[0].store(2, Ordering::Relaxed);
        dict.index().publish(1, 0);
        let reader = {
            let dict = dict.clone();
            thread::spawn(move || match dict.get(1) {
                Err(Again) | Ok(Some(10)) => {}
                wrong => panic!("{wrong:?}"),
            })
        };
        dict.branch.here();
        dict.exchange();
        dict.insert(3, 1);
        dict.exchange();
        reader.join().unwrap();
    });
}

/// The slot and the row are those of another key, two indexes later.
#[test]
fn a_slot_that_another_key_has_in_a_later_index_is_not_that_of_the_key_before() {
    get_beside(
        2,
        1,
        |got| matches!(got, Err(Again) | Ok(None | Some(10))),
        |dict| {
            dict.remove(1);
            dict.exchange();
            dict.exchange();
            dict.insert(2, 0);
        },
    );
}

#[test]
fn a_slot_of_a_later_index_is_that_of_its_new_key() {
    get_beside(
        2,
        2,
        |got| matches!(got, Err(Again) | Ok(None | Some(20))),
        |dict| {
            dict.remove(1);
            dict.exchange();
            dict.exchange();
            dict.insert(2, 0);
        },
    );
}

#[test]
fn a_row_is_whole_although_its_writer_died() {
    for step in ["dict.odd", "row.half", "dict.written"] {
        model(3, move || {
            let dict = Dict::new();
            let reader = {
                let dict = dict.clone();
                thread::spawn(move || match dict.get(1) {
                    Err(Again) | Ok(Some(10 | 11)) => {}
                    wrong => panic!("{wrong:?}"),
                })
            };
            dict.branch.here();
            dict.update(1, 11, step);
            // A reader that comes now waits for the repair.
            assert_eq!(dict.get(1), Err(Again));
            dict.update(1, 11, NEVER);
            assert_eq!(dict.get(1), Ok(Some(11)));
            reader.join().unwrap();
        });
    }
}
