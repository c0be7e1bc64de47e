//! Reading without a lock, while others write.
//!
//! The protocol is at the head of `seqlock.rs`.
//!
//! So a reader waits for a writer that is changing a row of the same stripe, and begins anew for each that was
//! changed meanwhile; for a writer that grows it does not wait. If a writer died with the number odd, its place
//! is taken and the row finished (`journal.rs`).

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::index::{Found, Probe};
use super::key::{Key, Words};
use super::seqlock::{Stripe, after_reading};
use super::storage::{Current, Inner};
use crate::error::{Error, Result};
use crate::os::cpu::prefetch_range;
use crate::record::Record;

/// How many keys are searched for side by side.
const BATCH: usize = 32;
/// Looks at an odd number before the question whether its writer is alive.
const SPINS: u64 = 200;
/// How often the processor is given to others before the pauses begin.
const YIELDS: u64 = 100;
const PAUSE: Duration = Duration::from_micros(200);

/// Somebody wrote meanwhile, or something is to be mapped first.
struct Again;

/// A key as it is searched for.
#[derive(Clone, Copy, Default)]
pub(super) struct Sought {
    pub(super) words: Words,
    pub(super) hash: u64,
}

impl<K: Key, T: Record> Inner<K, T> {
    #[inline(always)]
    pub(super) fn sought(&self, key: &K) -> Sought {
        let words = key.words();
        let hash = self.seed.hash(&words[..K::WORDS]);
        Sought { words, hash }
    }

    /// The row of a key, copied.
    #[inline(always)]
    pub(super) fn get(&self, key: &K) -> Result<Option<T>> {
        self.segment.check_process()?;
        let sought = self.sought(key);
        match self.glance(&sought, |current, row| current.rows.load(row)) {
            Ok(read) => Ok(read),
            Err(Again) => self.get_again(key),
        }
    }

    #[inline(never)]
    fn get_again(&self, key: &K) -> Result<Option<T>> {
        self.read(&self.sought(key), |current, row| current.rows.load(row))
    }

    /// The number of a key's row.
    #[inline(always)]
    pub(super) fn row_of(&self, key: &K) -> Result<Option<usize>> {
        self.segment.check_process()?;
        let sought = self.sought(key);
        match self.glance(&sought, |_, row| row) {
            Ok(read) => Ok(read),
            Err(Again) => self.row_of_again(key),
        }
    }

    #[inline(never)]
    fn row_of_again(&self, key: &K) -> Result<Option<usize>> {
        self.read(&self.sought(key), |_, row| row)
    }

    /// Copies the rows of many keys; calls `missing` with the places of those that are not there.
    pub(super) fn get_many(
        &self,
        keys: &[K],
        rows: &mut [T],
        mut missing: impl FnMut(usize),
    ) -> Result<()> {
        self.segment.check_process()?;
        if keys.len() != rows.len() {
            let (found, expected) = (rows.len(), keys.len());
            let expected = format!("as many as keys, {expected}");
            return Error::invalid("the number of rows to copy to", found.to_string(), expected);
        }
        let batches = keys.chunks(BATCH).zip(rows.chunks_mut(BATCH));
        for (number, (keys, rows)) in batches.enumerate() {
            self.get_batch(keys, rows, |at| missing(number * BATCH + at))?;
        }
        Ok(())
    }

    /// Asks for all buckets, then searches them and asks for all rows, then copies these: so that the
    /// processor waits for many of them at once.
    fn get_batch(&self, keys: &[K], rows: &mut [T], mut missing: impl FnMut(usize)) -> Result<()> {
        let current = self.current()?;
        let mut sought = [Sought::default(); BATCH];
        for (key, sought) in keys.iter().zip(&mut sought) {
            *sought = self.sought(key);
            current.index.prefetch(sought.hash);
        }
        let mut found = [None; BATCH];
        for (sought, found) in sought[..keys.len()].iter().zip(&mut found) {
            if let Probe::Live(live) = current.index.find(&sought.words, sought.hash)
                && live.row < current.rows.len()
            {
                prefetch_range(current.rows.address(live.row), size_of::<T>());
                *found = Some(live);
            }
        }
        let all = sought.iter().zip(&found).zip(rows).enumerate();
        for (at, ((sought, found), to)) in all {
            let copy = |current: &Current<'_, K, T>, row| current.rows.load(row);
            let read = found.and_then(|found| self.read_found(&current, &found, copy).ok());
            match read {
                Some(row) => *to = row,
                None => match self.read(sought, copy)? {
                    Some(row) => *to = row,
                    None => missing(at),
                },
            }
        }
        Ok(())
    }

