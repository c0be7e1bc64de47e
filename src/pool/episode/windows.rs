//! Windows: stretches of episodes, each ending with a sampled record, in place and under leases.
//!
//! Reads records of slots that `follow.rs` has leased and checked; the leases are those of the batch of last
//! records, and go back with it.

use rand::Rng;

use crate::error::{Error, Result};
use crate::pool::DynPool;
use crate::pool::read::batch::DynBatch;
use crate::pool::read::chains::WindowRecord;

impl DynPool {
    /// Samples `count` records, and with each of them the records before it in its episode, as
    /// [`Pool::sample_windows`](crate::Pool::sample_windows) does.
    ///
    /// # Errors
    /// As [`Pool::sample_windows`](crate::Pool::sample_windows).
    pub fn sample_windows(
        &self,
        count: usize,
        length: usize,
        random: &mut (impl Rng + ?Sized),
    ) -> Result<DynWindows> {
        let mut windows = DynWindows::new(self);
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
        windows: &mut DynWindows,
    ) -> Result<()> {
        windows.batch.release();
        self.check_linked()?;
        if length == 0 {
            return Err(Error::InvalidArgument {
                what: "the length of a window",
                found: "0".into(),
                expected: "1 or more".into(),
            });
        }
        windows.batch.chains.length = length;
        self.sample_into(count, random, &mut windows.batch)
    }
}

/// [`Windows`](crate::pool::Windows) over episodes whose records are bytes, in place.
///
/// While they live, writers pass the slots of all their records over, as for a [`DynBatch`]. Those that are
/// used again ([`DynPool::sample_windows_into`]) allocate nothing.
pub struct DynWindows {
    pub(crate) batch: DynBatch,
}

threads_may_share!(DynWindows);

impl DynWindows {
    /// No windows, to be filled by [`DynPool::sample_windows_into`].
    pub fn new(pool: &DynPool) -> Self {
        Self {
            batch: DynBatch::new(pool),
        }
    }

    /// How many windows there are.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// How many records a window has at most, as was asked for.
    pub fn length(&self) -> usize {
        self.batch.chains.length
    }

    /// How many records each window has: 1 to [`length`](Self::length). In gathered buffers they are the
    /// last places of the window.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> {
        self.iter().map(|window| window.len())
    }

    /// The last record of each window: those that were sampled, with their keys for
    /// [`DynPool::update_priorities`], their probabilities and weights, and [`DynBatch::gather`] for columns of one
    /// row a window.
    pub fn ends(&self) -> &DynBatch {
        &self.batch
    }

    /// Window number `index`.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len).
    pub fn get(&self, index: usize) -> DynWindow<'_> {
        assert!(index < self.len(), "window {index} of {}", self.len());
        let row = self.batch.samples[index].row;
        DynWindow {
            batch: &self.batch,
            places: self.batch.chains.window(row),
        }
    }

    /// All windows, in the order of the keys of [`ends`](Self::ends).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = DynWindow<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl std::fmt::Debug for DynWindows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fmt_as("DynWindows", formatter)
    }
}

impl DynWindows {
    /// Shows it under another name.
    pub(crate) fn fmt_as(
        &self,
        name: &str,
        formatter: &mut std::fmt::Formatter<'_>,
    ) -> std::fmt::Result {
        formatter
            .debug_struct(name)
            .field("length", &self.length())
            .field("lengths", &self.lengths().collect::<Vec<_>>())
            .field("ends", &self.batch)
            .finish()
    }
}

/// Consecutive records of an episode, in the order of time, in place.
#[derive(Clone, Copy)]
pub struct DynWindow<'a> {
    batch: &'a DynBatch,
    places: &'a [WindowRecord],
}

impl<'a> DynWindow<'a> {
    /// How many records it has, one at least. Fewer than asked for only where the episode begins with its
    /// first.
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The keys of its records.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + use<'a> {
        self.places.iter().map(|place| place.key)
    }

    /// The bytes of record number `index`; the last one is the one that was sampled.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len), or the process was forked since the windows were
    /// sampled: their leases are the parent's.
    pub fn get(&self, index: usize) -> &'a [u8] {
        let (record, size) = (self.address(index), self.batch.schema().size());
        // SAFETY: see `address`; a record has `size` bytes, all initialised.
        unsafe { std::slice::from_raw_parts(record, size) }
    }

    /// The address of a record: inside the region, aligned for it, and not written for `'a`. The slot was leased and
    /// checked (follow.rs; lease.rs, step 1) for the batch, which is borrowed for `'a` and so keeps its leases.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[inline]
    pub(crate) fn address(&self, index: usize) -> *const u8 {
        let slot = self.places[index].slot as usize;
        let pool = &self.batch.pool;
        assert!(pool.segment.is_ours(), "these windows are the parent's");
        pool.parts().record(slot)
    }

    /// Its records.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl std::fmt::Debug for DynWindow<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.keys()).finish()
    }
}
