//! A hyper-parameter that changes during training. Plain arithmetic; imports nothing.

/// A hyper-parameter, such as `beta`, as a function of the training step.
///
/// Schaul et al. 2016, "Prioritized experience replay", raise `beta` linearly to 1 at the end of
/// training, from 0.4 for the proportional variant and from 0.5 for the rank-based one.
///
/// The constructors are `const`: if the schedule is a constant, the compiler finds the errors for which they
/// panic.
///
/// ```
/// use millpond::Schedule;
///
/// const BETA: Schedule = Schedule::linear(0.4, 1.0, 100_000);
/// assert_eq!(BETA.at(0), 0.4);
/// assert_eq!(BETA.at(50_000), 0.7);
/// assert_eq!(BETA.at(200_000), 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    from: f32,
    to: f32,
    steps: u64,
    curve: Curve,
}

/// The curve from the first value to the last.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Curve {
    Linear,
    Exponential,
}

impl Schedule {
    /// The same value at every step.
    ///
    /// # Panics
    /// If the value is not finite.
    ///
    /// ```
    /// # use millpond::Schedule;
    /// assert_eq!(Schedule::constant(0.5).at(1_000), 0.5);
    /// ```
    pub const fn constant(value: f32) -> Self {
        Self::linear(value, value, 0)
    }

    /// Returns a linear schedule: `from` at step 0, `to` from step `steps` on, with equal differences in between.
    /// With 0 steps it is always `to`. Either end may be the larger.
    ///
    /// # Panics
    /// If an end is not finite.
    ///
    /// ```
    /// # use millpond::Schedule;
    /// let epsilon = Schedule::linear(1.0, 0.0, 4);
    /// assert_eq!([0, 1, 2, 3, 4, 5].map(|step| epsilon.at(step)), [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]);
    /// ```
    pub const fn linear(from: f32, to: f32, steps: u64) -> Self {
        assert!(
            from.is_finite() && to.is_finite(),
            "a schedule's ends must be finite"
        );
        Self {
            from,
            to,
            steps,
            curve: Curve::Linear,
        }
    }

    /// Like [`linear`](Self::linear), but multiplied by the same factor at each step.
    ///
    /// # Panics
    /// If an end is not finite, or not above 0.
    ///
    /// ```
    /// # use millpond::Schedule;
    /// let rate = Schedule::exponential(8.0, 0.5, 4);
    /// assert_eq!([0, 1, 2, 3, 4, 5].map(|step| rate.at(step)), [8.0, 4.0, 2.0, 1.0, 0.5, 0.5]);
    /// ```
    pub const fn exponential(from: f32, to: f32, steps: u64) -> Self {
        assert!(
            from > 0.0 && to > 0.0,
            "an exponential schedule's ends must be above 0"
        );
        Self {
            curve: Curve::Exponential,
            ..Self::linear(from, to, steps)
        }
    }

    /// Returns the value at this step, counted from 0. It is exactly the first and the last value at the ends.
    pub fn at(&self, step: u64) -> f32 {
        if step >= self.steps {
            return self.to;
        }
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        let done = step as f64 / self.steps as f64;
        let value = match self.curve {
            Curve::Linear => from * (1.0 - done) + to * done,
            Curve::Exponential => from * (to / from).powf(done),
        };
        value as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_rises_in_equal_steps_and_stays() {
        // 0.4 + 0.6 · step / 10.
        let beta = Schedule::linear(0.4, 1.0, 10);
        let expected = [
            0.4, 0.46, 0.52, 0.58, 0.64, 0.7, 0.76, 0.82, 0.88, 0.94, 1.0, 1.0,
        ];
        for (step, expected) in expected.into_iter().enumerate() {
            let found = beta.at(step as u64);
            assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
        }
        assert_eq!(
            (beta.at(0), beta.at(10), beta.at(u64::MAX)),
            (0.4, 1.0, 1.0)
        );
    }

    #[test]
    fn an_exponential_one_falls_by_equal_factors() {
        // A hundredth in four steps: the fourth root of it, 0.316228, a step.
        let rate = Schedule::exponential(1.0, 0.01, 4);
        let expected = [1.0, 0.316_227_77, 0.1, 0.031_622_776, 0.01, 0.01];
        for (step, expected) in expected.into_iter().enumerate() {
            let found = rate.at(step as u64);
            assert!(
                (found / expected - 1.0).abs() < 1e-6,
                "{found}, not {expected}"
            );
        }
    }

    #[test]
    fn no_steps_are_the_last_value_at_once() {
        assert_eq!(Schedule::linear(0.4, 1.0, 0).at(0), 1.0);
        assert_eq!(Schedule::constant(-3.5).at(0), -3.5);
        assert_eq!(Schedule::constant(-3.5).at(u64::MAX), -3.5);
    }

    #[test]
    fn ends_far_apart_and_many_steps_stay_between_them() {
        let schedule = Schedule::linear(f32::MAX, -f32::MAX, u64::MAX);
        assert_eq!(schedule.at(0), f32::MAX);
        assert_eq!(schedule.at(u64::MAX / 2), 0.0);
        let last = schedule.at(u64::MAX - 1);
        assert!((-f32::MAX..=f32::MAX).contains(&last));
        // f32's own range: 2^-149 to nearly 2^128.
        let schedule = Schedule::exponential(f32::from_bits(1), f32::MAX, 277);
        assert!((1..278).all(|step| schedule.at(step) > schedule.at(step - 1)));
    }

    #[test]
    #[should_panic(expected = "finite")]
    fn an_end_that_is_no_number_panics() {
        let _ = Schedule::linear(0.0, f32::NAN, 10);
    }

    #[test]
    #[should_panic(expected = "above 0")]
    fn an_exponential_one_to_zero_panics() {
        let _ = Schedule::exponential(1.0, 0.0, 10);
    }

    #[test]
    #[should_panic(expected = "finite")]
    fn an_exponential_one_from_infinity_panics() {
        let _ = Schedule::exponential(f32::INFINITY, 1.0, 10);
    }
}
