//! The calls that wait for answers, by their numbers.
//!
//! A number holds an index in a list and a generation (ABA) counter of that index. So a call is found without a search,
//! and a call that has ended is not mistaken for a later one at the same index.

use std::cell::RefCell;
use std::rc::Rc;

use crate::error::TaskFailure;

/// What a call does with its answers. Implemented where the types of the task are known.
pub(crate) trait Receiver {
    /// Task `index` returned an output.
    fn output(&mut self, index: u64, output: &[u8], worker: usize);
    /// Task `index` returned none.
    fn failed(&mut self, index: u64, failure: TaskFailure, worker: usize, input: Option<&[u8]>);
    /// A chunk of `tasks` tasks took `nanoseconds`.
    fn measured(&mut self, tasks: u32, nanoseconds: u64);
    /// Returns `None` if no more than `most` bytes of results wait to be taken. Otherwise returns the index of the
    /// result that the call waits for, if it waits for one.
    fn held(&self, most: usize) -> Option<Option<u64>>;
    /// Returns the task's name, and the text of an input.
    fn show(&self, input: Option<&[u8]>) -> (&'static str, String);
}

/// The receiver of a call, which the call and the scheduler share.
pub(crate) type SharedReceiver = Rc<RefCell<dyn Receiver>>;

/// The calls that wait.
#[derive(Default)]
pub(crate) struct Calls {
    entries: Vec<Entry>,
    /// Indices of entries without a call. The one that was freed last is used first.
    free: Vec<u32>,
}

struct Entry {
    /// How often the entry was used.
    generation: u32,
    receiver: Option<SharedReceiver>,
}

impl Calls {
    /// Adds a call, and returns its number.
    pub(crate) fn open(&mut self, receiver: SharedReceiver) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry {
                generation: 0,
                receiver: None,
            });
            (self.entries.len() - 1) as u32
        });
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.receiver = Some(receiver);
        u64::from(entry.generation) << 32 | u64::from(index)
    }

    /// Removes a call, if it still waits.
    pub(crate) fn close(&mut self, call: u64) {
        let index = call as u32;
        if self.get(call).is_some() {
            self.entries[index as usize].receiver = None;
            self.free.push(index);
        }
    }

    /// Returns the receiver of a call, if the call still waits.
    #[inline]
    pub(crate) fn get(&self, call: u64) -> Option<&SharedReceiver> {
        let entry = self.entries.get(call as u32 as usize)?;
        let receiver = entry.receiver.as_ref()?;
        (u64::from(entry.generation) == call >> 32).then_some(receiver)
    }
}
