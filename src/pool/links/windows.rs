//! Windows: stretches of episodes, each ending with a sampled record, in place and under leases.
//!
//! Reads records of slots that `follow.rs` has leased and checked; the leases are those of the batch of last
//! records, and go back with it.

use rand::Rng;

use super::super::Pool;
use super::super::batch::Batch;
use super::follow::Place;
use crate::error::{Error, Result};
use crate::record::Record;

impl<T: Record> Pool<T> {
    /// Samples `count` records as [`sample`](Self::sample) does, and with each of them the records before it
    /// in its episode: a window of `length` records that ends with the sampled one, or of fewer where the
    /// episode began later. So steps that are stored once give sequences for recurrent networks (R2D2,
    /// Kapturowski et al. 2019, "Recurrent experience replay in distributed reinforcement learning") and
    /// stacks of frames (Mnih et al. 2015, "Human-level control through deep reinforcement learning").
    ///
    /// A window is never cut short because records have left the pool: where one has that belongs to it, or is
    /// just being overwritten or rewritten, another window is drawn. So the records that are last in the
    /// windows which are whole keep their odds among each other;
    /// [`Batch::probabilities`](crate::Batch::probabilities) counts the others in.
    ///
    /// The default remover, [`Remover::Oldest`](crate::Remover::Oldest), takes episodes from their beginning;
    /// the others leave holes in them, and fewer windows whole.
    ///
    /// Every record of a window is leased: `count * length` leases, of which the pool gives each handle as
    /// many as [`PoolOptions::leases`](crate::PoolOptions::leases) says. Only the last record counts as
    /// sampled, for rate limiters and limits of samples. If this process dies, its leases end.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where the pool was not created with
    /// [`PoolOptions::linked`](crate::PoolOptions::linked), or for a `length` of 0;
    /// [`Error::TooFewWindows`] where some windows could not be found whole in 251 rounds of draws; else as
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

/// Windows over episodes, in place.
///
/// While they live, writers pass the slots of all their records over, as for a [`Batch`]. Those that are
/// used again ([`Pool::sample_windows_into`]) allocate nothing.
///
/// ```
/// use millpond::{Column, Fill, Pool, PoolOptions, Record};
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
    pub(super) batch: Batch<T>,
}

const _: () = {
    const fn threads_may_share<T: Send + Sync>() {}
    threads_may_share::<Windows<u8>>();
};

impl<T: Record> Windows<T> {
    /// No windows, to be filled by [`Pool::sample_windows_into`].
    pub fn new(pool: &Pool<T>) -> Self {
        Self {
            batch: Batch::new(pool),
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
    /// [`Pool::update_priorities`], their probabilities and weights, and [`Batch::gather`] for columns of one
    /// row a window.
    pub fn ends(&self) -> &Batch<T> {
        &self.batch
    }

    /// Window number `index`.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len).
    pub fn get(&self, index: usize) -> Window<'_, T> {
        assert!(index < self.len(), "window {index} of {}", self.len());
        let row = self.batch.samples[index].row;
        Window {
            batch: &self.batch,
            places: self.batch.chains.window(row),
        }
    }

    /// All windows, in the order of the keys of [`ends`](Self::ends).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Window<'_, T>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

impl<T: Record> std::fmt::Debug for Windows<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Windows")
            .field("length", &self.length())
            .field("lengths", &self.lengths().collect::<Vec<_>>())
            .field("ends", &self.batch)
            .finish()
    }
}

/// Consecutive records of an episode, in the order of time, in place.
pub struct Window<'a, T: Record> {
    batch: &'a Batch<T>,
    places: &'a [Place],
}

impl<'a, T: Record> Window<'a, T> {
    /// How many records it has, one at least. Fewer than asked for only where the episode begins with its
    /// first.
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The keys of its records.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + use<'a, T> {
        self.places.iter().map(|place| place.key)
    }

    /// Record number `index`; the last one is the one that was sampled.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len), or the process was forked since the windows were
    /// sampled: their leases are the parent's.
    #[inline]
    pub fn get(&self, index: usize) -> &'a T {
        let slot = self.places[index].slot as usize;
        let pool = &self.batch.pool;
        assert!(pool.segment.is_ours(), "these windows are the parent's");
        // SAFETY: the slot was leased and checked (follow.rs; lease.rs, step 1) for the batch, which is
        // borrowed for `'a` and so keeps its leases: nobody writes it. The address is inside the region and
        // aligned for `T`; any bytes are a `T`.
        unsafe { &*pool.parts().record(slot).cast() }
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
        formatter.debug_list().entries(self.keys()).finish()
    }
}
