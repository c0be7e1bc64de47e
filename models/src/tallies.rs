//! Tallies: samplers that count a record as sampled, one that removes it, and one that settles what the dead left.

use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::lease::{self, BLOCKS, LeaseList, filter_words};
use crate::model;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};
use crate::tally::{Begun, Tally, settle};

const COMMITTED: u64 = 10;
const MARKED: u64 = 11;
const REMOVED: u64 = 12;

/// The lease list of one sampler.
struct List {
    blocks: AtomicU64,
    filters: Vec<AtomicU64>,
    cells: Vec<AtomicU32>,
}

/// One slot with its record, which may be sampled once from each of two tables.
struct Pool {
    word: AtomicU64,
    tallies: [AtomicU64; 2],
    lists: [List; 2],
    /// The lock of the slot's shard, and how often the record was removed.
    shard: Mutex<u32>,
    /// How many samples of each table were given out.
    given: [AtomicU32; 2],
    /// How often it was said that the record left unsampled.
    unsampled: AtomicU32,
}

/// How a sampler ends what it began.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Finish,
    TakeBack,
}

impl Pool {
    /// A record with so many pending samples of a process that died, from the first table.
    fn new(left: u64) -> Arc<Self> {
        let list = |_| List {
            blocks: AtomicU64::new(0),
            filters: (0..filter_words(BLOCKS))
                .map(|_| AtomicU64::new(0))
                .collect(),
            cells: (0..BLOCKS).map(|_| AtomicU32::new(0)).collect(),
        };
        Arc::new(Self {
            word: AtomicU64::new(COMMITTED),
            tallies: [left << 32, 0].map(AtomicU64::new),
            lists: [0, 1].map(list),
            shard: Mutex::new(0),
            given: [0, 0].map(AtomicU32::new),
            unsampled: AtomicU32::new(0),
        })
    }

