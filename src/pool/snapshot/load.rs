//! Loading: everything is read and checked, then read again and inserted.
//!
//! Reads one file. Inserts as everybody does: claims, fills, commits.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::Ordering;

use super::super::claim::{CHUNK, NewPriority};
use super::super::policy::Remover;
use super::super::table::{ABSENT, Table};
use super::super::{Inner, Pool};
use super::format::{self, CHECKSUM, END_BODY, HEAD, Header, START, damaged};
use super::{Loaded, Progress};
use crate::error::{Error, Result};
use crate::record::{Record, Schema};
use crate::tree::{LARGEST_LEAF, SMALLEST_LEAF};

/// What a snapshot says of some records for one table.
pub(in crate::pool) struct SavedTable {
    leaves: Vec<f32>,
    /// How often each record was sampled.
    counts: Vec<u32>,
}

/// Some records of a snapshot.
struct Block<T> {
    keys: Vec<u64>,
    /// One for each table of the snapshot.
    tables: Vec<SavedTable>,
    /// Nothing where the snapshot has no links.
    links: Vec<u64>,
    records: Vec<T>,
}

/// A snapshot that is being read.
struct Reader {
    file: File,
    header: Header,
    length: u64,
    /// Where the first block is.
    start: u64,
    position: u64,
    /// The key, and the number in the file, of the last record that was read.
    last_key: Option<u64>,
    records: u64,
}

/// Why a snapshot is not read.
enum Refusal {
    System(io::Error),
    Wrong(String),
}

type Checked<R> = std::result::Result<R, Refusal>;

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Wrong(reason)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Wrong(damaged("it ends too early".into())),
            _ => Self::System(error),
        }
    }
}

/// Loads a snapshot into a pool.
pub(super) fn load<T: Record>(
    pool: &Pool<T>,
    path: &Path,
    mut progress: Progress<'_>,
) -> Result<Loaded> {
    pool.inner.segment.check_process()?;
    let refuse = |refusal| match refusal {
        Refusal::System(error) => Error::system("load the snapshot", path)(error),
        Refusal::Wrong(reason) => Error::WrongSnapshot {
            path: path.into(),
            reason,
        },
    };
    let mut report = |done, total| match progress.report(done, total).is_break() {
        true => Err(Error::Cancelled {
            what: "a snapshot to be loaded".into(),
        }),
        false => Ok(()),
    };
    let mut reader = Reader::open::<T>(path).map_err(refuse)?;
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

impl Reader {
    fn open<T: Record>(path: &Path) -> Checked<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut bytes = vec![0; START];
        file.read_exact(&mut bytes)?;
        let start = bytes.first_chunk().expect("as many bytes");
        let header = Header::length(start)?;
        bytes.resize(header, 0);
        file.read_exact(&mut bytes[START..])?;
        let header = Header::read(&bytes)?;
        check_records::<T>(&header)?;
        let start = bytes.len() as u64;
        Ok(Self {
            file,
            header,
            length,
            start,
            position: start,
            last_key: None,
            records: 0,
        })
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.start))?;
        (self.position, self.last_key, self.records) = (self.start, None, 0);
        Ok(())
    }

    /// Reads the next block, and checks it; says whether there was one, or else the end.
    fn read<T: Record>(&mut self, block: &mut Block<T>) -> Checked<bool> {
        let mut head = [0; HEAD];
        self.file.read_exact(&mut head)?;
        let (body, count) = format::read_head(&head)?;
        let left = self.header.records - self.records;
        let expected = match count {
            0 => END_BODY as u64,
            _ => u64::from(count) * self.header.bytes_each(),
        };
        // So much is in the file, and no more is made room for.
        let room = (self.length - self.position).checked_sub((HEAD + CHECKSUM) as u64);
        if body != expected || u64::from(count) > left || room.is_none_or(|room| room < body) {
            let what = format!(
                "a block of {count} records and {body} bytes, at {}",
                self.position
            );
            return Err(damaged(what).into());
        }
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&head);
        let mut end = [0; END_BODY];
        match count {
            0 => read_into(&mut self.file, &mut end, &mut checksum)?,
            _ => block.read(&mut self.file, count as usize, &mut checksum)?,
        }
        let mut found = [0; CHECKSUM];
        self.file.read_exact(&mut found)?;
        if checksum.finalize().to_le_bytes() != found {
            let what = format!("the checksum of the block at {}", self.position);
            return Err(damaged(what).into());
        }
        self.position += HEAD as u64 + body + CHECKSUM as u64;
        match count {
            0 if left > 0 || end != format::end(self.header.records, self.position) => {
                Err(damaged("its end is not that of its records".into()).into())
            }
            0 if self.position != self.length => Err(damaged("more follows its end".into()).into()),
            0 => Ok(false),
            _ => {
                block.check(self.last_key)?;
                self.last_key = block.keys.last().copied();
                self.records += u64::from(count);
                Ok(true)
            }
        }
    }
}

/// Whether the records are `T`s.
fn check_records<T: Record>(header: &Header) -> std::result::Result<(), String> {
    let expected = Schema::of::<T>();
    if header.schema == expected.to_string() && header.size == size_of::<T>() as u64 {
        return Ok(());
    }
    let found = Schema::parse(&header.schema).map_err(damaged)?;
    Err(format!(
        "it holds other records than this program expects:\n{}use the same record type, or another \
         snapshot",
        expected.difference(&found)
    ))
}

fn read_into(
    file: &mut File,
    bytes: &mut [u8],
    checksum: &mut crc32fast::Hasher,
) -> io::Result<()> {
    file.read_exact(bytes)?;
    checksum.update(bytes);
    Ok(())
}

