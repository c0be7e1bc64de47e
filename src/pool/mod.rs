// The experience pool: a prioritized replay buffer in a segment.
//
// What lies in the segment is in `layout/`. A record is claimed a slot, filled and committed in `write/`, drawn and
// leased in `read/`; what is sampled, what goes and who waits is chosen by `policy/`, `read/select/`, `write/choose.rs`
// and `limit.rs`. What comes after what in an episode is the matter of `episode/`. Imports the segment, the records and
// the tree.

mod episode;
mod layout;
mod limit;
mod maintenance;
mod options;
mod patience;
mod policy;
mod read;
mod snapshot;
mod typed;
mod view;
mod write;

use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use episode::{DynEpisodeWriter, DynWindow, DynWindows, Fill};
pub use maintenance::statistics::Statistics;
pub use options::PoolOptions;
pub use patience::Patience;
pub use policy::{RateLimiter, Remover, Sampler};
pub use read::batch::DynBatch;
pub use read::column::{Column, InputColumn};
pub use read::distribution::Distribution;
pub use snapshot::{Loaded, Saved};
pub use typed::{Batch, EpisodeWriter, Pool, Reservation, Window, Windows};
pub use view::ViewOptions;
pub use write::reservation::DynReservation;

use crate::error::{ANONYMOUS, Error, Result, check_schema};
use crate::os::fail_point;
use crate::record::{Record, Schema};
use crate::segment::{Attach, Guard, Header, Segment, open_methods, open_or_create};
use crate::sync::Event;
use crate::sync::primitive::Channel;
use crate::tree::MOST_SHARDS;
use layout::parts::{Own, Parts};
use maintenance::statistics::Counter;
use read::select::Ranking;

/// A [`Pool`] whose records are known at run time: by a [`Schema`], and as bytes.
///
/// It is the same pool: of two processes that share one, the first may have a [`Pool`] and the second a `DynPool`. It
/// has everything that does not depend on the type of the records, for both; a [`Pool`] dereferences to it. A program
/// that opens one need not know what it holds: [`schema`](Self::schema) says it.
///
/// Bytes that are given and taken need no alignment. Any bytes of the right number are a record.
///
/// # Example
/// ```
/// use millpond::pool::{Column, DynPool, InputColumn};
/// use millpond::record::Scalar;
/// use millpond::{PoolOptions, Schema};
///
/// let schema = Schema::parse("size 12 align 4\nobservation f32[2] @0\naction u32 @8\n").unwrap();
/// let pool = DynPool::anonymous(&schema, PoolOptions::new(10_000))?;
/// let observations = [[1f32, 2.0], [3.0, 4.0]];
/// let columns = &mut [
///     InputColumn::new("observation", &observations),
///     InputColumn::new("action", &[7u32, 8]),
/// ];
/// pool.insert_columns(columns, None)?;
///
/// let batch = pool.sample(4, &mut rand::rng())?;
/// let mut actions = [0u32; 4];
/// batch.gather(&mut [Column::new("action", &mut actions)])?;
/// assert!(actions.iter().all(|action| [7, 8].contains(action)));
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone)]
pub struct DynPool {
    inner: Arc<Inner>,
    /// Whose priorities this handle goes by: the pool's own, or a view's.
    table: usize,
    patience: Patience,
}

threads_may_share!(DynPool, DynBatch);

/// A participant's attachment to a pool.
pub(crate) struct Inner {
    segment: Segment<Parts>,
    grown: Channel,
    /// Where those sleep who wait to insert, for each table.
    drained: Vec<Channel>,
    /// The order of each table's records, for draws by rank.
    rankings: Vec<Mutex<Ranking>>,
    /// Held by the thread that uses this participant's draft.
    drafting: Mutex<()>,
}

open_methods! {
    [] DynPool, "a pool", "cartpole/replay", PoolOptions;
    of(schema: &Schema) " of records as `schema` says";
    create: |name, options| Self::new(Segment::create(name, options.plan(schema)?)?);
    open: |name, attach| Self::new(Segment::open(name, attach, |_| Ok(()))?), "";
    open_or_create: |name, options| {
        let (attach, wanted) = (options.shared.attach(), options.shape()?);
        let open = || {
            let pool = Self::open_of(name, schema, &attach)?;
            wanted.check_found(name, &pool.inner.parts().shape)?;
            Ok(pool)
        };
        open_or_create(open, || Self::create(name, schema, options.clone()))
    }, "As [`Pool::open_or_create`];";
    anonymous: |options| Self::new(Segment::anonymous(options.plan(schema)?)?);
}

impl DynPool {
    /// Attaches to a pool that must have records as `schema` says.
    fn open_of(name: &str, schema: &Schema, attach: &Attach) -> Result<Self> {
        let check = |header: &Header| check_schema(name, &header.schema, schema);
        Self::new(Segment::open(name, attach, check)?)
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
            }),
            table: 0,
            patience: Patience::default(),
        })
    }

    /// What a record of the pool is.
    pub fn schema(&self) -> &Schema {
        self.inner.schema()
    }

    /// The same pool, and the same participant, as one of records of type `T`.
    ///
    /// # Errors
    /// [`Error::WrongRecord`] where the pool has other records.
    pub fn typed<T: Record>(self) -> Result<Pool<T>> {
        let name = self.name().unwrap_or(ANONYMOUS);
        check_schema(name, &self.schema().to_string(), &Schema::of::<T>())?;
        Ok(Pool::of(self))
    }

    /// Refuses bytes that are not `count` records.
    fn check_size(&self, what: &'static str, bytes: usize, count: usize) -> Result<()> {
        let size = self.schema().size();
        match bytes == count * size {
            true => Ok(()),
            false => {
                let expected = format!("{} bytes, as {count} records of {size} have", count * size);
                Error::invalid(what, format!("{bytes} bytes"), expected)
            }
        }
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

impl Inner {
    #[inline(always)]
    fn schema(&self) -> &Schema {
        &self.parts().schema
    }

    #[inline(always)]
    fn parts(&self) -> &Parts {
        &self.segment.structure
    }

    /// How many records the pool holds.
    fn len(&self) -> usize {
        self.parts().len()
    }

    /// This participant's own words.
    fn own(&self) -> &Own {
        self.parts().own(self.segment.owner().entry())
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

impl std::fmt::Debug for DynPool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fmt_as("DynPool", formatter)
    }
}

impl DynPool {
    /// Shows it under another name.
    pub(crate) fn fmt_as(
        &self,
        name: &str,
        formatter: &mut std::fmt::Formatter<'_>,
    ) -> std::fmt::Result {
        formatter
            .debug_struct(name)
            .field("name", &self.name())
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
