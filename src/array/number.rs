//! Numbers that change in one step: an element that is an atomic of its own.
//!
//! All of it is safe: an element is one of the processor's atomic integers, and a number is its bits.

use std::fmt;
use std::sync::atomic::Ordering::SeqCst;

use crate::record::Record;
use crate::segment::Shared;
use sealed::Bits;

/// A number that can be read and changed in one step: `u8` to `u64`, `i8` to `i64`, `f32` and `f64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be changed in one step",
    note = "the atomic numbers are u8 to u64, i8 to i64, f32 and f64; other records go into a `SharedArray`, which has a lock, or into a `ChunkedArray`"
)]
pub trait AtomicNumber: Record + PartialOrd + Bits {}

/// A number in shared memory, which any process reads and changes in one step, without a lock.
///
/// Like the atomics of the standard library, for floating-point numbers as well. Every operation is
/// sequentially consistent: all processes see all of them in one order, and who reads a number sees
/// whatever its writer did before it wrote it. None waits for anybody, so the death of a process is of no
/// consequence: an operation has happened, or has not.
///
/// See [`AtomicArray`](crate::AtomicArray) and [`AtomicValue`](crate::AtomicValue).
///
/// ```
/// use millpond::{AtomicArray, ArrayOptions};
///
/// let sums = AtomicArray::<f64>::anonymous(ArrayOptions::new(2))?;
/// assert_eq!(sums[0].fetch_add(0.5), 0.0);
/// sums[0].fetch_max(0.25);
/// assert_eq!(sums[0].load(), 0.5);
/// assert_eq!(sums[0].compare_exchange(0.5, 7.0), Ok(0.5));
/// assert_eq!(sums[0].compare_exchange(0.5, 8.0), Err(7.0));
/// # Ok::<(), millpond::Error>(())
/// ```
#[repr(transparent)]
pub struct Atomic<T: AtomicNumber>(T::Atom);

// SAFETY: nothing but an atomic integer, since `Bits` is implemented here alone.
unsafe impl<T: AtomicNumber> Shared for Atomic<T> {}

impl<T: AtomicNumber> Atomic<T> {
    /// Reads the number.
    #[inline]
    pub fn load(&self) -> T {
        T::load(&self.0)
    }

    /// Writes the number.
    #[inline]
    pub fn store(&self, number: T) {
        T::store(&self.0, number);
    }

    /// Writes the number, and gives the one that was there.
    #[inline]
    pub fn swap(&self, number: T) -> T {
        T::swap(&self.0, number)
    }

    /// Writes `new` if the number is `current`, and gives what was there: `Ok(current)` if it was written,
    /// and otherwise an `Err` with the other number. Floating-point numbers are compared by their bits, so
    /// that 0.0 is not -0.0, and a NaN is itself.
    #[inline]
    pub fn compare_exchange(&self, current: T, new: T) -> std::result::Result<T, T> {
        T::compare_exchange(&self.0, current, new)
    }

    /// Adds to the number, and gives the one that was there. Integers wrap around.
    #[inline]
    pub fn fetch_add(&self, number: T) -> T {
        T::fetch_add(&self.0, number)
    }

    /// Subtracts from the number, and gives the one that was there. Integers wrap around.
    #[inline]
    pub fn fetch_sub(&self, number: T) -> T {
        T::fetch_sub(&self.0, number)
    }

    /// Lowers the number to `limit`, if it is larger, and gives the one that was there. A NaN stays.
    #[inline]
    pub fn fetch_min(&self, limit: T) -> T {
        self.fetch_update(|number| if number > limit { limit } else { number })
    }

    /// Raises the number to `limit`, if it is smaller, and gives the one that was there. A NaN stays.
    #[inline]
    pub fn fetch_max(&self, limit: T) -> T {
        self.fetch_update(|number| if number < limit { limit } else { number })
    }

