//! An array that is handed out in chunks: disjoint ranges, each of which one process has alone.
//!
//! The protocol is at the head of `chunk_claims.rs`. Imports the segment.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::chunk::{Chunk, DynChunk};
use super::chunk_claims::ChunkWord;
use super::chunked_layout::Chunked;
use super::options::ArrayOptions;
use super::split::{DynSplit, Split};
use super::{Elements, Inner, array_methods, dyn_array_methods, handle_methods};
use crate::error::{Error, Result};
use crate::record::{Record, Schema};
use crate::sync::Event;

/// A fixed number of elements that processes fill or change together, each its own ranges, in place and
/// without a lock.
///
/// The array is cut into chunks of equal length. [`split`](Self::split) gives a process one chunk after
/// another, each to be read and changed as a plain slice that nobody else can have meanwhile. Whoever is
/// faster gets more of them. Elements are numbers or structs that are [`Record`]s, all zero at first. A
/// handle is `Send` and `Sync`, and clones of it are the same participant.
///
/// # When a process dies
/// The chunk that it had is not done, and the next who looks for chunks gets it; those that it had given back
/// are done. The same goes for a thread that panics. Nobody waits longer than 100 ms for the dead; a process
/// that is stopped is not dead, and keeps what it has.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use millpond::{ArrayOptions, ChunkedArray};
///
/// let array = ChunkedArray::<f32>::create("chunks-example", ArrayOptions::new(10_000).chunk_len(512))?;
///
/// // In as many processes as there are, with `ChunkedArray::open`:
/// for mut chunk in array.split(1)? {
///     let first = chunk.range().start;
///     for (index, element) in (first..).zip(chunk.iter_mut()) {
///         *element = index as f32;
///     }
/// }
///
/// // Every element was filled once; here they are all at once.
/// let whole = array.take(0..array.len(), Duration::from_secs(1))?;
/// assert_eq!(whole[7_777], 7_777.0);
/// # drop(whole);
/// # millpond::unlink("chunks-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct ChunkedArray<T: Record> {
    inner: Arc<Inner<Chunked>>,
    holds: PhantomData<fn(T) -> T>,
}

threads_may_share!(ChunkedArray<u8>);

array_methods!(ChunkedArray, Record);
dyn_array_methods!(DynChunkedArray, ChunkedArray, |schema: &Schema| schema);

impl<T: Record> ChunkedArray<T> {
    fn of(inner: Arc<Inner<Chunked>>) -> Self {
        Self {
            inner,
            holds: PhantomData,
        }
    }

    /// How many elements a chunk has; the last one has what is left.
    pub fn chunk_len(&self) -> usize {
        self.inner.segment.structure.chunk_len
    }

    /// The chunks of pass number `pass`, one after another, that nobody else has done or has.
    ///
    /// However many processes and threads do this for the same pass, each chunk is given out once, and again
    /// only where its owner died, panicked or [gave it up](Chunk::give_up). A chunk is done in this pass when
    /// it is dropped. When the iteration ends, all chunks are done: before that it waits for those that
    /// others still have, and gets those of the dead.
    ///
    /// While a chunk of this iteration is kept (as `collect` does), it does not wait, and ends where nothing
    /// is free. A thread that keeps a chunk of another iteration, or a range, may wait for itself, and for
    /// ever.
    ///
    /// Passes count from 1. Whoever asks for a pass begins it, chunk by chunk, and so ends those before,
    /// also where they were not done.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for pass 0; [`Error::Forked`]. In a forked child an iteration of its
    /// parent is at its end.
    pub fn split(&self, pass: u32) -> Result<Split<'_, T>> {
        self.inner.split(pass).map(Split::of)
    }

    /// How many elements are done in pass number `pass`: all of them where a later one has begun everywhere.
    /// Looks at every chunk's word, and waits for nobody.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for pass 0.
    pub fn done(&self, pass: u32) -> Result<usize> {
        self.inner.done(pass)
    }

    /// Waits until nobody has any of these elements, and gives them to be read and changed, as one slice
    /// that nobody else can have meanwhile. What is done in a pass stays so.
    ///
    /// The range begins and ends where chunks do, or at the array's end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use millpond::{ArrayOptions, ChunkedArray, Error};
    ///
    /// let array = ChunkedArray::<u8>::anonymous(ArrayOptions::new(100).chunk_len(10))?;
    /// let mut some = array.take(20..40, Duration::ZERO)?;
    /// some.fill(7);
    /// let taken = array.take(30..100, Duration::ZERO);
    /// assert!(matches!(taken, Err(Error::TimedOut { .. }))); // says who has which of them
    /// let across = array.take(95..98, Duration::ZERO);
    /// assert!(matches!(across, Err(Error::InvalidArgument { .. })));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a range that is empty, lies outside, or does not lie on the borders of
    /// chunks; [`Error::TimedOut`] where somebody has one of the elements until `limit` has passed;
    /// [`Error::Forked`].
    pub fn take(&self, range: Range<usize>, limit: Duration) -> Result<Chunk<'_, T>> {
        self.inner.take(range, limit).map(Chunk::of)
    }
}

