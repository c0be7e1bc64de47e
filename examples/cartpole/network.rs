//! The Q network's shape, and its evaluation by the simulators.
//!
//! All of the network's parameters live in one flat slice, because that is what
//! travels over the weights board: layer after layer, first the weights (one row
//! per input), then the biases. A simulator needs one greedy action at a time, so
//! it evaluates the slice directly; the learner, which also needs gradients, does
//! so with a tensor library (see `double_dqn`).

use rand::{Rng, RngExt};

use crate::environment::Observation;

const HIDDEN: usize = 64;

/// The number of actions the network values.
pub const ACTIONS: usize = 2;

/// Inputs and outputs of each layer; all but the last are followed by a ReLU.
pub const LAYERS: [(usize, usize); 3] = [(4, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, ACTIONS)];

/// The length of the flat slice of parameters.
pub const PARAMETERS: usize = {
    let mut total = 0;
    let mut layer = 0;
    while layer < LAYERS.len() {
        let (inputs, outputs) = LAYERS[layer];
        total += (inputs + 1) * outputs;
        layer += 1;
    }
    total
};

/// Parameters for a network that has learned nothing yet.
pub fn initial_parameters(rng: &mut impl Rng) -> Vec<f32> {
    let mut parameters = Vec::with_capacity(PARAMETERS);
    for (inputs, outputs) in LAYERS {
        let spread = 1.0 / (inputs as f32).sqrt();
        let count = (inputs + 1) * outputs;
        parameters.extend((0..count).map(|_| rng.random_range(-spread..spread)));
    }
    parameters
}

/// The action that the network holds to be worth most.
pub fn greedy_action(parameters: &[f32], observation: &Observation) -> u32 {
    let (first, rest) = layer::<4, HIDDEN>(parameters, observation);
    let (second, rest) = layer::<HIDDEN, HIDDEN>(rest, &first.map(|value| value.max(0.0)));
    let (values, _) = layer::<HIDDEN, ACTIONS>(rest, &second.map(|value| value.max(0.0)));
    u32::from(values[1] > values[0])
}

/// Evaluates the layer at the front of `parameters`, without its ReLU; also gives
/// the parameters of the layers after it.
fn layer<'a, const INPUTS: usize, const OUTPUTS: usize>(
    parameters: &'a [f32],
    inputs: &[f32; INPUTS],
) -> ([f32; OUTPUTS], &'a [f32]) {
    let (weights, rest) = parameters.split_at(INPUTS * OUTPUTS);
    let (biases, rest) = rest.split_at(OUTPUTS);
    let mut outputs = [0.0; OUTPUTS];
    outputs.copy_from_slice(biases);
    for (input, row) in inputs.iter().zip(weights.chunks_exact(OUTPUTS)) {
        for (output, weight) in outputs.iter_mut().zip(row) {
            *output += input * weight;
        }
    }
    (outputs, rest)
}
