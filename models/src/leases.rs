//! Leases: a reader and a writer of one slot.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::lease::{self, BLOCKS, LeaseList, filter_words};
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};
use crate::tree::RUN;

const MARKED: u64 = 1;
const CLAIMED: u64 = 2;
const EMPTY: u64 = 3;

/// One slot, its record, and the lease list of one reader.
struct Pond {
    word: AtomicU64,
    record: UnsafeCell<u64>,
    blocks: AtomicU64,
    filters: Vec<AtomicU64>,
    cells: Vec<AtomicU32>,
}

impl Pond {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: AtomicU64::new(10),
            record: UnsafeCell::new(10),
            blocks: AtomicU64::new(0),
            filters: (0..filter_words(BLOCKS))
                .map(|_| AtomicU64::new(0))
                .collect(),
            cells: (0..BLOCKS).map(|_| AtomicU32::new(0)).collect(),
        })
    }

    fn list(&self) -> LeaseList<'_> {
        LeaseList {
            blocks: &self.blocks,
            filters: &self.filters,
            cells: &self.cells,
        }
    }

    /// A reader: the record is the one of the word, or is not read.
    fn read(&self) {
        let taken = self.list().take(1).unwrap();
        let seen = self.word.load(Ordering::Acquire);
        if ![MARKED, CLAIMED, EMPTY].contains(&seen) {
            self.list().name(taken.cells.start, 0);
            lease::lease_fence();
            if lease::is_unchanged(&self.word, seen) {
                // SAFETY: leased and checked; loom reports a writer at the same time.
                let record = self.record.with(|record| unsafe { *record });
                assert_eq!(record, seen);
            }
        }
        self.list().give_back(taken);
    }

    /// A reader that keeps its cells for a while after it has read the record.
    fn read_and_stay(&self) {
        let taken = self.list().take(1).unwrap();
        self.list().name(taken.cells.start, 0);
        lease::lease_fence();
        if lease::is_unchanged(&self.word, 10) {
            // SAFETY: leased and checked; loom reports a writer at the same time.
            let record = self.record.with(|record| unsafe { *record });
            assert_eq!(record, 10);
        }
        self.list().unname(taken.cells.start);
        loom::thread::yield_now();
        self.list().give_back(taken);
    }

    /// A reader of the record whose word is `known`.
    fn look_up(&self, known: u64) {
        let taken = self.list().take(1).unwrap();
        self.list().name(taken.cells.start, 0);
        lease::lease_fence();
        if lease::is_unchanged(&self.word, known) {
            // SAFETY: leased and checked; loom reports a writer at the same time.
            let record = self.record.with(|record| unsafe { *record });
            assert_eq!(record, known);
        }
        self.list().give_back(taken);
    }

    /// A reader that uses its cells again, for a slot of another word.
    fn lease_another(&self, slot: u32) {
        let taken = self.list().take(1).unwrap();
        self.list().name(taken.cells.start, slot);
        lease::lease_fence();
        self.list().give_back(taken);
    }

    /// A writer, which holds the lock: the record is replaced, or passed over.
    fn write(&self, new: u64) {
        let seen = self.word.load(Ordering::Relaxed);
        lease::mark(&self.word, MARKED);
        lease::lease_fence();
        let mut leased = false;
        self.list().visit(0, |slot| leased |= slot == 0);
        if leased {
            lease::pass_over(&self.word, seen);
        } else {
            lease::take(&self.word, CLAIMED);
            // SAFETY: claimed and not leased; loom reports a reader at the same time.
            self.record.with_mut(|record| unsafe { *record = new });
            lease::commit(&self.word, new);
        }
    }
}

fn model(read: fn(&Pond)) {
    crate::model(3, move || {
        let pond = Pond::new();
        let reader = {
            let pond = pond.clone();
            thread::spawn(move || read(&pond))
        };
        pond.write(20);
        pond.write(30);
        reader.join().unwrap();
    });
}

#[test]
fn a_leased_record_is_whole_and_stays() {
    model(|pond| {
        pond.read();
        pond.read();
    });
}

#[test]
fn a_cell_that_names_another_slot_by_now_was_read_out() {
    model(|pond| {
        pond.read();
        pond.lease_another(1);
    });
}

#[test]
fn a_filter_that_names_another_run_by_now_was_read_out() {
    model(|pond| {
        pond.read();
        pond.lease_another(RUN as u32);
    });
}

#[test]
fn a_cell_that_names_nothing_by_now_was_read_out() {
    model(Pond::read_and_stay);
}

/// A claim that is given up, and the empty slot taken by another writer without a mark.
#[test]
fn an_empty_slot_needs_no_mark() {
    crate::model(3, || {
        let pond = Pond::new();
        let reader = {
            let pond = pond.clone();
            thread::spawn(move || {
                pond.read();
                pond.read();
            })
        };
        let seen = pond.word.load(Ordering::Relaxed);
        lease::mark(&pond.word, MARKED);
        lease::lease_fence();
        let mut leased = false;
        pond.list().visit(0, |slot| leased |= slot == 0);
        if leased {
            lease::pass_over(&pond.word, seen);
        } else {
            lease::take(&pond.word, CLAIMED);
            pond.word.store(EMPTY, Ordering::Relaxed);
            lease::take(&pond.word, CLAIMED);
            // SAFETY: claimed and not leased; loom reports a reader at the same time.
            pond.record.with_mut(|record| unsafe { *record = 20 });
            lease::commit(&pond.word, 20);
        }
        reader.join().unwrap();
    });
}

/// The cells of one thread are used again by another of the same participant.
#[test]
fn threads_of_one_participant_take_turns() {
    crate::model(3, || {
        let pond = Pond::new();
        let [one, two] = [
            |pond: &Pond| pond.read(),
            |pond: &Pond| pond.lease_another(RUN as u32),
        ]
        .map(|read| {
            let pond = pond.clone();
            thread::spawn(move || read(&pond))
        });
        pond.write(20);
        one.join().unwrap();
        two.join().unwrap();
    });
}

/// A writer passes over what another writer wrote, while somebody begins to read it.
#[test]
fn a_record_that_another_writer_passes_over_is_whole() {
    crate::model(2, || {
        let pond = Pond::new();
        let [reader, first] =
            [|pond: &Pond| pond.read(), |pond: &Pond| pond.write(20)].map(|act| {
                let pond = pond.clone();
                thread::spawn(move || act(&pond))
            });
        // The lock is between the two writers.
        first.join().unwrap();
        // Somebody leases the slot, whatever became of it.
        let taken = pond.list().take(1).unwrap();
        pond.list().name(taken.cells.start, 0);
        pond.write(30);
        reader.join().unwrap();
    });
}

/// A reader that knows the word of its key, and looks at the slot only after it leased it.
#[test]
fn a_record_found_by_its_key_is_whole() {
    crate::model(3, || {
        let pond = Pond::new();
        let reader = {
            let pond = pond.clone();
            thread::spawn(move || pond.look_up(20))
        };
        pond.write(20);
        pond.write(30);
        reader.join().unwrap();
    });
}
