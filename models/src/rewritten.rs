//! Rewriting in place: a reader, processes that rewrite a record and may die at any step, processes that repair, and
//! the next owner of a dead participant's entry.

use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::lease::{self, BLOCKS, LeaseList, filter_words};
use crate::os::{NEVER, die_at, fail_point};
use crate::rewriting::{Note, complete};
use crate::slot::Slot;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};
use crate::{Branch, model};

const KEY: u64 = 5;
/// A key of another shard.
const ELSEWHERE: u64 = 9;

/// Two halves, which are equal in a whole record.
#[derive(Default)]
struct Record([UnsafeCell<u64>; 2]);

impl Record {
    fn write(&self, value: u64) {
        for half in &self.0 {
            // SAFETY: loom reports an access at the same time.
            half.with_mut(|half| unsafe { *half = value });
            fail_point("copy.half");
        }
    }

    fn read(&self) -> u64 {
        // SAFETY: loom reports a writer at the same time.
        let [one, two] = [0, 1].map(|half: usize| self.0[half].with(|half| unsafe { *half }));
        assert_eq!(one, two);
        one
    }
}

/// One slot, its record and its shard's lock; two entries, each with a draft and a note; the leases of a reader.
struct Pool {
    /// Whether a process died with the lock.
    lock: Mutex<bool>,
    word: AtomicU64,
    record: Record,
    drafts: [Record; 2],
    notes: [AtomicU64; 2],
    blocks: AtomicU64,
    filters: Vec<AtomicU64>,
    cells: Vec<AtomicU32>,
    branch: Branch,
}

impl Pool {
    fn new() -> Arc<Self> {
        let pool = Self {
            lock: Mutex::new(false),
            word: AtomicU64::new(Slot::Committed(KEY).to_word()),
            record: Record::default(),
            drafts: Default::default(),
            notes: Default::default(),
            blocks: AtomicU64::new(0),
            filters: (0..filter_words(BLOCKS))
                .map(|_| AtomicU64::new(0))
                .collect(),
            cells: (0..BLOCKS).map(|_| AtomicU32::new(0)).collect(),
            branch: Branch::new(),
        };
        pool.record.write(10);
        Arc::new(pool)
    }

    fn list(&self) -> LeaseList<'_> {
        LeaseList {
            blocks: &self.blocks,
            filters: &self.filters,
            cells: &self.cells,
        }
    }

    /// Leases the record, and reads it twice. Returns nothing where its word is another.
    fn read(&self) -> Option<u64> {
        let taken = self.list().take(1).unwrap();
        self.list().name(taken.cells.start, 0);
        lease::lease_fence();
        self.branch.here();
        let read = lease::is_unchanged(&self.word, Slot::Committed(KEY).to_word()).then(|| {
            let read = self.record.read();
            assert_eq!(self.record.read(), read);
            read
        });
        self.list().give_back(taken);
        read
    }

    fn is_leased(&self) -> bool {
        self.branch.here();
        let mut leased = false;
        self.list().visit(0, |slot| leased |= slot == 0);
        leased
    }

    /// Runs `act` under the lock, after the repair that is due. Returns nothing if the process died at `step`, in
    /// either.
    fn with_lock<R>(&self, step: &'static str, act: impl FnOnce() -> R) -> Option<R> {
        let mut is_damaged = self.lock.lock().unwrap();
        let done = die_at(step, || {
            self.branch.here();
            if *is_damaged {
                self.repair();
            }
            act()
        });
        *is_damaged = done.is_none();
        done
    }

    fn repair(&self) {
        if let Slot::Marked(key) = Slot::from_word(self.word.load(Ordering::Relaxed)) {
            let notes = self.notes.iter().map(Note);
            complete(key, &self.word, notes, |entry| self.copy(entry));
            fail_point("repair.mark");
        }
        self.branch.here();
        let take_away = |note| Note(note).take_away(|key| key == KEY);
        self.notes.iter().for_each(take_away);
    }

    fn copy(&self, entry: usize) {
        self.record.write(self.drafts[entry].read());
    }

    /// Rewrites the record by the draft of an entry. Returns nothing if the process died at `step`.
    fn rewrite(&self, entry: usize, value: u64, step: &'static str) -> Option<Option<bool>> {
        let note = Note(&self.notes[entry]);
        self.branch.here();
        if note.key() == Some(KEY) {
            self.with_lock(NEVER, || {})?;
        }
        self.drafts[entry].write(value);
        self.with_lock(step, || {
            note.put_in_place(KEY, &self.word, || self.is_leased(), || self.copy(entry))
        })
    }

    /// Repairs what is left to be repaired, and returns the record.
    fn end(&self) -> u64 {
        self.with_lock(NEVER, || {}).unwrap();
        assert_eq!(
            self.word.load(Ordering::Relaxed),
            Slot::Committed(KEY).to_word()
        );
        for note in &self.notes {
            assert_ne!(note.load(Ordering::Relaxed), KEY + 1);
        }
        self.record.read()
    }
}

