//! The pool of records of a type: a thin face over [`DynPool`], in which only what takes or gives a record depends on
//! the type.

mod batch;
mod insert;
mod reservation;
mod sample;
mod windows;
mod writer;

use std::marker::PhantomData;
use std::ops::Deref;

pub use batch::Batch;
pub use reservation::Reservation;
pub use windows::{Window, Windows};
pub use writer::EpisodeWriter;

use super::{DynPool, Patience, PoolOptions};
use crate::error::Result;
use crate::record::{Record, Schema};
use crate::segment::open_methods;

/// A pool of experience records that processes share: a prioritized replay buffer (Schaul et al.
/// 2016, "Prioritized experience replay").
///
/// A ring of fixed-size records and a sum tree over their priorities lie in one segment. Simulators
/// [`insert`](Self::insert), learners [`sample`](Self::sample) and
/// [`update_priorities`](crate::pool::DynPool::update_priorities), all in place and at the same time. A handle is
/// `Send` and `Sync`: threads may share one, and clones of it are the same participant.
///
/// What does not depend on `T` is in [`DynPool`], to which a `Pool` dereferences.
///
/// # Episodes
/// In a pool with [`PoolOptions::linked`] each record may name the one before it in its episode: an
/// [`EpisodeWriter`] does that. Then [`sample_windows`](Self::sample_windows) gives stretches of episodes:
/// sequences for recurrent networks, or the frames of a stack, each of which is stored once.
///
/// # When a process dies
/// At whatever instant a process is killed, the others go on. What it had committed stays; a record
/// that it was writing is never sampled; what it held is free again; and if it died while it changed
/// the tree, whoever takes its lock next recomputes that part of the tree first.
///
/// # Example
/// ```
/// use millpond::{Pool, PoolOptions, Record};
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Transition {
///     observation: [f32; 4],
///     action: u32,
///     reward: f32,
/// }
///
/// // One process creates the pool …
/// let pool = Pool::<Transition>::create("pool-example", PoolOptions::new(10_000))?;
///
/// // … a simulator, anywhere else on the machine, adds to it …
/// let simulator = Pool::<Transition>::open("pool-example")?;
/// simulator.insert(&Transition { observation: [0.0; 4], action: 1, reward: 1.0 })?;
///
/// // … and a learner draws from it.
/// let learner = Pool::<Transition>::open("pool-example")?;
/// let batch = learner.sample(32, &mut rand::rng())?;
/// assert!(batch.records().all(|record| record.action == 1));
/// let keys = batch.keys().to_vec();
/// drop(batch);
/// learner.update_priorities(&keys, &[0.5; 32])?;
///
/// millpond::unlink("pool-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct Pool<T: Record> {
    dynamic: DynPool,
    holds: PhantomData<fn(T) -> T>,
}

threads_may_share!(Pool<u8>, Batch<u8>, Reservation<'_, u8>, Windows<u8>);

open_methods! {
    [T: Record] Pool<T>, "a pool", "cartpole/replay", PoolOptions;
    of() "";
    create: |name, options| DynPool::create(name, &Schema::of::<T>(), options).map(Self::of);
    open: |name, attach| DynPool::open_of(name, &Schema::of::<T>(), attach).map(Self::of), "[`Error::WrongRecord`](crate::Error::WrongRecord) where it has other records;";
    open_or_create: |name, options| DynPool::open_or_create(name, &Schema::of::<T>(), options).map(Self::of), "[`Error::WrongOption`](crate::Error::WrongOption) where the pool exists with another capacity, alpha or number of leases, or other policies;";
    anonymous: |options| DynPool::anonymous(&Schema::of::<T>(), options).map(Self::of);
}

impl<T: Record> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self::of(self.dynamic.clone())
    }
}

impl<T: Record> Deref for Pool<T> {
    type Target = DynPool;

    fn deref(&self) -> &DynPool {
        &self.dynamic
    }
}

impl<T: Record> Pool<T> {
    /// The face of a pool of such records.
    pub(crate) fn of(dynamic: DynPool) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// Another handle on the same pool, and the same participant, that samples by the priorities of
    /// one of its views, and updates those; the name `""` gives the pool's own again. Everything else is
    /// as by any handle.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the pool was created without a view of this name.
    pub fn view(&self, name: &str) -> Result<Self> {
        self.dynamic.view(name).map(Self::of)
    }

    /// Another handle on the same pool, and the same participant, that waits as `patience` says.
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self::of(self.dynamic.with_patience(patience))
    }
}

impl<T: Record> std::fmt::Debug for Pool<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.dynamic.fmt_as("Pool", formatter)
    }
}
