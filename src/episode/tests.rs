//! The n-step folder by numbers worked by hand, and against a recomputation of whole episodes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::error::Error;

/// A transition without its borrows; observations and actions are numbers here.
#[derive(Clone, Debug, PartialEq)]
struct Folded {
    observation: u32,
    action: u32,
    reward: f32,
    discount: f32,
    next_observation: u32,
    steps: usize,
    flags: (bool, bool),
}

fn own(transition: NStepTransition<'_, u32, u32>) -> Folded {
    Folded {
        observation: *transition.observation,
        action: *transition.action,
        reward: transition.reward,
        discount: transition.discount,
        next_observation: *transition.next_observation,
        steps: transition.steps,
        flags: (transition.terminated, transition.truncated),
    }
}

/// What is expected: observation, reward, discount, next observation, steps. The action is that of the
/// observation.
fn folded(
    (observation, reward, discount, next_observation, steps): (u32, f32, f32, u32, usize),
    flags: (bool, bool),
) -> Folded {
    Folded {
        observation,
        action: 100 + observation,
        reward,
        discount,
        next_observation,
        steps,
        flags,
    }
}

const GOES_ON: (bool, bool) = (false, false);
const TERMINATED: (bool, bool) = (true, false);
const TRUNCATED: (bool, bool) = (false, true);

/// The step from observation `time` to the next.
fn step(time: u32, reward: f32, (terminated, truncated): (bool, bool)) -> Step<u32, u32> {
    Step {
        observation: time,
        action: 100 + time,
        reward,
        next_observation: time + 1,
        terminated,
        truncated,
    }
}

fn push(steps: &mut NStep<u32, u32>, step: Step<u32, u32>) -> Vec<Folded> {
    steps.push(step).map(own).collect()
}

/// An episode of the rewards 1, 2, 4, 8 in three-step transitions with discount 0.5, which ends so.
fn episode(steps: &mut NStep<u32, u32>, end: (bool, bool)) -> Vec<Folded> {
    assert_eq!(push(steps, step(0, 1.0, GOES_ON)), []);
    assert_eq!(push(steps, step(1, 2.0, GOES_ON)), []);
    // 1 + 2/2 + 4/4 = 3, and then 0.5^3.
    assert_eq!(
        push(steps, step(2, 4.0, GOES_ON)),
        [folded((0, 3.0, 0.125, 3, 3), GOES_ON)]
    );
    push(steps, step(3, 8.0, end))
}

#[test]
fn a_terminated_episode_leaves_nothing_to_bootstrap() {
    // 2 + 4/2 + 8/4 = 6, 4 + 8/2 = 8, 8.
    let expected = [
        (1, 6.0, 0.0, 4, 3),
        (2, 8.0, 0.0, 4, 2),
        (3, 8.0, 0.0, 4, 1),
    ];
    let expected = expected.map(|numbers| folded(numbers, TERMINATED));
    let mut steps = NStep::new(3, 0.5).unwrap();
    assert_eq!(episode(&mut steps, TERMINATED), expected);
    // Nothing of it is in the next one.
    assert_eq!(episode(&mut steps, TERMINATED), expected);
}

#[test]
fn a_truncated_episode_keeps_its_bootstrap() {
    // The same sums, and 0.5^3, 0.5^2, 0.5.
    let expected = [
        (1, 6.0, 0.125, 4, 3),
        (2, 8.0, 0.25, 4, 2),
        (3, 8.0, 0.5, 4, 1),
    ];
    let expected = expected.map(|numbers| folded(numbers, TRUNCATED));
    let mut steps = NStep::new(3, 0.5).unwrap();
    assert_eq!(episode(&mut steps, TRUNCATED), expected);
    assert_eq!(episode(&mut steps, TRUNCATED), expected);
}

#[test]
fn an_end_that_is_both_is_a_termination_with_both_flags() {
    let mut steps = NStep::new(3, 0.5).unwrap();
    for transition in episode(&mut steps, (true, true)) {
        assert_eq!((transition.discount, transition.flags), (0.0, (true, true)));
    }
}

