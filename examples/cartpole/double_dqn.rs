//! The learning rule: double Q-learning (van Hasselt, Guez and Silver, 2016) with
//! importance-weighted Huber loss, Adam, and a slowly following target network.

use candle_core::{D, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};

use crate::network::{LAYERS, PARAMETERS};
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
    /// Columns for `size` transitions.
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
///
/// Each network is a single tensor with all parameters; the layers are views of it.
#[derive(Debug)]
pub struct DoubleDqn {
    online: Var,
    target: Tensor,
    optimizer: AdamW,
    discount: f64,
    target_rate: f64,
}

impl DoubleDqn {
    /// Begins with the given flat parameters.
    pub fn new(parameters: &[f32], settings: &Settings) -> Result<Self> {
        let target = Tensor::from_slice(parameters, PARAMETERS, &Device::Cpu)?;
        let online = Var::from_tensor(&target)?;
        let adam = ParamsAdamW {
            lr: settings.learning_rate,
            weight_decay: 0.0,
            ..ParamsAdamW::default()
        };
        Ok(Self {
            optimizer: AdamW::new(vec![online.clone()], adam)?,
            online,
            target,
            discount: settings.discount,
            target_rate: settings.target_rate,
        })
    }

    /// The parameters of the network in training, flat.
    pub fn parameters(&self) -> Result<Vec<f32>> {
        self.online.to_vec1()
    }

    /// Takes steps of this size from now on.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.optimizer.set_learning_rate(learning_rate);
    }

    /// Takes one step down the gradient; returns each transition's TD error.
    pub fn learn(&mut self, batch: &Minibatch) -> Result<Vec<f32>> {
        let size = batch.action.len();
        let column = |values: &[f32]| Tensor::from_slice(values, (size, 1), &Device::Cpu);
        let rows = |values: &[f32]| Tensor::from_slice(values, (size, 4), &Device::Cpu);
        let action = Tensor::from_slice(&batch.action, (size, 1), &Device::Cpu)?;
        let goes_on: Vec<f32> = batch
            .terminated
            .iter()
            .map(|&ended| if ended == 0 { 1.0 } else { 0.0 })
            .collect();

        // The online network chooses the next action, the target network values it.
        let next = rows(&batch.next_observation)?;
        let choice =
            q_values(&self.online.as_detached_tensor(), &next)?.argmax_keepdim(D::Minus1)?;
        let future = q_values(&self.target, &next)?.gather(&choice, D::Minus1)?;
        let goal = (column(&batch.reward)? + ((future * column(&goes_on)?)? * self.discount)?)?;

        let value =
            q_values(&self.online, &rows(&batch.observation)?)?.gather(&action, D::Minus1)?;
        let error = (goal - value)?;
        let loss = (huber(&error)? * column(&batch.weight)?)?.mean_all()?;
        self.optimizer.backward_step(&loss)?;

        // target += rate * (online - target)
        let online = self.online.as_detached_tensor();
        self.target = ((online - &self.target)? * self.target_rate)?.add(&self.target)?;
        error.flatten_all()?.to_vec1()
    }
}

/// The values of all actions, one row per observation.
fn q_values(parameters: &Tensor, observations: &Tensor) -> Result<Tensor> {
    let mut activation = observations.clone();
    let mut start = 0;
    for (index, (inputs, outputs)) in LAYERS.into_iter().enumerate() {
        if index > 0 {
            activation = activation.relu()?;
        }
        let weights = parameters
            .narrow(0, start, inputs * outputs)?
            .reshape((inputs, outputs))?;
        let biases = parameters.narrow(0, start + inputs * outputs, outputs)?;
        activation = activation.matmul(&weights)?.broadcast_add(&biases)?;
        start += (inputs + 1) * outputs;
    }
    Ok(activation)
}

/// Half the square of an error up to 1, and linear beyond it.
fn huber(error: &Tensor) -> Result<Tensor> {
    let size = error.abs()?;
    let capped = size.minimum(1.0)?;
    &capped * (size - (&capped * 0.5)?)?
}
