//! Sampling records of a type, and getting them by their keys.

use rand::Rng;

use super::{Batch, Pool, Windows};
use crate::error::Result;
use crate::pool::Sampler;
use crate::record::Record;

impl<T: Record> Pool<T> {
    /// A copy of the record of `key`; `None` where it has left the pool, or was never there.
    ///
    /// # Errors
    /// [`Error::TooManyLeases`](crate::Error::TooManyLeases), [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(2))?;
    /// let keys = pool.insert_batch(&[7, 8, 9])?; // 9 takes the place of 7
    /// assert_eq!(pool.get(keys[0])?, None);
    /// assert_eq!(pool.get(keys[2])?, Some(9));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn get(&self, key: u64) -> Result<Option<T>> {
        let batch = self.lease(key)?;
        // SAFETY: leased and checked; see `DynBatch::address`. The pool's records are `T`s.
        Ok(batch.map(|batch| unsafe { *batch.address(0).cast::<T>() }))
    }

    /// Samples `count` records by the pool's sampler; that is [`Sampler::stratified`] unless the pool
    /// was created with another: in proportion to `priority^alpha`, one from each of `count` equal parts
    /// of the sum. So one record may come several times, then in a row.
    ///
    /// Takes no lock, unless it finds nothing that it can keep in six tries. The records stay as they
    /// are until the batch is dropped. Where the pool has a rate limiter, waits for it; see
    /// [`with_patience`](Self::with_patience).
    ///
    /// # Errors
    /// [`Error::NothingToSample`](crate::Error::NothingToSample) where no record has a priority above 0; [`Error::TooFewRecords`](crate::Error::TooFewRecords) where
    /// no record may come twice, or more often than it may be sampled, and there are fewer than `count`; [`Error::TooManyLeases`](crate::Error::TooManyLeases);
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a `count` of 0; [`Error::TimedOut`](crate::Error::TimedOut) and [`Error::Cancelled`](crate::Error::Cancelled) while
    /// it waits for inserts; [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    /// use rand::SeedableRng;
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).alpha(1.0))?;
    /// pool.insert_batch_with_priorities(&[7, 8, 9], &[1.0, 0.0, 3.0])?;
    /// let batch = pool.sample(4, &mut rand::rngs::StdRng::seed_from_u64(1))?;
    /// let drawn: Vec<u64> = batch.records().copied().collect();
    /// assert_eq!(drawn, [7, 9, 9, 9]);
    /// assert_eq!(batch.probabilities(), [0.25, 0.75, 0.75, 0.75]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn sample(&self, count: usize, random: &mut (impl Rng + ?Sized)) -> Result<Batch<T>> {
        self.sample_by(self.sampler(), count, random)
    }

    /// As [`sample`](Self::sample), into a batch whose memory is used again. What the batch held is
    /// given back first; after an error it is empty.
    ///
    /// # Errors
    /// As [`sample`](Self::sample).
    pub fn sample_into(
        &self,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
    ) -> Result<()> {
        self.sample_by_into(self.sampler(), count, random, batch)
    }

    /// Samples `count` records by a sampler of the caller's choice.
    ///
    /// # Errors
    /// As [`sample`](Self::sample); [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a sampler that needs what the pool
    /// was not created with.
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions, Sampler};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// pool.insert_batch(&[7, 8, 9])?;
    /// let batch = pool.sample_by(Sampler::newest(), 2, &mut rand::rng())?;
    /// assert!(batch.records().eq(&[9, 8]));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn sample_by(
        &self,
        sampler: Sampler,
        count: usize,
        random: &mut (impl Rng + ?Sized),
    ) -> Result<Batch<T>> {
        let mut batch = Batch::new(self);
        self.sample_by_into(sampler, count, random, &mut batch)?;
        Ok(batch)
    }

    /// As [`sample_by`](Self::sample_by), into a batch whose memory is used again.
    ///
    /// # Errors
    /// As [`sample_by`](Self::sample_by).
    pub fn sample_by_into(
        &self,
        sampler: Sampler,
        count: usize,
        random: &mut (impl Rng + ?Sized),
        batch: &mut Batch<T>,
    ) -> Result<()> {
        self.dynamic
            .sample_by_into(sampler, count, random, batch.dynamic_mut())
    }

    /// Samples `count` records as [`sample`](Self::sample) does, and with each of them the records before it
    /// in its episode: a window of `length` records that ends with the sampled one, or of fewer where the
    /// episode began later. So steps that are stored once give sequences for recurrent networks (R2D2,
    /// Kapturowski et al. 2019, "Recurrent experience replay in distributed reinforcement learning") and
    /// stacks of frames (Mnih et al. 2015, "Human-level control through deep reinforcement learning").
    ///
    /// A window is never cut short because records have left the pool: where one has that belongs to it, or is
    /// just being overwritten or rewritten, another window is drawn. So the records that are last in the
    /// windows which are whole keep their odds among each other;
    /// [`Batch::probabilities`](crate::pool::DynBatch::probabilities) counts the others in.
    ///
    /// The default remover, [`Remover::Oldest`](crate::pool::Remover::Oldest), takes episodes from their beginning;
    /// the others leave holes in them, and fewer windows whole.
    ///
    /// Every record of a window is leased: `count * length` leases, of which the pool gives each handle as
    /// many as [`PoolOptions::leases`](crate::PoolOptions::leases) says. Only the last record counts as
    /// sampled, for rate limiters and limits of samples. If this process dies, its leases end.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the pool was not created with
    /// [`PoolOptions::linked`](crate::PoolOptions::linked), or for a `length` of 0;
    /// [`Error::TooFewWindows`](crate::Error::TooFewWindows) where some windows could not be found whole in 251 rounds of draws; else as
    /// [`sample`](Self::sample).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).linked(true))?;
    /// let mut episode = pool.episode()?;
    /// for step in 0..5 {
    ///     episode.push_with_priority(&step, if step == 4 { 1.0 } else { 0.0 }, false)?;
    /// }
    /// let windows = pool.sample_windows(2, 3, &mut rand::rng())?;
    /// for window in windows.iter() {
    ///     assert!(window.records().eq(&[2, 3, 4]));
    /// }
    /// let longer = pool.sample_windows(2, 30, &mut rand::rng())?;
    /// assert!(longer.get(0).records().eq(&[0, 1, 2, 3, 4]));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn sample_windows(
        &self,
        count: usize,
        length: usize,
        random: &mut (impl Rng + ?Sized),
    ) -> Result<Windows<T>> {
        let mut windows = Windows::new(self);
        self.sample_windows_into(count, length, random, &mut windows)?;
        Ok(windows)
    }

    /// As [`sample_windows`](Self::sample_windows), into windows whose memory is used again. What they held
    /// is given back first; after an error there are none.
    ///
    /// # Errors
    /// As [`sample_windows`](Self::sample_windows).
    pub fn sample_windows_into(
        &self,
        count: usize,
        length: usize,
        random: &mut (impl Rng + ?Sized),
        windows: &mut Windows<T>,
    ) -> Result<()> {
        self.dynamic
            .sample_windows_into(count, length, random, windows.dynamic_mut())
    }
}
