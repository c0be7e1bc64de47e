//! The episode writer: remembers the last key and the step for a simulator, so that it need not.
//!
//! Process-local; what it inserts goes through `Pool::insert_after`.

use super::super::Pool;
use super::super::commit::NewPriority;
use crate::episode::Sequences;
use crate::error::Result;
use crate::record::Record;

impl<T: Record> Pool<T> {
    /// A writer of episodes: each record that it pushes comes after the one before.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the pool was not created with
    /// [`PoolOptions::linked`](crate::PoolOptions::linked).
    pub fn episode(&self) -> Result<EpisodeWriter<T>> {
        self.check_linked()?;
        Ok(EpisodeWriter {
            pool: self.clone(),
            previous: None,
            steps: 0,
            sequences: Sequences::EVERY_STEP,
        })
    }
}

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
/// is never sampled by priority. See [`Windows::stack`](crate::Windows::stack).
///
/// # Sequences
/// With [`by_sequences`](Self::by_sequences) only the steps at which a sequence ends are sampled:
///
/// ```
/// use millpond::{Pool, PoolOptions, Sequences};
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
    pool: Pool<T>,
    /// The key of the record that was pushed last in this episode.
    previous: Option<u64>,
    /// How many were pushed in it.
    steps: u64,
    sequences: Sequences,
}

impl<T: Record> EpisodeWriter<T> {
    /// Gives priority 0 to all steps but those at which one of these sequences ends, and the last of an
    /// episode.
    pub fn by_sequences(mut self, sequences: Sequences) -> Self {
        self.sequences = sequences;
        self
    }

    /// Begins an episode with a record of priority 0: a first observation, to which no action led. Ends the
    /// episode before, if it was not ended. Gives the record's key.
    ///
    /// # Errors
    /// As [`Pool::insert`].
    pub fn begin(&mut self, record: &T) -> Result<u64> {
        self.end();
        self.insert(record, NewPriority::Given(self.pool.table, &[0.0]), false)
    }

    /// Pushes a record with the highest priority that any record ever had. After the `last` one a new
    /// episode begins. Gives its key.
    ///
    /// # Errors
    /// As [`Pool::insert`].
    pub fn push(&mut self, record: &T, last: bool) -> Result<u64> {
        self.insert(record, NewPriority::Highest, last)
    }

    /// As [`push`](Self::push), with a priority of its own.
    ///
    /// # Errors
    /// As [`Pool::insert_with_priority`].
    pub fn push_with_priority(&mut self, record: &T, priority: f32, last: bool) -> Result<u64> {
        self.pool.check_priorities(&[priority])?;
        let priority = [priority];
        let priority = NewPriority::Given(self.pool.table, &priority);
        self.insert(record, priority, last)
    }

    /// Ends the episode, where the record that was pushed last was not known to be: the next one begins
    /// another. That record has the priority with which it was pushed.
    pub fn end(&mut self) {
        self.previous = None;
        self.steps = 0;
    }

    /// The key of the record that was pushed last in this episode; `None` before the first.
    pub fn previous(&self) -> Option<u64> {
        self.previous
    }

    /// How many records were pushed in this episode.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn insert(&mut self, record: &T, priority: NewPriority<'_>, last: bool) -> Result<u64> {
        let priority = match self.sequences.ends_here(self.steps, last) {
            true => priority,
            false => NewPriority::Given(self.pool.table, &[0.0]),
        };
        let link = self.pool.link_to(self.previous)?;
        let key = self.pool.insert_linked(record, priority, link)?;
        match last {
            true => self.end(),
            false => (self.previous, self.steps) = (Some(key), self.steps + 1),
        }
        Ok(key)
    }
}
