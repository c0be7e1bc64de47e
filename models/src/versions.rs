//! The board: a reader and a publisher that laps it.

use loom::sync::Arc;
use loom::thread;

use crate::slots::{BUFFERS, Versions};
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
        if newest == 0 {
            return;
        }
        let mut value = [0; 2];
        let fetched = self.versions().fetch(newest, |buffer| {
            value = [0, 1].map(|word| self.words[buffer][word].load(Ordering::Relaxed));
        });
        match fetched {
            Some(version) => assert_eq!(value, [version; 2]),
            // The next try is of a newer version, so a reader that tries again comes forward.
            None => assert!(self.versions().newest() >= newest + 2),
        }
    }
}

#[test]
fn a_fetched_value_is_whole_and_is_its_versions() {
    crate::model(3, || {
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
