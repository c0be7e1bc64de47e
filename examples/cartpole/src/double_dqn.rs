//! The learning rule: double Q-learning (van Hasselt, Guez and Silver, 2016) with an
//! importance-weighted Huber loss, Adam, and a slowly following target network.

use crate::adam::Adam;
use crate::network::{ACTIONS, Evaluation, best_action};
use crate::settings::Settings;

/// Transitions to learn from: one flat column per field, and for each transition
/// the weight that makes up for how often it is sampled.
#[derive(Debug)]
pub struct Minibatch {
    pub observation: Vec<f32>,
    pub next_observation: Vec<f32>,
    pub action: Vec<u32>,
    pub reward: Vec<f32>,
    pub terminated: Vec<u32>,
    pub weight: Vec<f32>,
}

impl Minibatch {
    /// Returns columns for `size` transitions.
    pub fn new(size: usize) -> Self {
        Self {
            observation: vec![0.0; size * 4],
            next_observation: vec![0.0; size * 4],
            action: vec![0; size],
            reward: vec![0.0; size],
            terminated: vec![0; size],
            weight: vec![1.0; size],
        }
    }
}

/// The network in training, its target network, and the state of the optimizer.
#[derive(Debug)]
pub struct DoubleDqn {
    online: Vec<f32>,
    target: Vec<f32>,
    optimizer: Adam,
    evaluation: Evaluation,
    discount: f32,
    target_rate: f32,
}

impl DoubleDqn {
    /// Returns a learner that begins with the given flat parameters.
    pub fn new(parameters: &[f32], settings: &Settings) -> Self {
        Self {
            online: parameters.to_vec(),
            target: parameters.to_vec(),
            optimizer: Adam::new(parameters.len()),
            evaluation: Evaluation::default(),
            discount: settings.discount,
            target_rate: settings.target_rate,
        }
    }

    /// The parameters of the network in training, flat.
    pub fn parameters(&self) -> &[f32] {
        &self.online
    }

    /// Takes one step down the gradient; returns each transition's TD error.
    pub fn learn(&mut self, batch: &Minibatch, learning_rate: f32) -> Vec<f32> {
        let goals = self.goals(batch);
        let values = self.evaluation.run(&self.online, &batch.observation);
        let taken = || batch.action.iter().map(|&action| action as usize);
        let pairs = values.chunks_exact(ACTIONS).zip(taken()).zip(goals);
        let errors: Vec<f32> = pairs
            .map(|((values, action), goal)| goal - values[action])
            .collect();

        // The loss is the mean of weight * huber(error); the slope of the Huber loss is the error,
        // between -1 and 1.
        let mut by_values = vec![0.0; values.len()];
        let size = errors.len() as f32;
        let rows = by_values.chunks_exact_mut(ACTIONS).zip(taken());
        for ((row, action), (error, weight)) in rows.zip(errors.iter().zip(&batch.weight)) {
            row[action] = -weight * error.clamp(-1.0, 1.0) / size;
        }
        let gradient = self.evaluation.gradient(&self.online, &by_values);
        self.optimizer
            .step(&mut self.online, &gradient, learning_rate);

        for (target, online) in self.target.iter_mut().zip(&self.online) {
            *target += self.target_rate * (online - *target);
        }
        errors
    }

    /// Returns the return that each transition promises: its reward, and what the target network
    /// says of the next action, which the online network chooses.
    fn goals(&mut self, batch: &Minibatch) -> Vec<f32> {
        let next = self.evaluation.run(&self.online, &batch.next_observation);
        let choices: Vec<usize> = next.chunks_exact(ACTIONS).map(best_action).collect();
        let future = self.evaluation.run(&self.target, &batch.next_observation);
        let next = future.chunks_exact(ACTIONS).zip(choices);
        let rewards = batch.reward.iter().zip(&batch.terminated);
        rewards
            .zip(next)
            .map(
                |((reward, &terminated), (values, choice))| match terminated {
                    0 => reward + self.discount * values[choice],
                    _ => *reward,
                },
            )
            .collect()
    }
}
