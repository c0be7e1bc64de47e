//! A board for processes that must not write: mapped read-only, with no place in the participant table.
//!
//! Loads only. Imports the segment and how a board is read.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::parts::Parts;
use super::{newest, no_newer};
use crate::error::Result;
use crate::record::Schema;
use crate::segment::{Attach, Header, ReadOnlySegment};

/// The longest pause between two looks for a newer version.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// A [`BoardReader`](crate::board::BoardReader) of a board whose elements are known at run time.
#[derive(Clone)]
pub struct DynBoardReader {
    segment: Arc<ReadOnlySegment<Parts>>,
}

threads_may_share!(DynBoardReader);

impl DynBoardReader {
    /// Attaches to a board that exists.
    ///
    /// # Errors
    /// As [`Pool::open`](crate::Pool::open).
    pub fn open(name: &str) -> Result<Self> {
        Self::open_with(name, &Attach::new())
    }

    /// As [`open`](Self::open), waiting for a board that is not there yet. A role is of no use here.
    ///
    /// # Errors
    /// As [`Pool::open_with`](crate::Pool::open_with).
    pub fn open_with(name: &str, attach: &Attach) -> Result<Self> {
        Self::open_checked(name, attach, |_| Ok(()))
    }

    /// As [`open_with`](Self::open_with), where the header passes a check.
    pub(super) fn open_checked(
        name: &str,
        attach: &Attach,
        check: impl Fn(&Header) -> Result<()>,
    ) -> Result<Self> {
        Ok(Self {
            segment: Arc::new(ReadOnlySegment::open(name, attach, check)?),
        })
    }

    /// What an element of the value is.
    pub fn schema(&self) -> &Schema {
        &self.parts().schema
    }

    /// The board's name.
    pub fn name(&self) -> &str {
        self.segment.name()
    }

    /// How many elements the value has.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a board has one element or more"
    )]
    pub fn len(&self) -> usize {
        self.parts().len
    }

    /// The version of the newest value; 0 before the first. Costs one load.
    pub fn version(&self) -> u64 {
        self.parts().versions().newest().version
    }

    /// Copies the bytes of the newest value into `value`, and gives its version.
    ///
    /// # Errors
    /// As [`DynBoard::fetch`](super::DynBoard::fetch).
    pub fn fetch(&self, value: &mut [u8]) -> Result<u64> {
        self.segment.check_process()?;
        newest::fetch(self.parts(), Some(self.name()), value)
    }

    /// Waits for a version after `version`, and gives the newest.
    ///
    /// A reader cannot say that it waits, so nobody wakes it: it looks again and again, every 2 ms after
    /// a while.
    ///
    /// # Errors
    /// [`Error::TimedOut`](crate::Error::TimedOut) after `limit`; [`Error::Forked`](crate::Error::Forked).
    pub fn wait_newer(&self, version: u64, limit: Duration) -> Result<u64> {
        self.segment.check_process()?;
        let began = Instant::now();
        let mut pause = Duration::from_micros(50);
        loop {
            let newest = self.version();
            let left = limit.saturating_sub(began.elapsed());
            if newest > version {
                return Ok(newest);
            }
            if left.is_zero() {
                return Err(no_newer(version, limit));
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.segment.structure
    }
}

impl fmt::Debug for DynBoardReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("DynBoardReader", formatter)
    }
}

impl DynBoardReader {
    /// Shows it under another name.
    pub(super) fn fmt_as(&self, name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("name", &self.name())
            .field("len", &self.len())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
