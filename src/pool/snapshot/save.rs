//! Saving: the cut, then the records in the order of their keys, copied under leases and written with no lock.
//!
//! Reads slots that are leased and checked, or whose record was removed and that the guard keeps. Writes one
//! file.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::cut::Cut;
use super::format::{self, CHECKSUM, END_BODY, HEAD, Header, TableHeader, is_leaf};
use super::guard::Saving;
use super::{Progress, Saved};
use crate::error::{Error, Result};
use crate::os::fail_point;
use crate::pool::layout::lease::lease_fence;
use crate::pool::layout::save_words::is_kept;
use crate::pool::read::batch::DynBatch;
use crate::pool::{DynPool, Inner};

use crate::volume::Target;

/// The least bytes of a block's body, but for the last: it stays in the second cache between copying, its
/// checksum and the system's copy.
const BLOCK_BYTES: u64 = 256 << 10;
/// The most records that are leased at once.
const LEASED: usize = 256;

/// A save on its way.
struct Save<'a> {
    pool: &'a DynPool,
    cut: Cut,
    header: Header,
    target: Target,
    /// The bytes of one block.
    block: Vec<u8>,
}

/// Saves a pool.
pub(crate) fn save(pool: &DynPool, path: &Path, mut progress: Progress<'_>) -> Result<Saved> {
    let inner = &pool.inner;
    inner.segment.check_process()?;
    inner.check_nobody_saves()?;
    let target = Target::create(path, "save a snapshot as")?;
    let mut header = header_of(inner);
    header.records = inner.len() as u64;
    let each = (BLOCK_BYTES / header.bytes_each()).max(1) as usize;
    // A full file system is found before anybody waits.
    target.reserve(header.length_with(each))?;
    let (cut, saving, locked) = Cut::take(inner)?;
    header.records = cut.keys.len() as u64;
    for (table, cut) in header.tables.iter_mut().zip(&cut.tables) {
        (table.highest, table.inserted, table.sampled) = (cut.highest, cut.inserted, cut.sampled);
    }
    let total = header.length_with(each);
    let mut save = Save {
        pool,
        cut,
        header,
        target,
        block: Vec::new(),
    };
    save.write_records(saving, each, |done| progress.report(done, total))?;
    let records = save.header.records;
    save.target
        .write(&framed(0, &format::end(records, total)))?;
    debug_assert_eq!(save.target.written(), total);
    // There may have been more records before the cut.
    save.target.give_back_the_rest()?;
    save.target.publish()?;
    Ok(Saved {
        records: records as usize,
        bytes: total,
        locked,
    })
}

/// What the header says before the cut is taken.
fn header_of(inner: &Inner) -> Header {
    let shape = &inner.parts().shape;
    let tables = shape.tables.iter().map(|table| TableHeader {
        name: table.name.clone(),
        alpha: table.alpha,
        highest: 0.0,
        limited: table.limiter.is_some(),
        inserted: 0,
        sampled: 0,
    });
    Header {
        capacity: shape.capacity,
        records: 0,
        size: inner.schema().size() as u64,
        linked: shape.linked,
        tables: tables.collect(),
        schema: inner.schema().to_string(),
    }
}

