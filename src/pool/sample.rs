//! Sampling, as users call it. The batch is drawn by `draw.rs`.

use rand::Rng;

use super::Pool;
use super::batch::Batch;
use super::policy::Sampler;
use super::select::Extreme;
use crate::error::{Error, Result};
use crate::record::Record;

impl<T: Record> Pool<T> {
    /// Samples `count` records by the pool's sampler; that is [`Sampler::stratified`] unless the pool
    /// was created with another: in proportion to `priority^alpha`, one from each of `count` equal parts
    /// of the sum. So one record may come several times, then in a row.
    ///
    /// Takes no lock, unless it finds nothing that it can keep in six tries. The records stay as they
    /// are until the batch is dropped. Where the pool has a rate limiter, waits for it; see
    /// [`with_patience`](Self::with_patience).
    ///
    /// # Errors
    /// [`Error::NothingToSample`] where no record has a priority above 0; [`Error::TooFewRecords`] where
    /// no record may come twice, or more often than it may be sampled, and there are fewer than `count`; [`Error::TooManyLeases`];
    /// [`Error::InvalidArgument`] for a `count` of 0; [`Error::TimedOut`] and [`Error::Cancelled`] while
    /// it waits for inserts; [`Error::Forked`].
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
    /// As [`sample`](Self::sample); [`Error::InvalidArgument`] for a sampler that needs what the pool
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
        self.inner.segment.check_process()?;
        if count == 0 {
            return Error::invalid("the size of a batch", "0".into(), "1 or more".into());
        }
        let table = &self.inner.parts().tables[self.table];
        if let Some(order) = sampler.order() {
            Extreme::new(table, order, 0)?; // before it waits for records
        }
        let mut draw = || self.inner.draw(self.table, sampler, count, random, batch);
        match self.rate_limiter() {
            None => draw(),
            Some(limiter) => {
                let most = self.inner.largest_batch(table, sampler);
                self.sample_when_allowed(limiter, count, most, draw)
            }
        }
    }

    /// Samples `count` records, each with the same probability, whatever their priorities; also
    /// those of priority 0. The same as [`sample_by`](Self::sample_by) with [`Sampler::uniform`].
    ///
    /// # Errors
    /// [`Error::NothingToSample`] where the pool is empty, and else as [`sample`](Self::sample).
    pub fn sample_uniform(
        &self,
        count: usize,
        random: &mut (impl Rng + ?Sized),
    ) -> Result<Batch<T>> {
        self.sample_by(Sampler::uniform(), count, random)
    }

    /// The sampler that [`sample`](Self::sample) uses.
    pub fn sampler(&self) -> Sampler {
        self.inner.parts().tables[self.table].shape.sampler
    }
}
