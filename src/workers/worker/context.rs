//! What a task has besides its input.

use std::any::{Any, TypeId};
use std::collections::HashMap;

use crate::workers::wire::control_words::ControlWords;

/// What a worker keeps for its tasks: one value of each type.
pub(crate) type States = HashMap<TypeId, Box<dyn Any>>;

/// What a task has besides its input: the objects that the workers share, and the worker that runs it.
///
/// ```
/// use millpond::workers::{Failure, Worker};
/// use millpond::Task;
///
/// /// Numbers its inputs, from 0 in each worker.
/// static NUMBER: Task<(), String, String> = Task { name: "number", run: number };
///
/// fn number(worker: &mut Worker<'_, ()>, line: String) -> Result<String, Failure> {
///     let id = worker.id();
///     let count = worker.state::<u64>();
///     *count += 1;
///     Ok(format!("{id}/{count}: {line}"))
/// }
/// # let _ = &NUMBER;
/// ```
pub struct Worker<'s, S> {
    pub(super) shared: &'s S,
    pub(super) id: usize,
    pub(super) states: &'s mut States,
    pub(super) words: &'s ControlWords,
    pub(super) number: u64,
}

impl<'s, S> Worker<'s, S> {
    /// The objects that all workers share, as this worker has opened them.
    pub fn shared(&self) -> &'s S {
        self.shared
    }

    /// The number of this worker, from 0 on. A process that replaces another has the same number.
    pub fn id(&self) -> usize {
        self.id
    }

    /// A value of type `T` that the worker keeps from task to task, at first its default. There is one for each type.
    /// It is dropped when the worker's process ends. After a task that panics it is as the panic left it.
    pub fn state<T: Default + 'static>(&mut self) -> &mut T {
        let state = self.states.entry(TypeId::of::<T>());
        let state = state.or_insert_with(|| Box::new(T::default()));
        state.downcast_mut().expect("a state of this type")
    }

    /// Returns `true` if the result of this task is no longer wanted. A long task may ask, and end early.
    pub fn is_cancelled(&self) -> bool {
        self.words.is_cancelled(self.number)
    }
}
