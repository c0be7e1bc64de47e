//! Participants: who joins, leaves, dies and cleans up at one entry, and who asks for its owner.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::entry::Entry;
use crate::model;
use crate::sync::primitive::{AtomicU32, Channel, Ordering};
use crate::sync::{Found, Lock, LockWords, Owner, Peers};

/// Another participant, which is alive all the time.
const OTHER: usize = 5;

/// One entry, its byte, a lock and what it guards.
struct Table {
    entry: Entry,
    /// 1 where the system has the byte locked. It decides on locks one after another.
    byte: AtomicU32,
    /// 1 where a process has the gate locked.
    gate: AtomicU32,
    words: LockWords,
    channel: Channel,
    guarded: UnsafeCell<u32>,
    /// What the structure keeps for the entry.
    kept: UnsafeCell<u32>,
}

impl Peers for Table {
    fn is_alive(&self, owner: Owner) -> bool {
        owner.entry() == OTHER || self.entry.is_held_by(owner, || self.is_locked())
    }
}

impl Table {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            entry: Entry::default(),
            byte: AtomicU32::new(0),
            gate: AtomicU32::new(0),
            words: LockWords::new(),
            channel: Channel::Hasty,
            guarded: UnsafeCell::new(0),
            kept: UnsafeCell::new(0),
        })
    }

    fn is_locked(&self) -> bool {
        self.byte.fetch_or(0, Ordering::AcqRel) == 1
    }

    fn try_lock(&self) -> bool {
        self.byte.swap(1, Ordering::AcqRel) == 0
    }

    /// By who leaves, or by the system where somebody died.
    fn unlock(&self) {
        self.byte.swap(0, Ordering::AcqRel);
    }

    /// Locks the gate of an entry whose byte is not locked.
    fn lock_gate(&self) -> bool {
        if self.is_locked() || self.gate.swap(1, Ordering::AcqRel) == 1 {
            return false;
        }
        let is_free = !self.is_locked();
        if !is_free {
            self.unlock_gate();
        }
        is_free
    }

    fn unlock_gate(&self) {
        self.gate.swap(0, Ordering::AcqRel);
    }

    fn reset(&self) {
        // SAFETY: the byte is locked, or the gate of a free one, which excludes others; loom reports those that it
        // does not.
        self.kept.with_mut(|kept| unsafe { *kept = 0 });
    }

    /// Step 1, where the byte can be had; the participant uses what is kept for it.
    fn join(&self) -> Option<Owner> {
        self.lock_gate().then(|| {
            self.entry.retire();
            assert!(
                self.try_lock(),
                "only the holder of the gate locks the byte"
            );
            self.unlock_gate();
            self.reset();
            let owner = Owner::new(0, self.entry.occupy());
            // SAFETY: as in `reset`.
            self.kept.with_mut(|kept| unsafe { *kept = 1 });
            owner
        })
    }

    fn leave(&self) {
        self.entry.retire();
        self.unlock();
    }

    /// Step 3.
    fn clean(&self) {
        if self.entry.generation().is_some() && self.lock_gate() {
            if self.entry.generation().is_some() {
                self.entry.retire();
                self.reset();
            }
            self.unlock_gate();
        }
    }

    fn lock(&self, me: Owner) -> Lock<'_> {
        Lock {
            words: &self.words,
            me,
            channel: &self.channel,
        }
    }

    fn with_lock(&self, me: Owner) {
        let found = self.lock(me).acquire(self);
        assert_eq!(found, Found::Clean);
        // SAFETY: the lock excludes everybody else, which is what the model checks.
        self.guarded.with_mut(|value| unsafe { *value += 1 });
        self.lock(me).release();
    }

    /// Writes below the lock, as who is about to die.
    fn write(&self) {
        // SAFETY: only the owner of the lock, which is not released, writes.
        self.guarded.with_mut(|value| unsafe { *value = 7 });
    }
}

#[test]
fn who_joins_is_never_taken_for_dead_by_who_waits() {
    model(3, || {
        let table = Table::new();
        let joiner = {
            let table = table.clone();
            thread::spawn(move || {
                let me = table.join().unwrap();
                table.with_lock(me);
                table.leave();
            })
        };
        table.with_lock(Owner::new(OTHER, 0));
        joiner.join().unwrap();
    });
}