/// A short block with its head and checksum.
fn framed(records: u32, body: &[u8; END_BODY]) -> Vec<u8> {
    let mut bytes = format::head(END_BODY as u64, records).to_vec();
    bytes.extend_from_slice(body);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

impl Save<'_> {
    /// Writes the header, and all records `each` by `each`.
    fn write_records(
        &mut self,
        saving: Saving<'_>,
        each: usize,
        mut report: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut leases = DynBatch::new(self.pool);
        let keys = std::mem::take(&mut self.cut.keys);
        self.target.write(&self.header.to_bytes())?;
        for keys in keys.chunks(each) {
            self.pool.inner.segment.check_process()?;
            self.collect(keys, &mut leases)?;
            let last = keys.last().expect("a chunk is not empty");
            fail_point("save.copied");
            saving.advance(last + 1);
            self.target.write(&self.block)?;
            fail_point("save.written");
            let reported = report(self.target.written());
            self.pool.inner.segment.check_process()?; // what it calls may have forked
            if reported.is_break() {
                return Err(Error::Cancelled {
                    what: "a snapshot to be saved".into(),
                });
            }
        }
        Ok(())
    }

    /// Makes a block of the records of these keys.
    fn collect(&mut self, keys: &[u64], leases: &mut DynBatch) -> Result<()> {
        let parts = self.pool.inner.parts();
        let (slot_of, block) = (|key: &u64| parts.slot_of(*key), &mut self.block);
        let body = self.header.bytes_each() * keys.len() as u64;
        block.clear();
        block.extend_from_slice(&format::head(body, keys.len() as u32));
        let numbers = keys.iter().map(|&key| format::number_of(key));
        block.extend(numbers.flat_map(u64::to_le_bytes));
        for table in &self.cut.tables {
            // In a damaged segment a leaf may say anything.
            let leaf = |key| Some(table.leaves[slot_of(key)]).filter(|&leaf| is_leaf(leaf));
            let leaves = keys.iter().map(|key| leaf(key).unwrap_or(0.0));
            block.extend(leaves.flat_map(f32::to_le_bytes));
            let count = |key| table.counts.get(slot_of(key)).copied().unwrap_or(0);
            block.extend(keys.iter().map(count).flat_map(u32::to_le_bytes));
        }
        if let Some(links) = &parts.links {
            // Who claimed the slot wrote its link, and the guard keeps others from claiming it.
            let link = |key| links[slot_of(key)].load(Ordering::Relaxed);
            let links = keys.iter().map(|key| format::link_of(link(key), *key));
            block.extend(links.flat_map(u64::to_le_bytes));
        }
        let mut left = keys;
        while !left.is_empty() {
            let count = copy_some(self.pool, left, leases, block)?;
            left = &left[count..];
        }
        let checksum = crc32fast::hash(block);
        block.extend_from_slice(&checksum.to_le_bytes());
        debug_assert_eq!(block.len(), HEAD + body as usize + CHECKSUM);
        Ok(())
    }
}

/// Appends the records of the first of these keys to `block`; says of how many.
fn copy_some(
    pool: &DynPool,
    keys: &[u64],
    leases: &mut DynBatch,
    block: &mut Vec<u8>,
) -> Result<usize> {
    let (inner, mut count) = (&pool.inner, keys.len().min(LEASED));
    // The batches of this handle may leave few leases.
    while let Err(error) = leases.begin(inner, 0, count) {
        match (error, count) {
            (Error::TooManyLeases { .. }, 2..) => count /= 2,
            (error, _) => return Err(error),
        }
    }
    let parts = inner.parts();
    for (cell, &key) in keys[..count].iter().enumerate() {
        inner.lease(&leases.taken, cell, parts.slot_of(key) as u32);
    }
    lease_fence();
    fail_point("save.leased");
    for &key in &keys[..count] {
        inner.check_kept(key)?;
        let record = parts.record(parts.slot_of(key));
        // SAFETY: the record is there, leased, and checked (lease.rs, step 1); or it was removed, after the
        // last writer of the slot, which the lock has shown, and no other claims the slot while the guard
        // holds its key. So nobody writes it now. It has as many initialised bytes as its type.
        let record = unsafe { std::slice::from_raw_parts(record, inner.schema().size()) };
        block.extend_from_slice(record);
    }
    leases.release();
    Ok(count)
}

impl Inner {
    /// Makes sure that the slot of a leased and guarded key still holds its record.
    fn check_kept(&self, key: u64) -> Result<()> {
        let parts = self.parts();
        let slot = parts.slot_of(key);
        let lock = || self.lock(parts.shards.shard_of(slot));
        match is_kept(&parts.words[slot], key, lock)? {
            true => Ok(()),
            false => Err(self.damaged(format!("slot {slot} lost record {key} while it was saved"))),
        }
    }
}
