//! Copying records into claimed slots: through the cache, or past it where that is faster.
//!
//! A store through the cache fetches the line that it is about to overwrite, which for a slot that nobody
//! used lately costs as much as writing it. A store past the cache does not, but the next reader finds
//! the record in memory only. `docs/performance.md` has the figures behind the two limits.

use crate::os::cpu::{CACHE_LINE, copy_past_cache};
use crate::os::fail_point;
use crate::pool::layout::parts::stride_of;

/// The least bytes of a batch that is stored past the cache: half of that gains or loses, depending on
/// the records' size, as the writer then waits until all of it has arrived.
const LEAST_BATCH: usize = 16 << 10;
/// The least bytes of all slots together: in a pool that fits into the last cache, lines are there
/// already when they are overwritten, and learners read what was written lately.
const LEAST_POOL: usize = 64 << 20;

/// Writes a record of `size` bytes into each slot of a pool that has `capacity` of them.
///
/// # Safety
/// `slots` are addresses of slots of a pool of records of that size, in a region that begins on a cache line. All of
/// them are the caller's: nobody else reads or writes them until this returns.
#[inline]
pub(crate) unsafe fn write_records(
    records: &[u8],
    size: usize,
    slots: impl ExactSizeIterator<Item = *mut u8>,
    capacity: usize,
) {
    let stride = stride_of(size);
    let past_cache = stride.is_multiple_of(CACHE_LINE)
        && slots.len() * stride >= LEAST_BATCH
        && capacity * stride >= LEAST_POOL;
    let records = records.chunks_exact(size);
    if past_cache {
        let from = records.map(<[u8]>::as_ptr);
        // SAFETY: a record has as many bytes as the slice, all initialised. A slot is `stride` bytes,
        // which are whole lines, and the caller's alone, so that no borrowed record lies in it.
        unsafe { copy_past_cache(from.zip(slots), size) };
    } else {
        for (record, slot) in records.zip(slots) {
            // SAFETY: the caller's own slot, which has `size` bytes at least, and no borrowed record lies in it.
            unsafe { slot.copy_from_nonoverlapping(record.as_ptr(), size) };
            fail_point("fill.record");
        }
    }
}
