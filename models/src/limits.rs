//! A pool with a rate limiter, for the models of quotas: its processes insert and sample, may fail or die at any step,
//! and are cleaned up after.

use loom::sync::{Arc, Mutex};
use loom::thread;

use crate::Branch;
use crate::entry::Entry;
use crate::os::{NEVER, die_at, fail_point};
use crate::quota::{Quota, look};
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};

/// How many records the queue takes.
pub(crate) const SIZE: u64 = 1;

/// A participant's entry, its byte, and its notes.
#[derive(Default)]
pub(crate) struct Participant {
    entry: Entry,
    /// 1 where the system has the byte locked.
    byte: AtomicU32,
    pub(crate) inserting: AtomicU64,
    sampling: AtomicU64,
}

/// A pool of one shard and one table. Each lock says whether a process died with it.
pub(crate) struct Pool {
    is_queue: bool,
    limits: Mutex<bool>,
    shard: Mutex<bool>,
    /// How many slots hold a record, which is what their words say.
    pub(crate) there: AtomicU64,
    /// How many records are counted.
    length: AtomicU64,
    pub(crate) inserted: AtomicU64,
    pub(crate) sampled: AtomicU64,
    pub(crate) participants: [Participant; 3],
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
    pub(crate) fn new(is_queue: bool, records: u64) -> Arc<Self> {
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

    pub(crate) fn reset(&self, entry: usize) {
        let participant = &self.participants[entry];
        let counts = (!self.is_queue).then_some(&self.sampled);
        Quota(&participant.sampling).take_back(counts);
        Quota(&participant.inserting).take_back([&self.inserted]);
    }

    pub(crate) fn join(&self, entry: usize) {
        let participant = &self.participants[entry];
        if participant.byte.swap(1, Ordering::AcqRel) == 0 {
            participant.entry.retire();
            self.reset(entry);
            participant.entry.occupy();
        }
    }

    /// Cleans up after a participant if it is dead. A process that cleans up may die at `step`.
    pub(crate) fn clean(&self, entry: usize, step: &'static str) {
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
    pub(crate) fn die(&self, entry: usize) {
        self.participants[entry].byte.swap(0, Ordering::AcqRel);
    }

    pub(crate) fn look<R>(
        &self,
        note: fn(&Participant) -> &AtomicU64,
        read: impl FnOnce() -> R,
    ) -> (u64, R) {
        let notes = self.participants.iter().map(|other| Quota(note(other)));
        let is_taken = |entry: usize| self.participants[entry].entry.generation().is_some();
        look(notes, is_taken, || {
            self.branch.here();
            read()
        })
    }

    /// Takes a quota to insert one record. In a queue only where there is room.
    pub(crate) fn may_insert(&self, entry: usize, step: &'static str) -> Option<bool> {
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
    pub(crate) fn may_sample(&self, entry: usize, step: &'static str) -> Option<bool> {
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
    pub(crate) fn change(&self, step: &'static str, change: impl Fn(u64) -> u64) -> Option<()> {
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
    pub(crate) fn insert(&self, entry: usize, step: &'static str) -> Option<bool> {
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
    pub(crate) fn fail_to_insert(&self, entry: usize) {
        self.may_insert(entry, NEVER).unwrap();
        Quota(&self.participants[entry].inserting).give_back(1, [&self.inserted]);
    }

    /// Samples a record if it may, and takes it out of a queue. Returns nothing if the process died.
    pub(crate) fn sample(&self, entry: usize, step: &'static str) -> Option<bool> {
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
    pub(crate) fn end(&self) -> u64 {
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
    pub(crate) fn goes_on(&self, there: u64) {
        assert_eq!(self.may_sample(2, NEVER), Some(there > 0));
        assert_eq!(self.may_insert(2, NEVER), Some(there < SIZE));
    }
}

pub(crate) fn spawn<R: 'static>(
    pool: &Arc<Pool>,
    act: impl FnOnce(&Pool) -> R + 'static,
) -> thread::JoinHandle<R> {
    let pool = pool.clone();
    thread::spawn(move || act(&pool))
}
