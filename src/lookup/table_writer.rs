//! What a table is written to, from front to back.

use std::io;

use crate::error::Result;
use crate::sorting::Spool;
use crate::volume::explain;

/// How much of a temporary file is copied at once, in bytes.
const BUFFER: usize = 256 << 10;

/// What is written to, which has a buffer, with the errors of this crate.
pub(super) struct TableWriter<W: io::Write> {
    inner: W,
    /// How many bytes were written.
    pub(super) position: u64,
}

impl<W: io::Write> TableWriter<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, position: 0 }
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = io::Write::write_all(&mut self.inner, bytes);
        written.map_err(explain)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Writes zeros up to a position.
    #[inline]
    pub(super) fn pad_to(&mut self, position: u64) -> Result<()> {
        while self.position < position {
            let some = (position - self.position).min(8) as usize;
            self.write(&[0; 8][..some])?;
        }
        Ok(())
    }

    /// Writes all that was put into a temporary file.
    pub(super) fn copy(&mut self, mut from: Spool) -> Result<()> {
        from.flush()?;
        let mut block = vec![0; BUFFER];
        let mut start = 0;
        while start < from.length() {
            let some = (from.length() - start).min(BUFFER as u64) as usize;
            from.read(start, &mut block[..some])?;
            self.write(&block[..some])?;
            start += some as u64;
        }
        Ok(())
    }
}
