//! The Q network: a multilayer perceptron, evaluated and differentiated over plain slices.
//!
//! All parameters lie in one flat slice, because that is what travels over the weights board: layer
//! after layer, first the weights (one row per input), then the biases. The gradient is computed by
//! backpropagation (Rumelhart, Hinton and Williams, 1986). A network of 4,610 parameters needs no
//! tensor library, and building one would take longer than the training.

use rand::{Rng, RngExt};

use crate::environment::Observation;

const HIDDEN: usize = 64;

/// The number of actions the network values.
pub const ACTIONS: usize = 2;

/// Inputs and outputs of each layer; all but the last are followed by a ReLU.
const LAYERS: [(usize, usize); 3] = [(4, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, ACTIONS)];

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

/// Returns parameters for a network that has learned nothing yet.
pub fn initial_parameters(rng: &mut impl Rng) -> Vec<f32> {
    let mut parameters = Vec::with_capacity(PARAMETERS);
    for (inputs, outputs) in LAYERS {
        let spread = 1.0 / (inputs as f32).sqrt();
        let count = (inputs + 1) * outputs;
        parameters.extend((0..count).map(|_| rng.random_range(-spread..spread)));
    }
    parameters
}

/// Returns the better action of a pair of values.
pub fn best_action(values: &[f32]) -> usize {
    usize::from(values[1] > values[0])
}

/// An evaluation of the network for any number of observations. It keeps the values of every layer,
/// from which the gradient is computed, and its memory for the next evaluation.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// One row per observation in each: the observations, then the outputs of each layer.
    layers: [Vec<f32>; LAYERS.len() + 1],
}

impl Evaluation {
    /// Evaluates the network for observations of four numbers each; returns two values for each.
    pub fn run(&mut self, parameters: &[f32], observations: &[f32]) -> &[f32] {
        self.layers[0].clear();
        self.layers[0].extend_from_slice(observations);
        let mut rest = parameters;
        for (index, (inputs, outputs)) in LAYERS.into_iter().enumerate() {
            let (weights, after) = rest.split_at(inputs * outputs);
            let (biases, after) = after.split_at(outputs);
            rest = after;
            let [from, to] = self.layers.get_disjoint_mut([index, index + 1]).unwrap();
            to.clear();
            for input in from.chunks_exact(inputs) {
                let begin = to.len();
                to.extend_from_slice(biases);
                multiply_add(input, weights, &mut to[begin..]);
            }
            if index + 1 < LAYERS.len() {
                to.iter_mut().for_each(|value| *value = value.max(0.0));
            }
        }
        &self.layers[LAYERS.len()]
    }

    /// Returns the action that the network values most for one observation.
    pub fn greedy_action(&mut self, parameters: &[f32], observation: &Observation) -> u32 {
        best_action(self.run(parameters, observation)) as u32
    }

    /// Returns the gradient by the parameters, given the gradient by the values of the last
    /// evaluation, which was of the same parameters.
    pub fn gradient(&self, parameters: &[f32], by_values: &[f32]) -> Vec<f32> {
        let mut gradient = vec![0.0; PARAMETERS];
        let mut by_outputs = by_values.to_vec();
        let mut end = PARAMETERS;
        for (index, (inputs, outputs)) in LAYERS.into_iter().enumerate().rev() {
            let begin = end - (inputs + 1) * outputs;
            let weights = transposed(&parameters[begin..end - outputs], outputs);
            let (by_weights, by_biases) = gradient[begin..end].split_at_mut(inputs * outputs);
            let mut by_inputs = vec![0.0; self.layers[index].len()];
            let rows = self.layers[index].chunks_exact(inputs);
            let by_rows = by_inputs.chunks_exact_mut(inputs);
            for ((input, by_input), by_output) in
                rows.zip(by_rows).zip(by_outputs.chunks_exact(outputs))
            {
                for (value, by_row) in input.iter().zip(by_weights.chunks_exact_mut(outputs)) {
                    add_scaled(by_row, *value, by_output);
                }
                add_scaled(by_biases, 1.0, by_output);
                multiply_add(by_output, &weights, by_input);
                // Where the ReLU before this layer is flat, nothing passes through it.
                for (by_value, value) in by_input.iter_mut().zip(input) {
                    *by_value = if *value > 0.0 { *by_value } else { 0.0 };
                }
            }
            by_outputs = by_inputs;
            end = begin;
        }
        gradient
    }
}

/// Adds the product of a row vector and a matrix, whose rows have the length of `sum`, to `sum`.
fn multiply_add(vector: &[f32], matrix: &[f32], sum: &mut [f32]) {
    for (value, row) in vector.iter().zip(matrix.chunks_exact(sum.len())) {
        add_scaled(sum, *value, row);
    }
}

/// Adds `factor` times `values` to `sum`.
fn add_scaled(sum: &mut [f32], factor: f32, values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

/// Returns the transpose of a matrix whose rows have this length.
fn transposed(matrix: &[f32], length: usize) -> Vec<f32> {
    let column = |at| matrix.iter().skip(at).step_by(length);
    (0..length).flat_map(column).copied().collect()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn the_gradient_is_the_slope_of_the_values() {
        let random = &mut StdRng::seed_from_u64(7);
        let mut parameters = initial_parameters(random);
        let observations: Vec<f32> = (0..20).map(|_| random.random_range(-1.0..1.0)).collect();
        let by_values: Vec<f32> = (0..10).map(|_| random.random_range(-1.0..1.0)).collect();
        let mut evaluation = Evaluation::default();
        let mut weighted_sum = |parameters: &[f32]| -> f64 {
            let values = evaluation.run(parameters, &observations);
            let pairs = values.iter().zip(&by_values);
            pairs.map(|(value, by)| f64::from(value * by)).sum()
        };
        let mut slopes = Vec::new();
        const STEP: f32 = 1.0 / 1024.0;
        for index in (0..PARAMETERS).step_by(29) {
            let kept = parameters[index];
            parameters[index] = kept + STEP;
            let above = weighted_sum(&parameters);
            parameters[index] = kept - STEP;
            let below = weighted_sum(&parameters);
            parameters[index] = kept;
            slopes.push((index, (above - below) / f64::from(2.0 * STEP)));
        }
        weighted_sum(&parameters);
        let gradient = evaluation.gradient(&parameters, &by_values);
        for (index, slope) in slopes {
            let found = f64::from(gradient[index]);
            assert!(
                (found - slope).abs() < 2e-3,
                "{index}: {found}, not {slope}"
            );
        }
        assert!(gradient.iter().filter(|by| by.abs() > 0.01).count() > 100);
    }
}
