//! The guard of a snapshot: a saver, and processes that claim, remove and rewrite what it is to save.

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::lease::{self, BLOCKS, LeaseList, filter_words};
use crate::rewriting::Note;
use crate::save_words::{Guarded, SaveWords, is_kept};
use crate::slot::Slot;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};
use crate::{Branch, BranchAtEnd, model};

/// The bits of the saver, and of another that comes later.
const SAVER: u64 = 3;
const LATER: u64 = 4;
/// How many slots there are. Slot `n` holds key `n` at first.
const SLOTS: usize = 2;

/// The value of a record before it is rewritten, and its link.
fn value_of(key: u64) -> u64 {
    key * 10
}

/// One slot.
struct Place {
    word: AtomicU64,
    /// An atomic word where it ships. Here loom reports a reader that has no order with the writer.
    link: UnsafeCell<u64>,
    record: UnsafeCell<u64>,
}

/// Slots of one shard with its lock, the words of a save, the leases of the saver, and a draft.
struct Pool {
    lock: Mutex<()>,
    next_key: AtomicU64,
    slots: Vec<Place>,
    saving: AtomicU64,
    saved: AtomicU64,
    cut: AtomicU64,
    blocks: AtomicU64,
    filters: Vec<AtomicU64>,
    cells: Vec<AtomicU32>,
    draft: UnsafeCell<u64>,
    note: AtomicU64,
    branch: Branch,
}

impl Pool {
    fn new() -> Arc<Self> {
        let slot = |key| Place {
            word: AtomicU64::new(Slot::Committed(key).to_word()),
            link: UnsafeCell::new(value_of(key)),
            record: UnsafeCell::new(value_of(key)),
        };
        Arc::new(Self {
            lock: Mutex::new(()),
            next_key: AtomicU64::new(SLOTS as u64),
            slots: (0..SLOTS as u64).map(slot).collect(),
            saving: AtomicU64::new(0),
            saved: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            blocks: AtomicU64::new(0),
            filters: (0..filter_words(BLOCKS))
                .map(|_| AtomicU64::new(0))
                .collect(),
            cells: (0..BLOCKS).map(|_| AtomicU32::new(0)).collect(),
            draft: UnsafeCell::new(0),
            note: AtomicU64::new(0),
            branch: Branch::new(),
        })
    }

    fn words(&self) -> SaveWords<'_> {
        SaveWords {
            saving: &self.saving,
            saved: &self.saved,
            cut: &self.cut,
        }
    }

    fn list(&self) -> LeaseList<'_> {
        LeaseList {
            blocks: &self.blocks,
            filters: &self.filters,
            cells: &self.cells,
        }
    }

    fn is_leased(&self, slot: usize) -> bool {
        let mut leased = false;
        self.list()
            .visit(0, |named| leased |= named as usize == slot);
        leased
    }

    fn state(&self, slot: usize) -> Slot {
        Slot::from_word(self.slots[slot].word.load(Ordering::Relaxed))
    }

    fn read(&self, slot: usize) -> u64 {
        // SAFETY: loom reports a writer at the same time.
        self.slots[slot].record.with(|record| unsafe { *record })
    }

    fn write(&self, slot: usize, value: u64) {
        // SAFETY: loom reports an access at the same time.
        self.slots[slot]
            .record
            .with_mut(|record| unsafe { *record = value });
    }

    /// Step 1: returns the keys of the records that belong to the snapshot, rising.
    fn begin(&self, saver: u64) -> Vec<u64> {
        let _all = self.lock.lock().unwrap();
        let next_key = self.next_key.load(Ordering::Relaxed);
        self.words().begin(saver, next_key);
        let keys = (0..SLOTS).filter_map(|slot| match self.state(slot) {
            Slot::Committed(key) => Some(key),
            _ => None,
        });
        let mut keys: Vec<u64> = keys.collect();
        keys.sort_unstable();
        keys
    }

    /// Step 3, for one key: returns the record and its link.
    fn copy(&self, key: u64) -> (u64, u64) {
        let slot = key as usize % SLOTS;
        // SAFETY: loom reports a writer at the same time.
        let link = self.slots[slot].link.with(|link| unsafe { *link });
        self.branch.here();
        let taken = self.list().take(1).unwrap();
        self.list().name(taken.cells.start, slot as u32);
        lease::lease_fence();
        self.branch.here();
        let end = BranchAtEnd(&self.branch);
        let lock = || Ok::<_, ()>((self.lock.lock().unwrap(), end));
        assert_eq!(is_kept(&self.slots[slot].word, key, lock), Ok(true));
        let record = self.read(slot);
        assert_eq!(self.read(slot), record);
        self.list().give_back(taken);
        (record, link)
    }

    /// Saves all records, which may be rewritten meanwhile.
    fn save(&self, saver: u64) {
        for key in self.begin(saver) {
            let (record, link) = self.copy(key);
            assert_eq!(link, value_of(key));
            assert!(record == value_of(key) || record == value_of(key) + 1);
            self.words().advance(key + 1);
        }
        self.words().end(saver);
    }

    /// Claims the slot of the next key, fills and commits it, if it is not guarded and not leased.
    fn claim(&self) {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let at = key as usize % SLOTS;
        let (slot, claimed) = (&self.slots[at], Slot::Claimed(None).to_word());
        let guard = self.lock.lock().unwrap();
        let seen = self.state(at);
        if self.words().guard().holds(seen) {
            return;
        }
        if let Slot::Committed(key) = seen {
            lease::mark(&slot.word, Slot::Marked(key).to_word());
        }
        lease::lease_fence();
        self.branch.here();
        if self.is_leased(at) {
            lease::pass_over(&slot.word, seen.to_word());
            return;
        }
        lease::take(&slot.word, claimed);
        drop(guard);
        // SAFETY: loom reports an access at the same time.
        slot.link.with_mut(|link| unsafe { *link = value_of(key) });
        self.write(at, value_of(key));
        let _guard = self.lock.lock().unwrap();
        lease::commit(&slot.word, Slot::Committed(key).to_word());
    }

    fn remove(&self, key: u64) {
        let slot = key as usize % SLOTS;
        let _guard = self.lock.lock().unwrap();
        if self.state(slot) == Slot::Committed(key) {
            self.branch.here();
            lease::take(&self.slots[slot].word, Slot::Removed(key).to_word());
        }
    }

    fn rewrite(&self, key: u64) {
        let slot = key as usize % SLOTS;
        // SAFETY: only this thread has the draft; loom reports others.
        self.draft
            .with_mut(|draft| unsafe { *draft = value_of(key) + 1 });
        let _guard = self.lock.lock().unwrap();
        self.branch.here();
        // SAFETY: as above.
        let copy = || self.write(slot, self.draft.with(|draft| unsafe { *draft }));
        let is_leased = || {
            self.branch.here();
            self.is_leased(slot)
        };
        Note(&self.note).put_in_place(key, &self.slots[slot].word, is_leased, copy);
    }
}

