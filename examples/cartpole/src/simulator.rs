//! A simulator's loop: play cart-pole with the newest weights, and insert what happened into the
//! pool.
//!
//! Once the pool is warm, a simulator takes only so many steps with one version of the weights and
//! then waits for a newer one, so that the transitions in the pool keep pace with the learning. The
//! wait has a limit: a simulator never hangs on a learner that is slow or gone.

use std::time::Duration;

use millpond::{Board, Error, Result};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::environment::CartPole;
use crate::network::{ACTIONS, Evaluation, PARAMETERS};
use crate::segments::{self, Returns, SHOWN};
use crate::settings::Settings;

const WAIT_LIMIT: Duration = Duration::from_millis(100);

/// Plays for ever; `watch` is called with the score after every episode.
pub fn run(run: &str, number: usize, seed: u64, watch: impl Fn(&Returns)) -> Result<()> {
    let settings = Settings::default();
    let role = format!("simulator {number}");
    let pool = segments::replay(run, &role, &settings)?;
    let weights = segments::weights(run, &role)?;
    let board = segments::returns(run, &role, number)?;

    let random = &mut StdRng::seed_from_u64(seed);
    let mut cart = CartPole::new(random);
    let (mut parameters, mut network) = (vec![0.0; PARAMETERS], Evaluation::default());
    let (mut version, mut steps_with_version) = (0, 0);
    let mut returns = earlier_returns(&board)?;
    let mut transitions = Vec::with_capacity(settings.insert_batch);

    for step in 0.. {
        if steps_with_version >= settings.steps_per_version && pool.len() >= settings.warmup {
            match weights.wait_newer(version, WAIT_LIMIT) {
                Ok(_) | Err(Error::TimedOut { .. }) => steps_with_version = 0,
                Err(error) => return Err(error),
            }
        }
        if weights.version() != version {
            version = weights.fetch(&mut parameters)?;
            steps_with_version = 0;
        }

        let observation = cart.observation();
        let explores = version == 0 || random.random_bool(settings.epsilon(number, step));
        let action = match explores {
            true => random.random_range(0..ACTIONS as u32),
            false => network.greedy_action(&parameters, &observation),
        };
        let outcome = cart.step(action);
        steps_with_version += 1;

        transitions.push(segments::Transition {
            observation,
            next_observation: outcome.observation,
            action,
            reward: outcome.reward,
            terminated: u32::from(outcome.terminated),
        });
        if transitions.len() >= settings.insert_batch {
            pool.insert_batch(&transitions)?;
            transitions.clear();
        }
        if outcome.terminated || outcome.truncated {
            returns.last[(returns.finished % SHOWN as u64) as usize] = cart.steps() as f32;
            returns.finished += 1;
            board.publish(&[returns])?;
            watch(&returns);
            cart.reset(random);
        }
    }
    Ok(())
}

/// The score so far: this simulator may be the successor of one that was killed.
fn earlier_returns(board: &Board<Returns>) -> Result<Returns> {
    let mut returns = [Returns {
        finished: 0,
        last: [0.0; SHOWN],
    }];
    match board.fetch(&mut returns) {
        Ok(_) | Err(Error::NothingPublished) => Ok(returns[0]),
        Err(error) => Err(error),
    }
}
