//! Chunks: who takes one, gives it back, dies with it, and takes it from the dead.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::chunk_claims::{Attempt, ChunkWord, Ending};
use crate::entry::Entry;
use crate::model;
use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Owner, Peers};

/// The participant whose entry is modelled; the others are alive all the time.
const MORTAL: usize = 2;

/// One chunk, and what is in it; `UnsafeCell` makes loom report two owners at once.
struct Array {
    word: AtomicU64,
    value: UnsafeCell<u32>,
    entry: Entry,
    /// 1 where the system has the byte of [`MORTAL`]'s entry locked.
    byte: AtomicU32,
}

impl Peers for Array {
    fn is_alive(&self, owner: Owner) -> bool {
        let is_locked = || self.byte.fetch_or(0, Ordering::AcqRel) == 1;
        owner.entry() != MORTAL || self.entry.is_held_by(owner, is_locked)
    }
}

impl Array {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: AtomicU64::new(0),
            value: UnsafeCell::new(0),
            entry: Entry::default(),
            byte: AtomicU32::new(0),
        })
    }

    fn word(&self, me: Owner) -> ChunkWord<'_> {
        ChunkWord {
            word: &self.word,
            me,
        }
    }

    fn join(&self) -> Owner {
        self.byte.swap(1, Ordering::AcqRel);
        Owner::new(MORTAL, self.entry.occupy())
    }

    /// By the system.
    fn die(&self) {
        self.byte.swap(0, Ordering::AcqRel);
    }

    /// Changes what is in a chunk that was taken.
    fn change(&self) -> u32 {
        // SAFETY: the chunk is this owner's; loom reports who else touches it.
        self.value.with_mut(|value| unsafe {
            *value += 1;
            *value
        })
    }

    /// Takes the chunk for a pass, if it can be had, changes it, and gives it back.
    fn work(&self, me: Owner, pass: u32) -> Attempt {
        let answer = self.word(me).take_for(pass, self);
        if let Attempt::Taken { .. } = answer {
            self.change();
            self.word(me).give_back(Ending::Done);
        }
        answer
    }
}

fn owner(entry: usize) -> Owner {
    Owner::new(entry, 0)
}

fn spawn<R: 'static>(
    array: &Arc<Array>,
    act: impl FnOnce(&Array) -> R + 'static,
) -> thread::JoinHandle<R> {
    let array = array.clone();
    thread::spawn(move || act(&array))
}

fn is_taken(answer: Attempt) -> bool {
    matches!(answer, Attempt::Taken { .. })
}

#[test]
fn a_chunk_is_given_out_once_a_pass() {
    model(3, || {
        let array = Array::new();
        let other = spawn(&array, |array| is_taken(array.work(owner(0), 1)));
        let mine = is_taken(array.work(owner(1), 1));
        assert!(other.join().unwrap() != mine);
        assert_eq!(array.work(owner(0), 1), Attempt::Done);
        assert!(array.word(owner(0)).is_done(1, &*array));
    });
}

#[test]
fn threads_of_one_participant_have_different_chunks_too() {
    model(3, || {
        let array = Array::new();
        let other = spawn(&array, |array| is_taken(array.work(owner(0), 1)));
        let mine = is_taken(array.work(owner(0), 1));
        assert!(other.join().unwrap() != mine);
    });
}

#[test]
fn who_takes_a_chunk_in_the_next_pass_sees_what_was_written() {
    model(3, || {
        let array = Array::new();
        let other = spawn(&array, |array| {
            is_taken(array.work(owner(0), 1));
            is_taken(array.work(owner(0), 3))
        });
        is_taken(array.work(owner(1), 2));
        other.join().unwrap();
    });
}

#[test]
fn what_was_taken_whatever_its_pass_stays_as_done_as_it_was() {
    model(3, || {
        let array = Array::new();
        assert!(is_taken(array.work(owner(0), 1)));
        let other = spawn(&array, |array| {
            if array.word(owner(0)).take_now(array) == Ok(false) {
                array.change();
                array.word(owner(0)).give_back(Ending::AsItWas);
            }
        });
        assert_eq!(array.work(owner(1), 1), Attempt::Done);
        if array.word(owner(1)).take_now(&*array) == Ok(false) {
            array.change();
            array.word(owner(1)).give_back(Ending::AsItWas);
        }
        other.join().unwrap();
        assert!(array.word(owner(1)).is_done(1, &*array));
    });
}

#[test]
fn exactly_one_takes_the_chunk_of_the_dead_and_is_told() {
    model(3, || {
        let array = Array::new();
        let dead = array.join();
        assert!(is_taken(array.word(dead).take_for(1, &*array)));
        let other = spawn(&array, |array| array.work(owner(0), 1));
        assert_eq!(array.change(), 1);
        array.die();
        let answers = [array.work(owner(1), 1), other.join().unwrap()];
        let left = Attempt::Taken { left: true };
        let taken = answers.iter().filter(|&&answer| answer == left).count();
        assert_eq!(taken, 1, "{answers:?}");
        assert!(array.word(owner(0)).is_done(1, &*array));
        assert_eq!(array.change(), 3);
    });
}

#[test]
fn who_joins_and_takes_a_chunk_is_never_taken_for_dead() {
    model(3, || {
        let array = Array::new();
        let joiner = spawn(&array, |array| {
            let me = array.join();
            array.work(me, 1)
        });
        let mine = array.work(owner(0), 1);
        let theirs = joiner.join().unwrap();
        assert!(is_taken(mine) != is_taken(theirs));
    });
}

#[test]
fn what_was_left_in_a_panic_is_given_out_again_and_says_so() {
    model(3, || {
        let array = Array::new();
        assert!(is_taken(array.word(owner(0)).take_for(1, &*array)));
        let other = spawn(&array, |array| array.work(owner(1), 1));
        array.change();
        array.word(owner(0)).give_back(Ending::Left);
        assert!(matches!(
            other.join().unwrap(),
            Attempt::Held(_) | Attempt::Taken { left: true }
        ));
        array.work(owner(0), 1);
        assert_eq!(array.change(), 3);
    });
}

#[test]
fn a_later_pass_ends_those_before() {
    model(3, || {
        let array = Array::new();
        let other = spawn(&array, |array| array.work(owner(0), 2));
        array.work(owner(1), 1);
        other.join().unwrap();
        array.work(owner(0), 2);
        assert_eq!(array.work(owner(1), 1), Attempt::Done);
        assert_eq!(array.work(owner(1), 2), Attempt::Done);
    });
}

#[test]
fn what_was_done_and_taken_by_the_dead_is_not_done() {
    model(3, || {
        let array = Array::new();
        assert!(is_taken(array.work(owner(0), 1)));
        let dead = array.join();
        assert_eq!(array.word(dead).take_now(&*array), Ok(false));
        assert!(
            array.word(owner(0)).is_done(1, &*array),
            "it is in good hands"
        );
        array.die();
        assert!(!array.word(owner(0)).is_done(1, &*array));
        let other = spawn(&array, |array| is_taken(array.work(owner(0), 1)));
        let mine = is_taken(array.work(owner(1), 1));
        assert!(other.join().unwrap() != mine);
    });
}
