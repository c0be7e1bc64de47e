//! What a pool counts: each participant on a line of its own, summed by whoever asks.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::error::Result;
use crate::pool::{DynPool, Inner};
use crate::segment::Participant;

/// The counters of a participant, by their place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    Inserted,
    Sampled,
    Updated,
    Stale,
    PassedOver,
    Repairs,
    Evicted,
    Removed,
    /// Inserts made after each sampled record's own, summed over the records sampled.
    Age,
    /// Calls that had to wait, and for how many microseconds.
    InsertWaits,
    InsertWaited,
    SampleWaits,
    SampleWaited,
}

impl Counter {
    /// Where the time is counted that one waited.
    pub(crate) fn time(self) -> Self {
        match self {
            Self::SampleWaits => Self::SampleWaited,
            _ => Self::InsertWaited,
        }
    }
}

/// What a pool has seen since it was created, and holds now. Together the numbers are not a snapshot
/// of one instant, and what a process did just before it was killed may be missing from its counts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// Records the pool holds.
    pub len: usize,
    /// Records it can hold.
    pub capacity: usize,
    /// The sum of `priority^alpha` over all records.
    pub total_priority: f32,
    /// The highest priority there ever was.
    pub highest_priority: f32,
    /// Records inserted.
    pub inserted: u64,
    /// Records sampled; one that came twice counts twice.
    pub sampled: u64,
    /// Priorities updated.
    pub updated: u64,
    /// Updates for records that had left the pool.
    pub stale_updates: u64,
    /// Slots that writers passed over because a batch held their record, or another writer them.
    pub passed_over: u64,
    /// Repairs after a process died, or panicked, with a lock: one for each part of the pool that it had
    /// locked.
    pub repairs: u64,
    /// Records that went because a new one took their place.
    pub evicted: u64,
    /// Records that were removed by key, or cleared, or were sampled as often as they may be.
    pub removed: u64,
    /// How old the sampled records were, in insertions made since their own, on average; 0 where none was
    /// sampled. With a remover that does not follow the ring, keys leave some out, and this counts keys.
    pub mean_age: f64,
    /// Inserts that had to wait for samples, or for room.
    pub insert_waits: u64,
    /// For how long they waited, in all.
    pub insert_waited: Duration,
    /// Samples that had to wait for inserts.
    pub sample_waits: u64,
    /// For how long they waited, in all.
    pub sample_waited: Duration,
}

impl DynPool {
    /// How many records the pool holds; records that are being written do not count.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether the pool holds no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many records the pool can hold.
    pub fn capacity(&self) -> usize {
        self.inner.parts().capacity()
    }

    /// The power to which priorities are raised.
    pub fn alpha(&self) -> f32 {
        self.inner.parts().tables[self.table].shape.alpha
    }

    /// The sum of `priority^alpha` over all records.
    pub fn total_priority(&self) -> f32 {
        self.inner.parts().tables[self.table].tree.total()
    }

    /// The lowest priority above 0 of any record; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the pool was not created with
    /// [`PoolOptions::ordered`](crate::PoolOptions::ordered).
    pub fn lowest_priority(&self) -> Result<Option<f32>> {
        let lowest = self.inner.parts().tables[self.table].lowest()?;
        Ok(lowest.map(|leaf| self.priority_of(leaf)))
    }

    /// The priority of a leaf; 1 where alpha is 0, and all priorities above 0 are alike.
    pub(crate) fn priority_of(&self, leaf: f32) -> f32 {
        match self.alpha() {
            0.0 => 1.0,
            alpha => leaf.powf(1.0 / alpha),
        }
    }

    /// What the pool has seen, by all participants there ever were. Takes no lock.
    pub fn statistics(&self) -> Statistics {
        self.statistics_by(|counter| self.inner.segment.total(counter as usize))
    }

    /// Everybody who is attached and alive, and what each of them has done: the counts are its own, the
    /// rest is the pool's. What dead participants held is freed on the way.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(10).role("simulator"))?;
    /// pool.insert(&7)?;
    /// for (participant, statistics) in pool.statistics_by_participant()? {
    ///     println!("{}: {} inserted", participant.role, statistics.inserted);
    /// }
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn statistics_by_participant(&self) -> Result<Vec<(Participant, Statistics)>> {
        let counted = self.inner.segment.participants_with_counters()?;
        let with_statistics = counted.into_iter().map(|(participant, counters)| {
            let statistics = self.statistics_by(|counter| counters[counter as usize]);
            (participant, statistics)
        });
        Ok(with_statistics.collect())
    }

    fn statistics_by(&self, total: impl Fn(Counter) -> u64) -> Statistics {
        let time = |counter| Duration::from_micros(total(counter));
        let highest = self.inner.parts().tables[self.table].highest();
        Statistics {
            len: self.len(),
            capacity: self.capacity(),
            total_priority: self.total_priority(),
            highest_priority: self.priority_of(highest),
            inserted: total(Counter::Inserted),
            sampled: total(Counter::Sampled),
            updated: total(Counter::Updated),
            stale_updates: total(Counter::Stale),
            passed_over: total(Counter::PassedOver),
            repairs: total(Counter::Repairs),
            evicted: total(Counter::Evicted),
            removed: total(Counter::Removed),
            mean_age: total(Counter::Age) as f64 / total(Counter::Sampled).max(1) as f64,
            insert_waits: total(Counter::InsertWaits),
            insert_waited: time(Counter::InsertWaited),
            sample_waits: total(Counter::SampleWaits),
            sample_waited: time(Counter::SampleWaited),
        }
    }

    /// Everybody who is attached and alive. What dead participants held is freed on the way; one whom
    /// another process is cleaning up after at that very moment may still be listed.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(10).role("learner"))?;
    /// let participants = pool.participants()?;
    /// assert_eq!(participants[0].role, "learner");
    /// assert_eq!(participants[0].process, std::process::id());
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn participants(&self) -> Result<Vec<Participant>> {
        self.inner.segment.participants()
    }
}

impl Inner {
    /// Adds to one of this participant's counters.
    #[inline(always)]
    pub(crate) fn count(&self, counter: Counter, by: usize) {
        self.segment.counters()[counter as usize].fetch_add(by as u64, Ordering::Relaxed);
    }
}