/// A [`ChunkedArray`] whose elements are known at run time: by a [`Schema`], and as bytes.
///
/// It is the same array: of two processes that share one, the first may have a [`ChunkedArray`] and the second a
/// `DynChunkedArray`.
///
/// ```
/// use millpond::array::DynChunkedArray;
/// use millpond::{ArrayOptions, Schema};
///
/// let options = ArrayOptions::new(10).chunk_len(4);
/// let array = DynChunkedArray::anonymous(&Schema::of::<u16>(), options)?;
/// for mut chunk in array.split(1)? {
///     chunk.fill(7); // two bytes an element
/// }
/// assert_eq!(array.done(1)?, 10);
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynChunkedArray {
    inner: Arc<Inner<Chunked>>,
}

impl DynChunkedArray {
    fn of(inner: Arc<Inner<Chunked>>) -> Self {
        Self { inner }
    }

    /// How many elements a chunk has; the last one has what is left.
    pub fn chunk_len(&self) -> usize {
        self.inner.segment.structure.chunk_len
    }

    /// The chunks of pass number `pass`, one after another, as bytes; as [`ChunkedArray::split`]. They and the
    /// iteration may outlive this handle.
    ///
    /// # Errors
    /// As [`ChunkedArray::split`].
    pub fn split(&self, pass: u32) -> Result<DynSplit> {
        self.inner.split(pass)
    }

    /// How many elements are done in pass number `pass`; as [`ChunkedArray::done`].
    ///
    /// # Errors
    /// As [`ChunkedArray::done`].
    pub fn done(&self, pass: u32) -> Result<usize> {
        self.inner.done(pass)
    }

    /// Waits until no process has any of these elements, and returns their bytes; as [`ChunkedArray::take`]. The chunk
    /// may outlive this handle.
    ///
    /// # Errors
    /// As [`ChunkedArray::take`].
    pub fn take(&self, range: Range<usize>, limit: Duration) -> Result<DynChunk> {
        self.inner.take(range, limit)
    }
}

impl Inner<Chunked> {
    fn split(self: &Arc<Self>, pass: u32) -> Result<DynSplit> {
        self.segment.check_process()?;
        check_pass(pass)?;
        Ok(DynSplit::new(self, pass))
    }

    fn done(&self, pass: u32) -> Result<usize> {
        check_pass(pass)?;
        let chunks = 0..self.chunks();
        let done = chunks.filter(|&chunk| self.word(chunk).is_done(pass, self.segment.peers()));
        Ok(done.map(|chunk| self.elements(chunk).len()).sum())
    }

    fn take(self: &Arc<Self>, range: Range<usize>, limit: Duration) -> Result<DynChunk> {
        self.segment.check_process()?;
        let array = &self.segment.structure;
        let (len, chunk_len) = (array.len(), array.chunk_len);
        let invalid = |expected| Error::invalid("the range", format!("{range:?}"), expected);
        if range.is_empty() || range.end > len {
            return invalid(format!("a part of 0..{len}, and not empty"));
        }
        let is_border = |index: usize| index == len || index.is_multiple_of(chunk_len);
        if !is_border(range.start) || !is_border(range.end) {
            let borders = format!("from one border of chunks of {chunk_len} elements to another");
            return invalid(borders);
        }
        let chunks = range.start / chunk_len..range.end.div_ceil(chunk_len);
        DynChunk::take(self, chunks, limit)
    }
}

fn check_pass(pass: u32) -> Result<()> {
    match pass {
        0 => Error::invalid("the pass", "0".into(), "1 or more".into()),
        _ => Ok(()),
    }
}

impl Inner<Chunked> {
    pub(super) fn chunks(&self) -> usize {
        self.segment.structure.words.len()
    }

    pub(super) fn word(&self, chunk: usize) -> ChunkWord<'_> {
        ChunkWord {
            word: &self.segment.structure.words[chunk],
            me: self.segment.owner(),
        }
    }

    /// The elements of a chunk.
    pub(super) fn elements(&self, chunk: usize) -> Range<usize> {
        let array = &self.segment.structure;
        let start = chunk * array.chunk_len;
        start..array.len().min(start.saturating_add(array.chunk_len))
    }

    pub(super) fn given(&self) -> Event<'_> {
        Event {
            words: &self.segment.structure.given[0],
            channel: &self.waiting,
        }
    }
}
