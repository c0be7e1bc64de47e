//! A large CSV file as ranges that end where records do, and the records of a range.
//!
//! | file | what it does |
//! |---|---|
//! | `ranges.rs` | cuts a file into ranges, in the process that sends them |
//! | `records.rs` | reads the records of a range, in a worker |
//! | `scan.rs` | steps through records, and counts bytes and lines |
//! | `record.rs` | a record |
//! | `source.rs` | the bytes of a file between two positions |
//!
//! The rules are those of `csv-core`, by which the crate `csv` reads, too.

mod ranges;
mod record;
mod records;
mod scan;
mod source;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use ranges::{CsvRange, CsvRanges};
pub use record::{CsvRecord, WrongField};
pub use records::CsvRecords;

use crate::error::{Error, Result};

/// The rules of a CSV file, and the two ways to read one: [`ranges`](Self::ranges) in the process that sends ranges to
/// workers, and [`records`](Self::records) in a worker.
///
/// The rules are those of the crate `csv`. A field that begins with a quote ends at the next quote that is not doubled,
/// and may hold delimiters and line breaks. Records end with `\n`, `\r\n` or `\r`. Empty lines are no records. A byte
/// order mark at the beginning of the file is skipped. Records may differ in their number of fields. Fields are bytes,
/// which need not be UTF-8.
///
/// # Limits
/// All bytes before a line break decide whether it ends a record. So [`ranges`](Self::ranges) reads the whole file, in
/// the thread that asks for ranges, while [`LineRanges`](crate::workers::LineRanges) reads a few bytes of each range. It needs no
/// more memory for a longer record. A range holds whole records, and so more than was asked for if a record is longer. If
/// a quote is never closed, the rest of the file is one record. Comments, and escape characters other than the doubled
/// quote, are not supported. The file must not change meanwhile.
///
/// ```
/// use millpond::workers::{Csv, CsvRecord};
///
/// let path = std::env::temp_dir().join(format!("csv-{}", std::process::id()));
/// std::fs::write(&path, "name,says\nfox,\"one,\r\ntwo\"\nowl,\"\"\"hu\"\"\"\n")?;
///
/// let rules = Csv::new();
/// let ranges: Vec<_> = rules.ranges(&path, 10)?.skip_heading()?.collect::<Result<_, _>>()?;
/// assert_eq!(ranges.len(), 2);
///
/// // In a worker, which was sent a range:
/// let mut records = rules.records(&path, &ranges[1])?;
/// let mut record = CsvRecord::new(); // the same memory for every record
/// assert!(records.read(&mut record)?);
/// assert_eq!(record.text(1)?, "\"hu\"");
/// assert_eq!(record.line(), 4);
/// assert!(!records.read(&mut record)?);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Csv {
    delimiter: u8,
    quote: Option<u8>,
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

impl Csv {
    /// Rules by which fields are separated by commas, and may be in quotes (`"`).
    pub fn new() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
        }
    }

    /// Sets the byte between two fields, such as `b';'` or `b'\t'`.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// Sets the byte around a field that may hold delimiters or line breaks; `None` for no such byte.
    pub fn quote(mut self, quote: Option<u8>) -> Self {
        self.quote = quote;
        self
    }

    /// Returns the ranges of a file, each of about `about` bytes. They are sent to workers in place of the records.
    ///
    /// # Errors
    /// [`Error::System`](crate::Error::System) if it cannot be opened;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for 0 bytes, or a delimiter that is the quote or a line
    /// break.
    pub fn ranges(&self, path: impl AsRef<Path>, about: usize) -> Result<CsvRanges> {
        CsvRanges::open(*self, path.as_ref(), about)
    }

    /// Returns the records of a range, which must have been made by the same rules.
    ///
    /// # Errors
    /// [`Error::System`](crate::Error::System) if the file cannot be opened.
    pub fn records(&self, path: impl AsRef<Path>, range: &CsvRange) -> Result<CsvRecords> {
        CsvRecords::open(*self, path.as_ref(), range)
    }

    /// Returns an error if a byte has two meanings.
    fn check(&self) -> Result<()> {
        let bytes = [Some(self.delimiter), self.quote, Some(b'\n'), Some(b'\r')];
        let expected = "different bytes, and no line breaks".to_string();
        let twice = |at: usize| bytes[at].is_some() && bytes[at + 1..].contains(&bytes[at]);
        match (0..2).any(twice) {
            true => Error::invalid(
                "the delimiter and the quote",
                format!("{:?}", self),
                expected,
            ),
            false => Ok(()),
        }
    }

    /// Returns a parser by these rules.
    fn core(&self) -> csv_core::Reader {
        let mut core = csv_core::ReaderBuilder::new();
        core.delimiter(self.delimiter);
        match self.quote {
            Some(quote) => core.quote(quote),
            None => core.quoting(false),
        };
        core.build()
    }
}
