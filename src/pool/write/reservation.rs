//! Reservations: claimed slots that the caller fills in place.
//!
//! With `typed/reservation.rs` the only place that gives out `&mut` to shared memory, and only to slots that are
//! claimed for it.

use std::sync::atomic::Ordering;

use super::claim::{CHUNK, Claim};
use super::insert::Source;
use crate::error::{Error, Result};
use crate::pool::DynPool;
use crate::pool::layout::link::LINKS_ARE_WRITTEN;
use crate::pool::layout::new_priority::NewPriority;
use crate::pool::read::column::{self, InputColumn};
use crate::record::Schema;

impl DynPool {
    /// Reserves `count` slots to be filled in place. Their keys are known before the records are in the pool.
    ///
    /// No process samples the slots until [`DynReservation::commit`]. If this process dies before, the ring
    /// reclaims the slots. Where a rate limiter makes inserts wait, it waits until it has all of them.
    ///
    /// ```
    /// use millpond::pool::DynPool;
    /// use millpond::{PoolOptions, Schema};
    ///
    /// let pool = DynPool::anonymous(&Schema::of::<[u8; 4]>(), PoolOptions::new(100))?;
    /// let mut slots = pool.reserve(2)?;
    /// slots.get_mut(0).copy_from_slice(&[1, 2, 3, 4]);
    /// slots.get_mut(1).copy_from_slice(&[5, 6, 7, 8]);
    /// let keys = slots.keys().to_vec();
    /// assert!(pool.is_empty());
    /// slots.commit(None)?;
    /// assert_eq!((keys, pool.len()), (vec![0, 1], 2));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a `count` of 0, or above the capacity; else as
    /// [`Pool::insert`](crate::Pool::insert). After an error no slot is reserved, but the records that had to make room
    /// for those that were found before are gone.
    pub fn reserve(&self, count: usize) -> Result<DynReservation> {
        self.inner.segment.check_process()?;
        if !(1..=self.capacity()).contains(&count) {
            let expected = format!("1 to {}, the pool's capacity", self.capacity());
            return Error::invalid("the number of slots", count.to_string(), expected);
        }
        let mut reservation = DynReservation {
            pool: self.clone(),
            claims: Vec::new(),
            keys: Vec::with_capacity(count),
            quota: 0,
        };
        while reservation.len() < count {
            let wanted = (count - reservation.len()).min(CHUNK);
            let claim = |wanted| self.inner.claim::<CHUNK>(wanted);
            let claim = match self.makes_wait() {
                false => claim(wanted)?,
                true => {
                    let claim = |allowed| claim(allowed).map(|claim| (claim.count, claim));
                    let (_, claim) = self.begin_insert_when_allowed(wanted, claim)?;
                    reservation.quota += claim.count as u64;
                    claim
                }
            };
            reservation.keys.extend_from_slice(claim.keys());
            reservation.claims.push(claim);
        }
        Ok(reservation)
    }
}

/// Slots that are this process's alone, to be filled in place. Dropping it gives the slots up.
///
/// It owns what it needs of the pool's handle. In a child that was forked since, the slots are the parent's: see the
/// methods.
pub struct DynReservation {
    pool: DynPool,
    /// Those that are committed have no slots.
    claims: Vec<Claim<CHUNK>>,
    keys: Vec<u64>,
    /// What rate limiters let pass for it.
    quota: u64,
}

impl DynReservation {
    /// How many slots there are.
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that the records will have. They rise, but may leave some out.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// What a record is.
    pub fn schema(&self) -> &Schema {
        self.pool.schema()
    }

    /// The bytes of slot number `index`: those of an older record, or zeros, until they are written.
    ///
    /// # Panics
    /// Where `index` is not below [`len`](Self::len), or in a child that was forked since.
    pub fn get_mut(&mut self, index: usize) -> &mut [u8] {
        assert!(index < self.len(), "slot {index} of {}", self.len());
        assert!(
            self.pool.inner.segment.is_ours(),
            "this reservation is the parent's"
        );
        let slot = self.pool.inner.parts().slot_of(self.keys[index]);
        // SAFETY: the slot is claimed for `self`, in this process, and `&mut self` excludes every other reference.
        unsafe { self.pool.inner.claimed(slot) }
    }

    /// Writes fields of all records from buffers, one buffer a field. Fields whose names begin with `_padding` may be
    /// left out, and are zero then.
    ///
    /// # Errors
    /// [`Error::WrongColumn`] as [`DynPool::insert_columns`]; [`Error::InvalidArgument`] for buffers of another number
    /// of records; [`Error::Forked`]. Nothing is written then.
    pub fn write_columns(&mut self, columns: &mut [InputColumn<'_>]) -> Result<()> {
        self.pool.inner.segment.check_process()?;
        let count = column::resolve_inputs(columns, self.schema())?;
        if count != self.len() {
            let expected = format!("{}, one for each slot", self.len());
            return Error::invalid("the number of records", count.to_string(), expected);
        }
        let mut done = 0;
        for claim in &self.claims {
            let source = Source::Columns(columns);
            self.pool.inner.fill_from(claim, source, done);
            done += claim.count;
        }
        Ok(())
    }

    /// Makes the records part of the pool, each with its priority, or all with the highest that any record ever had.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where there is not one priority a record; [`Error::InvalidPriority`] (the reservation
    /// is given up in both cases); [`Error::Forked`].
    pub fn commit(mut self, priorities: Option<&[f32]>) -> Result<()> {
        let pool = self.pool.clone();
        let priority = pool.new_priorities(self.len(), priorities)?;
        self.finish(priority)
    }

    /// As [`commit`](Self::commit), in a pool with links, and each record as the one that comes after that of the key
    /// in `previous` in its episode; `None` where it is the first. A record may come after another of this
    /// reservation, if its key is higher.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] as [`DynPool::insert_after`], or where there is not one key a record; else as
    /// [`commit`](Self::commit).
    pub fn commit_after(
        mut self,
        previous: &[Option<u64>],
        priorities: Option<&[f32]>,
    ) -> Result<()> {
        if previous.len() != self.len() {
            let expected = format!("{}, one for each record", self.len());
            let found = previous.len().to_string();
            return Error::invalid("the number of previous keys", found, expected);
        }
        let pool = self.pool.clone();
        let priority = pool.new_priorities(self.len(), priorities)?;
        self.pool.inner.segment.check_process()?;
        for (&key, &previous) in self.keys.iter().zip(previous) {
            let link = pool.link_below(key, previous)?;
            let parts = pool.inner.parts();
            if let Some(links) = &parts.links {
                links[parts.slot_of(key)].store(link, Ordering::Relaxed);
            }
        }
        for claim in &mut self.claims {
            claim.link = LINKS_ARE_WRITTEN;
        }
        self.finish(priority)
    }

    fn finish(&mut self, priority: NewPriority<'_>) -> Result<()> {
        let mut done = 0;
        for claim in &mut self.claims {
            self.pool.inner.commit(claim, priority.from(done))?;
            done += std::mem::take(&mut claim.count);
        }
        let quota = std::mem::take(&mut self.quota);
        if quota > 0 {
            self.pool.inner.strike_insert_quota_off(quota);
        }
        Ok(())
    }
}

impl Drop for DynReservation {
    fn drop(&mut self) {
        let inner = &self.pool.inner;
        for key in self.claims.iter().flat_map(Claim::keys) {
            inner.give_up(*key);
        }
        if self.quota > 0 && inner.segment.is_ours() {
            inner.give_insert_quota_back(self.quota);
            inner.drained();
        }
    }
}

impl std::fmt::Debug for DynReservation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DynReservation")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
