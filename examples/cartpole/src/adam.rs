//! The optimizer Adam (Kingma and Ba, 2015).

const FIRST_DECAY: f32 = 0.9;
const SECOND_DECAY: f32 = 0.999;
const SMALLEST_DEVIATION: f32 = 1e-8;

/// Moving means of the gradient and of its square.
#[derive(Debug)]
pub struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

impl Adam {
    /// Returns an optimizer of this many parameters.
    pub fn new(parameters: usize) -> Self {
        Self {
            first: vec![0.0; parameters],
            second: vec![0.0; parameters],
            steps: 0,
        }
    }

    /// Moves the parameters one step down the gradient.
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32], learning_rate: f32) {
        self.steps = self.steps.saturating_add(1);
        // The means begin at zero; early steps make up for that.
        let first_bias = 1.0 - FIRST_DECAY.powi(self.steps);
        let second_bias = 1.0 - SECOND_DECAY.powi(self.steps);
        let means = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, slope), (first, second)) in parameters.iter_mut().zip(gradient).zip(means)
        {
            *first += (1.0 - FIRST_DECAY) * (slope - *first);
            *second += (1.0 - SECOND_DECAY) * (slope * slope - *second);
            let deviation = (*second / second_bias).sqrt() + SMALLEST_DEVIATION;
            *parameter -= learning_rate * *first / first_bias / deviation;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_has_the_size_of_the_learning_rate() {
        let mut parameters = [1.0, 1.0, 1.0];
        Adam::new(3).step(&mut parameters, &[1e-3, -40.0, 0.0], 0.1);
        for (found, expected) in parameters.into_iter().zip([0.9, 1.1, 1.0]) {
            assert!((found - expected).abs() < 1e-5, "{parameters:?}");
        }
    }

    #[test]
    fn a_parabola_is_descended_to_its_lowest_point() {
        let (mut parameters, mut adam) = ([3.0, -2.0], Adam::new(2));
        for _ in 0..2_000 {
            let gradient = [2.0 * (parameters[0] - 0.5), 20.0 * (parameters[1] - 0.25)];
            adam.step(&mut parameters, &gradient, 0.01);
        }
        assert!((parameters[0] - 0.5).abs() < 0.01 && (parameters[1] - 0.25).abs() < 0.01);
    }
}
