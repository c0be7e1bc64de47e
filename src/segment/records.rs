//! Records of one type in a segment, one after another: read and written whole by anybody, word by word
//! in atomic steps, or plainly by who can say why nobody else writes.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use bytemuck::Pod;

use super::arena::{Bytes, Mapping, Span};

/// Records in shared memory; keeps the mapping alive.
pub(crate) struct Records<T> {
    bytes: Bytes,
    count: usize,
    holds: PhantomData<fn(T) -> T>,
}

/// Bytes of the words in which a record is read and written: as wide as they fit into it, so that those
/// of every record of an array are aligned.
const fn word_size<T>() -> usize {
    match size_of::<T>() {
        0 => 1,
        size => {
            1 << (if size.trailing_zeros() > 3 {
                3
            } else {
                size.trailing_zeros()
            })
        }
    }
}

impl<T: Pod> Records<T> {
    /// The records of `span`, for good.
    pub(crate) fn place(mapping: &Arc<Mapping>, span: &Span<T>) -> Self {
        Self {
            bytes: mapping.bytes(&span.as_bytes()),
            count: span.count(),
            holds: PhantomData,
        }
    }

    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Where a record lies, for asking the processor to fetch it.
    #[inline(always)]
    pub(crate) fn address(&self, index: usize) -> *mut u8 {
        assert!(index < self.count, "record outside of its region");
        self.bytes.start().wrapping_add(index * size_of::<T>())
    }

    #[inline(always)]
    fn range(&self, range: Range<usize>) -> *mut u8 {
        assert!(range.start <= range.end && range.end <= self.count);
        self.bytes
            .at(range.start * size_of::<T>(), range.len() * size_of::<T>())
    }

    /// Reads a record word by word, in relaxed order. Each word is one that was written; that all of them
    /// were written together, the caller finds out.
    #[inline(always)]
    pub(crate) fn load(&self, index: usize) -> T {
        let address = self.address(index);
        let mut record = T::zeroed();
        let bytes = bytemuck::bytes_of_mut(&mut record);
        for (number, to) in bytes.chunks_exact_mut(word_size::<T>()).enumerate() {
            let word = address.wrapping_add(number * word_size::<T>());
            // SAFETY: a word of the record, which `address` found inside the region; the region begins on
            // a cache line and the word's size divides the record's, so it is aligned. Whoever writes
            // meanwhile does so in atomic words of the same size.
            unsafe { load_word::<T>(word, to) };
        }
        record
    }

    /// Writes a record word by word, in relaxed order.
    #[inline(always)]
    pub(crate) fn store(&self, index: usize, record: &T) {
        let address = self.address(index);
        let bytes = bytemuck::bytes_of(record);
        for (number, from) in bytes.chunks_exact(word_size::<T>()).enumerate() {
            let word = address.wrapping_add(number * word_size::<T>());
            // SAFETY: as in `load`; whoever reads meanwhile does so in atomic words of the same size, as
            // `slice` asks of its callers.
            unsafe { store_word::<T>(word, from) };
        }
    }

    /// Records as they lie in memory.
    ///
    /// # Safety
    /// Nobody writes them, in any process, while the slice lives, and what was written before happened
    /// before this call.
    #[inline(always)]
    pub(crate) unsafe fn slice(&self, range: Range<usize>) -> &[T] {
        let count = range.len();
        let start = self.range(range).cast::<T>().cast_const();
        // SAFETY: `range` lies inside the region, which `self` keeps mapped, and begins at a multiple of
        // the record's size after a cache line, so it is aligned. Any bytes are a record. The caller
        // promises that nobody writes.
        unsafe { std::slice::from_raw_parts(start, count) }
    }
}

/// Records of a size that is known at run time, in shared memory; keeps the mapping alive.
pub(crate) struct Rows {
    bytes: Bytes,
    size: usize,
    count: usize,
}

impl Rows {
    /// The records of `size` bytes in `span`, which begins on a cache line.
    pub(crate) fn place(mapping: &Arc<Mapping>, span: &Span<u8>, size: usize) -> Self {
        Self {
            bytes: mapping.bytes(span),
            size,
            count: span.count() / size,
        }
    }

    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.count
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
    /// Nobody writes them, in any process, while the slice lives, and what was written before happened
    /// before this call.
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

/// Reads one word into `to`, which is as long.
///
/// # Safety
/// `from` is aligned, inside a mapping, and others write it, if at all, as atomic words of this size.
#[inline(always)]
unsafe fn load_word<T>(from: *mut u8, to: &mut [u8]) {
    match word_size::<T>() {
        8 => {
            // SAFETY: the caller promises so.
            let word = unsafe { AtomicU64::from_ptr(from.cast()) };
            to.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        4 => {
            // SAFETY: as above.
            let word = unsafe { AtomicU32::from_ptr(from.cast()) };
            to.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        2 => {
            // SAFETY: as above.
            let word = unsafe { AtomicU16::from_ptr(from.cast()) };
            to.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        _ => {
            // SAFETY: as above.
            let word = unsafe { AtomicU8::from_ptr(from) };
            to[0] = word.load(Ordering::Relaxed);
        }
    }
}

/// Writes `from`, which is as long as one word.
///
/// # Safety
/// `to` is aligned, inside a mapping, and others read and write it, if at all, as atomic words of this size.
#[inline(always)]
unsafe fn store_word<T>(to: *mut u8, from: &[u8]) {
    const LENGTH: &str = "a word has the bytes of its size";
    match word_size::<T>() {
        8 => {
            // SAFETY: the caller promises so.
            let word = unsafe { AtomicU64::from_ptr(to.cast()) };
            let value = u64::from_ne_bytes(from.try_into().expect(LENGTH));
            word.store(value, Ordering::Relaxed);
        }
        4 => {
            // SAFETY: as above.
            let word = unsafe { AtomicU32::from_ptr(to.cast()) };
            let value = u32::from_ne_bytes(from.try_into().expect(LENGTH));
            word.store(value, Ordering::Relaxed);
        }
        2 => {
            // SAFETY: as above.
            let word = unsafe { AtomicU16::from_ptr(to.cast()) };
            let value = u16::from_ne_bytes(from.try_into().expect(LENGTH));
            word.store(value, Ordering::Relaxed);
        }
        _ => {
            // SAFETY: as above.
            let word = unsafe { AtomicU8::from_ptr(to) };
            word.store(from[0], Ordering::Relaxed);
        }
    }
}
