//! Windows over records of a type: faces over [`DynWindows`] and [`DynWindow`].

use std::marker::PhantomData;
use std::ops::Deref;

use super::{Batch, Pool};
use crate::pool::{DynWindow, DynWindows};
use crate::record::Record;

/// Windows over episodes, in place.
///
/// While they live, writers pass the slots of all their records over, as for a [`Batch`]. Those that are
/// used again ([`Pool::sample_windows_into`]) allocate nothing.
///
/// ```
/// use millpond::pool::{Column, Fill};
/// use millpond::{Pool, PoolOptions, Record};
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Step {
///     observation: [f32; 2],
///     reward: f32,
/// }
///
/// let pool = Pool::<Step>::anonymous(PoolOptions::new(100).linked(true))?;
/// let mut episode = pool.episode()?;
/// episode.push_with_priority(&Step { observation: [1.0, 2.0], reward: 3.0 }, 0.0, false)?;
/// episode.push(&Step { observation: [4.0, 5.0], reward: 6.0 }, true)?;
///
/// let windows = pool.sample_windows(1, 3, &mut rand::rng())?;
/// assert_eq!(windows.get(0).len(), 2);
/// let mut observations = [[[0f32; 2]; 3]; 1]; // one window, three places, two numbers each
/// windows.gather(Fill::Zero, &mut [Column::new("observation", &mut observations)])?;
/// assert_eq!(observations, [[[0.0, 0.0], [1.0, 2.0], [4.0, 5.0]]]);
///
/// let keys = windows.ends().keys().to_vec();
/// drop(windows);
/// pool.update_priorities(&keys, &[0.5])?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct Windows<T: Record> {
    dynamic: DynWindows,
    holds: PhantomData<fn(T) -> T>,
}

impl<T: Record> Deref for Windows<T> {
    type Target = DynWindows;

    fn deref(&self) -> &DynWindows {
        &self.dynamic
    }
}

impl<T: Record> Windows<T> {
    /// No windows, to be filled by [`Pool::sample_windows_into`].
    pub fn new(pool: &Pool<T>) -> Self {
        Self {
            dynamic: DynWindows::new(pool),
            holds: PhantomData,
        }
    }

    /// To be filled by a pool of such records, and by no other: so it is not public.
    pub(crate) fn dynamic_mut(&mut self) -> &mut DynWindows {
        &mut self.dynamic
    }

    /// The last record of each window: those that were sampled, with their keys for
    /// [`DynPool::update_priorities`](crate::pool::DynPool::update_priorities), their probabilities and weights, and
    /// [`DynBatch::gather`](crate::pool::DynBatch::gather) for columns of one row a window.
    pub fn ends(&self) -> &Batch<T> {
        Batch::of(self.dynamic.ends())
    }

    /// Window number `index`.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](DynWindows::len).
    pub fn get(&self, index: usize) -> Window<'_, T> {
        Window {
            dynamic: self.dynamic.get(index),
            holds: PhantomData,
        }
    }

    /// All windows, in the order of the keys of [`ends`](Self::ends).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Window<'_, T>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl<T: Record> std::fmt::Debug for Windows<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.dynamic.fmt_as("Windows", formatter)
    }
}

/// Consecutive records of an episode, in the order of time, in place.
pub struct Window<'a, T: Record> {
    dynamic: DynWindow<'a>,
    holds: PhantomData<&'a T>,
}

impl<'a, T: Record> Window<'a, T> {
    /// How many records it has, one at least. Fewer than asked for only where the episode begins with its
    /// first.
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub fn len(&self) -> usize {
        self.dynamic.len()
    }

    /// The keys of its records.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + use<'a, T> {
        self.dynamic.keys()
    }

    /// Record number `index`; the last one is the one that was sampled.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len), or the process was forked since the windows were
    /// sampled: their leases are the parent's.
    #[inline]
    pub fn get(&self, index: usize) -> &'a T {
        // SAFETY: see `DynWindow::address`; the pool's records are `T`s, and any bytes are one.
        unsafe { &*self.dynamic.address(index).cast() }
    }

    /// Its records.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub fn records(&self) -> impl DoubleEndedIterator<Item = &'a T> + ExactSizeIterator {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl<T: Record> std::fmt::Debug for Window<'_, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.dynamic.fmt(formatter)
    }
}
