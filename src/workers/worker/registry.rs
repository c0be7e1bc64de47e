//! The tasks of this program, by name. `Workers::begin` registers them.

use std::sync::{Mutex, PoisonError};

use super::task::{AnyTask, Run, Task};
use crate::error::{Error, Result};
use crate::open::Open;
use crate::os;
use crate::workers::wire::message::Message;

/// The tasks of this program. Locked while forks are held off: a forked child must not find it locked by a thread
/// that the child does not have.
static TASKS: Mutex<Vec<&'static dyn AnyTask>> = Mutex::new(Vec::new());

/// Adds tasks to those of the program. Panics if two have the same name.
pub(crate) fn register(tasks: &[&'static dyn AnyTask]) {
    let _held = os::hold_forks();
    let mut all = TASKS.lock().unwrap_or_else(PoisonError::into_inner);
    for &task in tasks {
        match all.iter().find(|known| known.name() == task.name()) {
            Some(known) if known.types() == task.types() => {} // the same task again
            Some(_) => panic!(
                "two tasks are named `{}`; give one of them another name",
                task.name()
            ),
            None => all.push(task),
        }
    }
}

/// Returns all tasks of the program, in the order in which they were added.
pub(crate) fn registered() -> Vec<&'static dyn AnyTask> {
    let _held = os::hold_forks();
    TASKS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Tasks of workers in threads, of a program that registered none; locked as the others are. They are not in the list
/// that the processes of a worker group compare.
static UNNAMED: Mutex<Vec<&'static dyn AnyTask>> = Mutex::new(Vec::new());
/// The index of the first of them.
const FIRST_UNNAMED: usize = 1 << 24;

/// Returns the task at an index that is not in the program's list.
pub(crate) fn unnamed(index: usize) -> Option<&'static dyn AnyTask> {
    let _held = os::hold_forks();
    let all = UNNAMED.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(index.checked_sub(FIRST_UNNAMED)?).copied()
}

/// Returns the index of a task of a program that registered none.
fn unnamed_index_of<S: Open + 'static, I: Message, O: Message>(task: &Task<S, I, O>) -> usize {
    let _held = os::hold_forks();
    let mut all = UNNAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |known: &&dyn AnyTask| {
        let (name, types) = (known.name(), known.types());
        name == task.name && types == task.types() && known.function() == task.function()
    };
    let index = all.iter().position(same).unwrap_or_else(|| {
        let Task { name, run } = *task;
        all.push(Box::leak(Box::new(Task::<S, I, O> { name, run })));
        all.len() - 1
    });
    FIRST_UNNAMED + index
}

/// Returns the index of `task` in the list. If the list is empty, all workers are threads of this process, which know
/// any task.
///
/// # Errors
/// [`Error::InvalidArgument`] for a task that is not in the list.
pub(crate) fn index_of<S: Open + 'static, I: Message, O: Message>(
    task: &Task<S, I, O>,
) -> Result<usize> {
    let all = registered();
    if all.is_empty() {
        return Ok(unnamed_index_of(task));
    }
    let index = all
        .iter()
        .position(|known| known.name() == task.name && known.types() == task.types());
    index.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|task| task.name()).collect();
        Error::InvalidArgument {
            what: "the task",
            found: format!("`{}`", task.name),
            expected: format!(
                "one of those that `Workers::begin` was given at the head of `main`, which are: {}",
                names.join(", ")
            ),
        }
    })
}

/// Returns the names of all tasks, one a line: the schema of a worker group's segment.
pub(crate) fn names_of_tasks() -> String {
    let names: Vec<_> = registered().iter().map(|task| task.name()).collect();
    names.join("\n")
}
