//! Windows: a reader that follows a link, beside writers that claim and rewrite the records of its window.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::lease::{self, BLOCKS, LeaseList, filter_words};
use crate::link::{DEPARTED, Lead, Link, NO_LINK};
use crate::rewriting::Note;
use crate::slot::Slot;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};
use crate::{Branch, model};

/// How many slots the ring has. Slot `n` holds key `n` at first; each record comes after that of the key before.
const SLOTS: u64 = 2;

/// The value of a record before it is rewritten.
fn value_of(key: u64) -> u64 {
    key * 10
}

/// One slot.
struct Place {
    word: AtomicU64,
    link: AtomicU64,
    record: UnsafeCell<u64>,
}

/// The ring, and the leases of the reader.
struct Pool {
    slots: Vec<Place>,
    blocks: AtomicU64,
    filters: Vec<AtomicU64>,
    cells: Vec<AtomicU32>,
    note: AtomicU64,
    branch: Branch,
}

impl Pool {
    fn new() -> Arc<Self> {
        let slot = |key: u64| Place {
            word: AtomicU64::new(Slot::Committed(key).to_word()),
            link: AtomicU64::new(key),
            record: UnsafeCell::new(value_of(key)),
        };
        // A block has two cells.
        Arc::new(Self {
            slots: (0..SLOTS).map(slot).collect(),
            blocks: AtomicU64::new(0),
            filters: (0..filter_words(2 * BLOCKS))
                .map(|_| AtomicU64::new(0))
                .collect(),
            cells: (0..2 * BLOCKS).map(|_| AtomicU32::new(0)).collect(),
            note: AtomicU64::new(0),
            branch: Branch::new(),
        })
    }

    fn slot_of(&self, key: u64) -> &Place {
        &self.slots[(key % SLOTS) as usize]
    }

    fn list(&self) -> LeaseList<'_> {
        LeaseList {
            blocks: &self.blocks,
            filters: &self.filters,
            cells: &self.cells,
        }
    }

    fn is_leased(&self, key: u64) -> bool {
        self.branch.here();
        let mut leased = false;
        let visit = |slot| leased |= u64::from(slot) == key % SLOTS;
        self.list().visit(0, visit);
        leased
    }

    /// Leases the record of a key, and returns `true` if it is there.
    fn lease(&self, cell: usize, key: u64) -> bool {
        self.list().name(cell, (key % SLOTS) as u32);
        lease::lease_fence();
        self.branch.here();
        lease::is_unchanged(&self.slot_of(key).word, Slot::Committed(key).to_word())
    }

    /// Reads a leased record twice.
    fn read(&self, key: u64) {
        // SAFETY: loom reports a writer at the same time.
        let [one, two] = [0, 1].map(|_| self.slot_of(key).record.with(|record| unsafe { *record }));
        assert_eq!(one, two);
        assert!(
            one == value_of(key) || one == value_of(key) + 1,
            "{one} of {key}"
        );
    }

    /// Draws the record in slot 1, follows its link, and reads both records.
    fn read_window(&self) {
        let seen = self.slots[1].word.load(Ordering::Acquire);
        let Slot::Committed(last) = Slot::from_word(seen) else {
            return;
        };
        let taken = self.list().take(2).unwrap();
        let cell = taken.cells.start;
        if self.lease(cell, last) {
            let lead = Link(&self.slot_of(last).link).lead();
            assert_eq!(lead, Lead::To(last - 1));
            if self.lease(cell + 1, last - 1) {
                self.read(last - 1);
            }
            self.read(last);
        }
        self.list().give_back(taken);
    }

    /// Claims the slot of a key, and fills and commits it, if it is not leased.
    fn insert(&self, key: u64) {
        let slot = self.slot_of(key);
        let seen = slot.word.load(Ordering::Relaxed);
        let Slot::Committed(before) = Slot::from_word(seen) else {
            unreachable!("one thread writes");
        };
        self.branch.here();
        lease::mark(&slot.word, Slot::Marked(before).to_word());
        lease::lease_fence();
        if self.is_leased(key) {
            lease::pass_over(&slot.word, seen);
            return;
        }
        lease::take(&slot.word, Slot::Claimed(None).to_word());
        // SAFETY: loom reports an access at the same time.
        slot.record
            .with_mut(|record| unsafe { *record = value_of(key) });
        Link(&slot.link).write(key);
        lease::commit(&slot.word, Slot::Committed(key).to_word());
    }

    fn rewrite(&self, key: u64) {
        let slot = self.slot_of(key);
        let copy = || {
            // SAFETY: loom reports an access at the same time.
            slot.record
                .with_mut(|record| unsafe { *record = value_of(key) + 1 });
        };
        self.branch.here();
        Note(&self.note).put_in_place(key, &slot.word, || self.is_leased(key), copy);
    }
}

/// A reader of a window beside a process that does `act`.
fn read_beside(act: fn(&Pool)) {
    model(3, move || {
        let pool = Pool::new();
        let reader = {
            let pool = pool.clone();
            thread::spawn(move || pool.read_window())
        };
        act(&pool);
        reader.join().unwrap();
    });
}

#[test]
fn a_window_is_of_one_episode_and_stays() {
    read_beside(|pool| {
        pool.insert(2);
        pool.insert(3);
    });
}

#[test]
fn a_window_whose_last_record_is_new_has_the_link_of_that_record() {
    read_beside(|pool| {
        pool.insert(3);
        pool.insert(2);
    });
}

#[test]
fn the_records_of_a_window_are_whole_while_they_are_rewritten() {
    read_beside(|pool| {
        pool.rewrite(0);
        pool.rewrite(1);
    });
}

#[test]
fn a_link_leads_where_it_was_written_to() {
    model(1, || {
        let word = AtomicU64::new(7);
        let link = Link(&word);
        for (written, lead) in [
            (NO_LINK, Lead::First),
            (DEPARTED, Lead::Departed),
            (u64::MAX, Lead::Departed),
            (1, Lead::To(0)),
        ] {
            link.write(written);
            assert_eq!(link.lead(), lead);
        }
    });
}
