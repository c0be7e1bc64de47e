//! A batch: sampled records in place, under leases, with their keys and probabilities.
//!
//! Reads records of slots that are leased and checked; the leases go back when the batch is dropped
//! or filled again.

use std::sync::Arc;

use super::column::{self, Column};
use super::sampled::{Sample, Scratch};
use crate::error::{Error, Result};
use crate::os::cpu::{CACHE_LINE, prefetch_range};
use crate::pool::layout::lease::Taken;
use crate::pool::policy::Preference;
use crate::pool::read::chains::Chains;
use crate::pool::{DynPool, Inner};
use crate::record::Schema;

/// Bytes ahead of the record being copied that are asked for: what a small second cache holds
/// beside other things. Measured: eight records ahead, into the first cache, are late.
pub(crate) const PREFETCHED_BYTES: usize = 1 << 17;

/// Sampled records of a [`DynPool`], in place: a [`Batch`](crate::Batch) whose records are bytes.
///
/// While it lives, writers pass its slots over: its records stay whole and stay the records of its
/// keys. That holds across processes, and ends with the process, however that ends. Hold a batch for
/// as long as you need it and no longer; it costs a small pool slots. It owns what it needs of the pool's handle.
///
/// A batch that is used again ([`DynPool::sample_into`]) allocates nothing.
pub struct DynBatch {
    pub(crate) pool: Arc<Inner>,
    /// The table that it was sampled from.
    pub(crate) table: usize,
    pub(crate) samples: Vec<Sample>,
    keys: Vec<u64>,
    probabilities: Vec<f32>,
    /// The cells that lease the records, one each.
    pub(crate) taken: Taken,
    /// The least probability that its sampler gave to a record; `None` where that is the lowest leaf's.
    pub(crate) least: Option<f64>,
    pub(crate) scratch: Scratch,
    /// The records before those that were sampled; none unless it is the batch of some `Windows`.
    pub(crate) chains: Chains,
}