fn spawn<R: 'static>(
    pool: &Arc<Pool>,
    act: impl FnOnce(&Pool) -> R + 'static,
) -> thread::JoinHandle<R> {
    let pool = pool.clone();
    thread::spawn(move || act(&pool))
}

#[test]
fn a_rewritten_record_is_whole_and_stays_while_it_is_leased() {
    model(3, || {
        let pool = Pool::new();
        let reader = spawn(&pool, |pool| {
            for _ in 0..2 {
                let read = pool.read();
                assert!(matches!(read, None | Some(10 | 20 | 30)), "{read:?}");
            }
        });
        let mut last = 10;
        for value in [20, 30] {
            match pool.rewrite(0, value, NEVER).unwrap() {
                Some(true) => last = value,
                other => assert_eq!(other, None),
            }
        }
        reader.join().unwrap();
        assert_eq!(pool.end(), last);
    });
}

#[test]
fn of_two_that_rewrite_a_record_the_later_one_stays() {
    model(2, || {
        let pool = Pool::new();
        let other = spawn(&pool, |pool| pool.rewrite(1, 20, NEVER).unwrap());
        let reader = spawn(&pool, |pool| {
            let read = pool.read();
            assert!(matches!(read, None | Some(10 | 20 | 30)), "{read:?}");
        });
        let here = pool.rewrite(0, 30, NEVER).unwrap();
        let other = other.join().unwrap();
        reader.join().unwrap();
        match (here, other, pool.end()) {
            (None, None, 10) | (Some(true), _, 30) | (_, Some(true), 20) => {}
            wrong => panic!("{wrong:?}"),
        }
    });
}

#[test]
fn a_record_that_has_left_is_not_rewritten() {
    model(3, || {
        let pool = Pool::new();
        let next = Slot::Committed(KEY + 1).to_word();
        let writer = spawn(&pool, move |pool| {
            let replace = || {
                lease::take(&pool.word, Slot::Claimed(None).to_word());
                pool.record.write(20);
                lease::commit(&pool.word, next);
            };
            pool.with_lock(NEVER, replace).unwrap();
        });
        let found = pool.rewrite(0, 30, NEVER).unwrap();
        writer.join().unwrap();
        assert!(found.is_some());
        assert_eq!(pool.word.load(Ordering::Relaxed), next);
        assert_eq!(pool.record.read(), 20);
    });
}

/// A process dies at `step`, and a process that repairs after it at `second`, beside a reader.
fn die_beside_a_reader(step: &'static str, second: &'static str, expected: u64) {
    model(2, move || {
        let pool = Pool::new();
        let reader = spawn(&pool, |pool| {
            let read = pool.read();
            assert!(matches!(read, None | Some(10 | 20)), "{read:?}");
        });
        match pool.rewrite(0, 20, step) {
            None => {
                let _ = pool.with_lock(second, || {});
                assert_eq!(pool.end(), expected);
            }
            // Leased, so the step was not reached.
            Some(found) => assert_eq!((found, pool.end()), (None, 10)),
        }
        reader.join().unwrap();
    });
}

