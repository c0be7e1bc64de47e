//! What a snapshot looks like, byte by byte, as `docs/snapshots.md` says it: a header, blocks of records, an
//! end. Nothing that is read is trusted before its checksum was compared.
//!
//! Computes only.

use crate::pool::layout::link::NO_LINK;
use crate::pool::layout::shape::{LARGEST_CAPACITY, LONGEST_NAME, MOST_TABLES};
use crate::pool::layout::slot::LARGEST_KEY;
use crate::tree::LARGEST_LEAF;

const MAGIC: [u8; 8] = *b"MILLSNAP";
const VERSION: u32 = 1;
const BYTE_ORDER: u32 = 0x0102_0304;
/// Bytes of a header before its tables, of each table, and of a checksum.
const FIXED: usize = 56;
const TABLE: usize = LONGEST_NAME + 32;
pub(crate) const CHECKSUM: usize = 4;
/// Of a header's beginning, that says how long it is.
pub(crate) const START: usize = 20;
const LONGEST_HEADER: usize = 1 << 21;
/// Bytes before the body of a block: its length, and how many records it has.
pub(crate) const HEAD: usize = 12;
/// The end is a block of no records with a body of two numbers.
pub(crate) const END_BODY: usize = 16;
/// No limiter counts as far.
pub(crate) const MOST_COUNTED: u64 = 1 << 62;

/// What the beginning of a snapshot says.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Header {
    pub(crate) capacity: u64,
    /// How many records follow.
    pub(crate) records: u64,
    /// Bytes of a record.
    pub(crate) size: u64,
    pub(crate) linked: bool,
    pub(crate) tables: Vec<TableHeader>,
    pub(crate) schema: String,
}

/// What it says of a table.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TableHeader {
    pub(crate) name: String,
    pub(crate) alpha: f32,
    pub(crate) highest: f32,
    pub(crate) limited: bool,
    pub(crate) inserted: u64,
    pub(crate) sampled: u64,
}

impl Header {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let length = FIXED + self.tables.len() * TABLE + self.schema.len() + CHECKSUM;
        let mut bytes = Vec::with_capacity(length);
        let mut put = |number: &[u8]| bytes.extend_from_slice(number);
        put(&MAGIC);
        put(&VERSION.to_le_bytes());
        put(&BYTE_ORDER.to_le_bytes());
        put(&(length as u32).to_le_bytes());
        put(&(self.tables.len() as u32).to_le_bytes());
        put(&self.capacity.to_le_bytes());
        put(&self.records.to_le_bytes());
        put(&self.size.to_le_bytes());
        put(&u32::from(self.linked).to_le_bytes());
        put(&(self.schema.len() as u32).to_le_bytes());
        for table in &self.tables {
            let mut name = [0; LONGEST_NAME];
            name[..table.name.len()].copy_from_slice(table.name.as_bytes());
            put(&name);
            put(&table.alpha.to_le_bytes());
            put(&table.highest.to_le_bytes());
            put(&table.inserted.to_le_bytes());
            put(&table.sampled.to_le_bytes());
            put(&u64::from(table.limited).to_le_bytes());
        }
        put(self.schema.as_bytes());
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// How long the header is that begins so.
    pub(crate) fn length(start: &[u8; START]) -> Result<usize, String> {
        let mut fields = Fields(start);
        if fields.bytes()? != MAGIC {
            return Err("it is no snapshot; name a file that `Pool::save` wrote".into());
        }
        let (version, order) = (fields.u32()?, fields.u32()?);
        if (version, order) != (VERSION, BYTE_ORDER) {
            return Err(format!(
                "it has format version {version} and byte order {order:#x}, and this program reads \
                 {VERSION} and {BYTE_ORDER:#x}; load it with the version that saved it"
            ));
        }
        let length = fields.u32()? as usize;
        match (FIXED + TABLE + CHECKSUM..=LONGEST_HEADER).contains(&length) {
            true => Ok(length),
            false => Err(damaged(format!("its header has {length} bytes"))),
        }
    }

