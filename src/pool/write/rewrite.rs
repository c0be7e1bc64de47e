//! Rewriting a record that is in the pool, as hindsight and relabelling need it.
//!
//! The protocol is at the head of `rewriting.rs`; here are the drafts, the locks and the time limit.

use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use super::claim::PeersMet;
use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::pool::layout::rewriting::Note;
use crate::pool::{DynPool, Inner};

/// The longest sleep between two looks whether a batch has let go of the record.
const LONGEST_SLEEP: Duration = Duration::from_millis(5);

impl DynPool {
    /// Puts `record` in the place of the record of `key`, as [`Pool::rewrite`](crate::Pool::rewrite) does. Returns
    /// whether that was there. Its key and its priorities stay.
    ///
    /// ```
    /// use std::time::Duration;
    /// use millpond::pool::DynPool;
    /// use millpond::{PoolOptions, Schema};
    ///
    /// let pool = DynPool::anonymous(&Schema::of::<u16>(), PoolOptions::new(100))?;
    /// let key = pool.insert(&[7, 0])?;
    /// assert!(pool.replace(key, Duration::from_secs(1), &[8, 0])?);
    /// let mut record = [0; 2];
    /// assert!(pool.get(key, &mut record)?);
    /// assert_eq!(record, [8, 0]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bytes that are not one record; else as [`Pool::rewrite`](crate::Pool::rewrite).
    pub fn replace(&self, key: u64, limit: Duration, record: &[u8]) -> Result<bool> {
        self.check_size("the bytes of a record", record.len(), 1)?;
        let inner = &self.inner;
        inner.segment.check_process()?;
        let drafting = inner.drafting.lock();
        let _drafting = drafting.unwrap_or_else(PoisonError::into_inner);
        inner.await_predecessor()?;
        let entry = inner.segment.owner().entry();
        let draft = inner.parts().draft(entry);
        // SAFETY: the participant's own draft, which only its threads write, one at a time (the mutex);
        // the repair of a predecessor is over. It is as long as a record.
        unsafe { draft.copy_from_nonoverlapping(record.as_ptr(), record.len()) };
        fail_point("rewrite.drafted");
        let began = Instant::now();
        let mut sleep = Duration::from_micros(50);
        loop {
            match inner.put_in_place(key, entry)? {
                Some(done) => return Ok(done),
                None if began.elapsed() >= limit => {
                    return Err(Error::TimedOut {
                        what: format!("a batch that holds record {key}"),
                        waited: limit,
                    });
                }
                None => thread::sleep(sleep),
            }
            inner.segment.clean();
            sleep = (sleep * 2).min(LONGEST_SLEEP);
        }
    }
}

impl Inner {
    /// Waits for the repair after a participant that had this entry before and died.
    fn await_predecessor(&self) -> Result<()> {
        if let Some(key) = Note(&self.own().rewriting).key() {
            let parts = self.parts();
            drop(self.lock(parts.shards.shard_of(parts.slot_of(key)))?);
        }
        Ok(())
    }

    /// Steps 2 and 3. Returns `true` if the record was there, and `None` if it is leased.
    fn put_in_place(&self, key: u64, entry: usize) -> Result<Option<bool>> {
        let parts = self.parts();
        let slot = parts.slot_of(key);
        let _guard = self.lock(parts.shards.shard_of(slot))?;
        Ok(Note(&self.own().rewriting).put_in_place(
            key,
            &parts.words[slot],
            || self.leased(slot, 1, &mut PeersMet::default()) != 0,
            // SAFETY: the slot is marked and not leased, so no reader passes its check; the lock keeps writers
            // away. The draft is the participant's own, and whole.
            || unsafe { parts.copy_draft(entry, slot) },
        ))
    }
}
