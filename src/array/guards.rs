//! The elements of an array with a lock, while they are read or written.
//!
//! Each guard of a type is the face of one that has the bytes, and borrows the handle; `owned.rs` has those that own
//! it. Imports the segment.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{Ordering, compiler_fence};

use super::Inner;
use super::locked_layout::Locked;
use crate::os::fail_point;
use crate::record::Record;
use crate::segment::{Guard, Reading};

/// The bytes of all elements, to be read: no process writes while this lives.
pub(super) struct BorrowedReadGuard<'a> {
    inner: &'a Inner<Locked>,
    _reading: Reading<'a, Locked>,
    damaged: bool,
}

impl<'a> BorrowedReadGuard<'a> {
    pub(super) fn new(
        inner: &'a Inner<Locked>,
        reading: Reading<'a, Locked>,
        damaged: bool,
    ) -> Self {
        Self {
            inner,
            _reading: reading,
            damaged,
        }
    }

    /// As [`ArrayReadGuard::is_damaged`].
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }
}

impl Deref for BorrowedReadGuard<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.inner.segment.assert_ours();
        let records = &self.inner.segment.structure.rows;
        // SAFETY: a reader is inside for as long as `self` lives. Writers wait for it, and it waited for
        // them, as is argued at the head of `sync/readers.rs`; elements are touched in no other way.
        unsafe { records.slice(0..records.len()) }
    }
}

/// The bytes of all elements, to be changed: no other process and no other guard reads or writes while this lives.
pub(super) struct BorrowedWriteGuard<'a> {
    inner: &'a Inner<Locked>,
    /// Dropped after what `drop` does.
    guard: Guard<'a, Locked>,
}

impl<'a> BorrowedWriteGuard<'a> {
    /// Of the owner of the lock, who has excluded readers.
    #[inline]
    pub(super) fn new(inner: &'a Inner<Locked>, guard: Guard<'a, Locked>) -> Self {
        // The compiler moves no store to an element before this one, so that who dies at the first has said
        // that it is inside. What was executed was executed in order, as others see it.
        inner.segment.structure.writing[0].store(1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        fail_point("write.begun");
        Self { inner, guard }
    }

    /// As [`ArrayWriteGuard::is_damaged`].
    pub(super) fn is_damaged(&self) -> bool {
        self.guard.is_damaged()
    }

    /// As [`ArrayWriteGuard::repaired`].
    pub(super) fn repaired(&mut self) {
        self.guard.repaired();
        fail_point("write.repaired");
    }
}

impl Deref for BorrowedWriteGuard<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.inner.segment.assert_ours();
        let records = &self.inner.segment.structure.rows;
        // SAFETY: the lock is held and readers are excluded for as long as `self` lives.
        unsafe { records.slice(0..records.len()) }
    }
}

impl DerefMut for BorrowedWriteGuard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.inner.segment.assert_ours();
        let records = &self.inner.segment.structure.rows;
        // SAFETY: the lock is held and readers are excluded for as long as `self` lives, and the elements
        // are lent by `self` alone, to one borrower at a time. The lock's release comes after that.
        unsafe { records.slice_mut(0..records.len()) }
    }
}

impl Drop for BorrowedWriteGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        let well = !self.guard.is_damaged() && !self.guard.is_panicking();
        // What a forked child drops is its parent's.
        if well && self.inner.segment.is_ours() {
            // Release: comes after every store to an element, also for who dies here.
            self.inner.segment.structure.writing[0].store(0, Ordering::Release);
            fail_point("write.ended");
        }
    }
}

/// All elements of a [`SharedArray`](crate::SharedArray), to be read: nobody writes while this lives.
///
/// # Panics
/// Its elements, in a forked child: they are the parent's.
pub struct ArrayReadGuard<'a, T: Record> {
    dynamic: BorrowedReadGuard<'a>,
    holds: PhantomData<&'a T>,
}

impl<'a, T: Record> ArrayReadGuard<'a, T> {
    /// Of an array of such elements.
    pub(super) fn of(dynamic: BorrowedReadGuard<'a>) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// Whether a writer died, or panicked, while it had the elements, and nobody has
    /// [`repaired`](ArrayWriteGuard::repaired) them since: some may be as it had begun to change them.
    pub fn is_damaged(&self) -> bool {
        self.dynamic.is_damaged()
    }
}

impl<T: Record> Deref for ArrayReadGuard<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.dynamic)
    }
}

/// All elements of a [`SharedArray`](crate::SharedArray), to be changed: nobody else reads or writes while
/// this lives.
///
/// # Panics
/// Its elements, in a forked child: they are the parent's.
pub struct ArrayWriteGuard<'a, T: Record> {
    dynamic: BorrowedWriteGuard<'a>,
    holds: PhantomData<&'a mut T>,
}

impl<'a, T: Record> ArrayWriteGuard<'a, T> {
    /// Of an array of such elements.
    pub(super) fn of(dynamic: BorrowedWriteGuard<'a>) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// Whether a writer died, or panicked, while it had the elements, and nobody has
    /// [`repaired`](Self::repaired) them since: some may be as it had begun to change them.
    pub fn is_damaged(&self) -> bool {
        self.dynamic.is_damaged()
    }

    /// Says that the elements are as they should be again.
    pub fn repaired(&mut self) {
        self.dynamic.repaired();
    }
}

impl<T: Record> Deref for ArrayWriteGuard<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.dynamic)
    }
}

impl<T: Record> DerefMut for ArrayWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.dynamic)
    }
}

impl<T: Record + fmt::Debug> fmt::Debug for ArrayReadGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

impl<T: Record + fmt::Debug> fmt::Debug for ArrayWriteGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}
