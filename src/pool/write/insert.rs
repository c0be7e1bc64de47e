//! Inserting records that the caller has: claimed, copied, committed (`claim.rs`).

use super::claim::{CHUNK, Claim};
use crate::error::{Error, Result};
use crate::os::cpu::{CACHE_LINE, prefetch};
use crate::pool::layout::link::NO_LINK;
use crate::pool::layout::new_priority::NewPriority;
use crate::pool::read::column::{self, InputColumn};
use crate::pool::{DynPool, Inner};

/// Records that are inserted one by one come too fast to wait for the lines that each overwrites.
const SLOTS_AHEAD: usize = 2;

/// Where new records come from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// One after the other.
    Rows(&'a [u8]),
    /// Each field of all records.
    Columns(&'a [InputColumn<'a>]),
}

impl DynPool {
    /// Inserts a record, as [`Pool::insert`](crate::Pool::insert) does.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bytes that are not one record; else as
    /// [`Pool::insert`](crate::Pool::insert).
    pub fn insert(&self, record: &[u8]) -> Result<u64> {
        self.check_size("the bytes of a record", record.len(), 1)?;
        self.insert_one(record, NewPriority::Highest, NO_LINK)
    }

    /// Inserts a record with a priority of its own. Returns its key.
    ///
    /// # Errors
    /// [`Error::InvalidPriority`] for a priority that is NaN, infinite, negative or too large, and
    /// what [`insert`](Self::insert) says.
    pub fn insert_with_priority(&self, record: &[u8], priority: f32) -> Result<u64> {
        self.check_size("the bytes of a record", record.len(), 1)?;
        self.check_priorities(&[priority])?;
        self.insert_one(record, NewPriority::Given(self.table, &[priority]), NO_LINK)
    }

    /// Inserts records that lie one after the other in `records`, each with its priority, or all with the highest that
    /// any record ever had. Adds their keys to `keys`, as each finds a slot: after an error `keys` has those that did.
    /// Else as [`Pool::insert_batch`](crate::Pool::insert_batch).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bytes that are not whole records, or not one priority a record;
    /// [`Error::InvalidPriority`]; else as [`insert`](Self::insert).
    pub fn insert_batch(
        &self,
        records: &[u8],
        priorities: Option<&[f32]>,
        keys: &mut Vec<u64>,
    ) -> Result<()> {
        let count = records.len() / self.schema().size();
        self.check_size("the bytes of records", records.len(), count)?;
        let priority = self.new_priorities(count, priorities)?;
        self.insert_many(Source::Rows(records), count, priority, keys)
    }

    /// Inserts records whose fields are in `columns`, one buffer a field, straight into their slots. Fields whose
    /// names begin with `_padding` may be left out, and are zero then. Returns the keys of the records.
    ///
    /// ```
    /// use millpond::pool::{DynPool, InputColumn};
    /// use millpond::{PoolOptions, Schema};
    ///
    /// let schema = Schema::of::<[f32; 2]>();
    /// let pool = DynPool::anonymous(&schema, PoolOptions::new(100))?;
    /// let values = [[1f32, 2.0], [3.0, 4.0]];
    /// let keys = pool.insert_columns(&mut [InputColumn::new("value", &values)], Some(&[0.5, 2.0]))?;
    /// assert_eq!(keys, [0, 1]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WrongColumn`] for a field that the record does not have, that comes twice or is missing, for numbers of
    /// another type, or a buffer of another length than the others; else as [`insert_batch`](Self::insert_batch).
    pub fn insert_columns(
        &self,
        columns: &mut [InputColumn<'_>],
        priorities: Option<&[f32]>,
    ) -> Result<Vec<u64>> {
        let count = column::resolve_inputs(columns, self.schema())?;
        let priority = self.new_priorities(count, priorities)?;
        let mut keys = Vec::with_capacity(count);
        self.insert_many(Source::Columns(columns), count, priority, &mut keys)?;
        Ok(keys)
    }

    /// The priorities of so many new records.
    pub(crate) fn new_priorities<'a>(
        &self,
        count: usize,
        priorities: Option<&'a [f32]>,
    ) -> Result<NewPriority<'a>> {
        let Some(priorities) = priorities else {
            return Ok(NewPriority::Highest);
        };
        if priorities.len() != count {
            return Err(Error::InvalidArgument {
                what: "the number of priorities",
                found: priorities.len().to_string(),
                expected: format!("that of the records, {count}"),
            });
        }
        self.check_priorities(priorities)?;
        Ok(NewPriority::Given(self.table, priorities))
    }

    /// Inserts one record, which has its size, as soon as all rate limiters let it pass.
    pub(crate) fn insert_one(
        &self,
        record: &[u8],
        priority: NewPriority<'_>,
        link: u64,
    ) -> Result<u64> {
        match self.makes_wait() {
            true => {
                let insert = |_| Ok((1, self.inner.insert_now(record, priority, link)?));
                self.insert_when_allowed(1, insert)
            }
            false => self.inner.insert_now(record, priority, link),
        }
    }

    fn insert_many(
        &self,
        source: Source<'_>,
        count: usize,
        priority: NewPriority<'_>,
        keys: &mut Vec<u64>,
    ) -> Result<()> {
        let before = keys.len();
        while keys.len() - before < count {
            let done = keys.len() - before;
            let priority = priority.from(done);
            let mut insert = |count: usize| {
                let claim = self.inner.claim::<CHUNK>(count)?;
                self.inner.fill_from(&claim, source, done);
                self.inner.commit(&claim, priority)?;
                keys.extend_from_slice(claim.keys());
                Ok(claim.count)
            };
            let some = (count - done).min(CHUNK);
            match self.makes_wait() {
                true => self.insert_when_allowed(some, |count| Ok((insert(count)?, ())))?,
                false => {
                    insert(some)?;
                }
            }
        }
        Ok(())
    }
}

impl Inner {
    /// Claims a slot, fills it and commits it.
    fn insert_now(&self, record: &[u8], priority: NewPriority<'_>, link: u64) -> Result<u64> {
        let mut claim = self.claim::<1>(1)?;
        claim.link = link;
        self.prefetch_slot(claim.slots()[0] as usize + SLOTS_AHEAD);
        self.fill(&claim, record);
        self.commit(&claim, priority)?;
        Ok(claim.keys[0])
    }

    /// Asks for a slot that is about to be filled. Of larger records the processor notices by itself
    /// that one line comes after the other.
    #[inline]
    fn prefetch_slot(&self, slot: usize) {
        let (parts, size) = (self.parts(), self.schema().size());
        if size <= 1024 && slot < parts.capacity() {
            let start = parts.record(slot);
            for line in (0..size).step_by(CACHE_LINE) {
                prefetch(start.wrapping_add(line));
            }
        }
    }

    /// Fills claimed slots with records from number `first` on.
    pub(crate) fn fill_from<const MOST: usize>(
        &self,
        claim: &Claim<MOST>,
        source: Source<'_>,
        first: usize,
    ) {
        let size = self.schema().size();
        match source {
            Source::Rows(rows) => {
                self.fill(claim, &rows[first * size..(first + claim.count) * size]);
            }
            Source::Columns(columns) => {
                for (row, &slot) in (first..).zip(claim.slots()) {
                    // SAFETY: the caller's own claim, of which no other reference is made.
                    let record = unsafe { self.claimed(slot as usize) };
                    column::collect(columns, row, record);
                }
            }
        }
    }
}
