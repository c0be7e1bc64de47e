//! Inputs that may fail: a call runs up to the first that does, and ends with its error.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::results::Results;
use crate::error::{Error, Result};
use crate::workers::wire::message::Message;

/// The error of the first input that failed.
type Failure = Rc<RefCell<Option<Error>>>;

/// The inputs before the first that failed.
pub struct Inputs<J> {
    all: J,
    failure: Failure,
}

impl<V, J: Iterator<Item = Result<V>>> Iterator for Inputs<J> {
    type Item = V;

    fn next(&mut self) -> Option<V> {
        match self.all.next()? {
            Ok(input) => Some(input),
            Err(error) => {
                *self.failure.borrow_mut() = Some(error);
                None
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, self.all.size_hint().1)
    }
}

/// The outputs of a call whose inputs may fail, as they come. Made by [`Call::try_imap`](crate::workers::Call::try_imap) and
/// [`Call::try_imap_unordered`](crate::workers::Call::try_imap_unordered).
///
/// If it is dropped before its end, tasks that were not begun are not run.
pub struct TryResults<'w, I: Message, O: Message, J: Iterator<Item = Result<I::Value>>> {
    results: Results<'w, I, O, Inputs<J>>,
    failure: Failure,
}

impl<'w, I: Message, O: Message, J: Iterator<Item = Result<I::Value>>> TryResults<'w, I, O, J> {
    /// The results of `call`, which takes the inputs before the first that fails.
    pub(crate) fn of(
        inputs: J,
        call: impl FnOnce(Inputs<J>) -> Result<Results<'w, I, O, Inputs<J>>>,
    ) -> Result<Self> {
        let failure = Failure::default();
        let inputs = Inputs {
            all: inputs,
            failure: failure.clone(),
        };
        Ok(Self {
            results: call(inputs)?,
            failure,
        })
    }
}

impl<I: Message, O: Message, J: Iterator<Item = Result<I::Value>>> Iterator
    for TryResults<'_, I, O, J>
{
    type Item = Result<O::Value>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.results.next();
        next.or_else(|| self.failure.borrow_mut().take().map(Err))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.results.size_hint();
        (least, most.and_then(|most| most.checked_add(1)))
    }
}

impl<I: Message, O: Message, J: Iterator<Item = Result<I::Value>>> fmt::Debug
    for TryResults<'_, I, O, J>
{
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.results.fmt(formatter)
    }
}
