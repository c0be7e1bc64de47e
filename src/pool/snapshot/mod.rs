//! Snapshots: a pool saved to a file while processes go on using it, and loaded again.
//!
//! What belongs to a snapshot is in `cut.rs`; `guard.rs` keeps it from being overwritten; `save.rs` copies
//! it to a file (`volume/target.rs`), `format.rs` says what that looks like; `read.rs` reads it, and
//! `load.rs` inserts what was read. `docs/snapshots.md` has the file byte by byte.

mod cut;
mod format;
mod guard;
mod load;
mod read;
mod save;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use super::DynPool;
use crate::error::Result;

/// What [`DynPool::save`] has saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Saved {
    /// Records in the snapshot.
    pub records: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// How long all locks of the pool were held, or waited for: the longest that another waited.
    pub locked: Duration,
}

/// What [`DynPool::load`] has loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// Records that were inserted.
    pub records: usize,
    /// Records of the snapshot that were not: the oldest, if the pool has too few slots; and those that none of its
    /// views has, or gives out once more.
    pub left_out: usize,
}

/// Whom to tell how far it is.
struct Progress<'a>(&'a mut dyn FnMut(u64, u64) -> ControlFlow<()>);

impl Progress<'_> {
    fn report(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        (self.0)(done, total)
    }
}

impl DynPool {
    /// Saves the pool as the file `path`, while other processes go on using it. A file of that name is
    /// replaced in one step, when the new one is whole and on the disk; only this user may read it.
    ///
    /// The snapshot has the records that the pool held at one instant, with the priorities that they had
    /// then, in the order of their keys. Others wait for that instant alone, in which 12 bytes a slot are
    /// copied (8 more for each view). After it a writer waits only where the record that is to go next is
    /// not copied yet: the ring runs behind the saver. A record that is rewritten before it was copied is
    /// saved whole, as it is then.
    ///
    /// Takes as much memory as is copied at that instant, and leases for up to 256 records.
    ///
    /// If this process dies, the others go on, and a file that was there before is still the old one. What
    /// was written is in `path` with `.saving` at its end, and the next save to `path` removes it. A file of that
    /// name that belongs to another user, is no regular file, or has a second name, is an error, and stays.
    ///
    /// # Errors
    /// [`Error::AlreadySaving`](crate::Error::AlreadySaving) where somebody else saves the pool, or to the
    /// same path; [`Error::TooManyLeases`](crate::Error::TooManyLeases) where the batches of this handle
    /// hold all; [`Error::System`](crate::Error::System), with nothing left but what was there before;
    /// [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// # let directory = std::env::temp_dir().join(format!("millpond-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory).unwrap();
    /// # let path = directory.join("replay.snapshot");
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// pool.insert_batch_with_priorities(&[7, 8, 9], &[1.0, 2.0, 3.0])?;
    /// assert_eq!(pool.save(&path)?.records, 3);
    ///
    /// // Later, or after a reboot:
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(1000))?;
    /// assert_eq!(pool.load(&path)?.records, 3);
    /// assert_eq!(pool.get(2)?, Some(9));
    /// # std::fs::remove_dir_all(&directory).unwrap();
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<Saved> {
        self.save_with(path, |_, _| ControlFlow::Continue(()))
    }

    /// As [`save`](Self::save), and calls `progress` with the bytes that are written and those of the whole
    /// file, four times a mebibyte or so. It should take no time, and insert nothing, as inserting may wait
    /// for what is not saved yet.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled) where `progress` breaks; else as [`save`](Self::save).
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use millpond::{Error, Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// pool.insert(&7)?;
    /// let path = std::env::temp_dir().join(format!("cancelled-{}", std::process::id()));
    /// let saved = pool.save_with(&path, |done, total| {
    ///     println!("{done} of {total} bytes");
    ///     ControlFlow::Break(())
    /// });
    /// assert!(matches!(saved, Err(Error::Cancelled { .. })));
    /// assert!(!path.exists());
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn save_with(
        &self,
        path: impl AsRef<Path>,
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Saved> {
        save::save(self, path.as_ref(), Progress(&mut progress))
    }

    /// Inserts the records of a snapshot, the oldest first, with the priorities that they had. They get new
    /// keys; what the pool held stays, as far as there is room. Of a snapshot with more records than the
    /// pool has slots the newest go in.
    ///
    /// The pool may have another capacity, alpha (the priorities stay) and other views than the one that was
    /// saved: views are found by their names, and in one that the snapshot lacks a record gets the highest
    /// priority. Links that lead to records of the snapshot lead to them again. A record whose predecessor is
    /// not in the snapshot, or was left out, stays one whose predecessor has left: no window is cut there
    /// ([`sample_windows`](Self::sample_windows)). What rate limiters have counted is added, and loading
    /// waits for none.
    ///
    /// All of the file is checked before anything is inserted, so it is read twice.
    ///
    /// If this process dies, what it had inserted stays.
    ///
    /// # Errors
    /// [`Error::WrongSnapshot`](crate::Error::WrongSnapshot) where the file is damaged, incomplete, or holds
    /// other records, with the pool as it was; [`Error::System`](crate::Error::System);
    /// [`Error::NoFreeSlot`](crate::Error::NoFreeSlot), after which what found a slot stays;
    /// [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Error, Pool, PoolOptions};
    ///
    /// # let path = std::env::temp_dir().join(format!("no-snapshot-{}", std::process::id()));
    /// std::fs::write(&path, "not a snapshot at all").unwrap();
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// assert!(matches!(pool.load(&path), Err(Error::WrongSnapshot { .. })));
    /// assert!(pool.is_empty());
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Loaded> {
        self.load_with(path, |_, _| ControlFlow::Continue(()))
    }

    /// As [`load`](Self::load), and calls `progress` with the bytes that were read and that will be, in both
    /// passes.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled) where `progress` breaks: in the first half the pool is
    /// as it was, in the second what was inserted stays. Else as [`load`](Self::load).
    pub fn load_with(
        &self,
        path: impl AsRef<Path>,
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Loaded> {
        load::load(self, path.as_ref(), Progress(&mut progress))
    }
}
