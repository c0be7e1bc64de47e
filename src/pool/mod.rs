//! The experience pool: a prioritized replay buffer in a segment.
//!
//! What lies in the segment is in `parts.rs`; a slot's life is claimed (`claim.rs`), committed,
//! leased (`lease.rs`, `sample.rs`, `batch.rs`), claimed again. What is sampled, what goes and who waits
//! is chosen by `policy/`, `select/`, `choose.rs` and `limit.rs`. What comes after what in an episode is the
//! matter of `links/`. Imports the segment, the records and the tree.

mod batch;
mod choose;
mod claim;
mod column;
mod commit;
mod distribution;
mod draw;
mod fill;
mod free;
mod insert;
mod lease;
mod limit;
mod links;
mod nothing;
mod options;
mod parts;
mod patience;
mod policy;
mod quota;
mod remainder;
mod remove;
mod repair;
mod reservation;
mod rewrite;
mod rewriting;
mod sample;
mod select;
mod shape;
mod slot;
mod snapshot;
mod spend;
mod statistics;
mod table;
mod tally;
mod update;
mod view;

use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use batch::Batch;
pub use column::Column;
pub use distribution::Distribution;
pub use links::{EpisodeWriter, Fill, Window, Windows};
pub use options::PoolOptions;
pub use patience::Patience;
pub use policy::{RateLimiter, Remover, Sampler};
pub use reservation::Reservation;
pub use snapshot::{Loaded, Saved};
pub use statistics::Statistics;
pub use view::ViewOptions;

use crate::error::{ANONYMOUS, Error, Result, check_records};
use crate::os::fail_point;
use crate::record::Record;
use crate::segment::{Attach, Guard, Header, Segment, open_or_create};
use crate::sync::Event;
use crate::sync::primitive::Channel;
use crate::tree::MOST_SHARDS;
use parts::Parts;
use select::Ranking;
use statistics::Counter;

/// A pool of experience records that processes share: a prioritized replay buffer (Schaul et al.
/// 2016, "Prioritized experience replay").
///
/// A ring of fixed-size records and a sum tree over their priorities lie in one segment. Simulators
/// [`insert`](Self::insert), learners [`sample`](Self::sample) and
/// [`update_priorities`](Self::update_priorities), all in place and at the same time. A handle is
/// `Send` and `Sync`: threads may share one, and clones of it are the same participant.
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
    inner: Arc<Inner<T>>,
    /// Whose priorities this handle goes by: the pool's own, or a view's.
    table: usize,
    patience: Patience,
}

const _: () = {
    const fn threads_may_share<T: Send + Sync>() {}
    threads_may_share::<Pool<u8>>();
    threads_may_share::<Batch<u8>>();
    threads_may_share::<Reservation<'_, u8>>();
};

/// A participant's attachment to a pool.
struct Inner<T> {
    segment: Segment<Parts>,
    grown: Channel,
    /// Where those sleep who wait to insert, for each table.
    drained: Vec<Channel>,
    /// The order of each table's records, for draws by rank.
    rankings: Vec<Mutex<Ranking>>,
    /// Held by the thread that uses this participant's draft.
    drafting: Mutex<()>,
    holds: std::marker::PhantomData<fn(T) -> T>,
}

impl<T: Record> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            table: self.table,
            patience: self.patience.clone(),
        }
    }
}

impl<T: Record> Pool<T> {
    /// Creates a pool under a name such as `cartpole/replay`. It appears whole or not at all, with
    /// its space really reserved.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] where the name is taken, also by another creator at the same time;
    /// [`Error::NoSpace`]; [`Error::InvalidName`]; [`Error::InvalidArgument`] for options that
    /// cannot be; [`Error::UntrustedDirectory`]; [`Error::DirectoryLocked`]; [`Error::System`].
    pub fn create(name: &str, options: PoolOptions) -> Result<Self> {
        Self::new(Segment::create(name, options.plan::<T>()?)?)
    }

