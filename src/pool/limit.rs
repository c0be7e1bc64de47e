//! Waiting for the rate limiter, and for room.
//!
//! # The protocol
//! A process that wants to insert or sample first takes its *quota*, under a lock of its own: it notes the number among
//! its own words, does what it wanted, and strikes the number off. The steps are at the head of `quota.rs`. A table
//! counts the records inserted and sampled that its limiter let pass. What a dead participant has noted is given back
//! when a process cleans up after it; sleepers do that. A death may leave the counters wrong by one call, so that one
//! side passes a little earlier and the other a little later than it should. No side waits for ever for that: inserts
//! pass where there are few records, and where a remover makes room samples lag behind; samples pass where nothing goes
//! and the pool is full.
//!
//! A queue, whose samples use its records up, must not be wrong at all, or it would come to a stop after
//! enough deaths. There nothing is counted: what was inserted and not sampled are the records that it
//! holds, less the quotas of participants that are about to take some.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::policy::{RateLimiter, Remover};
use super::{DynPool, Inner};
use crate::error::{Error, Result};
use crate::pool::layout::quota::{Quota, look};
use crate::pool::maintenance::statistics::Counter;
use crate::sync::Event;

/// Who sleeps looks whether somebody died about so often.
const LOOK_FOR_THE_DEAD: Duration = Duration::from_millis(20);
/// As good as without limit.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

impl DynPool {
    /// The rate limiter of the pool, if it has one.
    pub fn rate_limiter(&self) -> Option<RateLimiter> {
        self.inner.parts().tables[self.table].shape.limiter
    }

    /// Whether inserts may have to wait.
    #[inline]
    pub(crate) fn makes_wait(&self) -> bool {
        self.inner.parts().makes_wait
    }

    /// Inserts some of `wanted` records by `insert`, as soon as all limiters let at least one pass and
    /// there is room. It is told how many, and says how many it inserted, and what to give.
    pub(crate) fn insert_when_allowed<R>(
        &self,
        wanted: usize,
        mut insert: impl FnMut(usize) -> Result<(usize, R)>,
    ) -> Result<R> {
        let (quota, done) = self.begin_insert_when_allowed(wanted, &mut insert)?;
        self.inner.strike_insert_quota_off(quota);
        Ok(done)
    }

    /// As [`Self::insert_when_allowed`]; the quota, which it gives too, stays noted.
    pub(crate) fn begin_insert_when_allowed<R>(
        &self,
        wanted: usize,
        mut insert: impl FnMut(usize) -> Result<(usize, R)>,
    ) -> Result<(u64, R)> {
        self.inner.segment.check_process()?;
        let keeps_all = self.inner.parts().shape.remover == Remover::Nothing;
        // Of the table that did not let it pass, or of the first for room.
        let waits_for = Cell::new(0);
        let attempt = || match self.inner.take_insert_quota(wanted as u64) {
            Err(error) => Some(Err(error)),
            Ok(Err(table)) => {
                waits_for.set(table);
                None
            }
            Ok(Ok(quota)) => match insert(quota as usize) {
                Err(error) => {
                    self.inner.give_insert_quota_back(quota);
                    if matches!(error, Error::NoFreeSlot { .. }) && keeps_all {
                        waits_for.set(0);
                        return None;
                    }
                    Some(Err(error))
                }
                Ok((count, done)) => {
                    let count = count as u64;
                    if count < quota {
                        self.inner.give_insert_quota_back(quota - count);
                    }
                    Some(Ok((count, done)))
                }
            },
        };
        self.wait(Counter::InsertWaits, || waits_for.get(), attempt)
    }

    /// Samples by `draw`, as soon as the limiter lets `count` records pass and they are there. A full pool can give
    /// `most` at once.
    pub(crate) fn sample_when_allowed(
        &self,
        limiter: RateLimiter,
        count: usize,
        most: usize,
        mut draw: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let table = self.table;
        let largest = limiter.largest_sample();
        if count as f64 > largest {
            return Err(Error::InvalidArgument {
                what: "the size of a batch",
                found: count.to_string(),
                expected: format!("at most {largest}, or the rate limiter would never let it pass"),
            });
        }
        let attempt = || {
            match self.inner.take_sample_quota(table, &limiter, count as u64) {
                Err(error) => return Some(Err(error)),
                Ok(false) => return None,
                Ok(true) => {}
            }
            let own = Quota(&self.inner.own().sampling[table]);
            let drawn = draw();
            if let Err(forked) = self.inner.segment.check_process() {
                return Some(Err(forked)); // the quota is its parent's
            }
            let words = self.inner.parts().tables[table].words();
            match drawn {
                Ok(()) => own.strike_off(count as u64),
                Err(_) => own.give_back(count as u64, [&words.sampled]),
            }
            match drawn {
                // Others may add what is missing.
                Err(Error::NothingToSample { .. }) => None,
                Err(Error::TooFewRecords { .. }) if count <= most => None,
                done => Some(done),
            }
        };
        self.wait(Counter::SampleWaits, || table, attempt)?;
        self.inner.drained();
        self.inner.grown().notify();
        Ok(())
    }