#[test]
fn one_step_is_the_step_itself() {
    let mut steps = NStep::new(1, 0.9).unwrap();
    let cases = [
        (-0.0, GOES_ON, 0.9),
        (0.1, TRUNCATED, 0.9),
        (1e30, TERMINATED, 0.0),
    ];
    for (time, (reward, flags, discount)) in (0..).zip(cases) {
        let expected = folded((time, reward, discount, time + 1, 1), flags);
        let found = push(&mut steps, step(time, reward, flags));
        assert_eq!(found, [expected]);
        assert_eq!(found[0].reward.to_bits(), reward.to_bits());
    }
}

#[test]
fn more_steps_than_the_episode_has_are_whole_returns() {
    let mut steps = NStep::new(usize::MAX, 0.5).unwrap();
    assert_eq!(push(&mut steps, step(0, 1.0, GOES_ON)), []);
    assert_eq!(push(&mut steps, step(1, 2.0, GOES_ON)), []);
    // 1 + 2/2 + 4/4 = 3, 2 + 4/2 = 4, 4.
    assert_eq!(
        push(&mut steps, step(2, 4.0, TERMINATED)),
        [
            (0, 3.0, 0.0, 3, 3),
            (1, 4.0, 0.0, 3, 2),
            (2, 4.0, 0.0, 3, 1)
        ]
        .map(|numbers| folded(numbers, TERMINATED))
    );
}

/// The numbers with which RLlib tests its own folding (`test_evaluators.py` in ray-project/ray).
#[test]
fn the_numbers_are_those_of_another_library() {
    let mut steps = NStep::new(3, 0.9).unwrap();
    let mut found = Vec::new();
    for (time, reward) in (1..).zip([10.0, 0.0, 100.0, 100.0, 100.0, 100.0, 100.0]) {
        let flags = if time == 7 { TERMINATED } else { GOES_ON };
        found.extend(push(&mut steps, step(time, reward, flags)));
    }
    let expected = [91.0, 171.0, 271.0, 271.0, 271.0, 190.0, 100f32];
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.reward - expected).abs() < 1e-4, "{found:?}");
    }
    let next: Vec<_> = found.iter().map(|folded| folded.next_observation).collect();
    assert_eq!(next, [4, 5, 6, 7, 8, 8, 8]);
    let terminated: Vec<_> = found.iter().map(|folded| folded.flags.0).collect();
    assert_eq!(terminated, [false, false, false, false, true, true, true]);
}

#[test]
fn discounts_of_the_steps_own_multiply() {
    let mut steps = NStep::new(3, 0.9).unwrap();
    let mut push = |time, reward, discount, flags| -> Vec<Folded> {
        let completed = steps.push_with_discount(step(time, reward, flags), discount);
        completed.unwrap().map(own).collect()
    };
    assert_eq!(push(0, 1.0, 0.5, GOES_ON), []);
    assert_eq!(push(1, 2.0, 0.25, GOES_ON), []);
    // 1 + 0.5 · 2 + 0.5 · 0.25 · 8 = 3, and then 0.5 · 0.25 · 0.5.
    let expected = folded((0, 3.0, 0.0625, 3, 3), GOES_ON);
    assert_eq!(push(2, 8.0, 0.5, GOES_ON), [expected]);
    // 2 + 0.25 · 8 = 4 with 0.25 · 0.5 · 0; 8 with 0.5 · 0; 0 with 0.
    assert_eq!(
        push(3, 0.0, 0.0, TRUNCATED),
        [
            (1, 4.0, 0.0, 4, 3),
            (2, 8.0, 0.0, 4, 2),
            (3, 0.0, 0.0, 4, 1)
        ]
        .map(|numbers| folded(numbers, TRUNCATED))
    );
}

#[test]
fn an_episode_that_is_broken_off_is_truncated_at_its_newest_step() {
    let mut steps = NStep::new(3, 0.5).unwrap();
    assert_eq!(steps.truncate().count(), 0);
    for time in 0..4 {
        let _ = push(&mut steps, step(time, 1.0, GOES_ON));
    }
    // Observations 0 and 1 came out before: 1 + 1/2, and 1.
    let expected = [(2, 1.5, 0.25, 4, 2), (3, 1.0, 0.5, 4, 1)];
    let expected = expected.map(|numbers| folded(numbers, TRUNCATED));
    assert_eq!(steps.truncate().map(own).collect::<Vec<_>>(), expected);
    assert_eq!(steps.truncate().count(), 0);
    let _ = episode(&mut steps, TERMINATED);
    assert_eq!(steps.truncate().count(), 0);
}

