//! Quotas of rate limiters: processes that insert and sample, may fail or die at any step, and are cleaned up after.

use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::entry::Entry;
use crate::os::{NEVER, die_at, fail_point};
use crate::quota::{Quota, look};
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};
use crate::{Branch, model};

/// How many records the queue takes.
const SIZE: u64 = 1;

/// A participant's entry, its byte, and its notes.
#[derive(Default)]
struct Participant {
    entry: Entry,
    /// 1 where the system has the byte locked.
    byte: AtomicU32,
    inserting: AtomicU64,
    sampling: AtomicU64,
}

/// A pool of one shard and one table. Each lock says whether a process died with it.
struct Pool {
    is_queue: bool,
    limits: Mutex<bool>,
    shard: Mutex<bool>,
    /// How many slots hold a record, which is what their words say.
    there: AtomicU64,
    /// How many records are counted.
    length: AtomicU64,
    inserted: AtomicU64,
    sampled: AtomicU64,
    participants: [Participant; 3],
    branch: Branch,
}

/// Runs `act` with a lock, and tells it whether there is something to repair. Returns nothing if the process died at
/// `step`.
fn with<R>(lock: &Mutex<bool>, step: &'static str, act: impl FnOnce(bool) -> R) -> Option<R> {
    let mut is_damaged = lock.lock().unwrap();
    let done = die_at(step, || act(*is_damaged));
    *is_damaged = done.is_none();
    done
}

impl Pool {
    /// A pool of so many records, each of which was inserted and not sampled. All participants have joined.
    fn new(is_queue: bool, records: u64) -> Arc<Self> {
        let pool = Self {
            is_queue,
            limits: Mutex::new(false),
            shard: Mutex::new(false),
            there: AtomicU64::new(records),
            length: AtomicU64::new(records),
            inserted: AtomicU64::new(records),
            sampled: AtomicU64::new(0),
            participants: Default::default(),
            branch: Branch::new(),
        };
        (0..3).for_each(|entry| pool.join(entry));
        Arc::new(pool)
    }

    fn reset(&self, entry: usize) {
        let participant = &self.participants[entry];
        let counts = (!self.is_queue).then_some(&self.sampled);
        Quota(&participant.sampling).take_back(counts);
        Quota(&participant.inserting).take_back([&self.inserted]);
    }

    fn join(&self, entry: usize) {
        let participant = &self.participants[entry];
        if participant.byte.swap(1, Ordering::AcqRel) == 0 {
            participant.entry.retire();
            self.reset(entry);
            participant.entry.occupy();
        }
    }

    /// Cleans up after a participant if it is dead. A process that cleans up may die at `step`.
    fn clean(&self, entry: usize, step: &'static str) {
        let participant = &self.participants[entry];
        if participant.entry.generation().is_some()
            && participant.byte.swap(1, Ordering::AcqRel) == 0
        {
            participant.entry.retire();
            die_at(step, || self.reset(entry));
            participant.byte.swap(0, Ordering::AcqRel);
        }
    }

    /// What the system does when the process ends that has this entry.
    fn die(&self, entry: usize) {
        self.participants[entry].byte.swap(0, Ordering::AcqRel);
    }

    fn look<R>(&self, note: fn(&Participant) -> &AtomicU64, read: impl FnOnce() -> R) -> (u64, R) {
        let notes = self.participants.iter().map(|other| Quota(note(other)));
        let is_taken = |entry: usize| self.participants[entry].entry.generation().is_some();
        look(notes, is_taken, || {
            self.branch.here();
            read()
        })
    }

    /// Takes a quota to insert one record. In a queue only where there is room.
    fn may_insert(&self, entry: usize, step: &'static str) -> Option<bool> {
        with(&self.limits, step, |_| {
            let length = || self.length.load(Ordering::Relaxed);
            let (inserting, length) = self.look(|other| &other.inserting, length);
            let may = !self.is_queue || inserting + length < SIZE;
            if may {
                Quota(&self.participants[entry].inserting).take(1, [&self.inserted]);
            }
            may
        })
    }

    /// Takes a quota to sample one record: of a queue one that is there, else one that was inserted more than sampled.
    fn may_sample(&self, entry: usize, step: &'static str) -> Option<bool> {
        with(&self.limits, step, |_| {
            let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
            let may = match self.is_queue {
                true => {
                    let length = || load(&self.length);
                    let (sampling, length) = self.look(|other| &other.sampling, length);
                    length > sampling
                }
                false => {
                    let passed = || (load(&self.inserted), load(&self.sampled));
                    let (inserting, passed) = self.look(|other| &other.inserting, passed);
                    passed.0.saturating_sub(inserting) > passed.1
                }
            };
            if may {
                Quota(&self.participants[entry].sampling).take(1, [&self.sampled]);
            }
            may
        })
    }

