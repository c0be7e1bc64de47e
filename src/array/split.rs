//! The iteration that gives out the chunks of a pass. Imports the segment and the protocol.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::chunk::{Chunk, DynChunk};
use super::chunk_claims::Attempt;
use super::chunked_layout::Chunked;
use crate::record::Record;

/// The chunks of one pass, one after another; see [`DynChunkedArray::split`](crate::array::DynChunkedArray::split).
///
/// It holds the array as a handle does, and is `Send` and `Sync`. In a forked child it is at its end.
///
/// ```
/// use millpond::array::{DynChunkedArray, DynSplit};
/// use millpond::{ArrayOptions, Schema};
///
/// fn numbered(len: usize) -> millpond::Result<DynSplit> {
///     let options = ArrayOptions::new(len).chunk_len(2);
///     DynChunkedArray::anonymous(&Schema::of::<u8>(), options)?.split(1)
/// }
///
/// let mut ranges: Vec<_> = numbered(5)?.map(|chunk| chunk.range()).collect();
/// ranges.sort_by_key(|range| range.start);
/// assert_eq!(ranges, [0..2, 2..4, 4..5]);
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynSplit {
    array: Arc<Inner<Chunked>>,
    pass: u32,
    /// The next chunk to look at, and how many were not looked at, round the array's end.
    next: usize,
    ahead: usize,
    /// Those that others had.
    others: Vec<u32>,
    /// Each chunk that was given out and is kept has a clone of it.
    kept: Arc<()>,
}

threads_may_share!(DynSplit);

impl DynSplit {
    pub(super) fn new(array: &Arc<Inner<Chunked>>, pass: u32) -> Self {
        let chunks = array.chunks();
        Self {
            array: array.clone(),
            pass,
            next: first_chunk(array.segment.owner().entry(), chunks),
            ahead: chunks,
            others: Vec::new(),
            kept: Arc::default(),
        }
    }

    fn give(&self, chunk: usize, left: bool) -> DynChunk {
        DynChunk::of_pass(&self.array, chunk, left, &self.kept)
    }

    /// The next chunk of those that nobody has looked at here.
    fn go_on(&mut self) -> Option<DynChunk> {
        while self.ahead > 0 {
            let chunk = self.next;
            self.next = (chunk + 1) % self.array.chunks();
            self.ahead -= 1;
            match self.ask(chunk) {
                Attempt::Taken { left } => return Some(self.give(chunk, left)),
                Attempt::Held(_) => self.others.push(chunk as u32),
                Attempt::Done => {}
            }
        }
        None
    }

    /// One of those that others had; `None` where they have all that is left, `Some(None)` where nothing is.
    fn look_again(&mut self) -> Option<Option<DynChunk>> {
        let mut at = 0;
        while at < self.others.len() {
            let chunk = self.others[at] as usize;
            match self.ask(chunk) {
                Attempt::Held(_) => at += 1,
                Attempt::Done => drop(self.others.swap_remove(at)),
                Attempt::Taken { left } => {
                    self.others.swap_remove(at);
                    return Some(Some(self.give(chunk, left)));
                }
            }
        }
        self.others.is_empty().then_some(None)
    }

    fn ask(&self, chunk: usize) -> Attempt {
        let peers = self.array.segment.peers();
        self.array.word(chunk).take_for(self.pass, peers)
    }
}

impl Iterator for DynSplit {
    type Item = DynChunk;

    fn next(&mut self) -> Option<DynChunk> {
        if !self.array.segment.is_ours() {
            return None;
        }
        let fresh = self.go_on();
        if fresh.is_some() {
            return fresh;
        }
        // Not for a chunk that the caller keeps.
        let limit = match Arc::strong_count(&self.kept) {
            1 => Duration::MAX,
            _ => Duration::ZERO,
        };
        let array = self.array.clone(); // beside the closure, which changes `self`
        array
            .given()
            .wait_for(limit, || self.look_again())
            .flatten()
    }
}

impl fmt::Debug for DynSplit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DynSplit")
            .field("pass", &self.pass)
            .finish_non_exhaustive()
    }
}

/// The chunks of one pass; see [`ChunkedArray::split`](crate::ChunkedArray::split).
pub struct Split<'a, T: Record> {
    dynamic: DynSplit,
    holds: PhantomData<&'a mut T>,
}

impl<'a, T: Record> Split<'a, T> {
    /// Of an array of such elements.
    pub(super) fn of(dynamic: DynSplit) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }
}

impl<'a, T: Record> Iterator for Split<'a, T> {
    type Item = Chunk<'a, T>;

    fn next(&mut self) -> Option<Chunk<'a, T>> {
        self.dynamic.next().map(Chunk::of)
    }
}

impl<T: Record> fmt::Debug for Split<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Split")
            .field("pass", &self.dynamic.pass)
            .finish_non_exhaustive()
    }
}

/// Where a participant begins, far from the others: the golden ratio spreads any number of them.
fn first_chunk(entry: usize, chunks: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let share = (entry as u64).wrapping_mul(GOLDEN) >> 32;
    ((share * chunks as u64) >> 32) as usize
}
