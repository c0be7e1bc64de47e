//! An array of atomics: each element is changed in one step, without a lock.
//!
//! Imports the segment.

use std::ops::Deref;
use std::sync::Arc;

use super::number::{Atomic, AtomicNumber};
use super::options::{Access, ArrayOptions, Shape};
use super::{Elements, Inner, array_methods, handle_methods};
use crate::error::Result;
use crate::record::Schema;
use crate::segment::{Carver, Header, Mapping, Region, Span, Structure, too_large};

/// A fixed number of [`Atomic`] numbers that processes share, all zero at first: a slice of them, with no
/// lock, where nobody waits for anybody.
///
/// What several elements say together may change while it is read; where that matters, take a
/// [`SharedArray`](crate::SharedArray). A handle is `Send` and `Sync`, and clones of it are the same participant. In a
/// forked child the numbers of the parent's handle are the same as the parent's.
///
/// # When a process dies
/// Each operation happened, or did not; nobody waits.
///
/// # Panics
/// An index outside of the array panics, as in any slice.
///
/// # Example
/// ```
/// use millpond::{ArrayOptions, AtomicArray};
///
/// let histogram = AtomicArray::<u64>::create("histogram-example", ArrayOptions::new(10))?;
/// // Anywhere else on the machine:
/// let same = AtomicArray::<u64>::open("histogram-example")?;
/// for sample in [3, 1, 4, 1, 5] {
///     same[sample].fetch_add(1);
/// }
/// assert_eq!(histogram[1].load(), 2);
/// assert_eq!(histogram.iter().map(|count| count.load()).sum::<u64>(), 5);
/// # millpond::unlink("histogram-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct AtomicArray<T: AtomicNumber> {
    inner: Arc<Inner<Atoms<T>>>,
}

threads_may_share!(AtomicArray<f32>);

array_methods!(AtomicArray, AtomicNumber);

impl<T: AtomicNumber> AtomicArray<T> {
    fn of(inner: Arc<Inner<Atoms<T>>>) -> Self {
        Self { inner }
    }
}

impl<T: AtomicNumber> Deref for AtomicArray<T> {
    type Target = [Atomic<T>];

    #[inline]
    fn deref(&self) -> &[Atomic<T>] {
        &self.inner.segment.structure.0
    }
}

/// The region of an array of atomics.
pub(super) struct Atoms<T: AtomicNumber>(Region<Atomic<T>>);

impl<T: AtomicNumber> Structure for Atoms<T> {
    const KIND: &'static str = "array";
    type Layout = Span<Atomic<T>>;

    fn lay_out(
        header: &Header,
        carver: &mut Carver,
    ) -> std::result::Result<Span<Atomic<T>>, String> {
        let shape = Shape::read_for(header, Access::Atomics)?;
        carver.carve(shape.len).ok_or_else(too_large)
    }

    fn place(layout: Span<Atomic<T>>, mapping: &Arc<Mapping>) -> Self {
        Self(mapping.region(&layout))
    }

    fn initialise(&self, _header: &Header) {}

    fn reset(&self, _entry: usize) {}
}

impl<T: AtomicNumber> Elements for Atoms<T> {
    const ACCESS: Access = Access::Atomics;

    fn len(&self) -> usize {
        self.0.len()
    }
}
