//! An array with a lock: many processes read it at once, or one writes.
//!
//! The lock and its readers are the segment's. `writing` says whether a writer was inside when it died, or
//! still waited for readers: then there is nothing to repair. Imports the segment.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::guards::{ArrayReadGuard, ArrayWriteGuard, BorrowedReadGuard, BorrowedWriteGuard};
use super::locked_layout::Locked;
use super::options::ArrayOptions;
use super::owned::{DynArrayReadGuard, DynArrayWriteGuard};
use super::{Elements, Inner, array_methods, dyn_array_methods, handle_methods};
use crate::error::Result;
use crate::os::fail_point;
use crate::record::{Record, Schema};
use crate::segment::{Guard, ReadWrite};

/// A fixed number of elements that processes share: any number of them read at once, or one writes.
///
/// Elements are numbers or structs that are [`Record`]s, all zero at first. A handle is `Send` and `Sync`,
/// and clones of it are the same participant. Readers do not disturb each other: each counts itself on a
/// cache line of its own. A writer that waits goes before new readers.
///
/// Where each element is a number on its own, [`AtomicArray`](crate::AtomicArray) needs no lock; where
/// processes work on disjoint parts, [`ChunkedArray`](crate::ChunkedArray) lets them all write at once.
///
/// # When a process dies
/// A dead reader is in nobody's way. Where a writer was killed, or panicked, with its guard, the elements
/// are as it left them, and every guard says so ([`is_damaged`](ArrayWriteGuard::is_damaged)) until somebody
/// has put them right and calls [`repaired`](ArrayWriteGuard::repaired). Both are noticed within 100 ms; a process
/// that is stopped is not dead, and keeps its guard.
///
/// # Example
/// ```
/// use millpond::{ArrayOptions, SharedArray};
///
/// let array = SharedArray::<f64>::create("array-example", ArrayOptions::new(1000))?;
/// array.write()?[..3].copy_from_slice(&[0.1, 0.2, 0.3]);
///
/// // Anywhere else on the machine:
/// let same = SharedArray::<f64>::open("array-example")?;
/// let elements = same.read()?;
/// assert_eq!(elements.len(), 1000);
/// assert_eq!(elements[..4], [0.1, 0.2, 0.3, 0.0]);
/// # drop(elements);
/// # millpond::unlink("array-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct SharedArray<T: Record> {
    pub(super) inner: Arc<Inner<Locked>>,
    holds: PhantomData<fn(T) -> T>,
}

threads_may_share!(SharedArray<u8>);

array_methods!(SharedArray, Record);
dyn_array_methods!(DynArray, SharedArray, |schema: &Schema| schema);

/// A [`SharedArray`] whose elements are known at run time: by a [`Schema`], and as bytes.
///
/// It is the same array: of two processes that share one, the first may have a [`SharedArray`] and the second a
/// `DynArray`.
///
/// ```
/// use millpond::array::DynArray;
/// use millpond::{ArrayOptions, SharedArray};
///
/// let array = SharedArray::<u16>::create("dyn-array-example", ArrayOptions::new(3))?;
/// array.write()?.copy_from_slice(&[1, 2, 3]);
/// let any = DynArray::open("dyn-array-example")?;
/// assert_eq!(any.schema().to_string(), "size 2 align 2\nvalue u16 @0\n");
/// assert_eq!(any.read()?[..2], 1u16.to_ne_bytes());
/// # millpond::unlink("dyn-array-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynArray {
    pub(super) inner: Arc<Inner<Locked>>,
}

impl DynArray {
    fn of(inner: Arc<Inner<Locked>>) -> Self {
        Self { inner }
    }

    /// Waits until no process writes, and returns the bytes of all elements to be read; as [`SharedArray::read`]. The
    /// guard may outlive this handle.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    pub fn read(&self) -> Result<DynArrayReadGuard> {
        DynArrayReadGuard::new(&self.inner)
    }

    /// Waits until no other process reads or writes, and returns the bytes of all elements to be changed; as
    /// [`SharedArray::write`]. The guard may outlive this handle.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    pub fn write(&self) -> Result<DynArrayWriteGuard> {
        DynArrayWriteGuard::new(&self.inner)
    }
}

impl<T: Record> SharedArray<T> {
    fn of(inner: Arc<Inner<Locked>>) -> Self {
        Self {
            inner,
            holds: PhantomData,
        }
    }

    /// Waits until nobody writes, and gives all elements to be read, as a slice.
    ///
    /// A thread that has a guard and asks for another one may wait for itself, and for ever.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    #[inline]
    pub fn read(&self) -> Result<ArrayReadGuard<'_, T>> {
        self.inner.read().map(ArrayReadGuard::of)
    }

    /// Waits until nobody else reads or writes, and gives all elements to be changed, as a slice.
    ///
    /// ```
    /// use millpond::{ArrayOptions, SharedArray};
    ///
    /// let array = SharedArray::<u64>::anonymous(ArrayOptions::new(3))?;
    /// let mut elements = array.write()?;
    /// if elements.is_damaged() {
    ///     elements.fill(0); // as it must be for this program to go on
    ///     elements.repaired();
    /// }
    /// elements[2] += 1;
    /// # Ok::<(), millpond::Error>(())
    /// ```
    ///
    /// A thread that has a guard and asks for another one waits for itself, and for ever.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    #[inline]
    pub fn write(&self) -> Result<ArrayWriteGuard<'_, T>> {
        self.inner.write().map(ArrayWriteGuard::of)
    }
}

impl Inner<Locked> {
    #[inline]
    pub(super) fn read(&self) -> Result<BorrowedReadGuard<'_>> {
        self.segment.check_process()?;
        match self.beside().try_enter() {
            Some(reading) => Ok(BorrowedReadGuard::new(self, reading, false)),
            None => self.read_behind_the_lock(),
        }
    }

    #[cold]
    fn read_behind_the_lock(&self) -> Result<BorrowedReadGuard<'_>> {
        let guard = self.lock()?;
        let reading = self.beside().enter(&guard);
        Ok(BorrowedReadGuard::new(self, reading, guard.is_damaged()))
    }

    #[inline]
    pub(super) fn write(&self) -> Result<BorrowedWriteGuard<'_>> {
        let guard = self.lock()?;
        self.beside().exclude(&guard);
        fail_point("write.alone");
        Ok(BorrowedWriteGuard::new(self, guard))
    }

    fn beside(&self) -> ReadWrite<'_, Locked> {
        ReadWrite {
            segment: &self.segment,
            number: 0,
            readers: &self.segment.structure.readers,
            gone: &self.waiting,
        }
    }

    /// Takes the lock. Damage is what a writer left that was inside.
    #[inline]
    fn lock(&self) -> Result<Guard<'_, Locked>> {
        let mut guard = self.segment.lock(0)?;
        // Relaxed: the lock orders it, and the end of its process what a dead owner wrote.
        let inside = || self.segment.structure.writing[0].load(Ordering::Relaxed) != 0;
        if guard.is_damaged() && !inside() {
            guard.repaired();
        }
        Ok(guard)
    }
}
