//! The pulse of a worker: how many operations it has done, and the longest since the last kill, on a
//! board of its own.

use bytemuck::Zeroable;
use millpond::{Board, Record};

use crate::score::Stopwatch;

/// The board whose version is the number of kills so far.
pub const KILLS: &str = "storm/kills";

/// What a worker shows.
#[derive(Clone, Copy, Debug, Record)]
#[repr(C)]
pub struct Pulse {
    /// The kill after which it began to count.
    pub kill: u64,
    pub longest_ns: u64,
    /// The records that it found whole so far.
    pub checked: u64,
}

/// The board of worker `number`.
pub fn board_of(number: u64) -> String {
    format!("storm/pulse-{number}")
}

/// The worker's side.
pub struct Meter {
    board: Board<Pulse>,
    kills: Board<u64>,
    kill: u64,
    watch: Stopwatch,
    /// The records that the worker found whole.
    pub checked: u64,
}

impl Meter {
    pub fn new(number: u64) -> Self {
        Self {
            board: Board::open(&board_of(number)).unwrap(),
            kills: Board::open(KILLS).unwrap(),
            kill: 0,
            watch: Stopwatch::default(),
            checked: 0,
        }
    }

    /// Times an operation.
    pub fn time<R>(&mut self, operation: impl FnOnce() -> R) -> R {
        let kill = self.kills.version();
        if kill != self.kill {
            self.kill = kill;
            self.watch = Stopwatch::default();
        }
        let result = self.watch.time(operation);
        let pulse = Pulse {
            kill,
            longest_ns: self.watch.longest.as_nanos() as u64,
            checked: self.checked,
        };
        self.board.publish(&[pulse]).unwrap();
        result
    }
}

/// The newest pulse on a board.
pub fn newest(board: &Board<Pulse>) -> Pulse {
    let mut value = [Pulse::zeroed()];
    match board.fetch(&mut value) {
        Ok(_) => value[0],
        Err(_) => Pulse::zeroed(),
    }
}
