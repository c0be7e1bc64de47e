//! The lock and the event.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::model;
use crate::sync::primitive::{AtomicU32, Channel, Ordering};
use crate::sync::{Event, EventWords, Found, Lock, LockWords, Owner, Peers};

fn owner(entry: usize) -> Owner {
    Owner::new(entry, 0)
}

/// An event, and the condition that is waited for.
struct Signalled {
    words: EventWords,
    channel: Channel,
    ready: AtomicU32,
}

impl Signalled {
    fn event(&self) -> Event<'_> {
        Event {
            words: &self.words,
            channel: &self.channel,
        }
    }
}

/// Peers of which some are dead from the start.
struct Dead(&'static [usize]);

impl Peers for Dead {
    fn is_alive(&self, owner: Owner) -> bool {
        !self.0.contains(&owner.entry())
    }
}

/// A lock and what it guards; `UnsafeCell` makes loom report two owners at once.
struct Guarded {
    words: LockWords,
    channel: Channel,
    value: UnsafeCell<u32>,
}

impl Guarded {
    fn new(channel: Channel) -> Arc<Self> {
        Arc::new(Self {
            words: LockWords::new(),
            channel,
            value: UnsafeCell::new(0),
        })
    }

    fn lock(&self, entry: usize) -> Lock<'_> {
        Lock {
            words: &self.words,
            me: owner(entry),
            channel: &self.channel,
        }
    }

    fn with<R>(
        &self,
        entry: usize,
        peers: &impl Peers,
        act: impl FnOnce(Found, &mut u32) -> R,
    ) -> R {
        let lock = self.lock(entry);
        let found = lock.acquire(peers);
        // SAFETY: the lock excludes everybody else, which is what the model checks.
        let result = self
            .value
            .with_mut(|value| unsafe { act(found, &mut *value) });
        lock.repaired();
        lock.release();
        result
    }
}

#[test]
fn the_lock_excludes_and_loses_no_wake_up() {
    model(3, || {
        let shared = Guarded::new(Channel::patient());
        let threads = [0, 1].map(|entry| {
            let shared = shared.clone();
            thread::spawn(move || shared.with(entry, &Dead(&[]), |_, value| *value += 1))
        });
        shared.with(2, &Dead(&[]), |_, value| *value += 1);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        shared.with(2, &Dead(&[]), |found, value| {
            assert_eq!((found, *value), (Found::Clean, 3));
        });
    });
}

#[test]
fn threads_of_one_process_exclude_each_other_too() {
    model(3, || {
        let shared = Guarded::new(Channel::patient());
        let threads = [0, 0].map(|entry| {
            let shared = shared.clone();
            thread::spawn(move || shared.with(entry, &Dead(&[]), |_, value| *value += 1))
        });
        shared.with(1, &Dead(&[]), |_, value| *value += 1);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        shared.with(1, &Dead(&[]), |_, value| assert_eq!(*value, 3));
    });
}

#[test]
fn exactly_one_takes_over_from_the_dead_and_is_told_to_repair() {
    model(3, || {
        let shared = Guarded::new(Channel::Hasty);
        shared.lock(7).acquire(&Dead(&[]));
        let threads = [0, 1].map(|entry| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.with(entry, &Dead(&[7]), |found, value| {
                    *value += 1;
                    found == Found::Damaged
                })
            })
        });
        let repairs = threads.map(|thread| thread.join().unwrap());
        assert_eq!(repairs.iter().filter(|repaired| **repaired).count(), 1);
        shared.with(2, &Dead(&[7]), |_, value| assert_eq!(*value, 2));
    });
}

#[test]
fn an_event_wakes_whoever_waits_for_it() {
    model(3, || {
        let shared = Arc::new(Signalled {
            words: EventWords::new(),
            channel: Channel::patient(),
            ready: AtomicU32::new(0),
        });
        let waiters = [0, 1].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let ready = || (shared.ready.load(Ordering::Relaxed) == 1).then_some(());
                shared.event().wait_for(Duration::MAX, ready).unwrap();
            })
        });
        shared.ready.store(1, Ordering::Relaxed);
        shared.event().notify();
        waiters
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// Somebody notifies before there is what is waited for, and again when there is.
#[test]
fn an_event_that_came_too_early_is_waited_for_again() {
    model(3, || {
        let shared = Arc::new(Signalled {
            words: EventWords::new(),
            channel: Channel::patient(),
            ready: AtomicU32::new(0),
        });
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || {
                let ready = || (shared.ready.load(Ordering::Relaxed) == 1).then_some(());
                shared.event().wait_for(Duration::MAX, ready).unwrap();
            })
        };
        shared.event().notify();
        shared.ready.store(1, Ordering::Relaxed);
        shared.event().notify();
        waiter.join().unwrap();
    });
}

