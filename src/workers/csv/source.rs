//! The bytes of a file between two positions.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use crate::os;

/// The bytes of a file between two positions, read one after another.
///
/// It counts the position itself. A forked child has the same open file, and the system keeps one position of an open
/// file for both. Parent and child may both go on, and each would miss what the other has read.
pub(super) struct Source {
    file: File,
    left: Range<u64>,
}

impl Source {
    pub(super) fn new(file: File, range: Range<u64>) -> Self {
        Self { file, left: range }
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.end.saturating_sub(self.left.start);
        let most = usize::try_from(left).map_or(into.len(), |left| left.min(into.len()));
        let read = os::read_at(&self.file, self.left.start, &mut into[..most])?;
        self.left.start += read as u64;
        Ok(read)
    }
}
