//! Where a scheduler and its workers sleep.

use super::rings::Rings;
use crate::error::Result;
use crate::segment::Segment;
use crate::sync::Event;
use crate::sync::primitive::Channel;

/// The number of the scheduler's channel in the segment. Two channels for each worker follow it.
const SCHEDULER_CHANNEL: u64 = 0;

/// Returns the channel on which the scheduler sleeps.
pub(crate) fn scheduler_channel(segment: &Segment<Rings>) -> Result<Channel> {
    segment.channel(SCHEDULER_CHANNEL)
}

/// The channels of one worker and of its scheduler.
pub(crate) struct Channels {
    ready: Channel,
    room: Channel,
    finished: Channel,
    worker: usize,
}

impl Channels {
    /// The channels of worker `worker`.
    pub(crate) fn new(segment: &Segment<Rings>, worker: usize) -> Result<Self> {
        let first = SCHEDULER_CHANNEL + 1 + 2 * worker as u64;
        Ok(Self {
            ready: segment.channel(first)?,
            room: segment.channel(first + 1)?,
            finished: scheduler_channel(segment)?,
            worker,
        })
    }

    /// The event on which the worker waits for tasks.
    pub(crate) fn ready<'a>(&'a self, rings: &'a Rings) -> Event<'a> {
        Event {
            words: &rings.words[self.worker].ready,
            channel: &self.ready,
        }
    }

    /// The event on which the worker waits for room for results.
    pub(crate) fn room<'a>(&'a self, rings: &'a Rings) -> Event<'a> {
        Event {
            words: &rings.words[self.worker].room,
            channel: &self.room,
        }
    }

    /// The event on which the scheduler waits for results.
    pub(crate) fn finished<'a>(&'a self, rings: &'a Rings) -> Event<'a> {
        Event {
            words: &rings.finished[0],
            channel: &self.finished,
        }
    }
}