    /// Tries until `attempt` gives something, for as long as this handle has patience. Sleeps meanwhile
    /// until the other side, of the table that `waits_for` says, has done something.
    fn wait<R>(
        &self,
        side: Counter,
        waits_for: impl Fn() -> usize,
        mut attempt: impl FnMut() -> Option<Result<R>>,
    ) -> Result<R> {
        if let Some(done) = attempt() {
            return done;
        }
        self.inner.count(side, 1);
        let began = Instant::now();
        let limit = self.patience.limit.unwrap_or(FOR_EVER);
        let mut looks = LOOK_FOR_THE_DEAD;
        let found = loop {
            if self.patience.is_cancelled() {
                break Some(Err(Error::Cancelled {
                    what: self.other_side(side, waits_for()),
                }));
            }
            let left = limit.saturating_sub(began.elapsed());
            let event = match side {
                Counter::SampleWaits => self.inner.grown(),
                _ => self.inner.drained_event(waits_for()),
            };
            let found = event.wait_for(left.min(LOOK_FOR_THE_DEAD), || {
                let done = attempt();
                let cancelled = || self.patience.is_cancelled().then_some(None);
                done.map(Some).or_else(cancelled)
            });
            if let Some(Some(done)) = found {
                break Some(done);
            }
            let is_over = began.elapsed() >= limit;
            // The dead may be all that it waits for.
            if self.inner.segment.clean() > 0 || is_over || began.elapsed() >= looks {
                self.inner.settle_all()?;
                looks = began.elapsed() * 2;
            }
            if is_over {
                break attempt();
            }
        };
        self.inner.segment.check_process()?; // the caller's generator may have forked
        let waited = began.elapsed().as_micros() as usize;
        self.inner.count(side.time(), waited);
        found.unwrap_or_else(|| {
            Err(Error::TimedOut {
                what: self.other_side(side, waits_for()),
                waited: limit,
            })
        })
    }

    /// What the other side did not do.
    fn other_side(&self, side: Counter, table: usize) -> String {
        let parts = self.inner.parts();
        let (inserted, sampled) = parts.tables[table].passed();
        let counted = format!(
            "the pool holds {} records, {inserted} were inserted and {sampled} sampled",
            parts.len()
        );
        match side {
            Counter::SampleWaits => format!("inserts by others ({counted})"),
            _ => format!("samples, or removals, by others ({counted})"),
        }
    }
}

impl Inner {
    /// Tells those who wait to insert that something has changed.
    pub(crate) fn drained(&self) {
        for table in 0..self.parts().tables.len() {
            self.drained_event(table).notify();
        }
    }

    fn drained_event(&self, table: usize) -> Event<'_> {
        Event {
            words: &self.parts().tables[table].words().drained,
            channel: &self.drained[table],
        }
    }

    /// Takes the quota for up to `wanted` records; the table whose limiter lets none pass otherwise.
    fn take_insert_quota(&self, wanted: u64) -> Result<std::result::Result<u64, usize>> {
        let parts = self.parts();
        let _guard = self.lock(parts.limiter_lock())?;
        let (inserting, held) = look(self.inserting(), self.is_taken(), || parts.len() as u64);
        let length = inserting.saturating_add(held);
        let mut quota = wanted;
        for (number, table) in parts.tables.iter().enumerate() {
            if let Some(limiter) = &table.shape.limiter {
                let (inserted, sampled) = match parts.shape.is_queue() {
                    true => (length, 0),
                    false => table.passed(),
                };
                quota = quota.min(limiter.room_for_inserts(length, inserted, sampled));
                if quota == 0 {
                    return Ok(Err(number));
                }
            }
        }
        Quota(&self.own().inserting).take(quota, parts.inserted());
        Ok(Ok(quota))
    }

    /// The records that the quota was taken for are inserted.
    pub(crate) fn strike_insert_quota_off(&self, quota: u64) {
        Quota(&self.own().inserting).strike_off(quota);
        self.grown().notify();
    }

    pub(crate) fn give_insert_quota_back(&self, quota: u64) {
        Quota(&self.own().inserting).give_back(quota, self.parts().inserted());
    }

    /// The notes of records that may be inserted and are not inserted yet.
    fn inserting(&self) -> impl Iterator<Item = Quota<'_>> {
        let everybody = self.parts().everybody().iter();
        everybody.map(|own| Quota(&own.inserting))
    }

    /// The notes of records that may be sampled from a table and are not sampled yet.
    fn sampling(&self, table: usize) -> impl Iterator<Item = Quota<'_>> {
        let everybody = self.parts().everybody().iter();
        everybody.map(move |own| Quota(&own.sampling[table]))
    }

    fn is_taken(&self) -> impl Fn(usize) -> bool {
        |entry| self.segment.is_taken(entry)
    }

    fn take_sample_quota(&self, table: usize, limiter: &RateLimiter, count: u64) -> Result<bool> {
        let parts = self.parts();
        let _guard = self.lock(parts.limiter_lock())?;
        let words = parts.tables[table].words();
        let (length, inserted, sampled) = match parts.shape.is_queue() {
            true => {
                let sampling = self.sampling(table);
                let (sampling, length) = look(sampling, self.is_taken(), || parts.len() as u64);
                (length, length, sampling)
            }
            // What is on its way cannot be sampled yet.
            false => {
                let read = || (parts.len() as u64, parts.tables[table].passed());
                let (inserting, read) = look(self.inserting(), self.is_taken(), read);
                let (length, (inserted, sampled)) = read;
                (length, inserted.saturating_sub(inserting), sampled)
            }
        };
        // As inserts pass where there are few records, samples pass where there can be no more.
        let keeps_all = parts.shape.remover == Remover::Nothing;
        let is_full = keeps_all && !parts.shape.is_queue() && parts.len() == parts.capacity();
        if !(is_full || limiter.may_sample(length, inserted, sampled, count)) {
            return Ok(false);
        }
        Quota(&self.own().sampling[table]).take(count, [&words.sampled]);
        Ok(true)
    }
}
