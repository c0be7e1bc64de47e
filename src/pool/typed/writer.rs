//! The writer of episodes of records of a type: a face over [`DynEpisodeWriter`].

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::episode::Sequences;
use crate::error::Result;
use crate::pool::DynEpisodeWriter;
use crate::record::Record;

/// Inserts the records of one episode after the other, each linked to the one before.
///
/// A simulator has one for each of its environments, in any number of processes: what others insert in
/// between does not matter. If the process dies, the records that it pushed stay, as an episode without an
/// end; a record that it was pushing is never sampled.
///
/// After an error nothing was pushed, and the same record may be pushed again.
///
/// # Frame stacking
/// The record of time `t` holds the frame that was seen at `t`, and the action that led to it with its
/// reward. The first frame of an episode, to which no action led, goes in with [`begin`](Self::begin), and
/// is never sampled by priority. See [`Windows::stack`](crate::pool::DynWindows::stack).
///
/// # Sequences
/// With [`by_sequences`](Self::by_sequences) only the steps at which a sequence ends are sampled:
///
/// ```
/// use millpond::episode::Sequences;
/// use millpond::{Pool, PoolOptions};
///
/// let pool = Pool::<u64>::anonymous(PoolOptions::new(1_000).linked(true))?;
/// let mut episode = pool.episode()?.by_sequences(Sequences::new(8, 4)?);
/// for step in 0..15 {
///     episode.push(&step, step == 14)?;
/// }
/// // Sequences end at 7, at 11, and with the episode at 14.
/// let windows = pool.sample_windows(30, 8, &mut rand::rng())?;
/// for window in windows.iter() {
///     assert!([7, 11, 14].contains(window.get(7)));
///     assert_eq!(*window.get(0), window.get(7) - 7);
/// }
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Debug)]
pub struct EpisodeWriter<T: Record> {
    dynamic: DynEpisodeWriter,
    holds: PhantomData<fn(T)>,
}

impl<T: Record> Deref for EpisodeWriter<T> {
    type Target = DynEpisodeWriter;

    fn deref(&self) -> &DynEpisodeWriter {
        &self.dynamic
    }
}

impl<T: Record> DerefMut for EpisodeWriter<T> {
    fn deref_mut(&mut self) -> &mut DynEpisodeWriter {
        &mut self.dynamic
    }
}

impl<T: Record> EpisodeWriter<T> {
    pub(crate) fn of(dynamic: DynEpisodeWriter) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// Gives priority 0 to all steps but those at which one of these sequences ends, and the last of an
    /// episode.
    pub fn by_sequences(mut self, sequences: Sequences) -> Self {
        self.dynamic = self.dynamic.by_sequences(sequences);
        self
    }

    /// Begins an episode with a record of priority 0: a first observation, to which no action led. Ends the
    /// episode before, if it was not ended. Gives the record's key.
    ///
    /// # Errors
    /// As [`Pool::insert`](crate::Pool::insert).
    pub fn begin(&mut self, record: &T) -> Result<u64> {
        self.dynamic.begin(bytemuck::bytes_of(record))
    }

    /// Pushes a record with the highest priority that any record ever had. After the `last` one a new
    /// episode begins. Gives its key.
    ///
    /// # Errors
    /// As [`Pool::insert`](crate::Pool::insert).
    pub fn push(&mut self, record: &T, last: bool) -> Result<u64> {
        self.dynamic.push(bytemuck::bytes_of(record), last)
    }

    /// As [`push`](Self::push), with a priority of its own.
    ///
    /// # Errors
    /// As [`Pool::insert_with_priority`](crate::Pool::insert_with_priority).
    pub fn push_with_priority(&mut self, record: &T, priority: f32, last: bool) -> Result<u64> {
        self.dynamic
            .push_with_priority(bytemuck::bytes_of(record), priority, last)
    }
}