#[test]
fn who_joins_is_never_taken_for_dead_by_who_only_looks() {
    model(3, || {
        let table = Table::new();
        let joiner = {
            let table = table.clone();
            thread::spawn(move || {
                let me = table.join().unwrap();
                table.lock(me).acquire(&*table);
            })
        };
        let bits = table.lock(Owner::new(OTHER, 0)).owner_bits();
        if let Some(owner) = Owner::from_bits(bits) {
            assert!(table.is_alive(owner));
        }
        joiner.join().unwrap();
    });
}

/// An owner dies and another, to whom the system gives its byte, does something about its entry, while
/// somebody asks for the owner.
fn die_beside(act: fn(&Table)) {
    model(3, move || {
        let table = Table::new();
        let dead = table.join().unwrap();
        let asker = {
            let table = table.clone();
            thread::spawn(move || {
                if !table.is_alive(dead) {
                    // SAFETY: the owner is dead, and nobody else writes.
                    let written = table.guarded.with(|value| unsafe { *value });
                    assert_eq!(written, 7);
                }
            })
        };
        table.lock(dead).acquire(&*table);
        table.write();
        table.unlock();
        // From now on, whatever is done about the entry.
        let looker = {
            let table = table.clone();
            thread::spawn(move || assert!(!table.is_alive(dead)))
        };
        act(&table);
        asker.join().unwrap();
        looker.join().unwrap();
        assert!(!table.is_alive(dead));
    });
}

#[test]
fn who_finds_an_owner_dead_sees_what_it_wrote() {
    die_beside(|_| {});
}

#[test]
fn who_finds_an_owner_dead_sees_what_it_wrote_beside_a_cleaner() {
    die_beside(Table::clean);
}

#[test]
fn who_finds_an_owner_dead_sees_what_it_wrote_beside_a_joiner() {
    die_beside(|table| {
        let _ = table.join();
    });
}

/// Whoever gets the byte first, the joiner has the entry alone, and what was counted stays counted.
#[test]
fn a_cleaner_and_a_joiner_of_a_dead_entry_take_turns() {
    model(3, || {
        let table = Table::new();
        let dead = table.join().unwrap();
        table.entry.counters[0].store(3, Ordering::Relaxed);
        table.unlock();
        let cleaners = [0, 1].map(|_| {
            let table = table.clone();
            thread::spawn(move || table.clean())
        });
        let joined = table.join();
        cleaners
            .into_iter()
            .for_each(|cleaner| cleaner.join().unwrap());
        assert!(!table.is_alive(dead));
        if let Some(joined) = joined {
            assert!(table.is_alive(joined));
            // SAFETY: all have come to their end.
            assert_eq!(table.kept.with(|kept| unsafe { *kept }), 1);
        }
        assert_eq!(table.entry.counters[0].load(Ordering::Relaxed), 3);
    });
}

/// An entry whose participant leaves has another soon, which counts on where the first did.
#[test]
fn what_a_participant_has_counted_is_read_as_its_own_and_no_others() {
    model(3, || {
        let table = Table::new();
        table.join().unwrap();
        let first = table.entry.generation().unwrap();
        table.entry.counters[0].store(3, Ordering::Relaxed);
        let reader = {
            let table = table.clone();
            thread::spawn(move || {
                if let Some(generation) = table.entry.generation()
                    && let Some(counted) = table.entry.counted(generation)
                {
                    match generation == first {
                        true => assert_eq!(counted[0], 3),
                        false => assert!(matches!(counted[0], 0 | 5), "{}", counted[0]),
                    }
                }
            })
        };
        table.leave();
        table.join().unwrap();
        table.entry.counters[0].fetch_add(5, Ordering::Relaxed);
        reader.join().unwrap();
        let second = table.entry.generation().unwrap();
        assert_eq!(table.entry.counted(second).unwrap()[0], 5);
        assert_eq!(table.entry.counted(first), None);
    });
}
