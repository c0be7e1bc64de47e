//! The cart-pole balancing task of Barto, Sutton and Anderson (1983), with the
//! constants and the rules of Gymnasium's `CartPole-v1`.
//!
//! An episode ends in one of two ways, and the learner must tell them apart: it
//! *terminates* when the pole falls or the cart leaves the track (no reward can
//! follow), and it is *truncated* when the step limit cuts off a pole that still
//! stands (reward would have followed, so the last state keeps its value).

use rand::{Rng, RngExt};

/// Cart position, cart velocity, pole angle, pole angular velocity.
pub type Observation = [f32; 4];

/// An episode that lasts this many steps is truncated.
pub const STEP_LIMIT: u32 = 500;

const GRAVITY: f32 = 9.8;
const CART_MASS: f32 = 1.0;
const POLE_MASS: f32 = 0.1;
const TOTAL_MASS: f32 = CART_MASS + POLE_MASS;
/// Half the pole's length: the distance from the pivot to its centre of mass.
const POLE_HALF_LENGTH: f32 = 0.5;
const FORCE: f32 = 10.0;
const SECONDS_PER_STEP: f32 = 0.02;
const POSITION_LIMIT: f32 = 2.4;
const ANGLE_LIMIT: f32 = 12.0 * std::f32::consts::PI / 180.0;
const START_SPREAD: f32 = 0.05;

/// What one step led to.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub observation: Observation,
    pub reward: f32,
    pub terminated: bool,
    pub truncated: bool,
}

/// One cart with its pole, in the middle of an episode.
#[derive(Clone, Debug)]
pub struct CartPole {
    state: Observation,
    steps: u32,
}

impl CartPole {
    /// A cart at the start of its first episode.
    pub fn new(rng: &mut impl Rng) -> Self {
        let mut cart = Self {
            state: [0.0; 4],
            steps: 0,
        };
        cart.reset(rng);
        cart
    }

    /// Starts a new episode, near the upright position.
    pub fn reset(&mut self, rng: &mut impl Rng) {
        self.state = std::array::from_fn(|_| rng.random_range(-START_SPREAD..START_SPREAD));
        self.steps = 0;
    }

    pub fn observation(&self) -> Observation {
        self.state
    }

    /// The steps taken in this episode, which is also the reward collected in it.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Pushes the cart to the left (action 0) or to the right (action 1) for one
    /// time step. After a step that ended the episode, call [`reset`](Self::reset).
    pub fn step(&mut self, action: u32) -> Step {
        let [position, velocity, angle, angular_velocity] = self.state;
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = angle.sin_cos();

        let pole_moment = POLE_MASS * POLE_HALF_LENGTH;
        let push = (force + pole_moment * angular_velocity * angular_velocity * sin) / TOTAL_MASS;
        let angular_acceleration = (GRAVITY * sin - cos * push)
            / (POLE_HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * cos * cos / TOTAL_MASS));
        let acceleration = push - pole_moment * angular_acceleration * cos / TOTAL_MASS;

        // Explicit Euler: positions move by the velocities from before the push.
        self.state = [
            position + SECONDS_PER_STEP * velocity,
            velocity + SECONDS_PER_STEP * acceleration,
            angle + SECONDS_PER_STEP * angular_velocity,
            angular_velocity + SECONDS_PER_STEP * angular_acceleration,
        ];
        self.steps += 1;

        let terminated = self.state[0].abs() > POSITION_LIMIT || self.state[2].abs() > ANGLE_LIMIT;
        Step {
            observation: self.state,
            reward: 1.0,
            terminated,
            truncated: !terminated && self.steps >= STEP_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn one_push_from_rest_moves_the_velocities_only() {
        let mut cart = CartPole {
            state: [0.0; 4],
            steps: 0,
        };
        let step = cart.step(1);
        // By hand: push = 10 / 1.1, angular = -push / (0.5 * (4/3 - 0.1/1.1)).
        let expected = [0.0, 0.195_122, 0.0, -0.292_683];
        for (value, expected) in step.observation.into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-5, "{:?}", step.observation);
        }
    }

    #[test]
    fn a_pole_pushed_one_way_falls() {
        let mut cart = CartPole::new(&mut StdRng::seed_from_u64(1));
        let last = (0..STEP_LIMIT)
            .map(|_| cart.step(0))
            .find(|step| step.terminated);
        assert!(last.is_some_and(|step| !step.truncated));
        assert!((8..12).contains(&cart.steps()), "{}", cart.steps());
    }

    #[test]
    fn a_standing_pole_is_truncated_at_the_limit() {
        let mut cart = CartPole {
            state: [0.0; 4],
            steps: STEP_LIMIT - 1,
        };
        let step = cart.step(1);
        assert!(step.truncated && !step.terminated);
    }
}