    /// Changes how many records there are, and then their number.
    fn change(&self, step: &'static str, change: impl Fn(u64) -> u64) -> Option<()> {
        with(&self.shard, step, |is_damaged| {
            let there = self.there.load(Ordering::Relaxed);
            if is_damaged {
                self.length.store(there, Ordering::Relaxed);
            }
            self.there.store(change(there), Ordering::Relaxed);
            fail_point("change.word");
            self.branch.here();
            let length = self.length.load(Ordering::Relaxed);
            self.length.store(change(length), Ordering::Relaxed);
        })?;
        die_at(step, || fail_point("change.length"))
    }

    /// Inserts a record if it may. Returns nothing if the process died.
    fn insert(&self, entry: usize, step: &'static str) -> Option<bool> {
        let inserted = (|| {
            let may = self.may_insert(entry, step)?;
            if may {
                self.change(step, |count| count + 1)?;
                Quota(&self.participants[entry].inserting).strike_off(1);
            }
            Some(may)
        })();
        if inserted.is_none() {
            self.die(entry);
        }
        inserted
    }

    /// Finds no room for the record that it may insert.
    fn fail_to_insert(&self, entry: usize) {
        self.may_insert(entry, NEVER).unwrap();
        Quota(&self.participants[entry].inserting).give_back(1, [&self.inserted]);
    }

    /// Samples a record if it may, and takes it out of a queue. Returns nothing if the process died.
    fn sample(&self, entry: usize, step: &'static str) -> Option<bool> {
        let sampled = (|| {
            let may = self.may_sample(entry, step)?;
            if may {
                let is_queue = self.is_queue;
                let taken = |count: u64| match is_queue {
                    true => count.checked_sub(1).expect("a record that may be sampled"),
                    false => count,
                };
                self.change(step, taken)?;
                Quota(&self.participants[entry].sampling).strike_off(1);
            }
            Some(may)
        })();
        if sampled.is_none() {
            self.die(entry);
        }
        sampled
    }

    /// After all are done or cleaned up after: repairs, and returns how many records there are.
    fn end(&self) -> u64 {
        self.change(NEVER, |count| count).unwrap();
        for participant in &self.participants {
            for note in [&participant.inserting, &participant.sampling] {
                assert_eq!(note.load(Ordering::Relaxed), 0);
            }
        }
        let there = self.there.load(Ordering::Relaxed);
        assert_eq!(self.length.load(Ordering::Relaxed), there);
        there
    }

