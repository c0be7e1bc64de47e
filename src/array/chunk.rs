//! Chunks that this process has, and the iteration that gives them out.
//!
//! Imports the segment and the protocol.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::Inner;
use super::chunked::Chunked;
use super::hand_out::{Answer, Ending};
use crate::error::{Error, Result};
use crate::record::Record;
use crate::sync::Owner;

/// The bytes of elements of a [`DynChunkedArray`](crate::DynChunkedArray): a [`Chunk`] without a type.
pub struct DynChunk<'a> {
    array: &'a Inner<Chunked>,
    chunks: Range<usize>,
    elements: Range<usize>,
    ending: Ending,
    left: bool,
    /// How many chunks of its iteration are kept, if it comes from one.
    kept: Option<Arc<AtomicUsize>>,
    /// Whether the thread was panicking already when it took the chunk.
    panicking: bool,
}

impl<'a> DynChunk<'a> {
    /// One chunk that the caller has taken, or none yet, from that of this number on.
    fn new(array: &'a Inner<Chunked>, chunks: Range<usize>, ending: Ending, left: bool) -> Self {
        Self {
            array,
            elements: array.elements(chunks.start),
            chunks,
            ending,
            left,
            kept: None,
            panicking: thread::panicking(),
        }
    }

    /// Takes these chunks in the order of their numbers, so that of two who want the same ones neither
    /// waits for the other in a circle.
    pub(super) fn take(
        array: &'a Inner<Chunked>,
        chunks: Range<usize>,
        limit: Duration,
    ) -> Result<Self> {
        // What is taken is given back where this returns an error.
        let mut taken = Self::new(array, chunks.start..chunks.start, Ending::AsItWas, false);
        let mut holder = None;
        let complete = array.given().wait_for(limit, || {
            while taken.chunks.end < chunks.end {
                let next = array.word(taken.chunks.end);
                match next.take_now(array.segment.peers()) {
                    Ok(left) => {
                        taken.chunks.end += 1;
                        taken.left |= left;
                    }
                    Err(owner) => {
                        holder = Some(owner);
                        return None;
                    }
                }
            }
            Some(())
        });
        if complete.is_none() {
            return Err(taken.is_in_the_way(holder, limit));
        }
        taken.elements.end = array.elements(chunks.end - 1).end;
        Ok(taken)
    }

    fn is_in_the_way(&self, holder: Option<Owner>, waited: Duration) -> Error {
        let elements = self.array.elements(self.chunks.end);
        // In a damaged segment the holder may be nobody.
        let process = holder.map(|owner| self.array.segment.process_of(owner));
        let whose = match process.filter(|&process| process != 0) {
            Some(process) => format!("process {process}"),
            None => "another process".into(),
        };
        Error::TimedOut {
            what: format!("elements {elements:?}, which {whose} has"),
            waited,
        }
    }

    /// Which elements of the array these are.
    pub fn range(&self) -> Range<usize> {
        self.elements.clone()
    }

    /// Whether somebody who had them before died, panicked or gave them up, and they were not done since:
    /// some may be changed already. Who fills elements need not ask; who changes them in place should.
    pub fn was_left(&self) -> bool {
        self.left
    }

    /// Gives the elements back as not done: somebody else gets them, or this process again.
    pub fn give_up(mut self) {
        self.ending = Ending::Left;
    }
}

impl Deref for DynChunk<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.array.segment.assert_ours();
        let records = &self.array.segment.structure.rows;
        // SAFETY: the words of these chunks name this participant, of which one `Chunk` has them, from before
        // `self` until after it; nobody touches elements of a chunk that it does not have.
        unsafe { records.slice(self.elements.clone()) }
    }
}

impl DerefMut for DynChunk<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.array.segment.assert_ours();
        let records = &self.array.segment.structure.rows;
        // SAFETY: as in `deref`; and `self` lends them to one borrower at a time. Whoever takes the chunk next
        // sees what was written here (`hand_out.rs`).
        unsafe { records.slice_mut(self.elements.clone()) }
    }
}

impl Drop for DynChunk<'_> {
    fn drop(&mut self) {
        // What a forked child drops is its parent's.
        if !self.array.segment.is_ours() {
            return;
        }
        if thread::panicking() && !self.panicking {
            self.ending = Ending::Left;
        }
        for chunk in self.chunks.clone() {
            self.array.word(chunk).give_back(self.ending);
        }
        self.array.given().notify();
        if let Some(kept) = &self.kept {
            // Relaxed: says only whether the iteration may wait.
            kept.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for DynChunk<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DynChunk")
            .field("range", &self.elements)
            .field("was_left", &self.left)
            .finish_non_exhaustive()
    }
}

