//! The n-step folder: single steps of an episode go in, n-step transitions come out.
//!
//! The steps that are not folded yet wait in a queue, oldest first, each with the return that it has
//! gathered so far. Those that a push completed stand at the queue's front until the next push, so that
//! the caller can borrow them.

use std::collections::VecDeque;

use crate::error::{Error, Result};

/// One step of an episode, as an environment reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<O, A> {
    /// The observation before the action.
    pub observation: O,
    /// The action.
    pub action: A,
    /// The reward of the action.
    pub reward: f32,
    /// The observation after the action. At the end of an episode this is the episode's last observation, not
    /// the first one of the next.
    pub next_observation: O,
    /// `true` if the episode ended because the task did: no reward can follow.
    pub terminated: bool,
    /// `true` if the episode was cut short, by a time limit for example: more rewards could have followed.
    pub truncated: bool,
}

/// Up to n steps of an episode, folded into one; borrowed from the [`NStep`] that folded them.
///
/// It belongs to the target `reward + discount * value(next_observation)`, for an episode that goes on,
/// that terminated, and that was truncated alike.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NStepTransition<'a, O, A> {
    /// The observation before the first step.
    pub observation: &'a O,
    /// The action of the first step.
    pub action: &'a A,
    /// The discounted sum of the rewards: `r_0 + γ r_1 + … + γ^(k-1) r_(k-1)` of `k` steps.
    pub reward: f32,
    /// The factor for the value of `next_observation`: `γ^k` after `k` steps, also where
    /// the episode was truncated; 0 where it terminated.
    pub discount: f32,
    /// The observation after the last step.
    pub next_observation: &'a O,
    /// The number of these steps, the `k` above: n, or fewer at the end of an episode.
    pub steps: usize,
    /// `true` if the last of these steps terminated the episode.
    pub terminated: bool,
    /// `true` if the episode was truncated after the last of these steps, as far as that was known at the time of
    /// output: see [`NStep::truncate`].
    pub truncated: bool,
}

/// A step that waits for those after it.
#[derive(Clone, Debug)]
struct Open<O, A> {
    observation: O,
    action: A,
    reward: f64,
    discount: f64,
    steps: usize,
}

/// The state of the episode after the newest step.
#[derive(Clone, Debug)]
struct Last<O> {
    next_observation: O,
    terminated: bool,
    truncated: bool,
}

