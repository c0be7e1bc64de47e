//! A large CSV file as ranges that end where records do, and the records of a range.
//!
//! | file | what it does |
//! |---|---|
//! | `scan.rs` | goes through records, and counts bytes and lines |
//! | `ranges.rs` | cuts a file, in the process that gives ranges to others |
//! | `records.rs`, `record.rs` | reads a range, in the process that was given it |
//! | `source.rs` | the bytes of a file between two places |
//!
//! The rules are those of `csv-core`, which the `csv` crate reads by, too. Imports the errors, and `os` to
//! read at places.

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

/// The rules of a CSV file, and the two ways to read one: [`ranges`](Self::ranges) for the process that shares it
/// out, [`records`](Self::records) for those that are given a range.
///
/// The rules are those of the crate `csv`: a field that begins with a quote ends at the next one that is not doubled,
/// and may hold delimiters and line breaks; records end with `\n`, `\r\n` or `\r`; empty lines are no records; a byte
/// order mark at the beginning of the file is skipped. Records may differ in how many fields they have, and fields are
/// bytes, which need not be UTF-8.
///
/// # Limits
/// Whether a line break ends a record depends on all that is before it, so [`ranges`](Self::ranges) goes through the
/// whole file, in the thread that asks for ranges, while [`LineRanges`](crate::LineRanges) looks at a few bytes of each
/// range. It takes no memory for that, however long a record is. A range holds whole records, and so more than was
/// asked for where a record is longer; where a quote is never closed, the rest of the file is one record. Comments and
/// escape characters other than the doubled quote are not known. The file is not to be changed meanwhile.
///
/// ```
/// use millpond::{Csv, CsvRecord};
///
/// let path = std::env::temp_dir().join(format!("csv-{}", std::process::id()));
/// std::fs::write(&path, "name,says\nfox,\"one,\r\ntwo\"\nowl,\"\"\"hu\"\"\"\n")?;
///
/// let rules = Csv::new();
/// let ranges: Vec<_> = rules.ranges(&path, 10)?.skip_heading()?.collect::<Result<_, _>>()?;
/// assert_eq!(ranges.len(), 2);
///
/// // In a worker, with a range that it was given:
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
    /// Fields are separated by commas, and may be in quotes (`"`).
    pub fn new() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
        }
    }

    /// The byte between two fields, such as `b';'` or `b'\t'`.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// The byte around a field that holds delimiters or line breaks; `None` where no byte means that.
    pub fn quote(mut self, quote: Option<u8>) -> Self {
        self.quote = quote;
        self
    }

    /// The ranges of a file, each of about so many bytes: what travels to workers in place of the records.
    ///
    /// # Errors
    /// [`Error::System`](crate::Error::System) where it cannot be opened;
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for 0 bytes, or a delimiter that is the quote or a line
    /// break.
    pub fn ranges(&self, path: impl AsRef<Path>, about: usize) -> Result<CsvRanges> {
        CsvRanges::open(*self, path.as_ref(), about)
    }

    /// The records of a range, by the same rules as it was made.
    ///
    /// # Errors
    /// [`Error::System`](crate::Error::System) where the file cannot be opened.
    pub fn records(&self, path: impl AsRef<Path>, range: &CsvRange) -> Result<CsvRecords> {
        CsvRecords::open(*self, path.as_ref(), range)
    }

    /// An error where a byte has two meanings.
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

    /// What goes through a file by these rules.
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
