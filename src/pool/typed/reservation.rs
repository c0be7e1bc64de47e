//! A reservation of one slot for a record of a type.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::error::Result;
use crate::pool::DynPool;
use crate::pool::layout::new_priority::NewPriority;
use crate::pool::write::claim::Claim;
use crate::record::Record;

/// A slot that is this process's alone, to be filled in place. Dropping it gives the slot up.
///
/// # Panics
/// Where it is read or written in a child that was forked since: the slot is the parent's.
pub struct Reservation<'a, T: Record> {
    pool: &'a DynPool,
    /// Holds one key; none once committed.
    claim: Claim<1>,
    /// What rate limiters let pass for it.
    quota: u64,
    holds: PhantomData<fn(T) -> T>,
}

impl<'a, T: Record> Reservation<'a, T> {
    pub(crate) fn new(pool: &'a DynPool) -> Result<Self> {
        let claim = || pool.inner.claim::<1>(1);
        let (quota, claim) = match pool.makes_wait() {
            true => pool.begin_insert_when_allowed(1, |_| Ok((1, claim()?)))?,
            false => (0, claim()?),
        };
        Ok(Self {
            pool,
            claim,
            quota,
            holds: PhantomData,
        })
    }

    /// The key that the record will have.
    pub fn key(&self) -> u64 {
        self.claim.keys[0]
    }

    /// Makes the record part of the pool, with the highest priority that any record ever had. Gives
    /// its key.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    pub fn commit(self) -> Result<u64> {
        self.finish(NewPriority::Highest)
    }

    /// Makes the record part of the pool. Gives its key.
    ///
    /// # Errors
    /// [`Error::InvalidPriority`](crate::Error::InvalidPriority) (the reservation is given up), [`Error::Forked`](crate::Error::Forked).
    pub fn commit_with_priority(self, priority: f32) -> Result<u64> {
        self.pool.check_priorities(&[priority])?;
        let table = self.pool.table;
        self.finish(NewPriority::Given(table, &[priority]))
    }

    /// As [`commit`](Self::commit), in a pool with links, and as the record that comes after that of
    /// `previous` in its episode; `None` where it is the first. See [`Pool::insert_after`](crate::Pool::insert_after). The previous
    /// record has to be older than the reservation: its key is below [`key`](Self::key).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) as [`Pool::insert_after`](crate::Pool::insert_after) (the
    /// reservation is given up), [`Error::Forked`](crate::Error::Forked).
    pub fn commit_after(mut self, previous: Option<u64>) -> Result<u64> {
        self.claim.link = self.pool.link_below(self.key(), previous)?;
        self.commit()
    }

    fn finish(mut self, priority: NewPriority<'_>) -> Result<u64> {
        let key = self.key();
        self.pool.inner.commit(&self.claim, priority)?;
        self.claim.count = 0;
        if self.quota > 0 {
            self.pool.inner.strike_insert_quota_off(self.quota);
        }
        Ok(key)
    }

    /// # Panics
    /// In a forked child: the slot is the parent's.
    fn address(&self) -> *mut T {
        assert!(
            self.pool.inner.segment.is_ours(),
            "this reservation is the parent's"
        );
        let parts = self.pool.inner.parts();
        parts.record(parts.slot_of(self.key())).cast()
    }
}

impl<T: Record> Deref for Reservation<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the slot is claimed for `self` (lease.rs, step 2), so no reader passes its check
        // and no writer claims it; any bytes are a `T`; stride and region are aligned for it.
        unsafe { &*self.address() }
    }
}

impl<T: Record> DerefMut for Reservation<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and `&mut self` excludes every other reference from here.
        unsafe { &mut *self.address() }
    }
}

impl<T: Record> Drop for Reservation<'_, T> {
    fn drop(&mut self) {
        if self.claim.count > 0 {
            self.pool.inner.give_up(self.key());
            if self.quota > 0 && self.pool.inner.segment.is_ours() {
                self.pool.inner.give_insert_quota_back(self.quota);
                self.pool.inner.drained();
            }
        }
    }
}
