//! Reading a snapshot: block by block, each compared with its checksum, and with what can be in a pool.
//!
//! Reads one file; knows no pool.

use crate::pool::layout::saved_table::SavedTable;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::format::{self, CHECKSUM, END_BODY, HEAD, Header, START, damaged};
use crate::os;
use crate::record::Schema;

/// Some records of a snapshot.
pub(crate) struct Block {
    pub(crate) keys: Vec<u64>,
    /// One for each table of the snapshot.
    pub(crate) tables: Vec<SavedTable>,
    /// Nothing where the snapshot has no links.
    pub(crate) links: Vec<u64>,
    /// The bytes of the records, one after the other.
    pub(crate) records: Vec<u8>,
}

/// A snapshot that is being read.
pub(crate) struct Reader {
    file: File,
    pub(crate) header: Header,
    pub(crate) length: u64,
    /// Where the first block is.
    start: u64,
    pub(crate) position: u64,
    /// The key, and the number in the file, of the last record that was read.
    last_key: Option<u64>,
    records: u64,
}

/// Why a snapshot is not read.
pub(crate) enum Refusal {
    System(io::Error),
    Wrong(String),
}

pub(crate) type Checked<R> = std::result::Result<R, Refusal>;

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

impl Reader {
    /// Opens a snapshot of records as `expected`.
    pub(crate) fn open(path: &Path, expected: &Schema) -> Checked<Self> {
        let mut file = os::open_regular(path)?;
        let length = file.metadata()?.len();
        let mut bytes = vec![0; START];
        file.read_exact(&mut bytes)?;
        let start = bytes.first_chunk().expect("as many bytes");
        let header = Header::length(start)?;
        bytes.resize(header, 0);
        file.read_exact(&mut bytes[START..])?;
        let header = Header::read(&bytes)?;
        check_records(&header, expected)?;
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

    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.start))?;
        (self.position, self.last_key, self.records) = (self.start, None, 0);
        Ok(())
    }

    /// Reads the next block, and checks it; says whether there was one, or else the end.
    pub(crate) fn read(&mut self, block: &mut Block) -> Checked<bool> {
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
            _ => block.read(&mut self.file, &self.header, count as usize, &mut checksum)?,
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

/// Whether the records are as `expected`.
fn check_records(header: &Header, expected: &Schema) -> std::result::Result<(), String> {
    if header.schema == expected.to_string() && header.size == expected.size() as u64 {
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

impl Block {
    pub(crate) fn new(header: &Header) -> Self {
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
        header: &Header,
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
        self.records.resize(count * header.size as usize, 0);
        read(&mut self.records)
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