impl DynBatch {
    /// An empty batch, to be filled by [`DynPool::sample_into`].
    pub fn new(pool: &DynPool) -> Self {
        Self {
            pool: pool.inner.clone(),
            table: pool.table,
            samples: Vec::new(),
            keys: Vec::new(),
            probabilities: Vec::new(),
            taken: Taken::default(),
            least: None,
            scratch: Scratch::default(),
            chains: Chains::default(),
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key of each record, for [`DynPool::update_priorities`].
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The probability with which each record was drawn, at the time of the draw.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// Puts the importance weights for `beta` into `weights`: `(N · P)^-beta`, divided by the
    /// batch's largest, so they lie in `0.0..=1.0` (Schaul et al. 2016, section 3.4).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a `beta` that is negative, infinite or not a number; `weights` is empty
    /// then.
    ///
    /// ```
    /// # use millpond::{Pool, PoolOptions};
    /// # use rand::SeedableRng;
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).alpha(1.0))?;
    /// pool.insert_batch_with_priorities(&[7, 8], &[1.0, 3.0])?;
    /// let batch = pool.sample(4, &mut rand::rngs::StdRng::seed_from_u64(1))?;
    /// let mut weights = Vec::new();
    /// batch.weights(1.0, &mut weights)?;
    /// assert_eq!(weights, [1.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn weights(&self, beta: f32, weights: &mut Vec<f32>) -> Result<()> {
        weights.clear();
        check_beta(beta)?;
        // The largest weight is that of the smallest probability, and N cancels.
        let smallest = self
            .probabilities
            .iter()
            .copied()
            .fold(f32::INFINITY, f32::min);
        let weight = |probability: &f32| (smallest / probability).powf(beta);
        weights.extend(self.probabilities.iter().map(weight));
        Ok(())
    }

    /// As [`weights`](Self::weights), divided by the largest weight that any record of the pool would
    /// have now, and not only of this batch: so that of a record depends on no other record of its batch.
    /// That is how cpprb and TorchRL divide. By samplers that do not go in proportion to priorities, it is divided by
    /// the largest weight that they could have given.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where records were sampled in proportion to their priorities, and the pool was not
    /// created with [`PoolOptions::ordered`](crate::PoolOptions::ordered); and for a `beta` as in
    /// [`weights`](Self::weights); `weights` is empty then.
    ///
    /// ```
    /// # use millpond::{Pool, PoolOptions};
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).alpha(1.0).ordered(true))?;
    /// pool.insert_batch_with_priorities(&[7, 8], &[1.0, 4.0])?;
    /// let batch = pool.sample(2, &mut rand::rng())?; // 8 is in the batch, whatever else is
    /// let mut weights = Vec::new();
    /// batch.weights_by_pool(0.5, &mut weights)?;
    /// assert_eq!(weights[1], 0.5);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn weights_by_pool(&self, beta: f32, weights: &mut Vec<f32>) -> Result<()> {
        weights.clear();
        check_beta(beta)?;
        let table = &self.pool.parts().tables[self.table];
        let least = match self.least {
            Some(least) => least,
            // As `f64`: the quotient of two positive `f32` may be below the range of `f32`.
            None => {
                let lowest = table.lowest()?.map_or(f64::INFINITY, f64::from);
                lowest / f64::from(table.tree.total())
            }
        };
        let weight = |&probability: &f32| {
            let ratio = (least / f64::from(probability)).min(1.0);
            ratio.powf(f64::from(beta)) as f32
        };
        weights.extend(self.probabilities.iter().map(weight));
        Ok(())
    }

    /// What a record is.
    pub fn schema(&self) -> &Schema {
        self.pool.schema()
    }

    /// The bytes of record number `index`.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len), or the process was forked since the batch was
    /// sampled: its leases are the parent's.
    pub fn get(&self, index: usize) -> &[u8] {
        self.check_index(index);
        self.bytes(index)
    }

    /// The bytes of the records, in the order of [`keys`](Self::keys).
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// # Panics
    /// As [`get`](Self::get).
    #[inline]
    pub(crate) fn check_index(&self, index: usize) {
        assert!(index < self.keys.len(), "record {index} of {}", self.len());
        assert!(self.pool.segment.is_ours(), "this batch is the parent's");
    }

    /// The bytes of a record, in the process that sampled.
    #[inline]
    pub(crate) fn bytes(&self, index: usize) -> &[u8] {
        let (record, size) = (self.address(index), self.schema().size());
        // SAFETY: see `address`; a record has `size` bytes, all initialised.
        unsafe { std::slice::from_raw_parts(record, size) }
    }

    /// Copies fields of all records into the caller's buffers, each in the order of
    /// [`keys`](Self::keys), in one pass over the records.
    ///
    /// # Errors
    /// [`Error::WrongColumn`] for a field that the record does not have, numbers of another type, or
    /// a buffer of another length than the batch's times the field's; [`Error::Forked`]. Nothing is
    /// copied then.
    pub fn gather(&self, columns: &mut [Column<'_>]) -> Result<()> {
        self.pool.segment.check_process()?;
        for column in columns.iter_mut() {
            column.resolve(self.schema(), self.len())?;
        }
        let (size, stride) = (self.schema().size(), self.pool.parts().stride);
        let ahead = (PREFETCHED_BYTES / stride.max(CACHE_LINE)).max(1);
        // Nothing that the columns are written through could change these, which the compiler does not know.
        let (records, samples) = (self.pool.parts().records(), self.samples.as_slice());
        for sample in samples.iter().take(ahead) {
            prefetch_range(records.at(sample.slot as usize), size);
        }
        for (block, these) in samples.chunks(column::BLOCK).enumerate() {
            let first = block * column::BLOCK;
            for later in samples.iter().skip(first + ahead).take(these.len()) {
                prefetch_range(records.at(later.slot as usize), size);
            }
            let mut found = [&[][..]; column::BLOCK];
            for (record, sample) in found.iter_mut().zip(these) {
                let address = records.at(sample.slot as usize);
                // SAFETY: see `address`; a record has `size` bytes, all initialised.
                *record = unsafe { std::slice::from_raw_parts(address, size) };
            }
            column::scatter(&found[..these.len()], first, columns);
        }
        Ok(())
    }

    /// The address of a sampled record: inside the region, aligned for the record, and, in the process that
    /// sampled, leased and checked (lease.rs, step 1), so nobody writes it while the batch has its
    /// leases. They are given back only through `&mut self` or in `drop`.
    #[inline(always)]
    pub(crate) fn address(&self, index: usize) -> *const u8 {
        let parts = self.pool.parts();
        parts.record(self.samples[index].slot as usize)
    }

    /// Gives back what the batch held, and takes leases for `count` records of `pool`.
    pub(crate) fn begin(&mut self, pool: &Arc<Inner>, table: usize, count: usize) -> Result<()> {
        self.release();
        self.table = table;
        if !Arc::ptr_eq(&self.pool, pool) {
            self.pool = pool.clone();
        }
        let entry = pool.segment.owner().entry();
        pool.parts().register_lessee(entry);
        let leases = pool.parts().lease_list(entry);
        let cells = self.chains.cells(count);
        self.taken = leases.take(cells).ok_or_else(|| Error::TooManyLeases {
            asked: cells,
            held: leases.held(),
            limit: leases.cells.len(),
        })?;
        let rows = 0..count as u32;
        self.samples.extend(rows.map(Sample::of_row));
        self.chains.begin(count);
        Ok(())
    }

    /// Once nothing is lost: puts the samples into the order that they are to have, and makes them public.
    pub(crate) fn publish(&mut self, preference: Preference) {
        let samples = &mut self.samples;
        match preference {
            Preference::Newest => samples.sort_unstable_by_key(|sample| !sample.key),
            Preference::Oldest => samples.sort_unstable_by_key(|sample| sample.key),
            // Their probabilities are their leaves; among equals the oldest comes first.
            Preference::Highest => samples.sort_unstable_by(|a, b| {
                let by_leaf = b.probability.total_cmp(&a.probability);
                by_leaf.then(a.key.cmp(&b.key))
            }),
            Preference::Lowest => samples.sort_unstable_by(|a, b| {
                let by_leaf = a.probability.total_cmp(&b.probability);
                by_leaf.then(a.key.cmp(&b.key))
            }),
            _ => {}
        }
        if let Preference::Highest | Preference::Lowest = preference {
            samples
                .iter_mut()
                .for_each(|sample| sample.probability = 1.0);
        }
        let samples = self.samples.iter();
        self.keys.extend(samples.clone().map(|sample| sample.key));
        self.probabilities
            .extend(samples.map(|sample| sample.probability));
    }

    /// Makes the probabilities of what was found so far those of a sum that has changed.
    pub(crate) fn rescale(&mut self, by: f32) {
        for sample in self.samples.iter_mut().filter(|sample| sample.counted) {
            sample.probability = (sample.probability * by).min(1.0);
        }
    }

    /// Takes the samples that are pending back, while they are leased. In a forked child they are its parent's.
    pub(crate) fn take_back(&mut self) {
        if !self.pool.segment.is_ours() {
            return;
        }
        let table = &self.pool.parts().tables[self.table];
        for sample in self.samples.iter().filter(|sample| sample.counted) {
            table.take_back(sample.slot as usize);
        }
    }

    /// Gives the leases back; the batch is empty then.
    pub(crate) fn release(&mut self) {
        self.samples.clear();
        self.keys.clear();
        self.probabilities.clear();
        self.scratch.clear();
        self.chains.clear();
        let taken = std::mem::take(&mut self.taken);
        // In a forked child the leases are the parent's.
        if !taken.cells.is_empty() && self.pool.segment.is_ours() {
            let entry = self.pool.segment.owner().entry();
            self.pool.parts().lease_list(entry).give_back(taken);
        }
    }
}

fn check_beta(beta: f32) -> Result<()> {
    match beta >= 0.0 && beta.is_finite() {
        true => Ok(()),
        false => Error::invalid(
            "beta",
            beta.to_string(),
            "a number from 0 on, usually 0 to 1".into(),
        ),
    }
}

impl Drop for DynBatch {
    fn drop(&mut self) {
        self.release();
    }
}

impl std::fmt::Debug for DynBatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fmt_as("DynBatch", formatter)
    }
}

impl DynBatch {
    /// Shows it under another name.
    pub(crate) fn fmt_as(
        &self,
        name: &str,
        formatter: &mut std::fmt::Formatter<'_>,
    ) -> std::fmt::Result {
        formatter
            .debug_struct(name)
            .field("keys", &self.keys)
            .field("probabilities", &self.probabilities)
            .finish_non_exhaustive()
    }
}