/// Folds the steps of one episode after the other into n-step transitions (Sutton and Barto 2018,
/// "Reinforcement learning: an introduction", section 7.1; with replay, as one of the parts of Rainbow,
/// Hessel et al. 2018).
///
/// Each step goes in with [`push`](Self::push), which yields the transitions that it completed: none at first,
/// then one transition a step. The step that ends an episode completes all that are left, as shorter
/// transitions, and the next step begins a new episode. So each step comes out once, as the first one of
/// a transition, and no transition reaches over the end of an episode.
///
/// Termination and truncation are not the same (Pardo et al. 2018, "Time limits in reinforcement
/// learning"): after a termination no reward can follow, and `discount` is 0. After a truncation
/// rewards could have followed, and `discount` keeps the value of the last observation in the target. A step
/// that is both counts as a termination, and keeps both flags.
///
/// The rewards of the later steps are those of the policy that acted: this code does not correct
/// them for another policy that learns from them. Rainbow, with n = 3, does not correct them either.
///
/// A simulator that steps several environments at once needs an `NStep` for each. Nothing is copied, and nothing is
/// allocated once the queue has its length: n, or that of the longest episode where it is shorter. A
/// push takes a multiplication for each step in the queue. An n that no episode reaches gives whole
/// (Monte Carlo) returns.
///
/// # Example
/// ```
/// use millpond::episode::{NStep, Step};
/// use millpond::{Pool, PoolOptions, Record};
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Transition {
///     observation: [f32; 2],
///     next_observation: [f32; 2],
///     reward: f32,
///     discount: f32,
///     action: u32,
/// }
///
/// let pool = Pool::<Transition>::anonymous(PoolOptions::new(1_000))?;
/// let mut steps = NStep::new(3, 0.5)?;
/// for time in 0..10 {
///     let step = Step {
///         observation: [time as f32; 2],
///         action: 1,
///         reward: 1.0,
///         next_observation: [time as f32 + 1.0; 2],
///         terminated: time == 9,
///         truncated: false,
///     };
///     for folded in steps.push(step) {
///         pool.insert(&Transition {
///             observation: *folded.observation,
///             next_observation: *folded.next_observation,
///             reward: folded.reward,
///             discount: folded.discount,
///             action: *folded.action,
///         })?;
///     }
/// }
/// assert_eq!(pool.len(), 10);
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NStep<O, A> {
    n: usize,
    discount: f64,
    open: VecDeque<Open<O, A>>,
    /// The number of complete transitions at the front of the queue.
    complete: usize,
    /// `None` before the first step.
    last: Option<Last<O>>,
}

impl<O, A> NStep<O, A> {
    /// Folds `n` steps into one, with `discount` (γ) a step.
    ///
    /// Sums and powers are computed in `f64`, from the value that the `f32` has: 0.99 is 0.9900000095, and its
    /// power of 100 is 0.3660327, where that of the `f64` is 0.3660323. Only the results are rounded to `f32`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if `n` is 0, or `discount` is not in 0 to 1.
    pub fn new(n: usize, discount: f32) -> Result<Self> {
        if n == 0 {
            return Err(Error::InvalidArgument {
                what: "n, the number of steps to fold",
                found: n.to_string(),
                expected: "at least 1".into(),
            });
        }
        Ok(Self {
            n,
            discount: checked(discount)?,
            open: VecDeque::new(),
            complete: 0,
            last: None,
        })
    }

    /// Takes the next step of the episode, and yields the transitions that it completes, oldest first:
    /// none or one, and at the end of the episode all remaining ones.
    ///
    /// Transitions that are not taken from the iterator are lost with the next push.
    ///
    /// ```
    /// use millpond::episode::{NStep, Step};
    ///
    /// let mut steps = NStep::new(2, 0.5)?;
    /// let step = |reward, terminated| Step {
    ///     observation: (),
    ///     action: (),
    ///     reward,
    ///     next_observation: (),
    ///     terminated,
    ///     truncated: false,
    /// };
    /// assert_eq!(steps.push(step(1.0, false)).len(), 0);
    /// let folded: Vec<_> = steps.push(step(4.0, true)).collect();
    /// assert_eq!((folded[0].reward, folded[0].steps), (3.0, 2));
    /// assert_eq!((folded[1].reward, folded[1].steps), (4.0, 1));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    #[must_use = "transitions that are not taken are lost"]
    pub fn push(
        &mut self,
        step: Step<O, A>,
    ) -> impl ExactSizeIterator<Item = NStepTransition<'_, O, A>> {
        self.fold(step, self.discount);
        self.completed()
    }

    /// Like [`push`](Self::push), with a separate discount for this step, for an environment that provides one:
    /// the rewards of later steps, and the last value, are multiplied with the discounts of all steps
    /// before them.
    ///
    /// A discount of 0 ends no episode: set `terminated` for that.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if `discount` is not in 0 to 1; the step is then not taken.
    pub fn push_with_discount(
        &mut self,
        step: Step<O, A>,
        discount: f32,
    ) -> Result<impl ExactSizeIterator<Item = NStepTransition<'_, O, A>>> {
        self.fold(step, checked(discount)?);
        Ok(self.completed())
    }

    /// Ends the episode after the newest step, as if that one had been truncated, and yields all that are
    /// left. For an episode that the simulator itself breaks off, by a reset for example, or because the
    /// environment failed: the steps before that did happen, and their rewards are not lost.
    /// Between episodes it yields nothing.
    ///
    /// The remaining transitions are the shorter ones, and only these are marked as truncated. The full one of
    /// `n` steps that ends at the newest step came out of [`push`](Self::push), when the break was not known yet, with
    /// `truncated` as `false`; with n = 1 there is no other transition, and this yields nothing. Its target is
    /// correct nevertheless:
    /// `reward`, `discount` and `next_observation` do not depend on a truncation. A simulator that knows of the
    /// break before it pushes the last step says so in that [`Step`], and every transition that ends there is marked.
    ///
    /// ```
    /// use millpond::episode::{NStep, Step};
    ///
    /// let mut steps = NStep::new(2, 0.5)?;
    /// let step = |reward| Step {
    ///     observation: (),
    ///     action: (),
    ///     reward,
    ///     next_observation: (),
    ///     terminated: false,
    ///     truncated: false,
    /// };
    /// assert_eq!(steps.push(step(1.0)).len(), 0);
    /// let full: Vec<_> = steps.push(step(4.0)).collect();
    /// assert_eq!((full[0].steps, full[0].truncated), (2, false));
    /// let rest: Vec<_> = steps.truncate().collect();
    /// assert_eq!(rest.len(), 1);
    /// assert_eq!((rest[0].steps, rest[0].truncated), (1, true));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    #[must_use = "transitions that are not taken are lost"]
    pub fn truncate(&mut self) -> impl ExactSizeIterator<Item = NStepTransition<'_, O, A>> {
        self.open.drain(..self.complete);
        self.complete = self.open.len();
        if let Some(last) = &mut self.last {
            last.truncated = true;
        }
        self.completed()
    }

    /// Forgets the episode: the next step begins a new one. For steps that should not be learned from,
    /// such as those before an environment was found to be broken. Transitions from earlier
    /// pushes already belong to the caller.
    pub fn discard(&mut self) {
        self.open.clear();
        self.complete = 0;
    }

    fn fold(&mut self, step: Step<O, A>, discount: f64) {
        self.open.drain(..self.complete);
        for open in &mut self.open {
            open.reward += open.discount * f64::from(step.reward);
            open.discount *= discount;
            open.steps += 1;
        }
        self.open.push_back(Open {
            observation: step.observation,
            action: step.action,
            reward: step.reward.into(),
            discount,
            steps: 1,
        });
        self.complete = match step.terminated || step.truncated {
            true => self.open.len(),
            false => usize::from(self.open.len() == self.n),
        };
        self.last = Some(Last {
            next_observation: step.next_observation,
            terminated: step.terminated,
            truncated: step.truncated,
        });
    }

    fn completed(&self) -> impl ExactSizeIterator<Item = NStepTransition<'_, O, A>> {
        self.open.range(..self.complete).map(|open| {
            let last = self.last.as_ref().expect("set with the first step");
            NStepTransition {
                observation: &open.observation,
                action: &open.action,
                reward: open.reward as f32,
                discount: match last.terminated {
                    true => 0.0,
                    false => open.discount as f32,
                },
                next_observation: &last.next_observation,
                steps: open.steps,
                terminated: last.terminated,
                truncated: last.truncated,
            }
        })
    }
}

/// Returns an error for a discount that is not valid.
fn checked(discount: f32) -> Result<f64> {
    match (0.0..=1.0).contains(&discount) {
        true => Ok(discount.into()),
        false => Err(Error::InvalidArgument {
            what: "the discount of a step",
            found: discount.to_string(),
            expected: "0 to 1".into(),
        }),
    }
}
