//! What a worker keeps for its tasks: the shared objects, once they are open, and the states.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::rc::Rc;

use super::context::{States, Worker};
use crate::open::Open;
use crate::workers::wire::control_words::ControlWords;

/// What a worker keeps for its tasks.
pub struct Environment {
    worker: usize,
    shared_name: String,
    shared: HashMap<TypeId, Rc<dyn Any>>,
    states: States,
}

impl Environment {
    /// The environment of worker `worker`, with nothing in it.
    pub(crate) fn new(worker: usize) -> Self {
        Self {
            worker,
            shared_name: String::new(),
            shared: HashMap::new(),
            states: HashMap::new(),
        }
    }

    /// Sets the name of the shared objects, and drops those that are open.
    pub(crate) fn share(&mut self, name: String) {
        self.shared_name = name;
        self.shared.clear();
    }

    /// Returns the shared objects of type `S`, which are opened if they are not open.
    pub(crate) fn shared<S: Open + 'static>(&mut self) -> Result<Rc<S>, String> {
        if let Some(shared) = self.shared.get(&TypeId::of::<S>()) {
            return Ok(shared.clone().downcast().expect("objects of this type"));
        }
        let opened = Rc::new(self.open::<S>()?);
        self.shared.insert(TypeId::of::<S>(), opened.clone());
        Ok(opened)
    }

    fn open<S: Open + 'static>(&self) -> Result<S, String> {
        let name = &self.shared_name;
        if name.is_empty() && TypeId::of::<S>() != TypeId::of::<()>() {
            return Err(format!(
                "it wants shared objects of type `{}`, and the workers were given none; name them with \
                 `WorkersOptions::shared` or `Workers::share`",
                type_name::<S>()
            ));
        }
        S::open_by_name(name)
            .map_err(|error| format!("the shared objects `{name}` cannot be opened: {error}"))
    }

    /// Returns what a task of chunk `number` sees of its worker.
    pub(crate) fn context<'b, S>(
        &'b mut self,
        shared: &'b S,
        words: &'b ControlWords,
        number: u64,
    ) -> Worker<'b, S> {
        Worker {
            shared,
            id: self.worker,
            states: &mut self.states,
            words,
            number,
        }
    }

    /// Drops the shared objects and the states.
    pub(crate) fn clear(&mut self) {
        self.shared.clear();
        self.states.clear();
    }
}
