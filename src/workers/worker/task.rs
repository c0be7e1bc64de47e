//! Tasks: functions that workers know by name.
//!
//! The list of them is this process's, made once by `Workers::begin`. What a task does with a chunk in a worker
//! stands here, because only here its types are known.

use std::any::TypeId;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::context::Worker;
use super::executor::{Executor, Fatal};
use super::process;
use crate::error::{Error, Result};
use crate::open::Open;
use crate::os;
use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::chunk::Chunk;
use crate::workers::wire::message::Message;

/// What a task may fail with; `?` makes it from any error, `"text".into()` from a text.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A function that workers run, and the name by which they know it.
///
/// `S` is what the workers share and is opened in each of them once ([`Open`]; `()` for nothing), `I` and `O` are
/// the input and the output ([`Message`]). A task is a `static`, and is given to
/// [`Workers::begin`](crate::Workers::begin).
///
/// A task that forks (not on Windows) ends the child inside itself, with `_exit` or `exec`. A child that leaves the task
/// is ended there, with status 70.
///
/// ```
/// use millpond::{Failure, Task, Worker};
///
/// static SQUARE: Task<(), u64, u64> = Task { name: "square", run: square };
///
/// fn square(_: &mut Worker<'_, ()>, number: u64) -> Result<u64, Failure> {
///     number.checked_mul(number).ok_or_else(|| "too large to be squared".into())
/// }
/// # assert_eq!(SQUARE.name, "square");
/// ```
pub struct Task<S: 'static, I: Message, O: Message> {
    /// A name that no other task of the program has.
    pub name: &'static str,
    /// What it does.
    pub run: TaskFunction<S, I, O>,
}

/// The function of a task: is given the worker and an input, and gives an output.
pub type TaskFunction<S, I, O> =
    for<'w, 's, 'i> fn(
        &'w mut Worker<'s, S>,
        <I as Message>::Given<'i>,
    ) -> std::result::Result<<O as Message>::Value, Failure>;

impl<S: 'static, I: Message, O: Message> fmt::Debug for Task<S, I, O> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Task").field(&self.name).finish()
    }
}

/// A [`Task`] of any types, for the list that [`Workers::begin`](crate::Workers::begin) gets. Nothing else
/// implements it.
pub trait AnyTask: Run + Sync {}

impl<S: Open + 'static, I: Message, O: Message> AnyTask for Task<S, I, O> {}

/// What a worker does with a task.
pub trait Run {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Tells it from others of its name.
    fn types(&self) -> TypeId;
    /// The address of its function.
    fn function(&self) -> usize;
    /// Answers each task of a chunk.
    fn run(
        &self,
        executor: &mut Executor,
        number: u64,
        chunk: Chunk<'_>,
    ) -> std::result::Result<(), Fatal>;
}

impl<S: Open + 'static, I: Message, O: Message> Run for Task<S, I, O> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn types(&self) -> TypeId {
        TypeId::of::<(S, fn(I) -> O)>()
    }

    fn function(&self) -> usize {
        self.run as usize
    }

    fn run(
        &self,
        executor: &mut Executor,
        number: u64,
        chunk: Chunk<'_>,
    ) -> std::result::Result<(), Fatal> {
        let mut output = Vec::new();
        for input in chunk.inputs() {
            let input = input.map_err(Fatal)?;
            output.clear();
            executor.begin_task();
            let kind = match executor.is_cancelled(number) {
                true => AnswerKind::Skipped,
                false => {
                    match process::catch(|| self.run_one(executor, number, input, &mut output)) {
                        Ok(Ok(())) => AnswerKind::Done,
                        Ok(Err(failure)) => words(AnswerKind::Failed, &failure, &mut output),
                        Err(panic) => words(AnswerKind::Panicked, &panic, &mut output),
                    }
                }
            };
            executor.end_task();
            executor.answer(kind, &mut output)?;
        }
        Ok(())
    }
}

impl<S: Open + 'static, I: Message, O: Message> Task<S, I, O> {
    /// Runs one task, and writes its output.
    #[inline]
    fn run_one(
        &self,
        executor: &mut Executor,
        number: u64,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> std::result::Result<(), String> {
        // Here, so that the task that opens them answers for what that does.
        let shared = executor.shared::<S>()?;
        let given = I::read(input).map_err(|why| format!("its input: {why}"))?;
        let value = (self.run)(&mut executor.worker(&*shared, number), given).map_err(in_words)?;
        O::write(&value, output).map_err(|why| format!("its output: {why}"))
    }
}

/// An answer in words.
fn words(kind: AnswerKind, text: &str, output: &mut Vec<u8>) -> AnswerKind {
    output.clear();
    output.extend_from_slice(text.as_bytes());
    kind
}

/// An error with those that caused it.
fn in_words(failure: Failure) -> String {
    let mut words = failure.to_string();
    let mut source = failure.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Many errors repeat their cause themselves.
        if !words.contains(&cause) {
            words.push_str(": ");
            words.push_str(&cause);
        }
        source = error.source();
    }
    words
}

/// The tasks of this program. Locked while forks are held off, so that no forked child finds it locked by a thread
/// that it does not have.
static TASKS: Mutex<Vec<&'static dyn AnyTask>> = Mutex::new(Vec::new());

/// Adds tasks to the program's. Panics where two have one name.
pub(crate) fn register(tasks: &[&'static dyn AnyTask]) {
    let _held = os::hold_forks();
    let mut all = TASKS.lock().unwrap_or_else(PoisonError::into_inner);
    for &task in tasks {
        match all.iter().find(|known| known.name() == task.name()) {
            Some(known) if known.types() == task.types() => {} // once more the same
            Some(_) => panic!(
                "two tasks are named `{}`; give one of them another name",
                task.name()
            ),
            None => all.push(task),
        }
    }
}

/// All of them.
pub(crate) fn registered() -> Vec<&'static dyn AnyTask> {
    let _held = os::hold_forks();
    TASKS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Tasks of workers in threads of a program that named none; locked as the others are. They are no part of the list
/// that a pool's processes compare with their own.
static UNNAMED: Mutex<Vec<&'static dyn AnyTask>> = Mutex::new(Vec::new());
/// The place of the first of them.
const FIRST_UNNAMED: usize = 1 << 24;

/// The task at a place that is not in the program's list.
pub(crate) fn unnamed(place: usize) -> Option<&'static dyn AnyTask> {
    let _held = os::hold_forks();
    let all = UNNAMED.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(place.checked_sub(FIRST_UNNAMED)?).copied()
}

/// The place of a task of a program that named none.
fn unnamed_place_of<S: Open + 'static, I: Message, O: Message>(task: &Task<S, I, O>) -> usize {
    let _held = os::hold_forks();
    let mut all = UNNAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |known: &&dyn AnyTask| {
        let (name, types) = (known.name(), known.types());
        name == task.name && types == Run::types(task) && known.function() == task.function()
    };
    let place = all.iter().position(same).unwrap_or_else(|| {
        let Task { name, run } = *task;
        all.push(Box::leak(Box::new(Task::<S, I, O> { name, run })));
        all.len() - 1
    });
    FIRST_UNNAMED + place
}

/// The place of `task` in the list. Where the list is empty, all workers are threads of this process, which know any
/// task.
pub(crate) fn place_of<S: Open + 'static, I: Message, O: Message>(
    task: &Task<S, I, O>,
) -> Result<usize> {
    let all = registered();
    if all.is_empty() {
        return Ok(unnamed_place_of(task));
    }
    let place = all
        .iter()
        .position(|known| known.name() == task.name && known.types() == Run::types(task));
    place.ok_or_else(|| {
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
