//! The records of a range.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::Csv;
use super::ranges::CsvRange;
use super::record::CsvRecord;
use super::scan::Scan;
use super::source::Source;
use crate::error::{Error, Result};

/// Bytes of the file that are read at once.
const BUFFER: usize = 64 << 10;

/// The records of a range, read one after another. Made by [`Csv::records`].
///
/// [`read`](Self::read) uses the same memory for every record. As an iterator it returns a new record each time.
pub struct CsvRecords {
    path: PathBuf,
    scan: Scan<BufReader<Source>>,
    end: u64,
}

impl CsvRecords {
    pub(super) fn open(rules: Csv, path: &Path, range: &CsvRange) -> Result<Self> {
        rules.check()?;
        let file = File::open(path).map_err(Error::system("read", path))?;
        let source = Source::new(file, range.start..range.end);
        let source = BufReader::with_capacity(BUFFER, source);
        Ok(Self {
            path: path.to_path_buf(),
            scan: Scan::new(&rules, source, range.start, range.line),
            end: range.end,
        })
    }

    /// Reads the next record into `record`, which is overwritten. Returns `false`, with an empty record, if there is none.
    ///
    /// # Errors
    /// [`Error::System`] if the file cannot be read, or is shorter than the range.
    pub fn read(&mut self, record: &mut CsvRecord) -> Result<bool> {
        let read = self.scan.read(record).and_then(|read| {
            let is_short = !read && self.scan.position() < self.end;
            match is_short {
                true => Err(io::ErrorKind::UnexpectedEof.into()),
                false => Ok(read),
            }
        });
        read.map_err(Error::system("read", &self.path))
    }
}

impl Iterator for CsvRecords {
    type Item = Result<CsvRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = CsvRecord::new();
        let read = self.read(&mut record);
        read.map(|read| read.then_some(record)).transpose()
    }
}

impl std::fmt::Debug for CsvRecords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CsvRecords")
            .field("path", &self.path)
            .field("byte", &self.scan.position())
            .finish_non_exhaustive()
    }
}
