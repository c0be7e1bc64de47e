//! Loading: everything is read and checked, then read again and inserted.
//!
//! Inserts as everybody does: claims, fills, commits.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::format::Header;
use super::read::{Block, Reader, Refusal};
use super::{Loaded, Progress};
use crate::error::{Error, Result};
use crate::pool::layout::link::{DEPARTED, LINKS_ARE_WRITTEN, NO_LINK};
use crate::pool::layout::new_priority::NewPriority;
use crate::pool::layout::saved_table::{SavedTable, is_used_up, raised};
use crate::pool::layout::table::Table;
use crate::pool::policy::Remover;
use crate::pool::write::claim::CHUNK;
use crate::pool::{DynPool, Inner};

/// Loads a snapshot into a pool.
pub(crate) fn load(pool: &DynPool, path: &Path, mut progress: Progress<'_>) -> Result<Loaded> {
    pool.inner.segment.check_process()?;
    let refuse = |refusal| match refusal {
        Refusal::System(error) => Error::system("load the snapshot", path)(error),
        Refusal::Wrong(reason) => Error::WrongSnapshot {
            path: path.into(),
            reason,
        },
    };
    let mut report = |done, total| {
        let reported = progress.report(done, total);
        // What it calls may have forked. The child would move the place at which its parent reads.
        pool.inner.segment.check_process()?;
        match reported.is_break() {
            true => Err(Error::Cancelled {
                what: "a snapshot to be loaded".into(),
            }),
            false => Ok(()),
        }
    };
    let mut reader = Reader::open(path, pool.schema()).map_err(refuse)?;
    let (length, mut block) = (reader.length, Block::new(&reader.header));
    while reader.read(&mut block).map_err(refuse)? {
        report(reader.position, 2 * length)?;
    }
    reader.rewind().map_err(|error| refuse(error.into()))?;
    let mut loading = Loading::begin(&pool.inner, &reader.header);
    while reader.read(&mut block).map_err(refuse)? {
        loading.insert(&mut block)?;
        report(length + reader.position, 2 * length)?;
    }
    loading.count(&reader.header);
    Ok(Loaded {
        records: reader.header.records as usize - loading.left_out,
        left_out: loading.left_out,
    })
}

/// A snapshot on its way into a pool.
struct Loading<'a> {
    inner: &'a Inner,
    /// For each table of the pool: which of the snapshot's it is, and the power to which leaves are raised.
    tables: Vec<Option<(usize, f32)>>,
    /// How many records are left out, and how many of these are still to come.
    left_out: usize,
    to_skip: usize,
    /// The old and the new key of each record, if the pool has links.
    keys: Vec<(u64, u64)>,
}

impl<'a> Loading<'a> {
    fn begin(inner: &'a Inner, header: &Header) -> Self {
        let parts = inner.parts();
        let room = match parts.shape.remover {
            Remover::Nothing => parts.capacity() - inner.len(),
            _ => parts.capacity(),
        };
        let left_out = (header.records as usize).saturating_sub(room);
        let mut tables = Vec::new();
        for table in &parts.tables {
            let mut saved = header.tables.iter();
            let found = saved.position(|saved| saved.name == table.shape.name);
            tables.push(found.map(|number| {
                let saved = &header.tables[number];
                let power = match saved.alpha {
                    // All leaves are 0 or 1 there, and stay so.
                    0.0 => 1.0,
                    alpha => table.shape.alpha / alpha,
                };
                table.raise_highest(&[raised(saved.highest, power)]);
                (number, power)
            }));
        }
        Self {
            inner,
            tables,
            left_out,
            to_skip: left_out,
            keys: Vec::new(),
        }
    }

    /// Inserts the records of a block that are not left out. Uses its priorities up.
    fn insert(&mut self, block: &mut Block) -> Result<()> {
        let skipped = self.to_skip.min(block.keys.len());
        self.to_skip -= skipped;
        if skipped == block.keys.len() {
            return Ok(());
        }
        let mut place = |table: &Table, found: &Option<(usize, f32)>| {
            let (number, power) = (*found)?;
            let saved = &mut block.tables[number];
            let (leaves, counts) = (&mut saved.leaves, &mut saved.counts);
            Some(SavedTable::fit(leaves, counts, power, table.shape.times))
        };
        let tables = self.inner.parts().tables.iter().zip(&self.tables);
        let saved: Vec<_> = tables.map(|(table, found)| place(table, found)).collect();
        let tables = &self.inner.parts().tables;
        let is_nowhere = |at: usize| {
            let mut of_pool = tables.iter().zip(&saved);
            of_pool.all(|(table, saved)| {
                let saved = saved.as_ref();
                saved.is_some_and(|saved| is_used_up(saved.counts[at], table.shape.times))
            })
        };
        let mut next = skipped;
        while next < block.keys.len() {
            let some = (next..block.keys.len()).take(CHUNK);
            let count = some.take_while(|&at| !is_nowhere(at)).count();
            if count == 0 {
                self.left_out += 1;
                next += 1;
                continue;
            }
            let mut claim = self.inner.claim::<CHUNK>(count)?;
            claim.link = LINKS_ARE_WRITTEN;
            let these = next..next + claim.count;
            let size = self.inner.schema().size();
            let records = &block.records[these.start * size..these.end * size];
            self.inner.fill(&claim, records);
            self.link(block, these, claim.keys());
            let priority = NewPriority::Saved(&saved, next);
            self.inner.commit(&claim, priority)?;
            next += claim.count;
        }
        Ok(())
    }

    /// Writes the links of records that were just claimed and filled.
    fn link(&mut self, block: &Block, these: Range<usize>, new: &[u64]) {
        let parts = self.inner.parts();
        let Some(links) = &parts.links else { return };
        let old = block.keys[these.clone()].iter().copied();
        self.keys.extend(old.zip(new.iter().copied()));
        for (at, &key) in these.zip(new) {
            // A snapshot of a pool without links has none: there each record is an episode.
            let saved = block.links.get(at).map_or(NO_LINK, |&link| link);
            let link = self.link_of(saved);
            links[parts.slot_of(key)].store(link, Ordering::Relaxed);
        }
    }

    /// The link in this pool that corresponds to a saved one.
    fn link_of(&self, saved: u64) -> u64 {
        let Some(old) = saved.checked_sub(1) else {
            return NO_LINK;
        };
        match self.keys.binary_search_by_key(&old, |&(old, _)| old) {
            Ok(place) => self.keys[place].1 + 1,
            // It had left before the snapshot, or was left out of this pool.
            Err(_) => DEPARTED,
        }
    }

    /// Adds what rate limiters have counted.
    fn count(&self, header: &Header) {
        let loaded = header.records - self.left_out as u64;
        for (table, found) in self.inner.parts().tables.iter().zip(&self.tables) {
            if table.shape.limiter.is_none() {
                continue;
            }
            let saved = found.map(|(number, _)| &header.tables[number]);
            let (inserted, sampled) = match saved.filter(|saved| saved.limited) {
                // What is left out is as if it had been removed.
                Some(saved) if table.shape.times > 0 => (
                    saved.inserted.saturating_sub(self.left_out as u64),
                    saved.sampled,
                ),
                Some(saved) => (saved.inserted, saved.sampled),
                None => (loaded, 0),
            };
            let words = table.words();
            words.sampled.fetch_add(sampled, Ordering::Relaxed);
            words.inserted.fetch_add(inserted, Ordering::Relaxed);
        }
        self.inner.drained();
        self.inner.grown().notify();
    }
}
