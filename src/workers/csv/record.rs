//! A record: its fields, one after another in one piece of memory, and where it lies in the file.

use std::fmt;

/// A record of a CSV file: its fields, without the quotes around them, and where it begins. Made empty, and filled by
/// [`CsvRecords::read`](super::CsvRecords::read), again and again in the same memory.
#[derive(Clone, Default)]
pub struct CsvRecord {
    /// The fields, one after another, and room for more.
    bytes: Vec<u8>,
    /// Where each ends, and room for more.
    ends: Vec<usize>,
    /// How much of both is in use.
    length: usize,
    fields: usize,
    byte: u64,
    line: u64,
}

impl CsvRecord {
    /// Without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Whether it has none, as nothing was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of a field, counted from 0; `None` where there are fewer.
    pub fn get(&self, field: usize) -> Option<&[u8]> {
        let end = *self.ends[..self.fields].get(field)?;
        let start = field.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    /// The text of a field, counted from 0.
    ///
    /// # Errors
    /// [`WrongField`], which says where in the file that is, for a field that is no UTF-8, or is not there.
    pub fn text(&self, field: usize) -> Result<&str, WrongField> {
        let wrong = |reason| WrongField {
            field,
            line: self.line,
            byte: self.byte,
            reason,
        };
        let Some(bytes) = self.get(field) else {
            return Err(wrong(format!("is not there: it has {}", self.fields)));
        };
        std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            wrong(format!(
                "is no UTF-8: its byte {at} is {:#04x}; read it as bytes, with `CsvRecord::get`",
                bytes[at]
            ))
        })
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.fields).map(|field| self.get(field).unwrap_or_default())
    }

    /// Where its first byte is in the file, from 0 on.
    pub fn byte(&self) -> u64 {
        self.byte
    }

    /// In which line of the file it begins, from 1 on. Lines are counted by `\n`, those inside of fields too.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Drops what it holds, and keeps the memory.
    pub(super) fn clear(&mut self) {
        (self.length, self.fields) = (0, 0);
    }

    /// It begins there.
    pub(super) fn begin(&mut self, byte: u64, line: u64) {
        (self.byte, self.line) = (byte, line);
    }

    /// Where more bytes of fields, and their ends, may be written.
    pub(super) fn room(&mut self) -> (&mut [u8], &mut [usize]) {
        (
            &mut self.bytes[self.length..],
            &mut self.ends[self.fields..],
        )
    }

    /// So much was written there.
    pub(super) fn add(&mut self, bytes: usize, fields: usize) {
        self.length += bytes;
        self.fields += fields;
    }

    pub(super) fn grow_bytes(&mut self) {
        self.bytes.resize((2 * self.bytes.len()).max(1024), 0);
    }

    pub(super) fn grow_ends(&mut self) {
        self.ends.resize((2 * self.ends.len()).max(64), 0);
    }

    /// Makes room by dropping what was written, for a record of which only the end is of interest.
    pub(super) fn forget_bytes(&mut self) {
        self.length = 0;
        if self.bytes.is_empty() {
            self.bytes.resize(16 << 10, 0);
        }
    }

    /// As [`forget_bytes`](Self::forget_bytes).
    pub(super) fn forget_ends(&mut self) {
        self.fields = 0;
        if self.ends.is_empty() {
            self.ends.resize(1 << 10, 0);
        }
    }
}

impl fmt::Debug for CsvRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.iter().map(String::from_utf8_lossy);
        formatter.debug_list().entries(fields).finish()
    }
}

/// A field of a [`CsvRecord`] that is not what was asked for, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field {field} of the record in line {line} of the file (from byte {byte} on) {reason}")]
#[non_exhaustive]
pub struct WrongField {
    /// Which field of the record, from 0 on.
    pub field: usize,
    /// In which line of the file the record begins, from 1 on.
    pub line: u64,
    /// Where in the file the record begins, from 0 on.
    pub byte: u64,
    /// What was found, and what to do.
    pub reason: String,
}