/// Nobody is inside a lock that was handed over and not accepted, so nothing needs repair.
#[test]
fn a_lock_handed_to_the_dead_is_taken_by_one_and_needs_no_repair() {
    model(3, || {
        let shared = Guarded::new(Channel::Hasty);
        shared.lock(5).acquire(&Dead(&[]));
        shared.words.seat_for_model(owner(7));
        shared.lock(5).release();
        let threads = [0, 1].map(|entry| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.with(entry, &Dead(&[7]), |found, value| {
                    assert_eq!(found, Found::Clean);
                    *value += 1;
                })
            })
        });
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        // It was handed over once: by now it is free, and nobody has to wait for a slice.
        let lock = Lock {
            channel: &Channel::patient(),
            ..shared.lock(2)
        };
        assert_eq!(lock.acquire(&Dead(&[7])), Found::Clean);
    });
}

/// A dead owner that is found only after it died: the oracle changes while others wait.
#[test]
fn an_owner_that_dies_while_others_wait_is_taken_over() {
    struct Mortal(Arc<AtomicBool>);
    impl Peers for Mortal {
        fn is_alive(&self, owner: Owner) -> bool {
            owner.entry() != 7 || self.0.load(Ordering::SeqCst)
        }
    }
    model(2, || {
        let (shared, alive) = (
            Guarded::new(Channel::Hasty),
            Arc::new(AtomicBool::new(true)),
        );
        shared.lock(7).acquire(&Dead(&[]));
        let waiter = {
            let (shared, peers) = (shared.clone(), Mortal(alive.clone()));
            thread::spawn(move || shared.with(0, &peers, |found, _| found))
        };
        alive.store(false, Ordering::SeqCst);
        thread::yield_now();
        assert_eq!(waiter.join().unwrap(), Found::Damaged);
    });
}

/// Two threads after a lock that was handed to process 0, whose waiters they may be.
fn hand_over_to_process_0(processes: [usize; 2]) {
    model(3, move || {
        let shared = Guarded::new(Channel::Hasty);
        shared.lock(5).acquire(&Dead(&[]));
        shared.words.seat_for_model(owner(0));
        shared.lock(5).release();
        let threads = processes.map(|entry| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.with(entry, &Dead(&[]), |found, value| {
                    assert_eq!(found, Found::Clean);
                    *value += 1;
                })
            })
        });
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        shared.with(2, &Dead(&[]), |_, value| assert_eq!(*value, 2));
    });
}

#[test]
fn a_lock_that_was_handed_over_has_one_owner_although_another_may_take_it() {
    hand_over_to_process_0([0, 1]);
}

#[test]
fn a_lock_that_was_handed_over_is_accepted_by_one_thread_only() {
    hand_over_to_process_0([0, 0]);
}

/// The process that the lock was handed to is alive, and never comes.
#[test]
fn a_lock_handed_to_a_stopped_process_is_taken() {
    model(3, || {
        let shared = Guarded::new(Channel::Hasty);
        shared.lock(5).acquire(&Dead(&[]));
        shared.words.seat_for_model(owner(7));
        shared.lock(5).release();
        shared.with(0, &Dead(&[]), |found, _| assert_eq!(found, Found::Clean));
    });
}

/// A waiter that was passed over twice takes the seat, and is handed the lock with what it guards.
#[test]
fn a_waiter_that_is_passed_over_is_handed_the_lock() {
    model(3, || {
        let shared = Guarded::new(Channel::patient());
        let waiter = {
            let shared = shared.clone();
            thread::spawn(move || shared.with(0, &Dead(&[]), |_, value| *value += 1))
        };
        (0..4).for_each(|_| shared.with(1, &Dead(&[]), |_, value| *value += 1));
        waiter.join().unwrap();
        shared.with(1, &Dead(&[]), |_, value| assert_eq!(*value, 5));
    });
}

/// The sitter accepts, while another takes what nobody has accepted.
#[test]
fn a_lock_that_is_accepted_and_taken_at_once_has_one_owner() {
    model(3, || {
        let shared = Guarded::new(Channel::Hasty);
        shared.lock(5).acquire(&Dead(&[]));
        shared.words.seat_for_model(owner(0));
        let sitter = {
            let shared = shared.clone();
            thread::spawn(move || shared.with(0, &Dead(&[]), |_, value| *value += 1))
        };
        // The sitter has time to be passed over.
        (0..2).for_each(|_| thread::yield_now());
        shared.lock(5).release();
        shared.with(1, &Dead(&[]), |_, value| *value += 1);
        sitter.join().unwrap();
        shared.with(2, &Dead(&[]), |_, value| assert_eq!(*value, 2));
    });
}
