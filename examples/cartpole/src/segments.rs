//! What the processes of a run share, and the names under which they find it.

use millpond::{Board, BoardOptions, Lifetime, Pool, PoolOptions, Record, Result};

use crate::environment::Observation;
use crate::network::PARAMETERS;
use crate::settings::Settings;

/// One step of the environment: what simulators insert and the learner samples.
#[derive(Clone, Copy, Record)]
#[repr(C)]
pub struct Transition {
    pub observation: Observation,
    /// What followed, also at the end of an episode: never the next episode's start.
    pub next_observation: Observation,
    pub action: u32,
    pub reward: f32,
    /// 1 when no reward can follow, 0 otherwise (also when the step limit was hit).
    pub terminated: u32,
}

/// How many of its last returns a simulator shows.
pub const SHOWN: usize = 100;

/// The score that a simulator publishes.
#[derive(Clone, Copy, Record)]
#[repr(C)]
pub struct Returns {
    /// Episodes finished so far.
    pub finished: u64,
    /// The return of episode `n` is at `n % SHOWN`.
    pub last: [f32; SHOWN],
}

/// `RUN/replay`: opened or created by whoever comes first.
pub fn replay(run: &str, role: &str, settings: &Settings) -> Result<Pool<Transition>> {
    let options = PoolOptions::new(settings.capacity)
        .alpha(settings.alpha)
        .lifetime(Lifetime::WhileAttached)
        .role(role);
    Pool::open_or_create(&format!("{run}/replay"), options)
}

/// `RUN/weights`: the learner's network, flat.
pub fn weights(run: &str, role: &str) -> Result<Board<f32>> {
    board(&format!("{run}/weights"), role, PARAMETERS)
}

/// `RUN/returns-N`: the score of simulator `N`.
pub fn returns(run: &str, role: &str, simulator: usize) -> Result<Board<Returns>> {
    board(&format!("{run}/returns-{simulator}"), role, 1)
}

fn board<T: Record>(name: &str, role: &str, len: usize) -> Result<Board<T>> {
    let options = BoardOptions::new(len)
        .lifetime(Lifetime::WhileAttached)
        .role(role);
    Board::open_or_create(name, options)
}
