//! Sampling, as users call it. The batch is drawn by `draw.rs`.

use rand::Rng;

use super::batch::DynBatch;
use super::select::Extreme;
use crate::error::{Error, Result};
use crate::pool::DynPool;
use crate::pool::policy::Sampler;

impl DynPool {
    /// Samples `count` records by the pool's sampler, as [`Pool::sample`](crate::Pool::sample) does.
    ///
    /// # Errors
    /// As [`Pool::sample`](crate::Pool::sample).
    pub fn sample(&self, count: usize, random: &mut (impl Rng + ?Sized)) -> Result<DynBatch> {
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
        batch: &mut DynBatch,
    ) -> Result<()> {
        self.sample_by_into(self.sampler(), count, random, batch)
    }

    /// Samples `count` records by a sampler of the caller's choice, as [`Pool::sample_by`](crate::Pool::sample_by) does.
    ///
    /// # Errors
    /// As [`Pool::sample_by`](crate::Pool::sample_by).
    pub fn sample_by(
        &self,
        sampler: Sampler,
        count: usize,
        mut random: &mut (impl Rng + ?Sized),
    ) -> Result<DynBatch> {
        let mut batch = DynBatch::new(self);
        self.draw_into(sampler, count, &mut random, &mut batch)?;
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
        mut random: &mut (impl Rng + ?Sized),
        batch: &mut DynBatch,
    ) -> Result<()> {
        self.draw_into(sampler, count, &mut random, batch)
    }

    /// As [`sample_by_into`](Self::sample_by_into), compiled once for all generators.
    pub(crate) fn draw_into(
        &self,
        sampler: Sampler,
        count: usize,
        random: &mut dyn Rng,
        batch: &mut DynBatch,
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

    /// The sampler that [`sample`](Self::sample) uses.
    pub fn sampler(&self) -> Sampler {
        self.inner.parts().tables[self.table].shape.sampler
    }
}