/// A saver beside a process that does `act`.
fn save_beside(preemptions: usize, act: fn(&Pool)) {
    model(preemptions, move || {
        let pool = Pool::new();
        let other = {
            let pool = pool.clone();
            thread::spawn(move || act(&pool))
        };
        pool.save(SAVER);
        other.join().unwrap();
        assert_eq!(pool.words().guard(), Guarded(0..0));
    });
}

#[test]
fn what_belongs_to_a_cut_is_saved_although_its_slot_is_claimed() {
    save_beside(3, |pool| {
        pool.claim();
        pool.claim();
    });
}

#[test]
fn what_belongs_to_a_cut_is_saved_although_it_is_removed() {
    save_beside(3, |pool| {
        pool.remove(0);
        pool.claim();
    });
}

#[test]
fn what_belongs_to_a_cut_is_saved_whole_although_it_is_rewritten() {
    save_beside(3, |pool| {
        pool.rewrite(0);
        pool.rewrite(0);
    });
}

#[test]
fn what_belongs_to_a_cut_is_saved_although_it_is_rewritten_and_removed() {
    save_beside(2, |pool| {
        pool.rewrite(0);
        pool.remove(0);
        pool.claim();
    });
}

/// A save that is given up ends the guard, too.
#[test]
fn what_was_guarded_by_a_save_that_was_given_up_was_read() {
    model(3, || {
        let pool = Pool::new();
        let other = {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.remove(0);
                pool.claim();
            })
        };
        for key in pool.begin(SAVER).into_iter().take(1) {
            assert_eq!(pool.copy(key), (value_of(key), value_of(key)));
        }
        pool.words().end(SAVER);
        other.join().unwrap();
    });
}

/// The saver has died. Others end its save, of which one begins the next at once.
#[test]
fn a_save_is_ended_once_and_the_next_one_stays() {
    model(3, || {
        let pool = Pool::new();
        pool.begin(SAVER);
        let next = {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.words().end(SAVER);
                pool.save(LATER);
            })
        };
        pool.words().end(SAVER);
        pool.claim();
        next.join().unwrap();
        assert_eq!(pool.words().guard(), Guarded(0..0));
    });
}

/// A process that is going to insert looks at the guard without a lock.
#[test]
fn the_words_of_a_save_are_seen_with_its_name() {
    model(3, || {
        let pool = Pool::new();
        pool.words().begin(SAVER, 5);
        pool.words().advance(5);
        pool.words().end(SAVER);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || {
                if pool.saving.load(Ordering::Relaxed) == LATER {
                    assert_eq!(pool.words().guard(), Guarded(0..9));
                }
            })
        };
        pool.words().begin(LATER, 9);
        other.join().unwrap();
    });
}