    /// Attaches to a pool that exists.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::WrongRecord`], [`Error::WrongKind`], [`Error::WrongFormat`] or
    /// [`Error::Damaged`] where the segment is not a pool of these records;
    /// [`Error::TooManyParticipants`]; [`Error::InvalidName`]; [`Error::UntrustedDirectory`];
    /// [`Error::DirectoryLocked`], for a pool that lives while somebody is attached;
    /// [`Error::System`].
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, &Attach::new())
    }

    /// As [`open`](Self::open), with a role, or waiting for a pool that is not there yet.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Error::NotFound`] where the pool did not appear in time.
    pub fn open_with(name: &str, attach: &Attach) -> Result<Self> {
        let check = |header: &Header| check_records::<T>(name, &header.schema);
        Self::new(Segment::open(name, attach, check)?)
    }

    /// Attaches to the pool of this name, or creates it: for processes that start in any order.
    ///
    /// # Errors
    /// [`Error::WrongOption`] where the pool exists with another capacity, alpha or number of
    /// leases; else as [`create`](Self::create) and [`open`](Self::open).
    pub fn open_or_create(name: &str, options: PoolOptions) -> Result<Self> {
        let attach = options.shared.attach();
        let wanted = options.shape()?;
        let open = || {
            let pool = Self::open_with(name, &attach)?;
            wanted.check_found(name, &pool.inner.parts().shape)?;
            Ok(pool)
        };
        open_or_create(open, || Self::create(name, options.clone()))
    }

    /// A pool without a name, in the memory of this process, with the same behaviour.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for options that cannot be; [`Error::System`].
    pub fn anonymous(options: PoolOptions) -> Result<Self> {
        Self::new(Segment::anonymous(options.plan::<T>()?)?)
    }

    fn new(segment: Segment<Parts>) -> Result<Self> {
        let tables = 0..segment.structure.tables.len();
        let channels = tables
            .clone()
            .map(|table| segment.channel(1 + table as u64));
        Ok(Self {
            inner: Arc::new(Inner {
                grown: segment.channel(0)?,
                drained: channels.collect::<Result<_>>()?,
                rankings: tables.map(|_| Mutex::default()).collect(),
                drafting: Mutex::default(),
                segment,
                holds: std::marker::PhantomData,
            }),
            table: 0,
            patience: Patience::default(),
        })
    }

    /// The pool's name; `None` for one without.
    pub fn name(&self) -> Option<&str> {
        self.inner.segment.name()
    }

    /// Waits until the pool holds `count` records at least, and says how many it holds.
    ///
    /// Sleeps meanwhile; inserts wake it.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after `limit`; [`Error::InvalidArgument`] where the pool can never hold as
    /// many; [`Error::Forked`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use millpond::{Error, Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100))?;
    /// pool.insert(&1)?;
    /// assert_eq!(pool.wait_for_len(1, Duration::from_secs(5))?, 1);
    /// let waited = pool.wait_for_len(2, Duration::from_millis(1));
    /// assert!(matches!(waited, Err(Error::TimedOut { .. })));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn wait_for_len(&self, count: usize, limit: Duration) -> Result<usize> {
        self.inner.segment.check_process()?;
        if count > self.capacity() {
            return Err(Error::InvalidArgument {
                what: "the number of records waited for",
                found: count.to_string(),
                expected: format!("at most the pool's capacity, {}", self.capacity()),
            });
        }
        let enough = || {
            // Who died while it counted what it had inserted would be waited for in vain.
            let _ = self.inner.mend_orphans();
            Some(self.len()).filter(|&length| length >= count)
        };
        let waited = self.inner.grown().wait_for(limit, enough);
        waited.ok_or_else(|| Error::TimedOut {
            what: format!("{count} records (the pool holds {})", self.len()),
            waited: limit,
        })
    }
}

impl<T> Inner<T> {
    #[inline(always)]
    fn parts(&self) -> &Parts {
        &self.segment.structure
    }

    /// Takes the lock of a shard, and repairs the shard first where the last owner died; or that under
    /// which quotas are taken.
    #[inline]
    fn lock(&self, shard: usize) -> Result<Guard<'_, Parts>> {
        let mut guard = self.segment.lock(shard)?;
        if guard.is_damaged() {
            self.repair(&mut guard);
        }
        Ok(guard)
    }

    /// Takes the locks of all shards.
    fn lock_all(&self) -> Result<[Option<Guard<'_, Parts>>; MOST_SHARDS]> {
        let mut guards = [const { None }; MOST_SHARDS];
        for (shard, guard) in guards
            .iter_mut()
            .enumerate()
            .take(self.parts().shards.count())
        {
            *guard = Some(self.lock(shard)?);
        }
        Ok(guards)
    }

    #[cold]
    fn repair(&self, guard: &mut Guard<'_, Parts>) {
        if guard.number() != self.parts().limiter_lock() {
            self.parts().repair(guard.number());
        }
        fail_point("repair.done");
        guard.repaired();
        fail_point("repair.clean");
        let repairs = &self.segment.counters()[Counter::Repairs as usize];
        repairs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn grown(&self) -> Event<'_> {
        Event {
            words: &self.parts().control().grown,
            channel: &self.grown,
        }
    }

    fn damaged(&self, reason: String) -> Error {
        Error::Damaged {
            name: self.segment.name().unwrap_or(ANONYMOUS).into(),
            reason,
        }
    }
}

impl<T: Record> std::fmt::Debug for Pool<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
