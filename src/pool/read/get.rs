//! Getting a record by its key, under a lease.

use std::sync::atomic::Ordering;

use super::batch::DynBatch;
use crate::error::Result;
use crate::pool::DynPool;
use crate::pool::layout::lease::{is_unchanged, lease_fence};
use crate::pool::layout::slot::{LARGEST_KEY, Slot};

impl DynPool {
    /// Copies the record of `key` into `record`. Returns `false` if it has left the pool, or was never there; then
    /// `record` is as it was.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a buffer of another size;
    /// [`Error::TooManyLeases`](crate::Error::TooManyLeases); [`Error::Forked`](crate::Error::Forked).
    pub fn get(&self, key: u64, record: &mut [u8]) -> Result<bool> {
        self.check_size("the buffer of a record", record.len(), 1)?;
        let Some(batch) = self.lease(key)? else {
            return Ok(false);
        };
        record.copy_from_slice(batch.bytes(0));
        Ok(true)
    }

    /// A batch of the record of `key` alone, whose keys are not set; `None` if there is none.
    pub(crate) fn lease(&self, key: u64) -> Result<Option<DynBatch>> {
        self.inner.segment.check_process()?;
        if key >= LARGEST_KEY {
            return Ok(None);
        }
        let mut batch = DynBatch::new(self);
        batch.begin(&self.inner, self.table, 1)?;
        let parts = self.inner.parts();
        let (slot, word) = (parts.slot_of(key), Slot::Committed(key).to_word());
        self.inner.lease(&batch.taken, 0, slot as u32);
        lease_fence();
        let found = parts.words[slot].load(Ordering::Acquire);
        let mut held = found == word;
        if found == Slot::Marked(key).to_word() {
            // A writer is about to claim it or to pass it over: that is decided under the shard's lock.
            let _guard = self.inner.lock(parts.shards.shard_of(slot))?;
            lease_fence();
            held = is_unchanged(&parts.words[slot], word);
        }
        batch.samples[0].slot = slot as u32;
        Ok(held.then_some(batch))
    }
}
