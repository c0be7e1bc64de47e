//! A batch of records of a type: a face over [`DynBatch`].

use std::marker::PhantomData;
use std::ops::Deref;

use super::Pool;
use crate::pool::DynBatch;
use crate::record::Record;

/// Sampled records, in place.
///
/// While it lives, writers pass its slots over: its records stay whole and stay the records of its
/// keys. That holds across processes, and ends with the process, however that ends. Hold a batch for
/// as long as you need it and no longer; it costs a small pool slots.
///
/// What does not depend on `T` is in [`DynBatch`], to which a `Batch` dereferences.
///
/// A batch that is used again ([`Pool::sample_into`]) allocates nothing.
///
/// ```
/// use millpond::pool::Column;
/// use millpond::{Pool, PoolOptions, Record};
/// use rand::SeedableRng;
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Step {
///     observation: [f32; 2],
///     reward: f32,
/// }
///
/// let pool = Pool::<Step>::anonymous(PoolOptions::new(100))?;
/// pool.insert(&Step { observation: [1.0, 2.0], reward: 3.0 })?;
///
/// let random = &mut rand::rngs::StdRng::seed_from_u64(0);
/// let batch = pool.sample(2, random)?;
/// assert_eq!(batch.get(0).reward, 3.0);
///
/// let mut observations = [0f32; 4];
/// batch.gather(&mut [Column::new("observation", &mut observations)])?;
/// assert_eq!(observations, [1.0, 2.0, 1.0, 2.0]);
/// # Ok::<(), millpond::Error>(())
/// ```
#[repr(transparent)]
pub struct Batch<T: Record> {
    dynamic: DynBatch,
    holds: PhantomData<fn(T) -> T>,
}

impl<T: Record> Deref for Batch<T> {
    type Target = DynBatch;

    fn deref(&self) -> &DynBatch {
        &self.dynamic
    }
}

impl<T: Record> Batch<T> {
    /// An empty batch, to be filled by [`Pool::sample_into`].
    pub fn new(pool: &Pool<T>) -> Self {
        Self {
            dynamic: DynBatch::new(pool),
            holds: PhantomData,
        }
    }

    /// The face of a batch of a pool of such records.
    pub(crate) fn of(dynamic: &DynBatch) -> &Self {
        // SAFETY: a `Batch` has nothing but a `DynBatch`, and its layout (`repr(transparent)`).
        unsafe { &*std::ptr::from_ref(dynamic).cast() }
    }

    /// To be filled by a pool of such records, and by no other: so it is not public.
    pub(crate) fn dynamic_mut(&mut self) -> &mut DynBatch {
        &mut self.dynamic
    }

    /// Record number `index`.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](DynBatch::len), or the process was forked since the batch was
    /// sampled: its leases are the parent's.
    #[inline]
    pub fn get(&self, index: usize) -> &T {
        self.check_index(index);
        // SAFETY: see `DynBatch::address`; the pool's records are `T`s, and any bytes are one.
        unsafe { &*self.address(index).cast() }
    }

    /// The records, in the order of [`keys`](DynBatch::keys).
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn records(&self) -> impl ExactSizeIterator<Item = &T> {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl<T: Record> std::fmt::Debug for Batch<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.dynamic.fmt_as("Batch", formatter)
    }
}