    /// Makes sure that a queue goes on as one in which no process ever died.
    fn goes_on(&self, there: u64) {
        assert_eq!(self.may_sample(2, NEVER), Some(there > 0));
        assert_eq!(self.may_insert(2, NEVER), Some(there < SIZE));
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
fn a_queue_takes_no_more_than_its_size() {
    model(3, || {
        let pool = Pool::new(true, 0);
        let other = spawn(&pool, |pool| pool.insert(1, NEVER).unwrap());
        let here = pool.insert(0, NEVER).unwrap();
        assert!(here != other.join().unwrap());
        assert_eq!(pool.end(), 1);
        pool.goes_on(1);
    });
}

#[test]
fn a_queue_takes_no_more_than_its_size_beside_a_consumer() {
    model(3, || {
        let pool = Pool::new(true, 1);
        let consumer = spawn(&pool, |pool| pool.sample(1, NEVER).unwrap());
        for _ in 0..2 {
            pool.insert(0, NEVER).unwrap();
            assert!(pool.there.load(Ordering::Relaxed) <= SIZE);
        }
        assert!(consumer.join().unwrap());
        let there = pool.end();
        pool.goes_on(there);
    });
}

#[test]
fn a_record_that_may_be_taken_from_a_queue_is_there() {
    model(3, || {
        let pool = Pool::new(true, 1);
        let other = spawn(&pool, |pool| pool.sample(1, NEVER).unwrap());
        let here = pool.sample(0, NEVER).unwrap();
        assert!(here != other.join().unwrap());
        assert_eq!(pool.end(), 0);
        pool.goes_on(0);
    });
}

/// A process that inserts into an empty queue dies at `step`, beside another that inserts.
fn die_inserting(step: &'static str, second: &'static str) {
    model(3, move || {
        let pool = Pool::new(true, 0);
        let other = spawn(&pool, move |pool| {
            pool.clean(0, second);
            pool.insert(1, NEVER).unwrap()
        });
        let died = pool.insert(0, step).is_none();
        other.join().unwrap();
        pool.clean(0, NEVER);
        pool.join(0);
        // Until the shard is repaired, the record of the dead is there and not counted.
        let more = u64::from(died && step == "change.word");
        let there = pool.end();
        assert!(there <= SIZE + more);
        pool.goes_on(there);
    });
}

#[test]
fn a_queue_goes_on_whatever_an_inserter_did_when_it_died() {
    for step in [
        "quota.noted",
        "quota.raised",
        "change.word",
        "change.length",
    ] {
        die_inserting(step, NEVER);
    }
}

#[test]
fn a_queue_goes_on_although_the_one_that_cleans_up_dies() {
    die_inserting("quota.noted", "quota.back");
    die_inserting("change.length", "quota.back");
}

#[test]
fn a_queue_goes_on_whatever_a_consumer_did_when_it_died() {
    for step in ["quota.noted", "quota.raised", "change.length"] {
        model(3, move || {
            let pool = Pool::new(true, 1);
            let other = spawn(&pool, |pool| {
                pool.clean(0, NEVER);
                pool.sample(1, NEVER).unwrap()
            });
            pool.sample(0, step);
            other.join().unwrap();
            pool.clean(0, NEVER);
            let there = pool.end();
            pool.goes_on(there);
        });
    }
}

#[test]
fn what_may_be_sampled_was_inserted() {
    model(3, || {
        let pool = Pool::new(false, 0);
        let other = spawn(&pool, |pool| {
            if pool.may_sample(1, NEVER).unwrap() {
                assert!(pool.there.load(Ordering::Relaxed) > 0);
            }
        });
        pool.fail_to_insert(0);
        pool.insert(0, NEVER).unwrap();
        other.join().unwrap();
        assert_eq!(pool.inserted.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn threads_of_one_participant_strike_off_what_is_theirs() {
    model(3, || {
        let pool = Pool::new(false, 5);
        let other = spawn(&pool, |pool| pool.may_insert(0, NEVER).unwrap());
        pool.insert(0, NEVER).unwrap();
        other.join().unwrap();
        let inserting = &pool.participants[0].inserting;
        assert_eq!(inserting.load(Ordering::Relaxed), 1);
        Quota(inserting).give_back(1, [&pool.inserted]);
        assert_eq!(pool.end(), 6);
        assert_eq!(pool.inserted.load(Ordering::Relaxed), 6);
    });
}

#[test]
fn each_death_moves_a_counter_by_one_call_at_most() {
    for step in [
        "quota.noted",
        "quota.raised",
        "change.word",
        "change.length",
    ] {
        for second in [NEVER, "quota.back"] {
            model(2, move || {
                let pool = Pool::new(false, 5);
                let other = spawn(&pool, move |pool| {
                    pool.clean(0, second);
                    pool.insert(1, NEVER).unwrap();
                });
                assert_eq!(pool.insert(0, step), None);
                other.join().unwrap();
                pool.clean(0, second);
                pool.join(0);
                let (there, inserted) = (pool.end(), pool.inserted.load(Ordering::Relaxed));
                // Too few were inserted rather than too many: so no insertion waits for it.
                let deaths = 1 + u64::from(second != NEVER);
                assert!(inserted <= there && there <= inserted + deaths);
            });
        }
    }
}

#[test]
fn what_a_dead_process_was_going_to_sample_is_given_back() {
    for step in ["quota.noted", "quota.raised"] {
        model(3, move || {
            let pool = Pool::new(false, 5);
            let other = spawn(&pool, |pool| pool.clean(0, NEVER));
            assert_eq!(pool.sample(0, step), None);
            other.join().unwrap();
            pool.clean(0, NEVER);
            assert_eq!(pool.end(), 5);
            assert_eq!(pool.sampled.load(Ordering::Relaxed), 0);
        });
    }
}

/// A process that cleans up dies before it clears the notes.
#[test]
fn a_note_that_is_left_stops_no_queue() {
    model(3, || {
        let pool = Pool::new(true, 0);
        assert_eq!(pool.insert(0, "quota.noted"), None);
        let other = spawn(&pool, |pool| pool.clean(0, "quota.back"));
        pool.clean(0, NEVER);
        other.join().unwrap();
        assert_eq!(pool.insert(1, NEVER), Some(true));
    });
}

/// What the process that cleans up has taken from a counter is seen with the note that it has cleared.
#[test]
fn what_is_taken_back_from_the_dead_may_not_be_sampled() {
    model(3, || {
        let pool = Pool::new(false, 0);
        assert_eq!(pool.insert(0, "quota.raised"), None);
        let other = spawn(&pool, |pool| {
            let note = &pool.participants[0].inserting;
            if note.load(Ordering::Relaxed) == 0 {
                assert_eq!(pool.may_sample(1, NEVER), Some(false));
            }
        });
        pool.clean(0, NEVER);
        other.join().unwrap();
    });
}
