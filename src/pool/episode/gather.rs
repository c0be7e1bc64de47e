//! Copying windows into columns, as rows of their own or as stacks of frames.
//!
//! Reads what the windows hold; writes into the caller's buffers only.

use super::windows::DynWindows;
use crate::error::{Error, Result};
use crate::os::cpu::{CACHE_LINE, prefetch_range};
use crate::pool::read::batch::PREFETCHED_BYTES;
use crate::pool::read::column::{self, Column};

/// What stands for the records that a window at the beginning of an episode does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fill {
    /// Zeros.
    Zero,
    /// The first record of the window, as often as needed.
    First,
}

impl DynWindows {
    /// Copies fields of all records into the caller's buffers, in one pass: buffers of the shape
    /// `[len, length, ...]`. The records of a window are in its last places; in front of them stands what
    /// `fill` says, and [`lengths`](Self::lengths) tells how many they are.
    ///
    /// # Errors
    /// [`Error::WrongColumn`] as for [`Batch::gather`](crate::pool::DynBatch::gather), with `len * length` records;
    /// [`Error::Forked`]. Nothing is copied then.
    pub fn gather(&self, fill: Fill, columns: &mut [Column<'_>]) -> Result<()> {
        let length = self.length();
        self.resolve(length, columns)?;
        for window in 0..self.len() {
            self.prefetch_ahead(window);
            for at in 0..length {
                let record = self.record_at(window, at, fill);
                write(record, window * length + at, columns);
            }
        }
        Ok(())
    }

    /// Stacks a field of the records, for agents that see the last frames at once: a window of `k + 1`
    /// records, that ends at time `t`, gives the frames of `t - k` to `t - 1` in `observation`, which is what
    /// the agent saw when it chose the action that led to the last record, and those of `t - k + 1` to `t` in
    /// `next_observation`. Both are buffers of the shape `[len, k, ...]`. The action and the reward are the
    /// last record's: [`ends`](Self::ends) gathers them.
    ///
    /// So each frame is stored once, for both stacks and for those of the steps around. An Atari step of
    /// 84 x 84 bytes takes 7,104 bytes and not 56,512 (Mnih et al. 2015, where k is 4). Before the first
    /// frame of an episode stands what `fill` says: [`Fill::First`] repeats it, [`Fill::Zero`] is black.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where a window has one record only, so that no action led to it: push the
    /// first frame of an episode with [`EpisodeWriter::begin`](crate::pool::EpisodeWriter::begin), and do not
    /// sample uniformly. [`Error::WrongColumn`] as for [`Batch::gather`](crate::pool::DynBatch::gather), with
    /// `len * k` records; [`Error::Forked`]. Nothing is copied then.
    ///
    /// ```
    /// use millpond::pool::{Column, Fill};
    /// use millpond::{Pool, PoolOptions, Record};
    ///
    /// #[derive(Clone, Copy, Record)]
    /// #[repr(C)]
    /// struct Seen {
    ///     frame: [u8; 2],
    ///     action: u8,
    ///     terminated: u8,
    /// }
    ///
    /// let pool = Pool::<Seen>::anonymous(PoolOptions::new(100).linked(true))?;
    /// let mut episode = pool.episode()?;
    /// episode.begin(&Seen { frame: [1, 2], action: 0, terminated: 0 })?;
    /// episode.push(&Seen { frame: [3, 4], action: 9, terminated: 1 }, true)?;
    ///
    /// let windows = pool.sample_windows(1, 3 + 1, &mut rand::rng())?;
    /// let (mut observations, mut next_observations) = ([[[0u8; 2]; 3]; 1], [[[0u8; 2]; 3]; 1]);
    /// windows.stack(
    ///     Fill::First,
    ///     Column::new("frame", &mut observations),
    ///     Column::new("frame", &mut next_observations),
    /// )?;
    /// assert_eq!(observations, [[[1, 2], [1, 2], [1, 2]]]);
    /// assert_eq!(next_observations, [[[1, 2], [1, 2], [3, 4]]]);
    /// assert_eq!(windows.ends().get(0).action, 9);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn stack(
        &self,
        fill: Fill,
        observation: Column<'_>,
        next_observation: Column<'_>,
    ) -> Result<()> {
        if self.lengths().any(|length| length < 2) {
            return Err(Error::InvalidArgument {
                what: "a window to be stacked",
                found: "one record".into(),
                expected: "two or more; give the first record of each episode priority 0".into(),
            });
        }
        // An empty batch has no windows, and maybe no length.
        let depth = self.length().saturating_sub(1);
        let (now, next) = (&mut [observation], &mut [next_observation]);
        self.resolve(depth, now)?;
        self.resolve(depth, next)?;
        for window in 0..self.len() {
            self.prefetch_ahead(window);
            let first = window * depth;
            for at in 0..=depth {
                let record = self.record_at(window, at, fill);
                if at < depth {
                    write(record, first + at, now);
                }
                if at > 0 {
                    write(record, first + at - 1, next);
                }
            }
        }
        Ok(())
    }

    /// Checks the columns, which are to have `rows` for each window.
    fn resolve(&self, rows: usize, columns: &mut [Column<'_>]) -> Result<()> {
        self.batch.pool.segment.check_process()?;
        columns
            .iter_mut()
            .try_for_each(|column| column.resolve(self.batch.schema(), self.len() * rows))
    }

    /// The bytes of the record in place `at` of `length`; `None` where zeros stand for it.
    fn record_at(&self, window: usize, at: usize, fill: Fill) -> Option<&[u8]> {
        let window = self.get(window);
        let missing = self.length() - window.len();
        let at = match fill {
            Fill::Zero => at.checked_sub(missing)?,
            Fill::First => at.saturating_sub(missing),
        };
        Some(window.get(at))
    }

    /// Asks for the records of the window that comes so much later that they arrive in time; with the first
    /// window for all until then.
    fn prefetch_ahead(&self, window: usize) {
        let pool = &self.batch.pool;
        let bytes = pool.parts().stride.max(CACHE_LINE) * self.length();
        let ahead = (PREFETCHED_BYTES / bytes).max(1);
        let from = if window == 0 { 0 } else { window + ahead };
        for window in from..(window + ahead + 1).min(self.len()) {
            for record in self.get(window).records() {
                prefetch_range(record.as_ptr(), record.len());
            }
        }
    }
}

/// Writes a record, or zeros, into row number `row` of the columns.
#[inline]
fn write(record: Option<&[u8]>, row: usize, columns: &mut [Column<'_>]) {
    match record {
        Some(record) => column::scatter(&[record], row, columns),
        None => column::blank(row, columns),
    }
}
