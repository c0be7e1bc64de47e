//! A file cut into ranges that end where records do.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Csv;
use super::record::CsvRecord;
use super::scan::Scan;
use super::source::Source;
use crate::error::{Error, Result};

/// Bytes of the file that are read at once.
const BUFFER: usize = 256 << 10;

/// A part of a CSV file that begins and ends where records do. Made by [`Csv::ranges`], read by [`Csv::records`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CsvRange {
    /// The position of its first byte in the file, from 0 on.
    pub start: u64,
    /// The position after its last byte.
    pub end: u64,
    /// The line of the file in which it begins, from 1 on.
    pub line: u64,
}

/// The ranges of a CSV file. Made by [`Csv::ranges`].
///
/// As inputs of a call they go to [`Call::try_imap`](crate::workers::Call::try_imap), which returns an error of the file as its
/// last item.
pub struct CsvRanges {
    path: PathBuf,
    scan: Scan<BufReader<Source>>,
    /// Memory for records that are skipped.
    scratch: CsvRecord,
    about: u64,
    length: u64,
    is_over: bool,
}

impl CsvRanges {
    pub(super) fn open(rules: Csv, path: &Path, about: usize) -> Result<Self> {
        rules.check()?;
        if about == 0 {
            return Error::invalid("the length of a range", "0".into(), "1 byte or more".into());
        }
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(Error::system("read", path))?;
        let source = BufReader::with_capacity(BUFFER, Source::new(file, 0..u64::MAX));
        Ok(Self {
            path: path.to_path_buf(),
            scan: Scan::new(&rules, source, 0, 1),
            scratch: CsvRecord::new(),
            about: about as u64,
            length,
            is_over: false,
        })
    }

    /// Skips the first record, the heading of a table.
    ///
    /// # Errors
    /// [`Error::System`] if it cannot be read.
    pub fn skip_heading(mut self) -> Result<Self> {
        let skipped = self.scan.skip(&mut self.scratch);
        skipped.map_err(Error::system("read", &self.path))?;
        Ok(self)
    }

    /// Returns the range that ends with the first record that ends at `least` or after it.
    fn range_to(&mut self, least: u64) -> Result<CsvRange> {
        let (start, line) = (self.scan.position(), self.scan.line());
        let mut end = start;
        while end < least {
            let skipped = self.scan.skip(&mut self.scratch);
            let is_there = skipped.map_err(Error::system("read", &self.path))?;
            end = self.scan.position();
            if !is_there && end < self.length {
                let short = io::ErrorKind::UnexpectedEof.into();
                return Err(Error::system("read", &self.path)(short));
            }
        }
        Ok(CsvRange { start, end, line })
    }
}

impl Iterator for CsvRanges {
    type Item = Result<CsvRange>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.scan.position();
        if self.is_over || start >= self.length {
            return None;
        }
        let least = start.saturating_add(self.about);
        if least < self.length {
            let range = self.range_to(least);
            self.is_over = range.is_err();
            return Some(range);
        }
        // The rest of the file.
        self.is_over = true;
        let (end, line) = (self.length, self.scan.line());
        Some(Ok(CsvRange { start, end, line }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.is_over {
            return (0, Some(0));
        }
        let left = self.length.saturating_sub(self.scan.position());
        let most = usize::try_from(left.div_ceil(self.about)).ok();
        (usize::from(left > 0), most)
    }
}

impl std::fmt::Debug for CsvRanges {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CsvRanges")
            .field("path", &self.path)
            .field("next", &self.scan.position())
            .finish_non_exhaustive()
    }
}
