//! Readers beside a lock: they and a writer, the dead among them, and who takes a dead one's place.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::entry::Entry;
use crate::model;
use crate::sync::primitive::{AtomicU32, AtomicU64, Channel, Ordering};
use crate::sync::{Event, EventWords, Found, Lock, LockWords, Owner, Peers, ReaderCount, Readers};

/// The participants: two of whom are alive all the time, and one whose entry is modelled.
const ONE: usize = 0;
const TWO: usize = 1;
const MORTAL: usize = 2;

/// A lock with readers, and what they guard; `UnsafeCell` makes loom report a reader beside a writer.
struct Shelf {
    words: LockWords,
    seen: [AtomicU64; 1],
    counts: [ReaderCount; 3],
    gone: EventWords,
    /// Where those sleep who wait for the lock, and for readers.
    channels: [Channel; 2],
    value: UnsafeCell<u32>,
    entry: Entry,
    /// 1 where the system has the byte of [`MORTAL`]'s entry locked.
    byte: AtomicU32,
}

impl Peers for Shelf {
    fn is_alive(&self, owner: Owner) -> bool {
        owner.entry() != MORTAL || self.entry.is_held_by(owner, || self.is_locked())
    }
}

impl Shelf {
    fn new(channels: [Channel; 2]) -> Arc<Self> {
        Arc::new(Self {
            words: LockWords::new(),
            seen: [AtomicU64::new(0)],
            counts: Default::default(),
            gone: EventWords::new(),
            channels,
            value: UnsafeCell::new(0),
            entry: Entry::default(),
            byte: AtomicU32::new(0),
        })
    }

    /// Whose sleepers wait until they are woken.
    fn patient() -> Arc<Self> {
        Self::new([Channel::patient(), Channel::patient()])
    }

    fn hasty() -> Arc<Self> {
        Self::new([Channel::Hasty, Channel::Hasty])
    }

    fn readers(&self, me: Owner) -> Readers<'_> {
        Readers {
            lock: Lock {
                words: &self.words,
                me,
                channel: &self.channels[0],
            },
            seen: &self.seen,
            counts: &self.counts,
            gone: Event {
                words: &self.gone,
                channel: &self.channels[1],
            },
        }
    }

    fn enter(&self, me: Owner) {
        let readers = self.readers(me);
        if !readers.try_enter() {
            let found = readers.lock.acquire(self);
            assert_eq!(found, Found::Clean);
            readers.enter();
            readers.lock.release();
        }
    }

    fn look(&self) -> u32 {
        // SAFETY: a reader is inside; loom reports a writer at the same time.
        self.value.with(|value| unsafe { *value })
    }

    fn read(&self, entry: usize) -> u32 {
        let me = Owner::new(entry, 0);
        self.enter(me);
        let value = self.look();
        self.readers(me).leave();
        value
    }

    fn write(&self, entry: usize) {
        let readers = self.readers(Owner::new(entry, 0));
        readers.lock.acquire(self);
        readers.exclude(|entry| self.is_entry_alive(entry));
        // SAFETY: the lock is held and readers are excluded; loom reports who is not.
        self.value.with_mut(|value| unsafe { *value += 1 });
        readers.lock.release();
    }

    fn is_entry_alive(&self, entry: usize) -> bool {
        let alive = |generation| self.is_alive(Owner::new(MORTAL, generation));
        entry != MORTAL || self.entry.generation().is_some_and(alive)
    }

    fn is_locked(&self) -> bool {
        self.byte.fetch_or(0, Ordering::AcqRel) == 1
    }

    fn try_lock(&self) -> bool {
        self.byte.swap(1, Ordering::AcqRel) == 0
    }

    /// By the system, where somebody died.
    fn unlock(&self) {
        self.byte.swap(0, Ordering::AcqRel);
    }

    fn join(&self) -> Option<Owner> {
        self.try_lock().then(|| {
            self.entry.retire();
            self.counts[MORTAL].reset();
            Owner::new(MORTAL, self.entry.occupy())
        })
    }

    fn clean(&self) {
        if self.entry.generation().is_some() && self.try_lock() {
            self.entry.retire();
            self.counts[MORTAL].reset();
            self.unlock();
        }
    }
}

fn spawn(shelf: &Arc<Shelf>, act: impl FnOnce(&Shelf) + 'static) -> thread::JoinHandle<()> {
    let shelf = shelf.clone();
    thread::spawn(move || act(&shelf))
}

