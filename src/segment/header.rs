//! The header of a segment: what it says, and the checks that a file passes before anything else
//! of it is touched.
//!
//! Everything here is written before the segment is published and never again. Participants copy
//! it out when they attach and do not read it twice. Touches bytes only, no mapping.

use std::io::{Read, Seek, SeekFrom};

use bytemuck::{Pod, Zeroable};

use super::Lifetime;
use crate::error::{Error, Result};
use crate::record::Schema;
use crate::sync::Owner;

/// The version of everything that lies in a segment. A program opens its own version only.
pub(crate) const FORMAT: u32 = 3;
/// The bytes of the fixed part.
pub(crate) const HEADER_BYTES: usize = size_of::<RawHeader>();
/// How long the text of a schema may be.
pub(crate) const LONGEST_SCHEMA: usize = 1 << 20;
/// How many locks a structure may have.
const MOST_LOCKS: usize = 64;
/// How many numbers a structure may keep in the header.
pub(crate) const PARAMETERS: usize = 64;

const MAGIC: [u8; 8] = *b"MILLPOND";
/// Reads as another number where the bytes of an integer lie the other way round.
const BYTE_ORDER: u32 = 0x0102_0304;

/// The fixed part as it lies at the segment's beginning.
#[derive(Clone, Copy)]
#[repr(C)]
struct RawHeader {
    magic: [u8; 8],
    format: u32,
    byte_order: u32,
    /// Covers the rest of the fixed part and the schema.
    checksum: u64,
    /// Logical length of the whole segment, in bytes.
    length: u64,
    nonce: u64,
    /// Microseconds since 1970.
    created: u64,
    /// The structure's name, filled up with zeros.
    kind: [u8; 16],
    lifetime: u32,
    participants: u32,
    /// What the structure computes its layout from.
    parameters: [u64; PARAMETERS],
    schema_bytes: u64,
    locks: u64,
    reserved: [u64; 5],
}

/// The sum of the fields' sizes: there is no padding.
const _: () = assert!(size_of::<RawHeader>() == 8 + 2 * 4 + 4 * 8 + 16 + 2 * 4 + 71 * 8);

// SAFETY: integers and arrays of them, for which zero is a value.
unsafe impl Zeroable for RawHeader {}
// SAFETY: integers and arrays of them, without padding (see the assertion), `repr(C)`.
unsafe impl Pod for RawHeader {}

/// The header as a process keeps it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Header {
    /// The structure in the segment.
    pub(crate) kind: String,
    pub(crate) length: u64,
    /// Tells this segment from every other one, also of the same name.
    pub(crate) nonce: u64,
    /// Microseconds since 1970.
    pub(crate) created: u64,
    pub(crate) lifetime: Lifetime,
    /// Entries of the participant table.
    pub(crate) participants: usize,
    pub(crate) parameters: [u64; PARAMETERS],
    /// Locks of the structure's parts.
    pub(crate) locks: usize,
    /// The records' schema, as text; empty for a structure without records.
    pub(crate) schema: String,
}

impl Header {
    /// The schema of the records, or what is wrong with it.
    pub(crate) fn record_schema(&self) -> std::result::Result<Schema, String> {
        Schema::parse(&self.schema).map_err(|why| format!("its schema: {why}"))
    }

    /// The bytes with which the segment begins: the fixed part, and the schema after it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut kind = [0; 16];
        kind[..self.kind.len()].copy_from_slice(self.kind.as_bytes());
        let mut raw = RawHeader {
            magic: MAGIC,
            format: FORMAT,
            byte_order: BYTE_ORDER,
            checksum: 0,
            length: self.length,
            nonce: self.nonce,
            created: self.created,
            kind,
            lifetime: self.lifetime as u32,
            participants: self.participants as u32,
            parameters: self.parameters,
            schema_bytes: self.schema.len() as u64,
            locks: self.locks as u64,
            reserved: [0; 5],
        };
        raw.checksum = raw.sum(self.schema.as_bytes());
        [bytemuck::bytes_of(&raw), self.schema.as_bytes()].concat()
    }

    /// Whether there are as many participants and locks as there can be.
    pub(super) fn check_counts(&self) -> std::result::Result<(), String> {
        let counts = [
            ("participants", self.participants, Owner::MAX_ENTRIES - 1),
            ("locks", self.locks, MOST_LOCKS),
        ];
        for (what, found, most) in counts {
            if found == 0 || found > most {
                return Err(format!("it has {found} {what}, not 1 to {most}"));
            }
        }
        Ok(())
    }

    /// Reads and checks the header of the file of segment `name`.
    pub(crate) fn read(name: &str, file: &mut (impl Read + Seek)) -> Result<Self> {
        let damaged = |reason: String| Error::Damaged {
            name: name.into(),
            reason,
        };
        let unreadable = |error: std::io::Error| damaged(format!("it cannot be read: {error}"));
        let found = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        file.rewind().map_err(unreadable)?;
        if found < HEADER_BYTES as u64 {
            return Err(damaged(format!(
                "a header takes {HEADER_BYTES} bytes, and the file has {found}"
            )));
        }
        let mut raw = RawHeader::zeroed();
        file.read_exact(bytemuck::bytes_of_mut(&mut raw))
            .map_err(unreadable)?;
        raw.check_format(name)?;
        if raw.length != found {
            return Err(damaged(format!(
                "its header says {} bytes, and the file has {found}",
                raw.length
            )));
        }
        let longest = LONGEST_SCHEMA.min((found as usize).saturating_sub(HEADER_BYTES));
        if raw.schema_bytes > longest as u64 {
            return Err(damaged(format!(
                "a schema of {} bytes does not fit",
                raw.schema_bytes
            )));
        }
        let mut schema = vec![0; raw.schema_bytes as usize];
        file.read_exact(&mut schema).map_err(unreadable)?;
        if raw.checksum != raw.sum(&schema) {
            return Err(damaged("the header's checksum is wrong".into()));
        }
        let header = raw.decode(schema).map_err(damaged)?;
        header.check_counts().map_err(damaged)?;
        Ok(header)
    }
}

