//! The learner's loop: sample the pool by priority, learn, tell the pool the new priorities, and
//! every few updates publish the weights to the simulators.

use std::time::Duration;

use millpond::pool::Column;
use millpond::{Batch, Error};
use rand::{SeedableRng, rngs::StdRng};

use crate::double_dqn::{DoubleDqn, Minibatch};
use crate::network::initial_parameters;
use crate::segments;
use crate::settings::Settings;

/// Learns for ever; `watch` is called with the number of updates after every publication.
pub fn run(run: &str, seed: u64, watch: impl Fn(u64)) -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::default();
    let pool = segments::replay(run, "learner", &settings)?;
    let weights = segments::weights(run, "learner")?;

    let random = &mut StdRng::seed_from_u64(seed);
    let mut parameters = initial_parameters(random);
    if weights.version() > 0 {
        // Who resumes an earlier run has published what it had learned.
        weights.fetch(&mut parameters)?;
    }
    let mut network = DoubleDqn::new(&parameters, &settings);
    while let Err(error) = pool.wait_for_len(settings.warmup, Duration::from_secs(60)) {
        match error {
            Error::TimedOut { .. } => eprintln!("{error}; start a simulator: {run}"),
            error => return Err(error.into()),
        }
    }
    weights.publish(network.parameters())?;

    let mut batch = Batch::new(&pool);
    let mut columns = Minibatch::new(settings.batch);
    let mut priorities = Vec::with_capacity(settings.batch);
    for update in 0.. {
        pool.sample_into(settings.batch, random, &mut batch)?;
        batch.weights(settings.beta(update), &mut columns.weight)?;
        batch.gather(&mut [
            Column::new("observation", &mut columns.observation),
            Column::new("next_observation", &mut columns.next_observation),
            Column::new("action", &mut columns.action),
            Column::new("reward", &mut columns.reward),
            Column::new("terminated", &mut columns.terminated),
        ])?;

        let errors = network.learn(&columns, settings.learning_rate(update));
        priorities.clear();
        priorities.extend(
            errors
                .iter()
                .map(|error| error.abs() + settings.priority_floor),
        );
        pool.update_priorities(batch.keys(), &priorities)?;

        if (update + 1) % settings.publish_every == 0 {
            weights.publish(network.parameters())?;
            watch(update + 1);
        }
    }
    Ok(())
}