#[test]
fn a_discarded_episode_leaves_nothing() {
    let mut steps = NStep::new(3, 0.5).unwrap();
    for time in 0..4 {
        let _ = push(&mut steps, step(time, 9.0, GOES_ON));
    }
    steps.discard();
    assert_eq!(steps.truncate().count(), 0);
    assert_eq!(episode(&mut steps, TERMINATED).len(), 3);
}

#[test]
fn what_is_not_taken_is_gone_and_harms_nothing() {
    let mut steps = NStep::new(2, 0.5).unwrap();
    for time in 0..3 {
        drop(steps.push(step(time, 1.0, GOES_ON)));
    }
    // The last step's push completes both; only the first is looked at.
    let first = steps.push(step(3, 2.0, TERMINATED)).next().map(own);
    assert_eq!(first, Some(folded((2, 2.0, 0.0, 4, 2), TERMINATED)));
    assert_eq!(push(&mut steps, step(0, 1.0, GOES_ON)), []);
}

#[test]
fn impossible_arguments_are_errors() {
    let error = NStep::<u32, u32>::new(0, 0.9).unwrap_err();
    assert!(error.to_string().starts_with("n, the number of steps"));
    for discount in [-0.1, 1.1, f32::NAN, f32::INFINITY] {
        let error = NStep::<u32, u32>::new(3, discount).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { .. }), "{discount}");
        // The step was not taken.
        let mut steps = NStep::new(1, 1.0).unwrap();
        assert!(
            steps
                .push_with_discount(step(0, 1.0, GOES_ON), discount)
                .is_err()
        );
        assert_eq!(steps.truncate().count(), 0);
    }
}

/// Rewards and discounts of an episode's steps, and how it ends.
type Episode = (Vec<(f32, f32)>, (bool, bool));

fn some_episode() -> impl Strategy<Value = Episode> {
    let end = prop_oneof![Just(TERMINATED), Just(TRUNCATED), Just((true, true))];
    (vec((-10f32..10.0, 0f32..=1.0), 1..30), end)
}

/// Every transition of an episode, each by the definition.
fn recomputed(n: usize, (steps, end): &Episode) -> Vec<Folded> {
    let transition = |first: usize| {
        let last = (first + n).min(steps.len());
        let scale = |until: usize| -> f64 {
            let before = &steps[first..until];
            before
                .iter()
                .map(|(_, discount)| f64::from(*discount))
                .product()
        };
        let rewards = (first..last).map(|time| scale(time) * f64::from(steps[time].0));
        let flags = if last == steps.len() { *end } else { GOES_ON };
        let discount = if flags.0 { 0.0 } else { scale(last) as f32 };
        let reward = rewards.sum::<f64>() as f32;
        folded(
            (first as u32, reward, discount, last as u32, last - first),
            flags,
        )
    };
    (0..steps.len()).map(transition).collect()
}

proptest! {
    #[test]
    fn folding_is_recomputing_whole_episodes(
        n in 1usize..12,
        episodes in vec(some_episode(), 1..4),
    ) {
        let mut folder = NStep::new(n, 1.0).unwrap();
        for episode in &episodes {
            let (steps, end) = episode;
            let mut found = Vec::new();
            for (time, &(reward, discount)) in steps.iter().enumerate() {
                let flags = if time + 1 == steps.len() { *end } else { GOES_ON };
                let step = step(time as u32, reward, flags);
                found.extend(folder.push_with_discount(step, discount).unwrap().map(own));
            }
            let expected = recomputed(n, episode);
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.into_iter().zip(expected) {
                // Sums of up to 12 numbers up to 10, in `f64`, then rounded to `f32`.
                prop_assert!((found.reward - expected.reward).abs() < 1e-5);
                prop_assert!((found.discount - expected.discount).abs() < 1e-6);
                let rest = Folded { reward: expected.reward, discount: expected.discount, ..found };
                prop_assert_eq!(rest, expected);
            }
        }
    }
}
