//! The types of a record's fields: numbers of a fixed width, and fixed-size arrays of them.
//!
//! The set is closed: only this file implements [`Element`].

use super::{Field, Record, Scalar};

/// The most dimensions that an array in a record may have.
pub(crate) const MAX_RANK: usize = 8;

/// A number, or a fixed-size array of numbers, of any depth: the type of a record's field.
///
/// These are `u8` to `u64`, `i8` to `i64`, `f32` and `f64`, and arrays of them of at most 8
/// dimensions. Nothing else can implement the trait.
///
/// ```
/// use millpond::record::{Element, Scalar};
///
/// assert_eq!(<[[f32; 3]; 4]>::SCALAR, Scalar::F32);
/// assert_eq!(<[[f32; 3]; 4]>::SHAPE, [4, 3]);
/// assert!(u8::SHAPE.is_empty());
/// ```
///
/// # Safety
///
/// The type consists of values of [`SCALAR`](Element::SCALAR), one after another, and nothing else. Their number
/// is the product of [`SHAPE`](Element::SHAPE).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be in a record",
    label = "neither a number of a fixed width nor a fixed-size array of such numbers",
    note = "the fields of a record are u8 to u64, i8 to i64, f32, f64, and arrays of them such as `[f32; 4]` or `[[u8; 8]; 8]`",
    note = "write `u8` instead of `bool`, `u64` instead of `usize`, `u32` instead of `char`, an array instead of a `Vec`, a slice or a `String`, and the fields themselves instead of a struct in a struct; a reference or pointer means nothing in another process"
)]
pub unsafe trait Element: bytemuck::Pod + sealed::Sealed {
    /// The type of the numbers.
    const SCALAR: Scalar;

    /// The lengths of the arrays, the outermost first; empty for a single number.
    const SHAPE: &'static [usize];
}

mod sealed {
    /// Keeps [`Element`](super::Element) to the types of this file.
    pub trait Sealed {}
}

macro_rules! numbers {
    ($($number:ident $scalar:ident),*) => {$(
        impl sealed::Sealed for $number {}

        // SAFETY: a number is one value of its own scalar type.
        unsafe impl Element for $number {
            const SCALAR: Scalar = Scalar::$scalar;
            const SHAPE: &'static [usize] = &[];
        }

        // SAFETY: a number is `Pod`, and all of it is one field, at offset 0.
        unsafe impl Record for $number {
            const FIELDS: &'static [Field] = &[Field::of::<Self>("value", 0)];
        }
    )*};
}

numbers!(u8 U8, u16 U16, u32 U32, u64 U64, i8 I8, i16 I16, i32 I32, i64 I64, f32 F32, f64 F64);

impl<E: Element, const N: usize> sealed::Sealed for [E; N] {}

// SAFETY: an array is its elements one after another, and `SHAPE` has its length in front of
// theirs.
unsafe impl<E: Element, const N: usize> Element for [E; N] {
    const SCALAR: Scalar = E::SCALAR;
    const SHAPE: &'static [usize] = {
        let lengths: &'static [usize; MAX_RANK] = const { &with_outer(N, E::SHAPE) };
        lengths.split_at(E::SHAPE.len() + 1).0
    };
}

/// `outer` followed by `inner`, and then zeros.
const fn with_outer(outer: usize, inner: &[usize]) -> [usize; MAX_RANK] {
    assert!(
        inner.len() < MAX_RANK,
        "an array in a record has at most 8 dimensions"
    );
    let mut lengths = [0; MAX_RANK];
    lengths[0] = outer;
    let mut i = 0;
    while i < inner.len() {
        lengths[i + 1] = inner[i];
        i += 1;
    }
    lengths
}
