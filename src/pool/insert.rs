//! Inserting records that the caller has: claimed, copied, committed (`claim.rs`).

use super::claim::CHUNK;
use super::commit::NewPriority;
use super::links::NO_LINK;
use super::{Inner, Pool};
use crate::error::{Error, Result};
use crate::os::cpu::{CACHE_LINE, prefetch};
use crate::record::Record;

/// Records that are inserted one by one come too fast to wait for the lines that each overwrites.
const SLOTS_AHEAD: usize = 2;

impl<T: Record> Pool<T> {
    /// Inserts a record with the highest priority that any record of the pool ever had (1 in a new
    /// pool), so that it is likely to be sampled once at least (Schaul et al. 2016, algorithm 1,
    /// line 6). Gives its key.
    ///
    /// When the pool is full, the oldest record goes; one that a batch holds stays for another
    /// round of the ring, and the next oldest goes.
    ///
    /// # Errors
    /// [`Error::NoFreeSlot`] where every slot is leased or reserved; [`Error::TimedOut`] where the record
    /// that is to go belongs to a [snapshot](Self::save) and whoever saves it has copied nothing for 10 s;
    /// [`Error::Forked`].
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<[f32; 4]>::anonymous(PoolOptions::new(100))?;
    /// let key = pool.insert(&[0.0, 1.0, 2.0, 3.0])?;
    /// assert_eq!(key, 0);
    /// assert_eq!(pool.len(), 1);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn insert(&self, record: &T) -> Result<u64> {
        self.insert_one(record, NewPriority::Highest)
    }

    /// Inserts a record with a priority of its own. Gives its key.
    ///
    /// # Errors
    /// [`Error::InvalidPriority`] for a priority that is NaN, infinite, negative or too large, and
    /// what [`insert`](Self::insert) says.
    pub fn insert_with_priority(&self, record: &T, priority: f32) -> Result<u64> {
        self.check_priorities(&[priority])?;
        self.insert_one(record, NewPriority::Given(self.table, &[priority]))
    }

    /// Inserts records with the highest priority that any record of the pool ever had. Gives their
    /// keys, which rise but may leave some out.
    ///
    /// One of the pool's locks is taken twice for each run of 64 slots that the records go to, and none
    /// is held while they are copied.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); the records that found a slot before the error stay.
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// assert_eq!(pool.insert_batch(&[10, 11, 12])?, [0, 1, 2]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn insert_batch(&self, records: &[T]) -> Result<Vec<u64>> {
        self.insert_many(records, NewPriority::Highest)
    }

    /// Inserts records with a priority for each. Gives their keys.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where there is not one priority a record,
    /// [`Error::InvalidPriority`], and what [`insert_batch`](Self::insert_batch) says.
    pub fn insert_batch_with_priorities(
        &self,
        records: &[T],
        priorities: &[f32],
    ) -> Result<Vec<u64>> {
        if records.len() != priorities.len() {
            return Err(Error::InvalidArgument {
                what: "the number of priorities",
                found: priorities.len().to_string(),
                expected: format!("that of the records, {}", records.len()),
            });
        }
        self.check_priorities(priorities)?;
        self.insert_many(records, NewPriority::Given(self.table, priorities))
    }

    pub(super) fn insert_one(&self, record: &T, priority: NewPriority<'_>) -> Result<u64> {
        self.insert_linked(record, priority, NO_LINK)
    }

    /// Inserts one record, with a link.
    pub(super) fn insert_linked(
        &self,
        record: &T,
        priority: NewPriority<'_>,
        link: u64,
    ) -> Result<u64> {
        if self.makes_wait() {
            let insert = |_| Ok((1, self.inner.insert_one(record, priority, link)?));
            return self.insert_when_allowed(1, insert);
        }
        self.inner.insert_one(record, priority, link)
    }

    fn insert_many(&self, records: &[T], priority: NewPriority<'_>) -> Result<Vec<u64>> {
        let mut keys = Vec::with_capacity(records.len());
        while keys.len() < records.len() {
            let (left, priority) = (&records[keys.len()..], priority.from(keys.len()));
            let mut insert =
                |count: usize| self.inner.insert_some(&left[..count], priority, &mut keys);
            let count = left.len().min(CHUNK);
            match self.makes_wait() {
                true => self.insert_when_allowed(count, |count| Ok((insert(count)?, ())))?,
                false => {
                    insert(count)?;
                }
            }
        }
        Ok(keys)
    }
}

impl<T: Record> Inner<T> {
    fn insert_one(&self, record: &T, priority: NewPriority<'_>, link: u64) -> Result<u64> {
        let mut claim = self.claim::<1>(1)?;
        claim.link = link;
        self.prefetch_slot(claim.slots()[0] as usize + SLOTS_AHEAD);
        self.fill(&claim, std::slice::from_ref(record));
        self.commit(&claim, priority)?;
        Ok(claim.keys[0])
    }

    /// Asks for a slot that is about to be filled. Of larger records the processor notices by itself
    /// that one line comes after the other.
    #[inline]
    fn prefetch_slot(&self, slot: usize) {
        let parts = self.parts();
        if size_of::<T>() <= 1024 && slot < parts.capacity() {
            let start = parts.record(slot);
            for line in (0..size_of::<T>()).step_by(CACHE_LINE) {
                prefetch(start.wrapping_add(line));
            }
        }
    }

    /// Inserts some of the records, at most [`CHUNK`]; adds their keys, and says how many.
    fn insert_some(
        &self,
        records: &[T],
        priority: NewPriority<'_>,
        keys: &mut Vec<u64>,
    ) -> Result<usize> {
        let claim = self.claim::<CHUNK>(records.len())?;
        self.fill(&claim, records);
        self.commit(&claim, priority)?;
        keys.extend_from_slice(claim.keys());
        Ok(claim.count)
    }
}
