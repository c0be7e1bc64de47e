//! An array with a lock: many processes read it at once, or one writes.
//!
//! The lock and its readers are the segment's. `writing` says whether a writer was inside when it died, or
//! still waited for readers: then there is nothing to repair. Imports the segment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::guards::{ArrayReadGuard, ArrayWriteGuard};
use super::options::{Access, ArrayOptions, Shape, too_large};
use super::{Elements, Inner, array_methods};
use crate::error::Result;
use crate::os::fail_point;
use crate::record::Record;
use crate::segment::{
    Attach, Carver, Guard, Header, Mapping, ReadWrite, Readers, ReadersSpan, Records, Region, Span,
    Structure,
};

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
    pub(super) inner: Arc<Inner<Locked<T>>>,
}

const _: () = {
    const fn threads_may_share<T: Send + Sync>() {}
    threads_may_share::<SharedArray<u8>>();
};

array_methods!(SharedArray, Record);

impl<T: Record> SharedArray<T> {
    /// Waits until nobody writes, and gives all elements to be read, as a slice.
    ///
    /// A thread that has a guard and asks for another one may wait for itself, and for ever.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked).
    #[inline]
    pub fn read(&self) -> Result<ArrayReadGuard<'_, T>> {
        self.inner.segment.check_process()?;
        if let Some(reading) = self.inner.beside().try_enter() {
            return Ok(ArrayReadGuard::new(&self.inner, reading, false));
        }
        self.read_behind_the_lock()
    }

    #[cold]
    fn read_behind_the_lock(&self) -> Result<ArrayReadGuard<'_, T>> {
        let guard = self.inner.lock()?;
        let reading = self.inner.beside().enter(&guard);
        Ok(ArrayReadGuard::new(
            &self.inner,
            reading,
            guard.is_damaged(),
        ))
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
        let guard = self.inner.lock()?;
        self.inner.beside().exclude(&guard);
        fail_point("write.alone");
        Ok(ArrayWriteGuard::new(&self.inner, guard))
    }
}

/// The regions of an array with a lock.
pub(super) struct Locked<T: Record> {
    /// 1 while a writer is inside, and until the repair where it did not come out well. Written by: the
    /// owner of the lock.
    pub(super) writing: Region<AtomicU32>,
    readers: Readers,
    pub(super) records: Records<T>,
}

pub(super) struct Layout<T> {
    writing: Span<AtomicU32>,
    readers: ReadersSpan,
    records: Span<T>,
}

impl<T: Record> Structure for Locked<T> {
    const KIND: &'static str = "array";
    type Layout = Layout<T>;

    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Layout<T>, String> {
        let shape = Shape::read_for(header, Access::Lock)?;
        let carved = (|| {
            Some(Layout {
                writing: carver.carve(1)?,
                readers: Readers::carve(header, carver)?,
                records: carver.carve(shape.len)?,
            })
        })();
        carved.ok_or_else(too_large)
    }

    fn place(layout: Layout<T>, mapping: &Arc<Mapping>) -> Self {
        Self {
            writing: mapping.region(&layout.writing),
            readers: Readers::place(&layout.readers, mapping),
            records: Records::place(mapping, &layout.records),
        }
    }

    fn initialise(&self, _header: &Header) {}

    fn reset(&self, entry: usize) {
        self.readers.reset(entry);
    }
}

impl<T: Record> Elements for Locked<T> {
    type Element = T;
    const ACCESS: Access = Access::Lock;

    fn len(&self) -> usize {
        self.records.len()
    }
}

impl<T: Record> Inner<Locked<T>> {
    fn beside(&self) -> ReadWrite<'_, Locked<T>> {
        ReadWrite {
            segment: &self.segment,
            number: 0,
            readers: &self.segment.structure.readers,
            gone: &self.waiting,
        }
    }

    /// Takes the lock. Damage is what a writer left that was inside.
    #[inline]
    fn lock(&self) -> Result<Guard<'_, Locked<T>>> {
        let mut guard = self.segment.lock(0)?;
        // Relaxed: the lock orders it, and the end of its process what a dead owner wrote.
        let inside = || self.segment.structure.writing[0].load(Ordering::Relaxed) != 0;
        if guard.is_damaged() && !inside() {
            guard.repaired();
        }
        Ok(guard)
    }
}
