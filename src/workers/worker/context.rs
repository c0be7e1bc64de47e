//! What a task has besides its input.
//!
//! Imports the words, to see whether a task is still wanted.

use std::any::{Any, TypeId};
use std::collections::HashMap;

use crate::workers::wire::control_words::{ControlWords, is_cancelled};

/// What a worker keeps for its tasks, one value of each type.
pub(crate) type States = HashMap<TypeId, Box<dyn Any>>;

/// What a task has besides its input: what the workers share, and who this one is.
///
/// ```
/// use millpond::{Failure, Task, Worker};
///
/// /// Numbers what it is given, in each worker from 0 on.
/// static NUMBER: Task<(), String, String> = Task { name: "number", run: number };
///
/// fn number(worker: &mut Worker<'_, ()>, line: String) -> Result<String, Failure> {
///     let who = worker.id();
///     let count = worker.state::<u64>();
///     *count += 1;
///     Ok(format!("{who}/{count}: {line}"))
/// }
/// # let _ = &NUMBER;
/// ```
pub struct Worker<'s, S> {
    pub(crate) shared: &'s S,
    pub(crate) id: usize,
    pub(crate) states: &'s mut States,
    pub(crate) words: &'s ControlWords,
    pub(crate) number: u64,
}

impl<'s, S> Worker<'s, S> {
    /// What all workers share, as this one has opened it.
    pub fn shared(&self) -> &'s S {
        self.shared
    }

    /// Which worker this is: 0, 1, and so on. A process that takes the place of another has its number.
    pub fn id(&self) -> usize {
        self.id
    }

    /// A value of this type that the worker keeps from task to task, one of each type; at first its default.
    /// It goes with the worker's process. A task that panics leaves it as it was at that time.
    pub fn state<T: Default + 'static>(&mut self) -> &mut T {
        let state = self.states.entry(TypeId::of::<T>());
        let state = state.or_insert_with(|| Box::new(T::default()));
        state.downcast_mut().expect("a state of this type")
    }

    /// Whether nobody wants this task's result any more: a long one may look, and end.
    pub fn is_cancelled(&self) -> bool {
        is_cancelled(self.words, self.number)
    }
}
