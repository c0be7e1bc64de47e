//! A record while a batch is drawn, and the memory that the draw uses.

use crate::tree::Draw;

/// One sampled record, as it was drawn.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// The slot's word when it was drawn.
    pub(crate) word: u64,
    pub(crate) key: u64,
    pub(crate) slot: u32,
    pub(crate) probability: f32,
    /// Its place among the samples as they were drawn, by which its window is found.
    pub(crate) row: u32,
    /// Whether it was kept, and so counted as pending.
    pub(crate) counted: bool,
}

impl Sample {
    /// One that was not drawn yet.
    pub(crate) fn of_row(row: u32) -> Self {
        Self {
            word: 0,
            key: 0,
            slot: 0,
            probability: 0.0,
            row,
            counted: false,
        }
    }
}

/// What a draw needs besides its result. Stays with the batch, so that a batch that is used again allocates nothing.
#[derive(Default)]
pub(crate) struct Scratch {
    /// The places of the batch that are still to be drawn.
    pub(crate) lost: Vec<u32>,
    /// One draw for each of them.
    pub(crate) draws: Vec<Draw>,
    /// Slots that this round has met whose records no process may sample, for now or for good.
    pub(crate) met: Vec<u32>,
    /// Slots whose records were sampled for the last time.
    pub(crate) used_up: Vec<u32>,
}

impl Scratch {
    pub(crate) fn clear(&mut self) {
        self.lost.clear();
        self.met.clear();
        self.used_up.clear();
    }
}
