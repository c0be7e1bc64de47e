//! The reorder buffer of a call: its results that have arrived and were not taken, in the order of the inputs, or in
//! the order in which they arrived.

use std::collections::VecDeque;

/// See the head of this file.
pub(crate) struct ReorderBuffer<T> {
    order: Order<T>,
    /// Bytes of the results in it, as they lay in the ring.
    bytes: usize,
}

/// A result with its bytes.
type Entry<T> = (T, usize);

enum Order<T> {
    /// The first entry is for input `next`. `None` for a result that has not arrived.
    Inputs {
        next: u64,
        entries: VecDeque<Option<Entry<T>>>,
    },
    Arrival(VecDeque<Entry<T>>),
}

impl<T> ReorderBuffer<T> {
    /// An empty buffer, in the order of the inputs if `is_ordered`.
    pub(crate) fn new(is_ordered: bool) -> Self {
        let order = match is_ordered {
            true => Order::Inputs {
                next: 0,
                entries: VecDeque::new(),
            },
            false => Order::Arrival(VecDeque::new()),
        };
        Self { order, bytes: 0 }
    }

    /// Removes and returns the next result, if it has arrived.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<T> {
        let (result, bytes) = match &mut self.order {
            Order::Inputs { next, entries } => {
                entries.front()?.as_ref()?;
                *next += 1;
                entries.pop_front()??
            }
            Order::Arrival(entries) => entries.pop_front()?,
        };
        self.bytes -= bytes;
        Some(result)
    }

    /// Adds the result for input `index`, which has none yet.
    #[inline]
    pub(crate) fn put(&mut self, index: u64, result: T, bytes: usize) {
        self.bytes += bytes;
        match &mut self.order {
            Order::Arrival(entries) => entries.push_back((result, bytes)),
            Order::Inputs { next, entries } => {
                let at = (index - *next) as usize;
                if at == entries.len() {
                    return entries.push_back(Some((result, bytes)));
                }
                if at > entries.len() {
                    entries.resize_with(at + 1, || None);
                }
                entries[at] = Some((result, bytes));
            }
        }
    }

    /// Returns `true` if the next result has arrived.
    pub(crate) fn has_next(&self) -> bool {
        match &self.order {
            Order::Inputs { entries, .. } => entries.front().is_some_and(Option::is_some),
            Order::Arrival(entries) => !entries.is_empty(),
        }
    }

    /// Returns the input whose result is the only one that can be taken next, while it has not arrived.
    pub(crate) fn missing(&self) -> Option<u64> {
        match &self.order {
            Order::Inputs { next, .. } if !self.has_next() => Some(*next),
            _ => None,
        }
    }

    /// Returns the bytes of the results in it, as they lay in the ring.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
