//! Every number that shapes the learning, in one place.

/// The hyperparameters of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Simulators that feed the pool.
    pub simulators: usize,
    /// Transitions the pool can hold.
    pub capacity: usize,
    /// Transitions in the pool before the learner begins.
    pub warmup: usize,
    /// How strongly priority sways sampling: 0 is uniform, 1 is proportional.
    pub alpha: f32,
    /// The importance-weight exponent at the first update; it rises to 1.
    pub beta_start: f32,
    /// Updates over which beta rises to 1 and the learning rate falls.
    pub annealing_updates: u64,
    /// Added to each TD error, so that no transition's priority is zero.
    pub priority_floor: f32,
    pub batch: usize,
    pub learning_rate: f32,
    pub final_learning_rate: f32,
    pub discount: f32,
    /// The fraction of the way to the online network that the target network goes
    /// at each update.
    pub target_rate: f32,
    /// Updates between two publications of the weights.
    pub publish_every: u64,
    /// Steps a simulator takes with one version of the weights before it waits.
    pub steps_per_version: u32,
    /// Transitions a simulator gathers before it inserts them.
    pub insert_batch: usize,
    /// Steps over which a simulator's epsilon falls from 1 to its final value.
    pub exploration_steps: u64,
    /// The final epsilon of simulator 0; each next one has `epsilon_ratio` times it.
    pub final_epsilon: f32,
    pub epsilon_ratio: f32,
    /// Solved means: this mean return over this many finished episodes.
    pub solved_return: f32,
    pub solved_episodes: usize,
    /// The learner gives up after this many updates.
    pub max_updates: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            simulators: 3,
            capacity: 1 << 16,
            warmup: 1_000,
            alpha: 0.6,
            beta_start: 0.4,
            annealing_updates: 50_000,
            priority_floor: 0.01,
            batch: 64,
            learning_rate: 5e-4,
            final_learning_rate: 1e-4,
            discount: 0.99,
            target_rate: 0.01,
            publish_every: 10,
            steps_per_version: 30,
            insert_batch: 5,
            exploration_steps: 10_000,
            final_epsilon: 0.04,
            epsilon_ratio: 0.5,
            solved_return: 475.0,
            solved_episodes: 100,
            max_updates: 200_000,
        }
    }
}

impl Settings {
    /// Beta at an update, from 0: annealed linearly to 1.
    pub fn beta(&self, update: u64) -> f32 {
        between(self.beta_start, 1.0, update, self.annealing_updates)
    }

    /// The learning rate at an update, from 0: annealed linearly.
    pub fn learning_rate(&self, update: u64) -> f32 {
        between(
            self.learning_rate,
            self.final_learning_rate,
            update,
            self.annealing_updates,
        )
    }

    /// The chance of a random action at a simulator's step, from 0.
    pub fn epsilon(&self, simulator: usize, step: u64) -> f64 {
        let last = self.final_epsilon * self.epsilon_ratio.powi(simulator as i32);
        f64::from(between(1.0, last, step, self.exploration_steps))
    }
}

/// From `first` at time 0 to `last` at `duration`, and `last` ever after.
fn between(first: f32, last: f32, time: u64, duration: u64) -> f32 {
    let progress = (time as f32 / duration as f32).min(1.0);
    first + (last - first) * progress
}
