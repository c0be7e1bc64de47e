//! Tasks: functions that workers know by name, and how one runs for each input of a chunk.

use std::any::TypeId;
use std::fmt;
use std::rc::Rc;

use super::answers::{Answers, Fatal};
use super::context::Worker;
use super::environment::Environment;
use super::panics;
use crate::open::Open;
use crate::workers::wire::answer_kind::AnswerKind;
use crate::workers::wire::chunk::Chunk;
use crate::workers::wire::message::Message;

/// The error of a task. `?` converts any error to it, and `"text".into()` a text.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A function that workers run, and the name by which they know it.
///
/// `S` is the type of the objects that the workers share, which each of them opens once ([`Open`]; `()` for none). `I`
/// and `O` are the types of the input and the output ([`Message`]). A task is a `static`, and is passed to
/// [`Workers::begin`](crate::Workers::begin).
///
/// A task that forks (not on Windows) must end the child inside the task, with `_exit` or `exec`. A child that leaves
/// the task is ended with status 70.
///
/// ```
/// use millpond::workers::{Failure, Worker};
/// use millpond::Task;
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
    /// Its function.
    pub run: TaskFunction<S, I, O>,
}

/// The function of a task: takes the worker and an input, and returns an output.
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

/// A [`Task`] of any types, for the list that [`Workers::begin`](crate::Workers::begin) takes. No other type
/// implements it.
pub trait AnyTask: Run + Sync {}

impl<S: Open + 'static, I: Message, O: Message> AnyTask for Task<S, I, O> {}

/// What the executor needs of a task, whatever its types.
pub trait Run {
    /// Returns the task's name.
    fn name(&self) -> &'static str;
    /// Returns an id that differs for tasks of different types.
    fn types(&self) -> TypeId;
    /// Returns the address of the task's function.
    fn function(&self) -> usize;
    /// Runs each task of a chunk, and answers it.
    fn run(
        &self,
        environment: &mut Environment,
        answers: &mut Answers,
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
        environment: &mut Environment,
        answers: &mut Answers,
        chunk: Chunk<'_>,
    ) -> std::result::Result<(), Fatal> {
        let (mut output, mut shared) = (Vec::new(), None);
        for input in chunk.inputs() {
            let input = input.map_err(Fatal)?;
            output.clear();
            answers.begin_task();
            let mut run = || self.run_one(environment, answers, &mut shared, input, &mut output);
            let kind = match answers.is_cancelled() {
                true => AnswerKind::Skipped,
                false => match panics::catch(&mut run) {
                    Ok(Ok(())) => AnswerKind::Done,
                    Ok(Err(failure)) => text(AnswerKind::Failed, &failure, &mut output),
                    Err(panic) => text(AnswerKind::Panicked, &panic, &mut output),
                },
            };
            answers.end_task();
            answers.answer(kind, &mut output)?;
        }
        Ok(())
    }
}

impl<S: Open + 'static, I: Message, O: Message> Task<S, I, O> {
    /// Runs one task, and writes its output. `shared` is empty before the first task of a chunk.
    #[inline]
    fn run_one(
        &self,
        environment: &mut Environment,
        answers: &Answers,
        shared: &mut Option<Rc<S>>,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> std::result::Result<(), String> {
        // Opened here, so that an error or panic is that of the task that opens them.
        let shared = match shared {
            Some(shared) => shared,
            None => shared.insert(environment.shared::<S>()?),
        };
        let given = I::read(input).map_err(|why| format!("its input: {why}"))?;
        let mut context = environment.context(&**shared, answers.words(), answers.number());
        let value = (self.run)(&mut context, given).map_err(|failure| text_of(&failure))?;
        O::write(&value, output).map_err(|why| format!("its output: {why}"))
    }
}

/// Makes an answer of a text.
fn text(kind: AnswerKind, text: &str, output: &mut Vec<u8>) -> AnswerKind {
    output.clear();
    output.extend_from_slice(text.as_bytes());
    kind
}

/// Returns the text of an error, with the errors that caused it.
fn text_of(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut source = failure.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Many errors repeat their cause themselves.
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}
