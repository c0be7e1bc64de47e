//! What the scheduler calls with the answers of one call: reads outputs, makes errors, and keeps both until they are
//! taken.

use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};

use crate::error::{Error, Result, TaskFailure};
use crate::workers::schedule::calls::Receiver;
use crate::workers::schedule::chunk_sizing::ChunkSizing;
use crate::workers::schedule::reorder_buffer::ReorderBuffer;
use crate::workers::wire::message::Message;

/// How many characters of an input an error shows.
const SHOWN: usize = 200;
/// The text for an input that cannot be read or shown.
const UNREADABLE: &str = "unreadable";

/// The outputs of a call that were not taken, and the sizes of its chunks.
pub(super) struct Outputs<I: Message, O: Message> {
    task: &'static str,
    /// Errors are in boxes, as they are large and rare.
    results: ReorderBuffer<std::result::Result<O::Value, Box<Error>>>,
    pub(super) sizing: ChunkSizing,
    input: PhantomData<fn(I)>,
}

impl<I: Message, O: Message> Outputs<I, O> {
    pub(super) fn new(task: &'static str, is_ordered: bool, sizing: ChunkSizing) -> Self {
        Self {
            task,
            results: ReorderBuffer::new(is_ordered),
            sizing,
            input: PhantomData,
        }
    }

    /// Removes and returns the next result, if it has arrived.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Result<O::Value>> {
        let result = self.results.take()?;
        Some(result.map_err(|error| *error))
    }

    /// Returns `true` if the next result has arrived.
    pub(super) fn has_next(&self) -> bool {
        self.results.has_next()
    }

    /// Returns the bytes of the results that wait to be taken.
    pub(super) fn bytes(&self) -> usize {
        self.results.bytes()
    }

    /// Adds an error for input `index`. `input` is its text.
    pub(super) fn put_error(
        &mut self,
        index: u64,
        failure: TaskFailure,
        worker: usize,
        input: String,
    ) {
        let error = Error::TaskFailed {
            task: self.task,
            worker,
            index,
            input,
            failure,
        };
        self.results.put(index, Err(Box::new(error)), 0);
    }
}

impl<I: Message, O: Message> Receiver for Outputs<I, O> {
    fn output(&mut self, index: u64, output: &[u8], worker: usize) {
        match catch(|| O::value(output)) {
            Ok(value) => self.results.put(index, Ok(value), output.len()),
            Err(why) => {
                let failure =
                    TaskFailure::Unreadable(format!("has an output that is wrong: {why}"));
                self.put_error(index, failure, worker, String::new());
            }
        }
    }

    fn failed(&mut self, index: u64, failure: TaskFailure, worker: usize, input: Option<&[u8]>) {
        let (_, input) = self.show(input);
        self.put_error(index, failure, worker, input);
    }

    fn measured(&mut self, tasks: u32, nanoseconds: u64) {
        self.sizing.measured(tasks, nanoseconds);
    }

    fn held(&self, most: usize) -> Option<Option<u64>> {
        (self.results.bytes() > most).then(|| self.results.missing())
    }

    fn show(&self, input: Option<&[u8]>) -> (&'static str, String) {
        let text = catch(|| match input.map(I::value) {
            Some(Ok(value)) => Ok(shown::<I>(&value)),
            _ => Err(String::new()),
        });
        (self.task, text.unwrap_or_else(|_| UNREADABLE.into()))
    }
}

/// Runs code of the user's. A panic becomes an error, so that no answer is left half taken.
fn catch<R>(
    run: impl FnOnce() -> std::result::Result<R, String>,
) -> std::result::Result<R, String> {
    let ended = panic::catch_unwind(AssertUnwindSafe(run));
    ended.unwrap_or_else(|_| Err("what reads or shows it panicked".into()))
}

/// Returns an input as text, cut if it is long.
pub(super) fn shown<I: Message>(value: &I::Value) -> String {
    let text = catch(|| Ok(format!("{value:?}")));
    let mut text = text.unwrap_or_else(|_| UNREADABLE.into());
    if let Some((cut, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(cut);
        text.push('…');
    }
    text
}
