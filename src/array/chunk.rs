//! Chunks that this process has. The iteration that gives them out is in `split.rs`.
//!
//! Imports the segment and the protocol.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::Inner;
use super::chunk_claims::Ending;
use super::chunked_layout::Chunked;
use crate::error::{Error, Result};
use crate::record::Record;
use crate::sync::Owner;

/// The bytes of elements of a [`DynChunkedArray`](crate::array::DynChunkedArray): a [`Chunk`] without a type, and without a
/// lifetime.
///
/// It holds the array as a handle does, and may outlive the handle and the iteration that it came from. It is `Send`
/// and `Sync`, and may be dropped in another thread. While it is kept, also where it is leaked, no other process or
/// thread gets these elements.
///
/// # When a process dies
/// As with [`ChunkedArray`](crate::ChunkedArray): its chunks are given out again, and [`was_left`](Self::was_left) is
/// `true` for them.
///
/// # Panics
/// Its bytes, in a forked child: they are the parent's.
///
/// # Example
/// ```
/// use millpond::array::DynChunkedArray;
/// use millpond::{ArrayOptions, Schema};
///
/// let options = ArrayOptions::new(10).chunk_len(5);
/// let array = DynChunkedArray::anonymous(&Schema::of::<u8>(), options)?;
/// let mut chunk = array.split(1)?.next().expect("the first of two chunks");
/// let other = array.clone();
/// drop(array);
/// std::thread::spawn(move || chunk.fill(7)).join().unwrap();
/// assert_eq!(other.done(1)?, 5);
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynChunk {
    array: Arc<Inner<Chunked>>,
    chunks: Range<usize>,
    elements: Range<usize>,
    ending: Ending,
    left: bool,
    /// A clone of what the iteration has, by which it counts kept chunks; `None` for a range.
    _kept: Option<Arc<()>>,
    /// Whether the thread was panicking already when it took the chunk.
    panicking: bool,
}

threads_may_share!(DynChunk);

impl DynChunk {
    /// One chunk that the caller has taken, or none yet, from that of this number on.
    fn new(array: &Arc<Inner<Chunked>>, chunks: Range<usize>, ending: Ending, left: bool) -> Self {
        Self {
            array: array.clone(),
            elements: array.elements(chunks.start),
            chunks,
            ending,
            left,
            _kept: None,
            panicking: thread::panicking(),
        }
    }

    /// A chunk that the caller has taken for a pass, and that has a clone of `kept` until it is dropped.
    pub(super) fn of_pass(
        array: &Arc<Inner<Chunked>>,
        chunk: usize,
        left: bool,
        kept: &Arc<()>,
    ) -> Self {
        let mut taken = Self::new(array, chunk..chunk + 1, Ending::Done, left);
        taken._kept = Some(kept.clone());
        taken
    }

    /// Takes these chunks in the order of their numbers, so that of two who want the same ones neither
    /// waits for the other in a circle.
    pub(super) fn take(
        array: &Arc<Inner<Chunked>>,
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

    /// The elements of the array that these are.
    pub fn range(&self) -> Range<usize> {
        self.elements.clone()
    }

    /// Returns `true` if an owner before died, panicked or gave them up, and they were not done since: it may have
    /// changed some of them. A caller that fills elements need not ask; one that changes them in place should.
    pub fn was_left(&self) -> bool {
        self.left
    }

    /// Gives the elements back as not done: another process gets them, or this one again.
    pub fn give_up(mut self) {
        self.ending = Ending::Left;
    }
}

impl Deref for DynChunk {
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

impl DerefMut for DynChunk {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.array.segment.assert_ours();
        let records = &self.array.segment.structure.rows;
        // SAFETY: as in `deref`; and `self` lends them to one borrower at a time. Whoever takes the chunk next
        // sees what was written here (`chunk_claims.rs`).
        unsafe { records.slice_mut(self.elements.clone()) }
    }
}

impl Drop for DynChunk {
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
    }
}

impl fmt::Debug for DynChunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DynChunk")
            .field("range", &self.elements)
            .field("was_left", &self.left)
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
    dynamic: DynChunk,
    holds: PhantomData<&'a mut T>,
}

impl<'a, T: Record> Chunk<'a, T> {
    /// Of an array of such elements.
    pub(super) fn of(dynamic: DynChunk) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// The elements of the array that these are.
    pub fn range(&self) -> Range<usize> {
        self.dynamic.range()
    }

    /// Returns `true` if an owner before died, panicked or gave them up, and they were not done since: it may have
    /// changed some of them. A caller that fills elements need not ask; one that changes them in place should.
    pub fn was_left(&self) -> bool {
        self.dynamic.was_left()
    }

    /// Gives the elements back as not done: another process gets them, or this one again.
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