    /// Replaces the number by what `change` makes of it, and gives the one that was there. `change` is
    /// called again where somebody else was faster.
    #[inline]
    pub fn fetch_update(&self, mut change: impl FnMut(T) -> T) -> T {
        let mut seen = self.load();
        loop {
            match self.compare_exchange(seen, change(seen)) {
                Ok(replaced) => return replaced,
                Err(other) => seen = other,
            }
        }
    }
}

impl<T: AtomicNumber + fmt::Debug> fmt::Debug for Atomic<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.load(), formatter)
    }
}

mod sealed {
    use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

    /// A number as the bits of an atomic integer of its size.
    pub trait Bits: Copy {
        /// The atomic integer.
        type Atom: Send + Sync;
        fn load(atom: &Self::Atom) -> Self;
        fn store(atom: &Self::Atom, number: Self);
        fn swap(atom: &Self::Atom, number: Self) -> Self;
        fn compare_exchange(atom: &Self::Atom, current: Self, new: Self) -> Result<Self, Self>;
        fn fetch_add(atom: &Self::Atom, number: Self) -> Self;
        fn fetch_sub(atom: &Self::Atom, number: Self) -> Self;
    }

    /// `$from` and `$into` turn a number into bits and back; the rest is how it is added and subtracted.
    macro_rules! bits {
        ($number:ident, $atom:ident, $into:expr, $from:expr, $add:expr, $subtract:expr) => {
            impl super::AtomicNumber for $number {}

            impl Bits for $number {
                type Atom = $atom;

                #[inline(always)]
                fn load(atom: &$atom) -> Self {
                    $from(atom.load(super::SeqCst))
                }

                #[inline(always)]
                fn store(atom: &$atom, number: Self) {
                    atom.store($into(number), super::SeqCst);
                }

                #[inline(always)]
                fn swap(atom: &$atom, number: Self) -> Self {
                    $from(atom.swap($into(number), super::SeqCst))
                }

                #[inline(always)]
                fn compare_exchange(atom: &$atom, current: Self, new: Self) -> Result<Self, Self> {
                    let (current, new) = ($into(current), $into(new));
                    let exchanged =
                        atom.compare_exchange(current, new, super::SeqCst, super::SeqCst);
                    exchanged.map($from).map_err($from)
                }

                #[inline(always)]
                fn fetch_add(atom: &$atom, number: Self) -> Self {
                    $add(atom, number)
                }

                #[inline(always)]
                fn fetch_sub(atom: &$atom, number: Self) -> Self {
                    $subtract(atom, number)
                }
            }
        };
    }

    macro_rules! integers {
        ($($number:ident $bits:ident $atom:ident),*) => {$(
            bits!(
                $number, $atom,
                |number: $number| number as $bits,
                |bits: $bits| bits as $number,
                // In two's complement the sum of the bits is the bits of the sum.
                |atom: &$atom, number| atom.fetch_add(number as $bits, super::SeqCst) as $number,
                |atom: &$atom, number| atom.fetch_sub(number as $bits, super::SeqCst) as $number
            );
        )*};
    }

    integers!(
        u8 u8 AtomicU8, u16 u16 AtomicU16, u32 u32 AtomicU32, u64 u64 AtomicU64,
        i8 u8 AtomicU8, i16 u16 AtomicU16, i32 u32 AtomicU32, i64 u64 AtomicU64
    );

    macro_rules! floats {
        ($($number:ident $atom:ident),*) => {$(
            bits!(
                $number, $atom,
                $number::to_bits,
                $number::from_bits,
                |atom, number| update::<$number>(atom, |found| found + number),
                |atom, number| update::<$number>(atom, |found| found - number)
            );
        )*};
    }

    floats!(f32 AtomicU32, f64 AtomicU64);

    #[inline(always)]
    fn update<T: Bits>(atom: &T::Atom, change: impl Fn(T) -> T) -> T {
        let mut seen = T::load(atom);
        loop {
            match T::compare_exchange(atom, seen, change(seen)) {
                Ok(replaced) => return replaced,
                Err(other) => seen = other,
            }
        }
    }
}
