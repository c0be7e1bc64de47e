//! The windows of a batch: for each sampled record, where those before it in its episode lie.

/// Rounds in which lost windows are drawn again, before the last. Unlike records that a writer is just
/// claiming, windows without a beginning are there all the time, and may be many: where they have nine
/// tenths of the priorities, a batch of 64 fails once in 4 billion times.
const ROUNDS: usize = 250;

/// The records before the sampled ones of a batch.
#[derive(Default)]
pub(crate) struct Chains {
    /// The most records of a window; 0 in a batch that is not one of windows.
    pub(crate) length: usize,
    /// `length` places for each window, in rows, of which it fills the last.
    pub(crate) places: Vec<WindowRecord>,
    /// How many records the window of each row has; 0 while that is not known.
    pub(crate) lengths: Vec<u32>,
    /// While following: the windows whose beginning has not been reached.
    pub(crate) open: Vec<u32>,
    /// Whether a window was lost.
    pub(crate) broken: bool,
}

/// Where a record of a window lies.
#[derive(Clone, Copy)]
pub(crate) struct WindowRecord {
    pub(crate) key: u64,
    pub(crate) slot: u32,
}

impl Chains {
    /// How many leases `count` samples need.
    pub(crate) fn cells(&self, count: usize) -> usize {
        count.saturating_mul(self.length.max(1))
    }

    /// How many rounds without locks are to be tried, where a batch of records takes `rounds`.
    pub(crate) fn rounds(&self, rounds: usize) -> usize {
        if self.length > 1 { ROUNDS } else { rounds }
    }

    /// Makes room for `count` windows.
    pub(crate) fn begin(&mut self, count: usize) {
        let nowhere = WindowRecord { key: 0, slot: 0 };
        if self.length > 0 {
            self.places.resize(count * self.length, nowhere);
            self.lengths.resize(count, 0);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.lengths.clear();
        self.broken = false;
    }

    /// The places of the window in a row, in the order of time.
    pub(crate) fn window(&self, row: u32) -> &[WindowRecord] {
        let (row, length) = (row as usize, self.length);
        let end = (row + 1) * length;
        &self.places[end - self.lengths[row] as usize..end]
    }

    /// The place of a window that is `back` records before its last.
    pub(crate) fn place(&mut self, window: u32, back: usize) -> &mut WindowRecord {
        &mut self.places[(window as usize + 1) * self.length - 1 - back]
    }
}
