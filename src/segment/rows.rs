//! Records in a segment, one after another, as bytes of a size that is known at run time: read and written by any
//! process word by word in atomic steps, or plainly by a caller that can say why no other process writes.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use bytemuck::Pod;

use super::arena::{Bytes, Mapping, Span};

/// Records in shared memory; keeps the mapping alive.
pub(crate) struct Rows {
    bytes: Bytes,
    size: usize,
    count: usize,
}

/// Returns the bytes of the words in which a record of `size` bytes is read and written: as wide as they fit into
/// it, so that those of every record of an array are aligned.
#[inline(always)]
const fn word_size(size: usize) -> usize {
    match size.trailing_zeros() {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => 8,
    }
}

impl Rows {
    /// Returns the records of `size` bytes in `span`, which begins on a cache line.
    pub(crate) fn place(mapping: &Arc<Mapping>, span: &Span<u8>, size: usize) -> Self {
        Self {
            bytes: mapping.bytes(span),
            size,
            count: span.count() / size,
        }
    }

    /// How many records there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The bytes of a record.
    #[inline(always)]
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Where a record lies, for asking the processor to fetch it.
    #[inline(always)]
    pub(crate) fn address(&self, index: usize) -> *mut u8 {
        self.start(index, self.size)
    }

    /// Returns the address of a record of `size` bytes, which is the size of all of them. A caller that knows it at
    /// compile time lets the compiler use it.
    #[inline(always)]
    fn start(&self, index: usize, size: usize) -> *mut u8 {
        assert!(size == self.size, "record of another size");
        assert!(index < self.count, "record outside of its region");
        self.bytes.start().wrapping_add(index * size)
    }

    /// Reads a record into `to` word by word, in relaxed order. Each word is one that was written; whether all of
    /// them were written together, the caller finds out.
    #[inline(always)]
    pub(crate) fn read(&self, index: usize, to: &mut [u8]) {
        let start = self.start(index, to.len());
        // SAFETY: `start` found the record inside the region; the region begins on a cache line and the word's size
        // divides the record's, so every word is aligned. A process that writes meanwhile does so in atomic words of
        // the same size, as that follows from the record's.
        unsafe { load_words(start, to) };
    }

    /// As [`read`](Self::read), for records of a type.
    #[inline(always)]
    pub(crate) fn load<T: Pod>(&self, index: usize) -> T {
        let mut record = T::zeroed();
        self.read(index, bytemuck::bytes_of_mut(&mut record));
        record
    }

    /// As [`read`](Self::read), into new memory.
    pub(crate) fn to_vec(&self, index: usize) -> Vec<u8> {
        let mut record = vec![0; self.size];
        self.read(index, &mut record);
        record
    }

    /// Writes a record word by word, in relaxed order.
    #[inline(always)]
    pub(crate) fn write(&self, index: usize, from: &[u8]) {
        let start = self.start(index, from.len());
        // SAFETY: as in `read`; a process that reads meanwhile does so in atomic words of the same size, as `slice`
        // asks of its callers.
        unsafe { store_words(start, from) };
    }

    /// Writes zeros, as [`write`](Self::write) does.
    pub(crate) fn clear(&self, index: usize) {
        self.write(index, &vec![0; self.size]);
    }

    /// Copies the first `count` records of `other`, which has records of the same size, word by word.
    pub(crate) fn copy_from(&self, other: &Rows, count: usize) {
        assert!(self.size == other.size, "records of another size");
        let ((to, length), (from, _)) = (self.range(0..count), other.range(0..count));
        macro_rules! copy {
            ($atomic:ident) => {
                for offset in (0..length).step_by(size_of::<$atomic>()) {
                    // SAFETY: as in `read`, a word of one of the records.
                    let from = unsafe { $atomic::from_ptr(from.wrapping_add(offset).cast()) };
                    // SAFETY: as in `write`.
                    let to = unsafe { $atomic::from_ptr(to.wrapping_add(offset).cast()) };
                    to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
                }
            };
        }
        match word_size(self.size) {
            8 => copy!(AtomicU64),
            4 => copy!(AtomicU32),
            2 => copy!(AtomicU16),
            _ => copy!(AtomicU8),
        }
    }

    /// The address of some records, and how many bytes they have.
    #[inline(always)]
    fn range(&self, range: Range<usize>) -> (*mut u8, usize) {
        assert!(range.start <= range.end && range.end <= self.count);
        let length = range.len() * self.size;
        (self.bytes.at(range.start * self.size, length), length)
    }

    /// Records as they lie in memory, each aligned as its type is.
    ///
    /// # Safety
    /// No process writes them while the slice lives, and what was written before happened before this call.
    #[inline(always)]
    pub(crate) unsafe fn slice(&self, range: Range<usize>) -> &[u8] {
        let (start, length) = self.range(range);
        // SAFETY: `range` lies inside the region, which `self` keeps mapped. The caller promises that nobody writes.
        unsafe { std::slice::from_raw_parts(start, length) }
    }

    /// Records as they lie in memory, to be changed in place.
    ///
    /// # Safety
    /// Nobody else reads or writes them, in any process and in any way, while the slice lives; what they
    /// did before happened before this call, and what they do afterwards happens after the slice's end.
    #[expect(clippy::mut_from_ref, reason = "the caller excludes everybody else")]
    #[inline(always)]
    pub(crate) unsafe fn slice_mut(&self, range: Range<usize>) -> &mut [u8] {
        let (start, length) = self.range(range);
        // SAFETY: as in `slice`, and the caller promises that nobody else has them.
        unsafe { std::slice::from_raw_parts_mut(start, length) }
    }
}

/// Reads a record of the length of `to`.
///
/// # Safety
/// The record lies in a mapping, aligned to its words, and others write it, if at all, as atomic words of this size.
#[inline(always)]
unsafe fn load_words(from: *mut u8, to: &mut [u8]) {
    macro_rules! load {
        ($atomic:ident) => {
            for (number, to) in to.as_chunks_mut().0.iter_mut().enumerate() {
                let word = from.wrapping_add(number * size_of::<$atomic>()).cast();
                // SAFETY: one of the words, of which the caller promises so.
                *to = unsafe { $atomic::from_ptr(word) }
                    .load(Ordering::Relaxed)
                    .to_ne_bytes();
            }
        };
    }
    match word_size(to.len()) {
        8 => load!(AtomicU64),
        4 => load!(AtomicU32),
        2 => load!(AtomicU16),
        _ => load!(AtomicU8),
    }
}

/// Writes a record of the length of `from`.
///
/// # Safety
/// The record lies in a mapping, aligned to its words, and others read and write it, if at all, as atomic words of
/// this size.
#[inline(always)]
unsafe fn store_words(to: *mut u8, from: &[u8]) {
    macro_rules! store {
        ($atomic:ident, $word:ident) => {
            for (number, from) in from.as_chunks().0.iter().enumerate() {
                let word = to.wrapping_add(number * size_of::<$atomic>()).cast();
                // SAFETY: one of the words, of which the caller promises so.
                unsafe { $atomic::from_ptr(word) }
                    .store($word::from_ne_bytes(*from), Ordering::Relaxed);
            }
        };
    }
    match word_size(from.len()) {
        8 => store!(AtomicU64, u64),
        4 => store!(AtomicU32, u32),
        2 => store!(AtomicU16, u16),
        _ => store!(AtomicU8, u8),
    }
}
