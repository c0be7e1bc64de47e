//! Reading without a lock, while others write.
//!
//! The protocol is at the head of `seqlock.rs`.
//!
//! So a reader waits for a writer that is changing a row of the same stripe, and begins anew for each that was
//! changed meanwhile; for a writer that grows it does not wait. If a writer died with the number odd, its place
//! is taken and the row finished (`journal.rs`).

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::bucket::Slots;
use super::key::{Key, Words, words_of};
use super::seqlock::{Stripe, after_reading};
use super::storage::{Current, Inner};
use super::table::{Found, Probe};
use crate::error::Result;
use crate::os::cpu::prefetch_range;
use crate::segment::Rows;

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

/// Where the rows of many keys are copied to.
pub(super) trait Destination {
    /// A row that was copied and may not be whole.
    type Row;
    /// Copies a row.
    fn load(&mut self, rows: &Rows, row: usize) -> Self::Row;
    /// Stores what `load` returned last, which is the row of key number `at`.
    fn store(&mut self, at: usize, row: Self::Row);
}

impl Inner {
    /// Returns a key as it is searched for. It has the size of its type.
    pub(super) fn sought(&self, key: &[u8]) -> Sought {
        let keys = self.parts().keys;
        let words = words_of(keys.key_type, key);
        let hash = self.seed.hash(&words[..keys.width.words()]);
        Sought { words, hash }
    }

    /// As [`sought`](Self::sought), for a key of a type.
    #[inline(always)]
    pub(super) fn sought_typed<K: Key>(&self, key: &K) -> Sought {
        let words = key.words();
        let hash = self.seed.hash(&words[..K::Bucket::WORDS]);
        Sought { words, hash }
    }

    /// Returns what `read` returns of a key's row, which is whole. `sought` may be called again, and so may `read`.
    #[inline(always)]
    pub(super) fn look_up<B: Slots, R>(
        &self,
        sought: impl Fn() -> Sought,
        mut read: impl FnMut(&Rows, usize) -> R,
    ) -> Result<Option<R>> {
        self.segment.check_process()?;
        match self.glance::<B, R>(&sought(), &mut read) {
            Ok(read) => Ok(read),
            Err(Again) => self.look_up_again::<B, R>(sought, read),
        }
    }

    #[inline(never)]
    fn look_up_again<B: Slots, R>(
        &self,
        sought: impl Fn() -> Sought,
        mut read: impl FnMut(&Rows, usize) -> R,
    ) -> Result<Option<R>> {
        self.read::<B, R>(&sought(), &mut read)
    }

    /// Copies the rows of `count` keys; calls `missing` with the places of those that are not there.
    pub(super) fn get_many<B: Slots>(
        &self,
        count: usize,
        sought: impl Fn(usize) -> Sought,
        to: &mut impl Destination,
        mut missing: impl FnMut(usize),
    ) -> Result<()> {
        self.segment.check_process()?;
        for first in (0..count).step_by(BATCH) {
            let batch = first..count.min(first + BATCH);
            self.get_batch::<B>(batch, &sought, to, &mut missing)?;
        }
        Ok(())
    }

    /// Asks for all buckets, then searches them and asks for all rows, then copies these: so that the
    /// processor waits for many of them at once.
    fn get_batch<B: Slots>(
        &self,
        keys: Range<usize>,
        sought_of: impl Fn(usize) -> Sought,
        to: &mut impl Destination,
        mut missing: impl FnMut(usize),
    ) -> Result<()> {
        let current = self.current()?;
        let table = current.index.table::<B>();
        let mut sought = [Sought::default(); BATCH];
        for (key, sought) in keys.clone().zip(&mut sought) {
            *sought = sought_of(key);
            table.prefetch(sought.hash);
        }
        let mut found = [None; BATCH];
        for (sought, found) in sought[..keys.len()].iter().zip(&mut found) {
            if let Probe::Live(live) = table.find(&sought.words, sought.hash)
                && live.row < current.rows.len()
            {
                prefetch_range(current.rows.address(live.row), current.rows.size());
                *found = Some(live);
            }
        }
        for (at, (sought, found)) in keys.zip(sought.iter().zip(&found)) {
            let mut load = |rows: &Rows, row| to.load(rows, row);
            let read = found.and_then(|found| self.read_found(&current, &found, &mut load).ok());
            let read = match read {
                Some(row) => Some(row),
                None => self.read::<B, _>(sought, &mut load)?,
            };
            match read {
                Some(row) => to.store(at, row),
                None => missing(at),
            }
        }
        Ok(())
    }

    /// Reads something of a key's row, in as many tries as it takes.
    fn read<B: Slots, R>(
        &self,
        sought: &Sought,
        read: &mut impl FnMut(&Rows, usize) -> R,
    ) -> Result<Option<R>> {
        for tries in 1u64.. {
            let current = self.current()?;
            let found = current.index.table::<B>().find(&sought.words, sought.hash);
            if let Ok(read) = self.read_probe(&current, found, read) {
                return Ok(read);
            }
            self.check(sought)?;
            self.wait_for_writer(sought, tries)?;
        }
        unreachable!("there is no last number")
    }

    /// One try, of the bucket where nearly all keys are; see [`Table::look`](super::table::Table::look).
    #[inline(always)]
    fn glance<B: Slots, R>(
        &self,
        sought: &Sought,
        read: &mut impl FnMut(&Rows, usize) -> R,
    ) -> std::result::Result<Option<R>, Again> {
        // Step 1.
        let current = self.mapped_already().ok_or(Again)?;
        let found = current.index.table::<B>().look(&sought.words, sought.hash);
        self.read_probe(&current, found.ok_or(Again)?, read)
    }

    /// Steps 2 and 3, for whatever was found.
    #[inline(always)]
    fn read_probe<R>(
        &self,
        current: &Current<'_>,
        found: Probe<'_>,
        read: &mut impl FnMut(&Rows, usize) -> R,
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
        current: &Current<'_>,
        found: &Found<'_>,
        read: &mut impl FnMut(&Rows, usize) -> R,
    ) -> std::result::Result<R, Again> {
        let stripe = Stripe(self.parts().stripe(found.row));
        let read = || read(current.rows, found.row);
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
