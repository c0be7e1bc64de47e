//! The board: readers and lessees, and a publisher that laps them.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::slots::{Versions, row_words};
use crate::sync::primitive::{AtomicU64, Ordering};

/// As few as a board may have, so that a publisher laps soon.
const BUFFERS: usize = 2;

/// A board whose value is two words and a plain number, always alike. Who fetches reads the words, who
/// leases the number.
struct Board {
    newest: AtomicU64,
    stamps: Vec<AtomicU64>,
    /// Of one participant.
    counts: Vec<AtomicU64>,
    lessees: Vec<AtomicU64>,
    words: [[AtomicU64; 2]; BUFFERS],
    plain: [UnsafeCell<u64>; BUFFERS],
}

impl Board {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            newest: AtomicU64::new(0),
            stamps: (0..BUFFERS).map(|_| AtomicU64::new(0)).collect(),
            counts: (0..row_words(BUFFERS)).map(|_| AtomicU64::new(0)).collect(),
            lessees: vec![AtomicU64::new(0)],
            words: [[0; 2]; BUFFERS].map(|words| words.map(AtomicU64::new)),
            plain: [0; BUFFERS].map(UnsafeCell::new),
        })
    }

    fn versions(&self) -> Versions<'_> {
        Versions {
            newest: &self.newest,
            stamps: &self.stamps,
            counts: &self.counts,
            lessees: &self.lessees,
        }
    }

    /// Publishes, under the lock, if a buffer is free.
    fn publish(&self) {
        let newest = self.versions().newest();
        let value = newest.version + 1;
        self.versions().publish(newest, |buffer| {
            for word in &self.words[buffer] {
                word.store(value, Ordering::Relaxed);
            }
            // SAFETY: nobody leases the buffer; loom reports a reader at the same time.
            self.plain[buffer].with_mut(|plain| unsafe { *plain = value });
        });
    }

    fn fetch(&self) {
        let newest = self.versions().newest();
        if newest.version == 0 {
            return;
        }
        let mut value = [0; 2];
        let fetched = self.versions().fetch(newest, |buffer| {
            value = [0, 1].map(|word| self.words[buffer][word].load(Ordering::Relaxed));
        });
        match fetched {
            true => assert_eq!(value, [newest.version; 2]),
            false => self.assert_newer(newest.version),
        }
    }

    /// Leases what is newest and reads it; says whether it did, and still has it.
    fn lease(&self) -> Option<usize> {
        let newest = self.versions().newest();
        if newest.version == 0 {
            return None;
        }
        if !self.versions().lease(newest, 0) {
            self.assert_newer(newest.version);
            return None;
        }
        // SAFETY: leased and checked; loom reports a writer at the same time.
        let value = self.plain[newest.buffer].with(|plain| unsafe { *plain });
        assert_eq!(value, newest.version);
        Some(newest.buffer)
    }

    fn lease_and_give_back(&self) {
        if let Some(buffer) = self.lease() {
            self.versions().give_back(buffer, 0);
        }
    }

    /// The next try is of a newer version, so who tries again comes forward.
    fn assert_newer(&self, version: u64) {
        assert!(self.versions().newest().version > version);
    }
}

/// Publications beside `act`, of which the last ones come back to the first one's buffer.
fn publish_beside(act: fn(&Board)) {
    crate::model(3, move || {
        let board = Board::new();
        let other = {
            let board = board.clone();
            thread::spawn(move || act(&board))
        };
        (0..BUFFERS + 1).for_each(|_| board.publish());
        other.join().unwrap();
    });
}

#[test]
fn a_fetched_value_is_whole_and_is_its_versions() {
    publish_beside(Board::fetch);
}

#[test]
fn a_leased_value_is_whole_and_stays() {
    publish_beside(Board::lease_and_give_back);
}

/// Two threads of one participant lease, perhaps the same buffer.
#[test]
fn a_lease_of_one_thread_is_not_given_back_by_another() {
    crate::model(2, || {
        let board = Board::new();
        board.publish();
        let threads = [(), ()].map(|()| {
            let board = board.clone();
            thread::spawn(move || board.lease_and_give_back())
        });
        (0..BUFFERS).for_each(|_| board.publish());
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A lessee dies, and another process cleans up after it.
#[test]
fn who_finds_leases_cleared_knows_that_the_reads_are_over() {
    crate::model(2, || {
        let board = Board::new();
        board.publish();
        let dead = Arc::new(AtomicU64::new(0));
        let lessee = {
            let (board, dead) = (board.clone(), dead.clone());
            thread::spawn(move || {
                let _held = board.lease();
                // Release: as the system, when it unlocks the byte of an entry.
                dead.store(1, Ordering::Release);
            })
        };
        let cleaner = {
            let board = board.clone();
            thread::spawn(move || {
                // Acquire: as the system, when it locks the byte of an entry.
                if dead.load(Ordering::Acquire) == 1 {
                    board.versions().clear(0);
                }
            })
        };
        (0..BUFFERS).for_each(|_| board.publish());
        lessee.join().unwrap();
        cleaner.join().unwrap();
    });
}
