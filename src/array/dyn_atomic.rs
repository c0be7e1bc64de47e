//! An array of atomics whose type of number is known at run time.
//!
//! It is the same segment as the array of that type. Imports the segment and the records.

use std::ops::Range;
use std::sync::Arc;

use super::dyn_atoms::{DynAtoms, ScalarAtoms, with_atoms};
use super::number::{Atomic, AtomicNumber};
use super::options::ArrayOptions;
use super::{Elements, Inner, dyn_array_methods, handle_methods};
use crate::error::{Error, Result};
use crate::record::{Number, Scalar, Schema};

/// An [`AtomicArray`](crate::AtomicArray) whose type of number is known at run time: by a [`Scalar`], and as
/// [`Number`]s.
///
/// It is the same array: of two processes that share one, the first may have an
/// [`AtomicArray`](crate::AtomicArray) and the second a `DynAtomicArray`. Each operation is the one of
/// [`Atomic`](crate::array::Atomic) of the same name, in one step and sequentially consistent. No number is converted: one of
/// another type is an error. A handle is `Send` and `Sync`, and clones of it are the same participant. In a forked
/// child the numbers of the parent's handle are the same as the parent's.
///
/// # When a process dies
/// Each operation happened, or did not; no process waits.
///
/// # Errors
/// Every operation fails with [`Error::InvalidArgument`] for an index outside of the array, and for a number of another
/// type than the array's. It has changed nothing then.
///
/// # Example
/// ```
/// use millpond::array::DynAtomicArray;
/// use millpond::record::{Number, Scalar};
/// use millpond::{ArrayOptions, AtomicArray};
///
/// let options = ArrayOptions::new(10);
/// let counts = DynAtomicArray::create("dyn-atomics-example", Scalar::U64, options)?;
/// counts.fetch_add(3, Number::U64(2))?;
/// assert!(counts.fetch_add(3, Number::U8(2)).is_err());
/// assert!(counts.load(10).is_err());
///
/// // A process that knows the type:
/// let same = AtomicArray::<u64>::open("dyn-atomics-example")?;
/// assert_eq!(same[3].swap(5), 2);
/// assert_eq!(counts.load(3)?, Number::U64(5));
/// # millpond::unlink("dyn-atomics-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct DynAtomicArray {
    inner: Arc<Inner<DynAtoms>>,
}

threads_may_share!(DynAtomicArray);

dyn_array_methods!(DynAtomicArray, AtomicArray, |scalar: Scalar| {
    Schema::of_numbers(scalar, &[])?
});

/// Evaluates `$body`, in which `$element` is the atomic of number `$index`.
macro_rules! with_element {
    ($array:expr, $index:expr, |$element:ident| $body:expr) => {
        with_atoms!($array.inner.segment.structure.atoms, |atoms| {
            let $element = element(atoms, $index)?;
            Ok($body)
        })
    };
}

impl DynAtomicArray {
    fn of(inner: Arc<Inner<DynAtoms>>) -> Self {
        Self { inner }
    }

    /// The type of the numbers.
    pub fn scalar(&self) -> Scalar {
        self.inner.segment.structure.scalar
    }

    /// The first number; an array has one.
    pub(super) fn load_first(&self) -> Number {
        with_atoms!(self.inner.segment.structure.atoms, |atoms| atoms[0]
            .load()
            .into())
    }

    /// Reads a number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index outside of the array.
    pub fn load(&self, index: usize) -> Result<Number> {
        with_element!(self, index, |element| element.load().into())
    }

    /// Writes a number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an index outside of the array, or a number of another type.
    pub fn store(&self, index: usize, number: Number) -> Result<()> {
        with_element!(self, index, |element| element.store(number.try_into()?))
    }