    /// Reads something of a key's row, in as many tries as it takes.
    fn read<R>(
        &self,
        sought: &Sought,
        read: impl Fn(&Current<'_, K, T>, usize) -> R + Copy,
    ) -> Result<Option<R>> {
        for tries in 1u64.. {
            let current = self.current()?;
            let found = current.index.find(&sought.words, sought.hash);
            if let Ok(read) = self.read_probe(&current, found, read) {
                return Ok(read);
            }
            self.check(sought)?;
            self.wait_for_writer(sought, tries)?;
        }
        unreachable!("there is no last number")
    }

    /// One try, of the bucket where nearly all keys are; see [`Index::look`](super::index::Index::look).
    #[inline(always)]
    fn glance<R>(
        &self,
        sought: &Sought,
        read: impl Fn(&Current<'_, K, T>, usize) -> R,
    ) -> std::result::Result<Option<R>, Again> {
        // Step 1.
        let current = self.mapped_already().ok_or(Again)?;
        let found = current.index.look(&sought.words, sought.hash);
        self.read_probe(&current, found.ok_or(Again)?, read)
    }

    /// Steps 2 and 3, for whatever was found.
    #[inline(always)]
    fn read_probe<R>(
        &self,
        current: &Current<'_, K, T>,
        found: Probe<'_>,
        read: impl Fn(&Current<'_, K, T>, usize) -> R,
    ) -> std::result::Result<Option<R>, Again> {
        match found {
            Probe::Live(found) if found.row < current.rows.len() => {
                self.read_found(current, &found, read).map(Some)
            }
            Probe::Vacant { .. } => {
                after_reading();
                self.is_current(current).then_some(None).ok_or(Again)
            }
            _ => Err(Again),
        }
    }

    /// An error where a search finds what cannot be.
    fn check(&self, sought: &Sought) -> Result<()> {
        let current = self.current()?;
        let wrong = match current.index.find(&sought.words, sought.hash) {
            Probe::Live(found) if found.row >= current.rows.len() => {
                format!("a key leads to row {} of {}", found.row, current.rows.len())
            }
            Probe::Full => "its index is full".into(),
            _ => return Ok(()),
        };
        after_reading();
        match self.is_current(&current) {
            true => Err(self.damaged(wrong)),
            false => Ok(()),
        }
    }

    /// Steps 2 and 3, for a row.
    #[inline(always)]
    fn read_found<R>(
        &self,
        current: &Current<'_, K, T>,
        found: &Found<'_>,
        read: impl Fn(&Current<'_, K, T>, usize) -> R,
    ) -> std::result::Result<R, Again> {
        let stripe = Stripe(self.parts().stripe(found.row));
        let read = || read(current, found.row);
        let is_current = || self.is_current(current);
        let read = stripe.read(found.word, found.row, read, is_current);
        read.ok_or(Again)
    }

    /// A row is being changed: its writer is at it, or stopped, or dead.
    #[cold]
    fn wait_for_writer(&self, sought: &Sought, tries: u64) -> Result<()> {
        if !tries.is_multiple_of(SPINS) {
            std::hint::spin_loop();
            return Ok(());
        }
        // Who has the lock and lives will be done; else nobody is at it.
        if !self.segment.lock_has_living_owner(0) {
            let guard = self.segment.lock(0)?;
            match guard.is_damaged() {
                true => drop(self.writer(guard)?), // repairs
                false => self.check_stripe(sought)?,
            }
        }
        // A writer that was stopped may be so for long.
        match tries < SPINS * YIELDS {
            true => thread::yield_now(),
            false => thread::sleep(PAUSE),
        }
        Ok(())
    }

    /// An error where a row is said to be changed and nobody has the lock but the caller.
    fn check_stripe(&self, sought: &Sought) -> Result<()> {
        let current = self.current()?;
        let Probe::Live(Found { row, .. }) = current.index.find(&sought.words, sought.hash) else {
            return Ok(());
        };
        match self.parts().stripe(row).load(Ordering::Relaxed) % 2 {
            0 => Ok(()),
            _ => Err(self.damaged(format!("row {row} is being changed, by nobody"))),
        }
    }
}