#[test]
fn a_rewrite_that_was_not_noted_has_not_happened() {
    die_beside_a_reader("rewrite.marked", "repair.mark", 10);
}

#[test]
fn a_rewrite_that_was_noted_is_completed() {
    die_beside_a_reader("rewrite.noted", NEVER, 20);
    die_beside_a_reader("copy.half", NEVER, 20);
}

#[test]
fn a_rewrite_is_completed_although_one_that_repairs_dies() {
    for second in ["copy.half", "rewrite.completed", "repair.mark"] {
        die_beside_a_reader("copy.half", second, 20);
    }
}

#[test]
fn a_rewrite_that_is_in_place_stays() {
    die_beside_a_reader("rewrite.copied", NEVER, 20);
    die_beside_a_reader("rewrite.committed", NEVER, 20);
}

/// A process dies at `step`, and another rewrites the record later. No repair after that undoes it.
fn rewrite_after_a_death(step: &'static str) {
    model(2, move || {
        let pool = Pool::new();
        assert_eq!(pool.rewrite(0, 20, step), None);
        let other = spawn(&pool, |pool| {
            pool.with_lock("rewrite.completed", || {});
        });
        assert_eq!(pool.rewrite(1, 30, NEVER), Some(Some(true)));
        // A process marks the slot, as a claim does, and dies.
        pool.with_lock("rewrite.marked", || {
            lease::mark(&pool.word, Slot::Marked(KEY).to_word());
            fail_point("rewrite.marked");
        });
        other.join().unwrap();
        assert_eq!(pool.end(), 30);
    });
}

#[test]
fn a_note_of_the_dead_is_gone_before_the_record_is_marked_again() {
    rewrite_after_a_death("copy.half");
    rewrite_after_a_death("rewrite.committed");
}

/// A process dies beside another that is rewriting a record of another shard, whose lock it holds.
#[test]
fn a_repair_leaves_what_is_rewritten_in_other_shards() {
    model(3, || {
        let pool = Pool::new();
        let other = spawn(&pool, |pool| {
            let (word, record) = (Slot::Committed(ELSEWHERE).to_word(), Record::default());
            let word = AtomicU64::new(word);
            pool.drafts[1].write(30);
            let copy = || record.write(pool.drafts[1].read());
            let died = die_at("rewrite.copied", || {
                Note(&pool.notes[1]).put_in_place(ELSEWHERE, &word, || false, copy)
            });
            assert_eq!(died, None);
            assert_eq!(pool.notes[1].load(Ordering::Relaxed), ELSEWHERE + 1);
        });
        assert_eq!(pool.rewrite(0, 20, "rewrite.noted"), None);
        assert_eq!(pool.end(), 20);
        other.join().unwrap();
        assert_eq!(Note(&pool.notes[1]).key(), Some(ELSEWHERE));
    });
}

/// A process dies at `step`; while others repair, the next owner of its entry rewrites the record.
fn be_next(step: &'static str, second: &'static str) {
    model(3, move || {
        let pool = Pool::new();
        assert_eq!(pool.rewrite(0, 20, step), None);
        let next = spawn(&pool, |pool| pool.rewrite(0, 30, NEVER));
        let _ = pool.with_lock(second, || {});
        assert_eq!(next.join().unwrap(), Some(Some(true)));
        assert_eq!(pool.end(), 30);
    });
}

#[test]
fn the_next_owner_of_an_entry_writes_its_draft_after_the_repair() {
    be_next("rewrite.noted", NEVER);
    be_next("copy.half", "copy.half");
    be_next("rewrite.committed", NEVER);
}
