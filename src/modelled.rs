//! What `loom` models besides the lock and the event: the two files that hold the protocols of
//! leases and of the board, compiled alone, and every interleaving of a reader with writers.

#[path = "pool/lease.rs"]
mod lease;
#[path = "board/slots.rs"]
mod slots;

#[cfg(test)]
mod leases {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;
    use loom::thread;

    use super::lease::{self, BLOCKS, LeaseList};
    use crate::sync::primitive::{AtomicU32, AtomicU64, Ordering};

    const CLAIMED: u64 = 1;

    /// One slot, its record, and the lease list of one reader.
    struct Pond {
        word: AtomicU64,
        record: UnsafeCell<u64>,
        blocks: AtomicU64,
        cells: Vec<AtomicU32>,
    }

    impl Pond {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                word: AtomicU64::new(10),
                record: UnsafeCell::new(10),
                blocks: AtomicU64::new(0),
                cells: (0..BLOCKS).map(|_| AtomicU32::new(0)).collect(),
            })
        }

        fn list(&self) -> LeaseList<'_> {
            LeaseList {
                blocks: &self.blocks,
                cells: &self.cells,
            }
        }

        /// A reader: the record is the one of the word, or is not read.
        fn read(&self) {
            let taken = self.list().take(1).unwrap();
            let seen = self.word.load(Ordering::Acquire);
            if seen != CLAIMED {
                self.list().name(taken.cells.start, 0);
                lease::announce();
                if lease::is_unchanged(&self.word, seen) {
                    // SAFETY: leased and checked; loom reports a writer at the same time.
                    let record = self.record.with(|record| unsafe { *record });
                    assert_eq!(record, seen);
                }
            }
            self.list().give_back(taken);
        }

        /// A reader that uses its cells again, for a slot of another word.
        fn lease_another(&self) {
            let taken = self.list().take(1).unwrap();
            self.list().name(taken.cells.start, 1);
            lease::announce();
            self.list().give_back(taken);
        }

        /// A writer, which holds the lock: the record is replaced, or passed over.
        fn write(&self, new: u64) {
            let seen = self.word.load(Ordering::Relaxed);
            lease::mark_claimed(&self.word, CLAIMED);
            lease::announce();
            let mut leased = false;
            self.list().visit(|slot| leased |= slot == 0);
            if leased {
                lease::pass_over(&self.word, seen);
            } else {
                // SAFETY: claimed and not leased; loom reports a reader at the same time.
                self.record.with_mut(|record| unsafe { *record = new });
                lease::commit(&self.word, new);
            }
        }
    }

    fn model(read: fn(&Pond)) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let pond = Pond::new();
            let reader = {
                let pond = pond.clone();
                thread::spawn(move || read(&pond))
            };
            pond.write(20);
            pond.write(30);
            reader.join().unwrap();
        });
    }

    #[test]
    fn a_leased_record_is_whole_and_stays() {
        model(|pond| {
            pond.read();
            pond.read();
        });
    }

    #[test]
    fn a_cell_that_names_another_slot_by_now_was_read_out() {
        model(|pond| {
            pond.read();
            pond.lease_another();
        });
    }
}

#[cfg(test)]
mod versions {
    use loom::sync::Arc;
    use loom::thread;

    use super::slots::{BUFFERS, Versions};
    use crate::sync::primitive::{AtomicU64, Ordering};

    /// A board whose value is two words, always alike.
    struct Board {
        newest: AtomicU64,
        stamps: [AtomicU64; BUFFERS],
        words: [[AtomicU64; 2]; BUFFERS],
    }

    impl Board {
        fn versions(&self) -> Versions<'_> {
            Versions {
                newest: &self.newest,
                stamps: &self.stamps,
            }
        }

        fn publish(&self) {
            let value = self.versions().newest() + 1;
            self.versions().publish(|buffer| {
                for word in &self.words[buffer] {
                    word.store(value, Ordering::Relaxed);
                }
            });
        }

        fn fetch(&self) {
            let newest = self.versions().newest();
            let mut value = [0; 2];
            let fetched = self.versions().fetch(newest, |buffer| {
                value = [0, 1].map(|word| self.words[buffer][word].load(Ordering::Relaxed));
            });
            if let (Some(version), true) = (fetched, newest > 0) {
                assert_eq!(value, [version; 2]);
            }
        }
    }

    #[test]
    fn a_fetched_value_is_whole_and_is_its_versions() {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(|| {
            let board = Arc::new(Board {
                newest: AtomicU64::new(0),
                stamps: [0; BUFFERS].map(AtomicU64::new),
                words: [[0; 2]; BUFFERS].map(|words| words.map(AtomicU64::new)),
            });
            let reader = {
                let board = board.clone();
                thread::spawn(move || board.fetch())
            };
            (0..BUFFERS + 1).for_each(|_| board.publish());
            reader.join().unwrap();
        });
    }
}