/// The chunks of one pass; see [`DynChunkedArray::split`](crate::DynChunkedArray::split).
pub struct DynSplit<'a> {
    array: &'a Inner<Chunked>,
    pass: u32,
    /// The next chunk to look at, and how many were not looked at, round the array's end.
    next: usize,
    ahead: usize,
    /// Those that others had.
    others: Vec<u32>,
    /// How many of those that were given out are kept.
    kept: Arc<AtomicUsize>,
}

impl<'a> DynSplit<'a> {
    pub(super) fn new(array: &'a Inner<Chunked>, pass: u32) -> Self {
        let chunks = array.chunks();
        Self {
            array,
            pass,
            next: first_chunk(array.segment.owner().entry(), chunks),
            ahead: chunks,
            others: Vec::new(),
            kept: Arc::default(),
        }
    }

    fn give(&self, chunk: usize, left: bool) -> DynChunk<'a> {
        self.kept.fetch_add(1, Ordering::Relaxed);
        let mut given = DynChunk::new(self.array, chunk..chunk + 1, Ending::Done, left);
        given.kept = Some(self.kept.clone());
        given
    }

    /// The next chunk of those that nobody has looked at here.
    fn go_on(&mut self) -> Option<DynChunk<'a>> {
        while self.ahead > 0 {
            let chunk = self.next;
            self.next = (chunk + 1) % self.array.chunks();
            self.ahead -= 1;
            match self.ask(chunk) {
                Answer::Taken { left } => return Some(self.give(chunk, left)),
                Answer::Held(_) => self.others.push(chunk as u32),
                Answer::Done => {}
            }
        }
        None
    }

    /// One of those that others had; `None` where they have all that is left, `Some(None)` where nothing is.
    fn look_again(&mut self) -> Option<Option<DynChunk<'a>>> {
        let mut at = 0;
        while at < self.others.len() {
            let chunk = self.others[at] as usize;
            match self.ask(chunk) {
                Answer::Held(_) => at += 1,
                Answer::Done => drop(self.others.swap_remove(at)),
                Answer::Taken { left } => {
                    self.others.swap_remove(at);
                    return Some(Some(self.give(chunk, left)));
                }
            }
        }
        self.others.is_empty().then_some(None)
    }

    fn ask(&self, chunk: usize) -> Answer {
        let peers = self.array.segment.peers();
        self.array.word(chunk).take_for(self.pass, peers)
    }
}

impl<'a> Iterator for DynSplit<'a> {
    type Item = DynChunk<'a>;

    fn next(&mut self) -> Option<DynChunk<'a>> {
        if !self.array.segment.is_ours() {
            return None;
        }
        let fresh = self.go_on();
        if fresh.is_some() {
            return fresh;
        }
        // Not for a chunk that waits to be dropped by who asks here.
        let limit = match self.kept.load(Ordering::Relaxed) {
            0 => Duration::MAX,
            _ => Duration::ZERO,
        };
        let array = self.array;
        array
            .given()
            .wait_for(limit, || self.look_again())
            .flatten()
    }
}

impl fmt::Debug for DynSplit<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DynSplit")
            .field("pass", &self.pass)
            .finish_non_exhaustive()
    }
}

/// Elements of a [`ChunkedArray`](crate::ChunkedArray), a plain slice that nobody else can have while this lives.
///
/// Dropped, it is free again: done in its pass if [`split`](crate::ChunkedArray::split) gave it out, and
/// not done if the thread panics.
///
/// # Panics
/// Its elements, in a forked child: they are the parent's.
pub struct Chunk<'a, T: Record> {
    dynamic: DynChunk<'a>,
    holds: PhantomData<&'a mut T>,
}

impl<'a, T: Record> Chunk<'a, T> {
    /// Of an array of such elements.
    pub(super) fn of(dynamic: DynChunk<'a>) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// Which elements of the array these are.
    pub fn range(&self) -> Range<usize> {
        self.dynamic.range()
    }

    /// Whether somebody who had them before died, panicked or gave them up, and they were not done since:
    /// some may be changed already. Who fills elements need not ask; who changes them in place should.
    pub fn was_left(&self) -> bool {
        self.dynamic.was_left()
    }

    /// Gives the elements back as not done: somebody else gets them, or this process again.
    pub fn give_up(self) {
        self.dynamic.give_up();
    }
}

impl<T: Record> Deref for Chunk<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.dynamic)
    }
}

impl<T: Record> DerefMut for Chunk<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.dynamic)
    }
}

impl<T: Record> fmt::Debug for Chunk<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Chunk")
            .field("range", &self.range())
            .field("was_left", &self.was_left())
            .finish_non_exhaustive()
    }
}

/// The chunks of one pass; see [`ChunkedArray::split`](crate::ChunkedArray::split).
pub struct Split<'a, T: Record> {
    dynamic: DynSplit<'a>,
    holds: PhantomData<&'a mut T>,
}

impl<'a, T: Record> Split<'a, T> {
    /// Of an array of such elements.
    pub(super) fn of(dynamic: DynSplit<'a>) -> Self {
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
