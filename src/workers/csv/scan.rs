//! Steps through the records of a file, or of a range of it, and counts bytes and lines.
//!
//! `csv-core` finds the ends of fields and records. This file adds what `csv-core` leaves to its caller: the buffers, and
//! the line breaks between records, which belong to none of them.

use std::io::{self, BufRead, ErrorKind};

use csv_core::ReadRecordResult;

use super::Csv;
use super::record::CsvRecord;

/// Some programs write this at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A source that is read record by record.
pub(super) struct Scan<R> {
    source: R,
    core: csv_core::Reader,
    /// The position in the file of the next byte.
    position: u64,
}

impl<R: BufRead> Scan<R> {
    /// The scan of a source that begins at a byte and in a line of the file, where a record may begin. The first buffer
    /// of the source has more than two bytes, if the source has.
    pub(super) fn new(rules: &Csv, source: R, position: u64, line: u64) -> Self {
        let mut core = rules.core();
        // An empty line: after it, `csv-core` does not treat a byte order mark as one, but as a part of a field.
        core.read_record(b"\n", &mut [0], &mut [0]);
        core.set_line(line);
        Self {
            source,
            core,
            position,
        }
    }

    /// The position in the file of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The line of the next byte, from 1 on.
    pub(super) fn line(&self) -> u64 {
        self.core.line()
    }

    /// Reads the next record. Returns `false`, with an empty record, if there is none.
    pub(super) fn read(&mut self, record: &mut CsvRecord) -> io::Result<bool> {
        record.clear();
        self.skip_breaks()?;
        record.begin(self.position, self.line());
        self.go_through(record, CsvRecord::grow_bytes, CsvRecord::grow_ends)
    }

    /// Skips the next record, in the memory of `scratch`. Returns `false` if there is none.
    pub(super) fn skip(&mut self, scratch: &mut CsvRecord) -> io::Result<bool> {
        self.skip_breaks()?;
        self.go_through(scratch, CsvRecord::forget_bytes, CsvRecord::forget_ends)
    }

    /// Reads a record, and the line break that ends it. `more_bytes` and `more_ends` make room in `record` when it is full.
    fn go_through(
        &mut self,
        record: &mut CsvRecord,
        more_bytes: fn(&mut CsvRecord),
        more_ends: fn(&mut CsvRecord),
    ) -> io::Result<bool> {
        loop {
            let input = fill(&mut self.source)?;
            let (bytes, ends) = record.room();
            let (result, read, written, fields) = self.core.read_record(input, bytes, ends);
            let ends_with_return = read > 0 && input[read - 1] == b'\r';
            record.add(written, fields);
            self.consume(read);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => more_bytes(record),
                ReadRecordResult::OutputEndsFull => more_ends(record),
                ReadRecordResult::End => return Ok(false),
                ReadRecordResult::Record => {
                    if ends_with_return && fill(&mut self.source)?.first() == Some(&b'\n') {
                        self.skip_byte(b'\n');
                    }
                    return Ok(true);
                }
            }
        }
    }

    /// Skips the line breaks between records, and a byte order mark at the beginning of the file.
    fn skip_breaks(&mut self) -> io::Result<()> {
        if self.position == 0 && fill(&mut self.source)?.starts_with(BYTE_ORDER_MARK) {
            self.consume(BYTE_ORDER_MARK.len());
        }
        while let Some(&byte @ (b'\n' | b'\r')) = fill(&mut self.source)?.first() {
            self.skip_byte(byte);
        }
        Ok(())
    }

    /// Skips a byte that `csv-core` need not see.
    fn skip_byte(&mut self, byte: u8) {
        self.consume(1);
        let line = self.core.line() + u64::from(byte == b'\n');
        self.core.set_line(line);
    }

    fn consume(&mut self, bytes: usize) {
        self.source.consume(bytes);
        self.position += bytes as u64;
    }
}

/// Returns the buffered bytes of the source: at least one, or none at its end.
fn fill(source: &mut impl BufRead) -> io::Result<&[u8]> {
    // Calls it again below, as the borrow checker does not let a loop return the first result.
    while let Err(error) = source.fill_buf() {
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
    source.fill_buf()
}