    fn tally(&self, table: usize) -> Tally<'_> {
        let word = &self.tallies[table];
        Tally { word, most: 1 }
    }

    fn list(&self, sampler: usize) -> LeaseList<'_> {
        let list = &self.lists[sampler];
        LeaseList {
            blocks: &list.blocks,
            filters: &list.filters,
            cells: &list.cells,
        }
    }

    fn is_leased(&self) -> bool {
        let mut leased = false;
        for sampler in 0..2 {
            self.list(sampler).visit(0, |slot| leased |= slot == 0);
        }
        leased
    }

    /// Samples the record, or fails after it was counted.
    fn sample(&self, sampler: usize, table: usize, end: End) {
        let list = self.list(sampler);
        let taken = list.take(1).unwrap();
        list.name(taken.cells.start, 0);
        lease::lease_fence();
        let tally = self.tally(table);
        if lease::is_unchanged(&self.word, COMMITTED) && tally.begin() == Begun::Pending {
            match end {
                End::Finish => {
                    self.given[table].fetch_add(1, Ordering::Relaxed);
                    if tally.finish() {
                        self.spend();
                    }
                }
                End::TakeBack if tally.take_back() => {
                    self.unsampled.fetch_add(1, Ordering::Relaxed);
                }
                End::TakeBack => {}
            }
        }
        list.give_back(taken);
    }

    /// Removes the record if both tables have used it up.
    fn spend(&self) {
        let mut removed = self.shard.lock().unwrap();
        let is_here = self.word.load(Ordering::Relaxed) == COMMITTED;
        if is_here && (0..2).all(|table| self.tally(table).is_exhausted()) {
            lease::take(&self.word, REMOVED);
            *removed += 1;
        }
    }

    /// Removes the record by its key.
    fn remove(&self) {
        let mut removed = self.shard.lock().unwrap();
        if self.word.load(Ordering::Relaxed) == COMMITTED {
            lease::take(&self.word, REMOVED);
            *removed += 1;
            if self.tally(0).leave() {
                self.unsampled.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn settle(&self) {
        let _removed = self.shard.lock().unwrap();
        if self.word.load(Ordering::Relaxed) == COMMITTED {
            let tallies = (0..2).map(|table| self.tally(table));
            settle(
                &self.word,
                [COMMITTED, MARKED],
                || self.is_leased(),
                tallies,
            );
        }
    }

    fn given(&self, table: usize) -> u32 {
        self.given[table].load(Ordering::Relaxed)
    }
}

/// Runs two parts at the same time.
fn both(pool: &Arc<Pool>, [one, two]: [fn(&Pool); 2]) {
    let other = pool.clone();
    let other = thread::spawn(move || one(&other));
    two(pool);
    other.join().unwrap();
}

#[test]
fn a_sample_that_fails_uses_nothing_up() {
    model(3, || {
        let pool = Pool::new(0);
        // The tables differ: the one batch takes its sample back, the other gives it out.
        let fails = |pool: &Pool| pool.sample(0, 1, End::TakeBack);
        let samples = |pool: &Pool| pool.sample(1, 0, End::Finish);
        both(&pool, [fails, samples]);
        assert_eq!(pool.given(0), 1);
        assert_eq!(*pool.shard.lock().unwrap(), 0, "the record is gone");
        pool.sample(0, 1, End::Finish);
        assert_eq!(pool.given(1), 1);
        assert_eq!(*pool.shard.lock().unwrap(), 1);
    });
}

#[test]
fn a_record_leaves_once_when_all_tables_have_used_it_up() {
    model(3, || {
        let pool = Pool::new(0);
        let one = |pool: &Pool| pool.sample(0, 0, End::Finish);
        let two = |pool: &Pool| pool.sample(1, 1, End::Finish);
        both(&pool, [one, two]);
        assert_eq!((pool.given(0), pool.given(1)), (1, 1));
        assert_eq!(*pool.shard.lock().unwrap(), 1);
    });
}

#[test]
fn a_record_is_given_out_no_more_often_than_it_may_be() {
    model(3, || {
        let pool = Pool::new(0);
        let one = |pool: &Pool| pool.sample(0, 0, End::Finish);
        let two = |pool: &Pool| pool.sample(1, 0, End::Finish);
        both(&pool, [one, two]);
        assert_eq!(pool.given(0), 1);
        assert!(pool.tally(0).is_exhausted());
        assert!(!pool.tally(0).is_pending());
    });
}

/// What a process left that died is dropped, and what one that lives has begun is not.
#[test]
fn only_samples_of_the_dead_are_dropped() {
    model(3, || {
        let pool = Pool::new(1);
        let samples = |pool: &Pool| {
            pool.sample(0, 0, End::Finish);
            pool.sample(0, 0, End::TakeBack);
            pool.sample(0, 0, End::Finish);
        };
        both(&pool, [samples, Pool::settle]);
        pool.settle();
        assert!(!pool.tally(0).is_pending());
        assert_eq!(pool.tally(0).finished(), pool.given(0));
        pool.sample(0, 0, End::Finish);
        assert_eq!(pool.given(0), 1);
    });
}

/// A process that lives samples, while another settles.
#[test]
fn a_sample_of_the_living_is_not_dropped() {
    model(3, || {
        let pool = Pool::new(0);
        both(&pool, [|pool| pool.sample(0, 0, End::Finish), Pool::settle]);
        pool.settle();
        assert!(!pool.tally(0).is_pending());
        assert_eq!(pool.tally(0).finished(), pool.given(0));
    });
}

/// A queue's limiter waits for what was inserted, so it must hear once of a record that left unsampled.
#[test]
fn of_a_record_that_left_unsampled_one_says_so() {
    for end in [End::Finish, End::TakeBack] {
        model(3, move || {
            let pool = Pool::new(0);
            let other = pool.clone();
            let other = thread::spawn(move || other.remove());
            pool.sample(0, 0, end);
            other.join().unwrap();
            let unsampled = pool.unsampled.load(Ordering::Relaxed);
            assert_eq!(pool.given(0) + unsampled, 1);
        });
    }
}