    /// Reads a whole header.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let (bytes, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        if crc32fast::hash(bytes).to_le_bytes() != checksum {
            return Err(damaged("the checksum of its header is another".into()));
        }
        let mut fields = Fields(&bytes[START..]);
        let tables = fields.u32()? as usize;
        let (capacity, records, size) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let (linked, schema) = (fields.u32()? == 1, fields.u32()? as usize);
        let possible = (1..=MOST_TABLES).contains(&tables)
            && (1..=LARGEST_CAPACITY).contains(&capacity)
            && records <= capacity
            && bytes.len() == FIXED + tables * TABLE + schema;
        if !possible {
            return Err(damaged("the numbers of its header contradict".into()));
        }
        let tables: Result<Vec<_>, _> = (0..tables)
            .map(|_| TableHeader::read(&mut fields))
            .collect();
        Ok(Self {
            capacity,
            records,
            size,
            linked,
            tables: tables?,
            schema: text(fields.0)?,
        })
    }

    /// Bytes of a block's body for each record.
    pub(crate) fn bytes_each(&self) -> u64 {
        8 + self.tables.len() as u64 * 8 + u64::from(self.linked) * 8 + self.size
    }

    /// Bytes of a snapshot of which the blocks have so many records each.
    pub(crate) fn length_with(&self, each: usize) -> u64 {
        let header = FIXED + self.tables.len() * TABLE + self.schema.len() + CHECKSUM;
        let blocks = self.records.div_ceil(each as u64) + 1;
        let around = blocks * (HEAD + CHECKSUM) as u64;
        header as u64 + around + self.records * self.bytes_each() + END_BODY as u64
    }
}

impl TableHeader {
    fn read(fields: &mut Fields<'_>) -> Result<Self, String> {
        let name: [u8; LONGEST_NAME] = fields.bytes()?;
        let found = Self {
            name: text(&name)?.trim_end_matches('\0').into(),
            alpha: f32::from_bits(fields.u32()?),
            highest: f32::from_bits(fields.u32()?),
            inserted: fields.u64()?,
            sampled: fields.u64()?,
            limited: fields.u64()? == 1,
        };
        let possible = (0.0..=f32::MAX).contains(&found.alpha)
            && is_leaf(found.highest)
            && found.inserted.max(found.sampled) <= MOST_COUNTED;
        match possible {
            true => Ok(found),
            false => Err(damaged(format!("the numbers of table `{}`", found.name))),
        }
    }
}

/// The head of a block: the length of its body, and its records.
pub(crate) fn head(length: u64, records: u32) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&length.to_le_bytes());
    head[8..].copy_from_slice(&records.to_le_bytes());
    head
}

/// What [`head`] wrote.
pub(crate) fn read_head(head: &[u8; HEAD]) -> Result<(u64, u32), String> {
    let mut fields = Fields(head);
    Ok((fields.u64()?, fields.u32()?))
}

/// The body of the end: how many records there were, and how many bytes in all.
pub(crate) fn end(records: u64, length: u64) -> [u8; END_BODY] {
    let mut body = [0; END_BODY];
    body[..8].copy_from_slice(&records.to_le_bytes());
    body[8..].copy_from_slice(&length.to_le_bytes());
    body
}

/// Whether this can be a leaf.
pub(crate) fn is_leaf(leaf: f32) -> bool {
    (0.0..=LARGEST_LEAF).contains(&leaf)
}

/// Whether these can be keys of records in a row, after one of key `before`.
pub(crate) fn are_keys(before: Option<u64>, keys: &[u64]) -> bool {
    let first = keys.first().copied();
    keys.is_sorted_by(|a, b| a < b)
        && before.is_none_or(|before| first.is_none_or(|first| before < first))
        && keys.last().is_none_or(|&last| last < LARGEST_KEY)
}

/// The number of the record of this key in a file: 0 is no record's, so that a link can lead to none.
pub(crate) fn number_of(key: u64) -> u64 {
    key + 1
}

/// The link of a file for that of the record of `key`: 0 for the first of an episode; the number of the
/// record before it, plus 1; or 1, which leads to no record, where that one's key is not known.
pub(crate) fn link_of(link: u64, key: u64) -> u64 {
    match link {
        NO_LINK => 0,
        // Others lead to no lower key: `DEPARTED`, and whatever a damaged segment has.
        1.. if link <= key => number_of(link - 1) + 1,
        _ => 1,
    }
}

pub(crate) fn damaged(what: String) -> String {
    format!("{what}: it is damaged; load an older one, or save again")
}

fn text(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes);
    text.map(Into::into)
        .map_err(|_| damaged("a name in its header is no text".into()))
}

/// Numbers one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], String> {
        let (bytes, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| damaged("it is too short".into()))?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }
}