impl RawHeader {
    /// Whether this program can read the rest at all.
    fn check_format(&self, name: &str) -> Result<()> {
        let wrong = |what, expected: String, found: String| Error::WrongFormat {
            name: name.into(),
            what,
            expected,
            found,
        };
        if self.magic != MAGIC {
            return Err(Error::Damaged {
                name: name.into(),
                reason: "it does not begin as a segment does".into(),
            });
        }
        if self.byte_order != BYTE_ORDER {
            return Err(wrong(
                "byte order",
                format!("{BYTE_ORDER:#010x}"),
                format!("{:#010x}", self.byte_order),
            ));
        }
        if self.format != FORMAT {
            return Err(wrong(
                "format version",
                FORMAT.to_string(),
                self.format.to_string(),
            ));
        }
        Ok(())
    }

    fn decode(&self, schema: Vec<u8>) -> std::result::Result<Header, String> {
        let kind: Vec<u8> = self.kind.iter().copied().take_while(|&b| b != 0).collect();
        Ok(Header {
            kind: String::from_utf8(kind).map_err(|_| "its kind is not text")?,
            length: self.length,
            nonce: self.nonce,
            created: self.created,
            lifetime: match self.lifetime {
                0 => Lifetime::UntilUnlinked,
                1 => Lifetime::WhileAttached,
                other => return Err(format!("it has lifetime {other}")),
            },
            participants: self.participants as usize,
            parameters: self.parameters,
            locks: self.locks as usize,
            schema: String::from_utf8(schema).map_err(|_| "its schema is not text")?,
        })
    }

    /// The checksum of the fixed part, its own field left out, and the schema.
    fn sum(&self, schema: &[u8]) -> u64 {
        let counted = Self {
            checksum: 0,
            ..*self
        };
        let state = fowler_noll_vo(0xcbf2_9ce4_8422_2325, bytemuck::bytes_of(&counted));
        fowler_noll_vo(state, schema)
    }
}

/// FNV-1a in 64 bits (Fowler, Noll and Vo; RFC 9923). Finds damage, not forgery; part of the
/// format, so it cannot be left to a library that may change it.
fn fowler_noll_vo(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, &byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn header() -> Header {
        Header {
            kind: "pool".into(),
            length: 4096,
            nonce: 7,
            created: 8,
            lifetime: Lifetime::WhileAttached,
            participants: 64,
            parameters: std::array::from_fn(|at| at as u64 + 1),
            locks: 1,
            schema: "some text".into(),
        }
    }

    fn file(header: &Header) -> Vec<u8> {
        let mut bytes = header.to_bytes();
        bytes.resize(4096, 0);
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let read = Header::read("x", &mut Cursor::new(file(&header()))).unwrap();
        assert_eq!(read, header());
    }

    #[test]
    fn every_changed_byte_of_the_header_is_an_error() {
        let good = file(&header());
        for at in 0..HEADER_BYTES + header().schema.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert!(
                Header::read("x", &mut Cursor::new(bad)).is_err(),
                "byte {at}"
            );
        }
    }

    #[test]
    fn a_shorter_or_longer_file_is_an_error() {
        let good = file(&header());
        for length in (0..300).chain([4095, 4097]) {
            let mut bad = good.clone();
            bad.resize(length, 0);
            assert!(
                Header::read("x", &mut Cursor::new(bad)).is_err(),
                "{length}"
            );
        }
    }
}
