//! Inserting records of a type, and rewriting them.

use std::time::Duration;

use super::{EpisodeWriter, Pool, Reservation};
use crate::error::Result;
use crate::record::Record;

impl<T: Record> Pool<T> {
    /// Inserts a record with the highest priority that any record of the pool ever had (1 in a new
    /// pool), so that it is likely to be sampled once at least (Schaul et al. 2016, algorithm 1,
    /// line 6). Gives its key.
    ///
    /// When the pool is full, the oldest record goes; one that a batch holds stays for another
    /// round of the ring, and the next oldest goes.
    ///
    /// # Errors
    /// [`Error::NoFreeSlot`](crate::Error::NoFreeSlot) where every slot is leased or reserved; [`Error::TimedOut`](crate::Error::TimedOut) where the record
    /// that is to go belongs to a [snapshot](crate::pool::DynPool::save) and whoever saves it has copied nothing for 10 s;
    /// [`Error::Forked`](crate::Error::Forked).
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
        self.dynamic.insert(bytemuck::bytes_of(record))
    }

    /// Inserts a record with a priority of its own. Gives its key.
    ///
    /// # Errors
    /// [`Error::InvalidPriority`](crate::Error::InvalidPriority) for a priority that is NaN, infinite, negative or too large, and
    /// what [`insert`](Self::insert) says.
    pub fn insert_with_priority(&self, record: &T, priority: f32) -> Result<u64> {
        self.dynamic
            .insert_with_priority(bytemuck::bytes_of(record), priority)
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
        self.insert_all(records, None)
    }

    /// Inserts records with a priority for each. Gives their keys.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where there is not one priority a record,
    /// [`Error::InvalidPriority`](crate::Error::InvalidPriority), and what [`insert_batch`](Self::insert_batch) says.
    pub fn insert_batch_with_priorities(
        &self,
        records: &[T],
        priorities: &[f32],
    ) -> Result<Vec<u64>> {
        self.insert_all(records, Some(priorities))
    }

    fn insert_all(&self, records: &[T], priorities: Option<&[f32]>) -> Result<Vec<u64>> {
        let mut keys = Vec::with_capacity(records.len());
        let bytes = bytemuck::cast_slice(records);
        self.dynamic.insert_batch(bytes, priorities, &mut keys)?;
        Ok(keys)
    }

    /// Inserts a record that comes after the one of key `previous` in an episode; `None` where it is the
    /// first of its episode. Its priority is the highest that any record ever had. Gives its key.
    ///
    /// What others insert meanwhile does not matter. The previous record may have left the pool by now: then
    /// no window reaches back to it ([`sample_windows`](Self::sample_windows)). An
    /// [`EpisodeWriter`] remembers the keys by itself.
    ///
    /// All other ways to insert give records that are the first of their episode.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the pool was not created with
    /// [`PoolOptions::linked`](crate::PoolOptions::linked), or `previous` is neither the key of an earlier
    /// record nor a result of [`previous`](crate::pool::DynPool::previous); else as [`insert`](Self::insert).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).linked(true))?;
    /// let first = pool.insert_after(None, &7)?;
    /// let second = pool.insert_after(Some(first), &8)?;
    /// assert_eq!(pool.previous(second)?, Some(first));
    /// assert_eq!(pool.previous(first)?, None);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn insert_after(&self, previous: Option<u64>, record: &T) -> Result<u64> {
        self.dynamic
            .insert_after(previous, bytemuck::bytes_of(record))
    }

    /// As [`insert_after`](Self::insert_after), with a priority of its own.
    ///
    /// # Errors
    /// [`Error::InvalidPriority`](crate::Error::InvalidPriority), and what [`insert_after`](Self::insert_after) says.
    pub fn insert_after_with_priority(
        &self,
        previous: Option<u64>,
        record: &T,
        priority: f32,
    ) -> Result<u64> {
        self.dynamic
            .insert_after_with_priority(previous, bytemuck::bytes_of(record), priority)
    }

    /// Inserts a record with a priority for the pool and for each of its views, in the order in which
    /// they were named; `None` keeps the record out of that one. Gives its key.
    ///
    /// Other inserts give a record the highest priority in each view but the handle's own.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where there are not as many priorities, or all are `None`; else as
    /// [`insert_with_priority`](Self::insert_with_priority).
    ///
    /// ```
    /// use millpond::pool::ViewOptions;
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let options = PoolOptions::new(100).view("demonstrations", ViewOptions::new());
    /// let pool = Pool::<u64>::anonymous(options)?;
    /// pool.insert_into_views(&7, &[Some(1.0), None])?;
    /// pool.insert_into_views(&8, &[Some(1.0), Some(2.0)])?;
    /// let demonstrations = pool.view("demonstrations")?;
    /// let batch = demonstrations.sample(10, &mut rand::rng())?;
    /// assert!(batch.records().all(|&record| record == 8));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn insert_into_views(&self, record: &T, priorities: &[Option<f32>]) -> Result<u64> {
        self.dynamic
            .insert_into_views(bytemuck::bytes_of(record), priorities)
    }

    /// Reserves a slot to be filled in place, so that a large record is never copied.
    ///
    /// Nobody samples the slot until [`Reservation::commit`]. If this process dies before, the ring
    /// reclaims the slot.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<[f32; 4]>::anonymous(PoolOptions::new(100))?;
    /// let mut slot = pool.reserve()?;
    /// slot[2] = 7.0; // the rest is as the slot was: zero, or an older record
    /// slot.commit()?;
    /// assert_eq!(pool.len(), 1);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn reserve(&self) -> Result<Reservation<'_, T>> {
        Reservation::new(&self.dynamic)
    }

    /// A writer of episodes: each record that it pushes comes after the one before.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the pool was not created with
    /// [`PoolOptions::linked`](crate::PoolOptions::linked).
    pub fn episode(&self) -> Result<EpisodeWriter<T>> {
        self.dynamic.episode().map(EpisodeWriter::of)
    }
    /// Changes the record of `key` by `change`; says whether it was there. Its key and its priorities
    /// stay.
    ///
    /// Who samples meanwhile gets the record whole, as it was before or as it is after. `change` works on
    /// a copy, with no lock held; where two change a record at once, the whole record of the one that
    /// comes later stays. A record that a batch holds is not changed until the batch is dropped, so drop
    /// your own first.
    ///
    /// If the process is killed in the middle, the record is as it was, or as it was to be.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) where a batch holds the record for longer than `limit`; [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use std::time::Duration;
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<[f32; 2]>::anonymous(PoolOptions::new(100))?;
    /// let key = pool.insert(&[1.0, 0.0])?;
    /// // Hindsight: what was reached becomes the goal.
    /// assert!(pool.rewrite(key, Duration::from_secs(1), |record| record[1] = record[0])?);
    /// assert_eq!(pool.get(key)?, Some([1.0, 1.0]));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn rewrite(&self, key: u64, limit: Duration, change: impl FnOnce(&mut T)) -> Result<bool> {
        let Some(mut record) = self.get(key)? else {
            return Ok(false);
        };
        change(&mut record); // which may fork: `replace` checks the process
        self.dynamic
            .replace(key, limit, bytemuck::bytes_of(&record))
    }
}
