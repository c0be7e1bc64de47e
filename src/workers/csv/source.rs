//! The bytes of a file between two places.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use crate::os;

/// The bytes of a file between two places, read one after another.
///
/// It reads at places that it counts itself. A forked child has the same open file, and the place up to which an open
/// file was read is one for both; so parent and child, which may both go on, would each miss what the other has read.
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