impl<T: Record> Block<T> {
    fn new(header: &Header) -> Self {
        let table = |_| SavedTable {
            leaves: Vec::new(),
            counts: Vec::new(),
        };
        Self {
            keys: Vec::new(),
            tables: (0..header.tables.len()).map(table).collect(),
            links: vec![0; usize::from(header.linked)],
            records: Vec::new(),
        }
    }

    /// Reads the body of a block of `count` records.
    fn read(
        &mut self,
        file: &mut File,
        count: usize,
        checksum: &mut crc32fast::Hasher,
    ) -> io::Result<()> {
        let mut read = |bytes: &mut [u8]| read_into(file, bytes, checksum);
        self.keys.resize(count, 0);
        read(bytemuck::cast_slice_mut(&mut self.keys))?;
        for table in &mut self.tables {
            table.leaves.resize(count, 0.0);
            read(bytemuck::cast_slice_mut(&mut table.leaves))?;
            table.counts.resize(count, 0);
            read(bytemuck::cast_slice_mut(&mut table.counts))?;
        }
        if !self.links.is_empty() {
            self.links.resize(count, 0);
            read(bytemuck::cast_slice_mut(&mut self.links))?;
        }
        self.records.resize(count, T::zeroed());
        read(bytemuck::cast_slice_mut(&mut self.records))
    }

    /// Whether a pool can hold this, after a record of key `before`.
    fn check(&self, before: Option<u64>) -> std::result::Result<(), String> {
        let mut leaves = self.tables.iter().flat_map(|table| &table.leaves);
        let links = self.links.iter().zip(&self.keys);
        let possible = format::are_keys(before, &self.keys)
            && leaves.all(|&leaf| format::is_leaf(leaf))
            && links.into_iter().all(|(link, key)| link <= key);
        match possible {
            true => Ok(()),
            false => Err(damaged("its keys, priorities or links cannot be".into())),
        }
    }
}

/// A snapshot on its way into a pool.
struct Loading<'a, T> {
    inner: &'a Inner<T>,
    /// For each table of the pool: which of the snapshot's it is, and the power to which leaves are raised.
    tables: Vec<Option<(usize, f32)>>,
    /// How many records are left out, and how many of these are still to come.
    left_out: usize,
    to_skip: usize,
    /// The old and the new key of each record, if the pool has links.
    keys: Vec<(u64, u64)>,
}

impl<'a, T: Record> Loading<'a, T> {
    fn begin(inner: &'a Inner<T>, header: &Header) -> Self {
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
    fn insert(&mut self, block: &mut Block<T>) -> Result<()> {
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
        let mut next = skipped;
        while next < block.keys.len() {
            let count = (block.keys.len() - next).min(CHUNK);
            let claim = self.inner.claim::<CHUNK>(count)?;
            let these = next..next + claim.count;
            self.inner.fill(&claim, &block.records[these.clone()]);
            self.link(block, these, claim.keys());
            let priority = NewPriority::Saved(&saved, next);
            self.inner.commit(&claim, priority)?;
            next += claim.count;
        }
        Ok(())
    }

    /// Writes the links of records that were just claimed and filled.
    fn link(&mut self, block: &Block<T>, these: std::ops::Range<usize>, new: &[u64]) {
        let parts = self.inner.parts();
        let Some(links) = &parts.links else { return };
        let old = block.keys[these.clone()].iter().copied();
        self.keys.extend(old.zip(new.iter().copied()));
        for (at, &key) in these.zip(new) {
            let link = block.links.get(at).and_then(|link| link.checked_sub(1));
            let found = link.and_then(|link| {
                let place = self.keys.binary_search_by_key(&link, |&(old, _)| old);
                place.ok().map(|place| self.keys[place].1)
            });
            let link = found.map_or(0, |key| key + 1);
            links[parts.slot_of(key)].store(link, Ordering::Relaxed);
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

/// A leaf, or the highest one, of another alpha.
fn raised(leaf: f32, power: f32) -> f32 {
    match (leaf, power) {
        (0.0, _) | (_, 1.0) => leaf,
        _ => leaf.powf(power).clamp(SMALLEST_LEAF, LARGEST_LEAF),
    }
}

impl SavedTable {
    /// Takes leaves and counts as a table with another alpha, and another limit of samples, has them.
    fn fit(leaves: &mut Vec<f32>, counts: &mut Vec<u32>, power: f32, times: u32) -> Self {
        let mut fitted = Self {
            leaves: std::mem::take(leaves),
            counts: std::mem::take(counts),
        };
        for (leaf, count) in fitted.leaves.iter_mut().zip(&fitted.counts) {
            let exhausted = *count == ABSENT || (times > 0 && *count >= times);
            *leaf = if exhausted { 0.0 } else { raised(*leaf, power) };
        }
        fitted
    }
}

impl Table {
    /// Gives slots of one run, in rising order, what a snapshot says of their records, from number `first`
    /// on; what new records have, where it says nothing. Under the lock of their shard.
    pub(in crate::pool) fn restore(&self, slots: &[u32], saved: Option<&SavedTable>, first: usize) {
        let leaves = match saved {
            Some(saved) => &saved.leaves[first..][..slots.len()],
            None => &[self.highest(); CHUNK][..slots.len()],
        };
        self.raise_highest(leaves);
        self.assign_run(slots, leaves);
        for (at, &slot) in slots.iter().enumerate() {
            let count = saved.map_or(0, |saved| saved.counts[first + at]);
            self.set_sampled(slot as usize, count);
        }
    }
}
