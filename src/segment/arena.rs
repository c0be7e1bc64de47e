//! Memory of a segment as typed regions, found by offset and never by a stored pointer.
//!
//! A layout is computed, twice alike: once to know a new segment's length, and again by everyone
//! who attaches, from the checked header. No offset is ever read from a segment. The two region
//! types are the only way from here up to touch shared memory: [`Region`] for atomics, safe to use,
//! and [`Bytes`] for plain records, whose users say why nobody writes meanwhile; `rows.rs` builds on it.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::paging::Paging;
use crate::error::{Error, Result};
use crate::os::cpu::CACHE_LINE;
use crate::os::{Access, Advice, View};
use crate::sync::{EventWords, LockWords};

/// A type that may lie in memory that other processes change at any time.
///
/// # Safety
/// It consists of atomic integers alone (and padding), so any bytes are a value of it, and it may
/// be read and written through a shared reference while others do the same.
pub unsafe trait Shared {}

// SAFETY: an atomic integer.
unsafe impl Shared for AtomicU32 {}
// SAFETY: an atomic integer.
unsafe impl Shared for AtomicU64 {}
// SAFETY: made of `AtomicU32`s.
unsafe impl Shared for LockWords {}
// SAFETY: made of `AtomicU32`s.
unsafe impl Shared for EventWords {}

/// Where `count` values of `T` lie in a segment.
pub(crate) struct Span<T> {
    offset: usize,
    count: usize,
    holds: PhantomData<T>,
}

impl<T> Span<T> {
    /// How many values there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

/// Hands out the bytes of a segment in order, each span on a cache line of its own.
pub(crate) struct Carver {
    end: usize,
}

impl Carver {
    /// Begins after the first `start` bytes.
    pub(crate) fn after(start: usize) -> Self {
        Self { end: start }
    }

    /// The next `count` values of `T`; `None` where the length does not fit into an address.
    pub(crate) fn carve<T>(&mut self, count: usize) -> Option<Span<T>> {
        const { assert!(align_of::<T>() <= CACHE_LINE) };
        let offset = self.end.checked_next_multiple_of(CACHE_LINE)?;
        let bytes = count.checked_mul(size_of::<T>())?;
        self.end = offset.checked_add(bytes)?;
        isize::try_from(self.end).ok()?;
        Some(Span {
            offset,
            count,
            holds: PhantomData,
        })
    }

    /// The length of everything carved so far, in bytes.
    pub(crate) fn length(&self) -> usize {
        self.end
    }
}

/// The mapped bytes of a segment, of a file or of this process alone.
pub(crate) struct Mapping(View);

impl Mapping {
    /// Maps the whole of `file`, which has `length` bytes.
    pub(crate) fn of_file(file: &File, length: usize, access: Access) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self(View::of_file(file, length, access)?)))
    }

    /// Zeroed memory of this process.
    pub(crate) fn anonymous(length: usize) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self(View::anonymous(length)?)))
    }

    /// Does with the pages what `paging` asks for. `what` is what an error is about.
    pub(crate) fn prepare(&self, paging: Paging, what: impl AsRef<Path>) -> Result<()> {
        if paging.huge {
            let found = self.0.use_huge_pages();
            found.map_err(Error::system("use huge pages for", &what))?;
        }
        if paging.prefault {
            let found = self.0.prefault();
            found.map_err(Error::system("prefault", &what))?;
        }
        Ok(())
    }

    /// Copies `bytes` to the beginning. Only for a segment that nobody else can see yet.
    pub(crate) fn write_start(&self, bytes: &[u8]) {
        assert!(bytes.len() <= self.0.length());
        // SAFETY: the mapping has room for the bytes, cannot overlap them (it is not borrowed
        // anywhere), and no other process or thread knows of it yet.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.address(), bytes.len()) };
    }

    /// The values of `span`, for good.
    pub(crate) fn region<T: Shared>(self: &Arc<Self>, span: &Span<T>) -> Region<T> {
        Region {
            start: self.locate(span),
            count: span.count,
            _mapping: self.clone(),
        }
    }

    /// The bytes of `span`, for good.
    pub(crate) fn bytes(self: &Arc<Self>, span: &Span<u8>) -> Bytes {
        Bytes {
            start: self.locate(span),
            length: span.count,
            _mapping: self.clone(),
        }
    }

    /// Says how the bytes will be used.
    pub(crate) fn advise(&self, advice: Advice) -> io::Result<()> {
        self.0.advise(advice)
    }

    /// The address of a span, after checking that it lies inside.
    fn locate<T>(&self, span: &Span<T>) -> NonNull<T> {
        let bytes = span.count * size_of::<T>();
        assert!(
            span.offset + bytes <= self.0.length(),
            "span outside mapping"
        );
        let start = self.0.address().wrapping_add(span.offset).cast::<T>();
        assert!(start.is_aligned(), "span not aligned");
        NonNull::new(start).expect("a mapping is not at address zero")
    }
}

/// Atomics in shared memory, as a slice; keeps the mapping alive.
pub struct Region<T> {
    start: NonNull<T>,
    count: usize,
    _mapping: Arc<Mapping>,
}

// SAFETY: a region is a shared slice of atomics, for which any thread may hold references; the
// mapping that it keeps is `Send` and `Sync` itself.
unsafe impl<T: Shared> Send for Region<T> {}
// SAFETY: as above.
unsafe impl<T: Shared> Sync for Region<T> {}

impl<T: Shared> Deref for Region<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `locate` checked bounds and alignment of `count` values inside the mapping, which
        // lives as long as `self`; any bytes are a value of a `Shared` type, and all its writers
        // use atomics.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

/// Plain bytes in shared memory; keeps the mapping alive. Gives addresses, and a reference to who says that
/// nobody writes: the caller knows who may.
#[derive(Clone)]
pub(crate) struct Bytes {
    start: NonNull<u8>,
    length: usize,
    _mapping: Arc<Mapping>,
}

// SAFETY: only addresses are given out; who uses them answers for it.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// The address of the first.
    #[inline(always)]
    pub(super) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The address of `length` bytes from `offset` on, all of them inside the region.
    #[inline(always)]
    pub(crate) fn at(&self, offset: usize, length: usize) -> *mut u8 {
        assert!(offset <= self.length && length <= self.length - offset);
        self.start.as_ptr().wrapping_add(offset)
    }

    /// All of them, plainly.
    ///
    /// # Safety
    /// Nobody writes to them while the mapping lives.
    #[inline(always)]
    pub(crate) unsafe fn frozen(&self) -> &[u8] {
        // SAFETY: `locate` checked that the bytes lie inside the mapping, which lives as long as `self`; the
        // caller says that nobody writes to them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}