    /// Writes a number, and returns the one that was there.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn swap(&self, index: usize, number: Number) -> Result<Number> {
        with_element!(self, index, |element| element
            .swap(number.try_into()?)
            .into())
    }

    /// Writes `new` if the number is `current`, and returns what was there: `Ok` of it if `new` was written, and
    /// otherwise `Err` of it. Floating-point numbers are compared by their bits, so that 0.0 is not -0.0, and a NaN is
    /// itself.
    ///
    /// ```
    /// use millpond::array::DynAtomicArray;
    /// use millpond::record::{Number, Scalar};
    /// use millpond::ArrayOptions;
    ///
    /// let array = DynAtomicArray::anonymous(Scalar::I32, ArrayOptions::new(1))?;
    /// let (zero, seven) = (Number::I32(0), Number::I32(7));
    /// assert_eq!(array.compare_exchange(0, zero, seven)?, Ok(zero));
    /// assert_eq!(array.compare_exchange(0, zero, seven)?, Err(seven));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`store`](Self::store), for both numbers.
    pub fn compare_exchange(
        &self,
        index: usize,
        current: Number,
        new: Number,
    ) -> Result<std::result::Result<Number, Number>> {
        with_element!(self, index, |element| element
            .compare_exchange(current.try_into()?, new.try_into()?)
            .map(Number::from)
            .map_err(Number::from))
    }

    /// Adds to a number, and returns the one that was there. Integers wrap around.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn fetch_add(&self, index: usize, number: Number) -> Result<Number> {
        with_element!(self, index, |element| element
            .fetch_add(number.try_into()?)
            .into())
    }

    /// Subtracts from a number, and returns the one that was there. Integers wrap around.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn fetch_sub(&self, index: usize, number: Number) -> Result<Number> {
        with_element!(self, index, |element| element
            .fetch_sub(number.try_into()?)
            .into())
    }

    /// Lowers a number to `limit`, if it is larger, and returns the one that was there. A NaN stays.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn fetch_min(&self, index: usize, limit: Number) -> Result<Number> {
        with_element!(self, index, |element| element
            .fetch_min(limit.try_into()?)
            .into())
    }

    /// Raises a number to `limit`, if it is smaller, and returns the one that was there. A NaN stays.
    ///
    /// # Errors
    /// As [`store`](Self::store).
    pub fn fetch_max(&self, index: usize, limit: Number) -> Result<Number> {
        with_element!(self, index, |element| element
            .fetch_max(limit.try_into()?)
            .into())
    }

    /// Reads some numbers into bytes, which need no alignment. Each number is read in one step; those after it may
    /// change meanwhile.
    ///
    /// ```
    /// use millpond::array::DynAtomicArray;
    /// use millpond::record::{Number, Scalar};
    /// use millpond::ArrayOptions;
    ///
    /// let array = DynAtomicArray::anonymous(Scalar::U16, ArrayOptions::new(5))?;
    /// array.store_range(1..3, &[7, 0, 1, 1])?;
    /// assert_eq!(array.load(2)?, Number::U16(257));
    /// let mut bytes = [9; 10];
    /// array.load_range(0..5, &mut bytes)?;
    /// assert_eq!(bytes, [0, 0, 7, 0, 1, 1, 0, 0, 0, 0]);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a range that is not within the array, and for another number of bytes than the
    /// numbers have.
    pub fn load_range(&self, range: Range<usize>, to: &mut [u8]) -> Result<()> {
        with_atoms!(self.inner.segment.structure.atoms, |atoms| {
            load_all(part(atoms, range, to.len())?, to);
        });
        Ok(())
    }

    /// Writes some numbers from bytes, which need no alignment. Each number is written in one step; a process that
    /// reads meanwhile may see some of them, and a process that dies may have written some of them.
    ///
    /// # Errors
    /// As [`load_range`](Self::load_range).
    pub fn store_range(&self, range: Range<usize>, from: &[u8]) -> Result<()> {
        with_atoms!(self.inner.segment.structure.atoms, |atoms| {
            store_all(part(atoms, range, from.len())?, from);
        });
        Ok(())
    }
}

/// The atomic of number `index`.
fn element<T: AtomicNumber>(atoms: &[Atomic<T>], index: usize) -> Result<&Atomic<T>> {
    match atoms.get(index) {
        Some(element) => Ok(element),
        None => {
            let expected = format!("less than the length, {}", atoms.len());
            Error::invalid("the index", index.to_string(), expected)
        }
    }
}

/// The atomics of a range, for which there are `bytes` bytes.
fn part<T: AtomicNumber>(
    atoms: &[Atomic<T>],
    range: Range<usize>,
    bytes: usize,
) -> Result<&[Atomic<T>]> {
    let Some(part) = atoms.get(range.clone()) else {
        let expected = format!("a part of 0..{}", atoms.len());
        return Error::invalid("the range", format!("{range:?}"), expected);
    };
    let (count, size) = (part.len(), size_of_val(part));
    match bytes == size {
        true => Ok(part),
        false => {
            let scalar = T::FIELDS[0].scalar();
            let expected = format!("{size} bytes, as {count} numbers of type {scalar} have");
            Error::invalid(
                "the length of the numbers",
                format!("{bytes} bytes"),
                expected,
            )
        }
    }
}

fn load_all<T: AtomicNumber>(atoms: &[Atomic<T>], to: &mut [u8]) {
    for (atom, to) in atoms.iter().zip(to.chunks_exact_mut(size_of::<T>())) {
        to.copy_from_slice(bytemuck::bytes_of(&atom.load()));
    }
}

fn store_all<T: AtomicNumber>(atoms: &[Atomic<T>], from: &[u8]) {
    for (atom, from) in atoms.iter().zip(from.chunks_exact(size_of::<T>())) {
        atom.store(bytemuck::pod_read_unaligned(from));
    }
}
