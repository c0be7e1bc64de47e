//! A record: its fields in one piece of memory, and its place in the file.

use std::fmt;

/// A record of a CSV file: its fields, without the quotes around them, and its place in the file. It is made empty, and
/// [`CsvRecords::read`](super::CsvRecords::read) fills it as often as needed, in the same memory.
#[derive(Clone, Default)]
pub struct CsvRecord {
    /// The fields, one after another, and spare room.
    bytes: Vec<u8>,
    /// The end of each field, and spare room.
    ends: Vec<usize>,
    /// How much of both is in use.
    length: usize,
    fields: usize,
    byte: u64,
    line: u64,
}

impl CsvRecord {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Returns `true` if it has no fields, as nothing was read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of a field, counted from 0; `None` if there are fewer fields.
    pub fn get(&self, field: usize) -> Option<&[u8]> {
        let end = *self.ends[..self.fields].get(field)?;
        let start = field.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    /// Returns the text of a field, counted from 0.
    ///
    /// # Errors
    /// [`WrongField`], with the place in the file, for a field that is not UTF-8 or does not exist.
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

    /// Returns an iterator over the fields, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.fields).map(|field| self.get(field).unwrap_or_default())
    }

    /// The position of its first byte in the file, from 0 on.
    pub fn byte(&self) -> u64 {
        self.byte
    }

    /// The line of the file in which it begins, from 1 on. Lines are counted by `\n`, also inside of fields.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Removes the fields, and keeps the memory.
    pub(super) fn clear(&mut self) {
        (self.length, self.fields) = (0, 0);
    }

    /// Sets the place of its first byte.
    pub(super) fn begin(&mut self, byte: u64, line: u64) {
        (self.byte, self.line) = (byte, line);
    }

    /// Returns the spare room for bytes of fields and for their ends.
    pub(super) fn room(&mut self) -> (&mut [u8], &mut [usize]) {
        (
            &mut self.bytes[self.length..],
            &mut self.ends[self.fields..],
        )
    }

    /// Counts what was written to the spare room.
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

    /// Makes room by dropping what was written, for a record that is skipped.
    pub(super) fn forget_bytes(&mut self) {
        self.length = 0;
        if self.bytes.is_empty() {
            self.bytes.resize(16 << 10, 0);
        }
    }

    /// Like [`forget_bytes`](Self::forget_bytes), for the ends.
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

/// The error for a field of a [`CsvRecord`] that is not UTF-8 or does not exist, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field {field} of the record in line {line} of the file (from byte {byte} on) {reason}")]
#[non_exhaustive]
pub struct WrongField {
    /// The number of the field in the record, from 0 on.
    pub field: usize,
    /// The line of the file in which the record begins, from 1 on.
    pub line: u64,
    /// The position of the record in the file, from 0 on.
    pub byte: u64,
    /// What was found, and what to do.
    pub reason: String,
}
