//! The bytes of an array with a lock, under guards that own their handle.
//!
//! They have no lifetime, so that a program in another language can keep one in an object. What they do is in
//! `guards.rs`: each keeps a guard that borrows, beside the handle that it borrows from. Imports the segment.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use self_cell::self_cell;

use super::Inner;
use super::guards::{BorrowedReadGuard, BorrowedWriteGuard};
use super::locked_layout::Locked;
use crate::error::Result;

self_cell! {
    struct OwnedRead {
        owner: Arc<Inner<Locked>>,

        #[covariant]
        dependent: BorrowedReadGuard,
    }
}

self_cell! {
    struct OwnedWrite {
        owner: Arc<Inner<Locked>>,

        #[covariant]
        dependent: BorrowedWriteGuard,
    }
}

/// The bytes of all elements of a [`DynArray`](crate::array::DynArray), or of a [`DynValue`](crate::array::DynValue), to be read:
/// no process writes while this lives. They begin on a cache line.
///
/// It holds the array as a handle does, and may outlive the handle that it came from. It is `Send` and `Sync`, and
/// may be dropped in another thread. While it is kept, also where it is leaked, writers wait.
///
/// # When a process dies
/// Its guards end with it. Writers that wait for them go on within 100 ms.
///
/// # Panics
/// Its bytes, in a forked child: they are the parent's.
///
/// # Example
/// ```
/// use millpond::array::DynArray;
/// use millpond::{ArrayOptions, Schema};
///
/// let array = DynArray::anonymous(&Schema::of::<u16>(), ArrayOptions::new(3))?;
/// let elements = array.read()?;
/// drop(array);
/// let thread = std::thread::spawn(move || elements.len());
/// assert_eq!(thread.join().unwrap(), 6);
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynArrayReadGuard(OwnedRead);

/// The bytes of all elements of a [`DynArray`](crate::array::DynArray), or of a [`DynValue`](crate::array::DynValue), to be changed:
/// no other process and no other guard reads or writes while this lives. They begin on a cache line.
///
/// It holds the array as a handle does, and may outlive the handle that it came from. It is `Send` and `Sync`, and
/// may be dropped in another thread. While it is kept, also where it is leaked, all others wait.
///
/// # When a process dies
/// Its guards end with it, and processes that wait for them go on within 100 ms. The bytes are as it left them, and
/// every guard is [damaged](Self::is_damaged) until a process has [repaired](Self::repaired) them. The same holds where
/// a thread panics and drops its guard.
///
/// # Panics
/// Its bytes, in a forked child: they are the parent's.
///
/// # Example
/// ```
/// use millpond::array::DynArray;
/// use millpond::{ArrayOptions, Schema};
///
/// let array = DynArray::anonymous(&Schema::of::<u8>(), ArrayOptions::new(3))?;
/// let mut elements = array.write()?;
/// if elements.is_damaged() {
///     elements.fill(0); // as it must be for this program to go on
///     elements.repaired();
/// }
/// elements[2] += 1;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynArrayWriteGuard(OwnedWrite);

threads_may_share!(DynArrayReadGuard, DynArrayWriteGuard);

impl DynArrayReadGuard {
    /// Enters an array as a reader.
    pub(super) fn new(inner: &Arc<Inner<Locked>>) -> Result<Self> {
        OwnedRead::try_new(inner.clone(), |inner| inner.read()).map(Self)
    }

    /// Returns `true` if a writer died, or panicked, while it had the elements, and no process has
    /// [`repaired`](DynArrayWriteGuard::repaired) them since: the writer may have changed some of them.
    pub fn is_damaged(&self) -> bool {
        self.0.borrow_dependent().is_damaged()
    }
}

impl DynArrayWriteGuard {
    /// Takes the lock of an array, and excludes readers.
    pub(super) fn new(inner: &Arc<Inner<Locked>>) -> Result<Self> {
        OwnedWrite::try_new(inner.clone(), |inner| inner.write()).map(Self)
    }

    /// Returns `true` if a writer died, or panicked, while it had the elements, and no process has
    /// [`repaired`](Self::repaired) them since: the writer may have changed some of them.
    pub fn is_damaged(&self) -> bool {
        self.0.borrow_dependent().is_damaged()
    }

    /// Says that the elements are as they should be again.
    pub fn repaired(&mut self) {
        self.0.with_dependent_mut(|_, guard| guard.repaired());
    }
}

impl Deref for DynArrayReadGuard {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.0.borrow_dependent()
    }
}

impl Deref for DynArrayWriteGuard {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.0.borrow_dependent()
    }
}

impl DerefMut for DynArrayWriteGuard {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.with_dependent_mut(|_, guard| &mut **guard)
    }
}

impl fmt::Debug for DynArrayReadGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DynArrayReadGuard")
            .field("is_damaged", &self.is_damaged())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DynArrayWriteGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DynArrayWriteGuard")
            .field("is_damaged", &self.is_damaged())
            .finish_non_exhaustive()
    }
}
