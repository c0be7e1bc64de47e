//! The episode writer: remembers the last key and the step for a simulator, so that it need not.
//!
//! Process-local; what it inserts goes through `DynPool::insert_after`.

use crate::episode::Sequences;
use crate::error::Result;
use crate::pool::DynPool;
use crate::pool::layout::new_priority::NewPriority;

impl DynPool {
    /// A writer of episodes: each record that it pushes comes after the one before.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the pool was not created with
    /// [`PoolOptions::linked`](crate::PoolOptions::linked).
    pub fn episode(&self) -> Result<DynEpisodeWriter> {
        self.check_linked()?;
        Ok(DynEpisodeWriter {
            pool: self.clone(),
            previous: None,
            steps: 0,
            sequences: Sequences::EVERY_STEP,
        })
    }
}

/// An [`EpisodeWriter`](crate::pool::EpisodeWriter) of records that are bytes.
#[derive(Debug)]
pub struct DynEpisodeWriter {
    pool: DynPool,
    /// The key of the record that was pushed last in this episode.
    previous: Option<u64>,
    /// How many were pushed in it.
    steps: u64,
    sequences: Sequences,
}

impl DynEpisodeWriter {
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
    /// As [`DynPool::insert`].
    pub fn begin(&mut self, record: &[u8]) -> Result<u64> {
        self.end();
        self.insert(record, NewPriority::Given(self.pool.table, &[0.0]), false)
    }

    /// Pushes a record with the highest priority that any record ever had. After the `last` one a new
    /// episode begins. Gives its key.
    ///
    /// # Errors
    /// As [`DynPool::insert`].
    pub fn push(&mut self, record: &[u8], last: bool) -> Result<u64> {
        self.insert(record, NewPriority::Highest, last)
    }

    /// As [`push`](Self::push), with a priority of its own.
    ///
    /// # Errors
    /// As [`DynPool::insert_with_priority`].
    pub fn push_with_priority(&mut self, record: &[u8], priority: f32, last: bool) -> Result<u64> {
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

    fn insert(&mut self, record: &[u8], priority: NewPriority<'_>, last: bool) -> Result<u64> {
        self.pool
            .check_size("the bytes of a record", record.len(), 1)?;
        let priority = match self.sequences.ends_here(self.steps, last) {
            true => priority,
            false => NewPriority::Given(self.pool.table, &[0.0]),
        };
        let link = self.pool.link_to(self.previous)?;
        let key = self.pool.insert_one(record, priority, link)?;
        match last {
            true => self.end(),
            false => (self.previous, self.steps) = (Some(key), self.steps + 1),
        }
        Ok(key)
    }
}
