//! What came for one call and was not taken yet: in the order of the inputs, or as it came.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};

use super::chunk_sizing::ChunkSizing;
use super::dispatcher::Receiver;
use crate::error::{Error, Result, TaskFailure};
use crate::workers::wire::message::Message;

/// How many characters of an input an error shows.
const SHOWN: usize = 200;
/// What it shows of one that cannot be read, or shown.
const UNREADABLE: &str = "unreadable";

/// The results of a call.
pub(crate) struct Inbox<I: Message, O: Message> {
    task: &'static str,
    order: Order<O::Value>,
    pub(crate) sizing: ChunkSizing,
    /// Bytes of the results that wait to be taken.
    pub(crate) bytes: usize,
    input: std::marker::PhantomData<fn(I)>,
}

/// A result with its bytes. Errors are in boxes, as they are large and seldom.
type Waiting<T> = (std::result::Result<T, Box<Error>>, usize);

/// What waits.
enum Order<T> {
    /// The first is of input number `next`; `None` is not there yet.
    Kept {
        next: u64,
        waiting: VecDeque<Option<Waiting<T>>>,
    },
    AsItComes(VecDeque<Waiting<T>>),
}

impl<I: Message, O: Message> Inbox<I, O> {
    pub(crate) fn new(task: &'static str, ordered: bool, sizing: ChunkSizing) -> Self {
        Self {
            task,
            order: match ordered {
                true => Order::Kept {
                    next: 0,
                    waiting: VecDeque::new(),
                },
                false => Order::AsItComes(VecDeque::new()),
            },
            sizing,
            bytes: 0,
            input: std::marker::PhantomData,
        }
    }

    /// The next result, if it is there.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Result<O::Value>> {
        let (result, bytes) = match &mut self.order {
            Order::Kept { next, waiting } => {
                waiting.front()?.as_ref()?;
                *next += 1;
                waiting.pop_front()??
            }
            Order::AsItComes(waiting) => waiting.pop_front()?,
        };
        self.bytes -= bytes;
        Some(result.map_err(|error| *error))
    }

    /// Whether there is one.
    pub(crate) fn has(&self) -> bool {
        match &self.order {
            Order::Kept { waiting, .. } => waiting.front().is_some_and(Option::is_some),
            Order::AsItComes(waiting) => !waiting.is_empty(),
        }
    }

    /// The error for an input that gave no output.
    pub(crate) fn error(
        &self,
        index: u64,
        failure: TaskFailure,
        worker: usize,
        input: String,
    ) -> Error {
        Error::TaskFailed {
            task: self.task,
            worker,
            index,
            input,
            failure,
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, index: u64, result: Result<O::Value>, bytes: usize) {
        self.bytes += bytes;
        let result = result.map_err(Box::new);
        match &mut self.order {
            Order::AsItComes(waiting) => waiting.push_back((result, bytes)),
            Order::Kept { next, waiting } => {
                let place = (index - *next) as usize;
                if place == waiting.len() {
                    return waiting.push_back(Some((result, bytes)));
                }
                if place > waiting.len() {
                    waiting.resize_with(place + 1, || None);
                }
                waiting[place] = Some((result, bytes));
            }
        }
    }
}

impl<I: Message, O: Message> Receiver for Inbox<I, O> {
    fn done(&mut self, index: u64, output: &[u8], worker: usize) {
        let result = user(|| O::value(output)).map_err(|why| {
            let failure = TaskFailure::Unreadable(format!("has an output that is wrong: {why}"));
            self.error(index, failure, worker, String::new())
        });
        self.put(index, result, output.len());
    }

    fn failed(&mut self, index: u64, failure: TaskFailure, worker: usize, input: Option<&[u8]>) {
        let (_, input) = self.show(input);
        let error = self.error(index, failure, worker, input);
        self.put(index, Err(error), 0);
    }

    fn measured(&mut self, tasks: u32, nanoseconds: u64) {
        self.sizing.measured(tasks, nanoseconds);
    }

    fn show(&self, input: Option<&[u8]>) -> (&'static str, String) {
        let words = user(|| match input.map(I::value) {
            Some(Ok(value)) => Ok(shown::<I>(&value)),
            _ => Err(String::new()),
        });
        (self.task, words.unwrap_or_else(|_| UNREADABLE.into()))
    }

    fn held(&self, most: usize) -> Option<Option<u64>> {
        let next = match &self.order {
            _ if self.has() => None,
            Order::Kept { next, .. } => Some(*next),
            Order::AsItComes(_) => None,
        };
        (self.bytes > most).then_some(next)
    }
}

/// Runs code of the user's, which may panic where the pool is half way through an answer.
fn user<R>(run: impl FnOnce() -> std::result::Result<R, String>) -> std::result::Result<R, String> {
    let ended = panic::catch_unwind(AssertUnwindSafe(run));
    ended.unwrap_or_else(|_| Err("what reads or shows it panicked".into()))
}

/// An input in words.
pub(crate) fn shown<I: Message>(value: &I::Value) -> String {
    let words = user(|| Ok(format!("{value:?}")));
    let mut words = words.unwrap_or_else(|_| UNREADABLE.into());
    if let Some((cut, _)) = words.char_indices().nth(SHOWN) {
        words.truncate(cut);
        words.push('…');
    }
    words
}
