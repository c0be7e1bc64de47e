//! The score of a run: the mean return of the last episodes, read off the simulators' boards.

use std::collections::VecDeque;

use millpond::{Board, Error, Result};

use crate::segments::{self, Returns, SHOWN};

/// The returns of the last episodes of all simulators.
pub struct Score {
    boards: Vec<(Board<Returns>, u64)>,
    last: VecDeque<f32>,
    window: usize,
    pub episodes: u64,
}

impl Score {
    /// Scores the last `window` episodes of so many simulators.
    pub fn new(run: &str, simulators: usize, window: usize) -> Result<Self> {
        let board = |number| Ok((segments::returns(run, "score", number)?, 0));
        Ok(Self {
            boards: (0..simulators).map(board).collect::<Result<_>>()?,
            last: VecDeque::new(),
            window,
            episodes: 0,
        })
    }

    /// Takes in the episodes that were finished since the last look.
    pub fn look(&mut self) -> Result<()> {
        for (board, seen) in &mut self.boards {
            let mut returns = [Returns {
                finished: 0,
                last: [0.0; SHOWN],
            }];
            match board.fetch(&mut returns) {
                Err(Error::NothingPublished) => continue,
                other => other?,
            };
            let finished = returns[0].finished;
            // A board shows the last hundred; at the start, when episodes are short, some are missed.
            for episode in (*seen).max(finished.saturating_sub(SHOWN as u64))..finished {
                self.last
                    .push_back(returns[0].last[(episode % SHOWN as u64) as usize]);
            }
            self.episodes += finished - *seen;
            *seen = finished;
        }
        let surplus = self.last.len().saturating_sub(self.window);
        self.last.drain(..surplus);
        Ok(())
    }

    /// The mean return; 0 before the first episode.
    pub fn mean(&self) -> f32 {
        self.last.iter().sum::<f32>() / self.last.len().max(1) as f32
    }

    /// Whether a whole window of episodes has at least this mean return.
    pub fn reaches(&self, mean: f32) -> bool {
        self.last.len() == self.window && self.mean() >= mean
    }
}