#[test]
fn a_writer_is_alone_and_is_woken_by_the_last_reader() {
    model(3, || {
        let shelf = Shelf::patient();
        let reader = spawn(&shelf, |shelf| {
            shelf.read(ONE);
            shelf.read(ONE);
        });
        shelf.write(TWO);
        reader.join().unwrap();
        assert_eq!(shelf.read(ONE), 1);
    });
}

#[test]
fn two_readers_and_a_writer_take_turns() {
    model(2, || {
        let shelf = Shelf::patient();
        let readers = [ONE, MORTAL].map(|entry| {
            spawn(&shelf, move |shelf| {
                shelf.read(entry);
            })
        });
        shelf.entry.occupy();
        shelf.byte.store(1, Ordering::SeqCst);
        shelf.write(TWO);
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn threads_of_one_participant_read_beside_each_other_and_never_beside_its_writer() {
    model(2, || {
        let shelf = Shelf::patient();
        let readers = [ONE, ONE].map(|entry| {
            spawn(&shelf, move |shelf| {
                shelf.read(entry);
            })
        });
        shelf.write(ONE);
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn what_two_writers_wrote_is_seen_by_who_reads() {
    model(3, || {
        let shelf = Shelf::patient();
        let writer = spawn(&shelf, |shelf| {
            shelf.write(ONE);
            shelf.write(ONE);
        });
        let first = shelf.read(TWO);
        let second = shelf.read(TWO);
        assert!(first <= second && second <= 2);
        writer.join().unwrap();
        assert_eq!(shelf.read(TWO), 2);
    });
}

/// Whoever takes the lock to read lets the others in before it reads.
#[test]
fn readers_that_come_through_the_lock_read_beside_each_other() {
    model(2, || {
        let shelf = Shelf::patient();
        shelf.enter(Owner::new(ONE, 0));
        let writer = spawn(&shelf, |shelf| shelf.write(TWO));
        shelf.readers(Owner::new(ONE, 0)).leave();
        shelf.read(ONE);
        writer.join().unwrap();
        assert!(shelf.readers(Owner::new(ONE, 0)).try_enter());
        assert!(shelf.readers(Owner::new(TWO, 0)).try_enter());
    });
}

#[test]
fn who_joins_and_reads_is_never_taken_for_dead_by_a_writer() {
    model(3, || {
        let shelf = Shelf::hasty();
        let reader = spawn(&shelf, |shelf| {
            let me = shelf.join().unwrap();
            shelf.enter(me);
            shelf.look();
            shelf.readers(me).leave();
        });
        shelf.write(ONE);
        reader.join().unwrap();
    });
}

/// A reader dies inside, and another, to whom the system gives its byte, does something about its entry.
fn die_inside(act: fn(&Shelf)) {
    model(3, move || {
        let shelf = Shelf::hasty();
        let dead = shelf.join().unwrap();
        let writer = spawn(&shelf, |shelf| shelf.write(ONE));
        shelf.enter(dead);
        shelf.look();
        shelf.unlock();
        act(&shelf);
        writer.join().unwrap();
        shelf.write(TWO);
    });
}

#[test]
fn a_writer_does_not_wait_for_a_dead_reader() {
    die_inside(|_| {});
}

#[test]
fn a_writer_does_not_wait_for_a_dead_reader_who_is_cleaned_up_after() {
    die_inside(Shelf::clean);
}

#[test]
fn a_writer_waits_for_who_reads_in_a_dead_readers_place() {
    die_inside(|shelf| {
        if let Some(me) = shelf.join() {
            shelf.enter(me);
            shelf.look();
            shelf.readers(me).leave();
        }
    });
}

/// A lock that orders a repair is not read beside: who comes takes it, and is told.
#[test]
fn nobody_reads_before_the_repair() {
    model(3, || {
        let shelf = Shelf::hasty();
        let lock = shelf.readers(Owner::new(ONE, 0)).lock;
        lock.acquire(&*shelf);
        lock.needs_repair();
        lock.release();
        let readers = shelf.readers(Owner::new(TWO, 0));
        assert!(!readers.try_enter());
        assert_eq!(readers.lock.acquire(&*shelf), Found::Damaged);
        readers.lock.repaired();
        readers.lock.release();
        assert!(readers.try_enter());
    });
}
