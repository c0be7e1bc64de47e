//! One number of any of the ten types, as data.
//!
//! Holds a value of its own; knows no record and no segment.

use std::fmt;

use super::Scalar;
use crate::error::{Error, Result};

/// One number whose type is known at run time: the element of a [`DynAtomicArray`](crate::array::DynAtomicArray).
///
/// It is never converted into a number of another type. Two of different types are not equal, and otherwise they
/// compare as the numbers do: a NaN is not equal to itself. A number displays as [`Schema::show`](crate::Schema::show)
/// shows it, with a point in those of floating-point types.
///
/// ```
/// use millpond::record::{Number, Scalar};
///
/// let number = Number::from(7f32);
/// assert_eq!(number, Number::F32(7.0));
/// assert_eq!(number.scalar(), Scalar::F32);
/// assert_eq!(number.to_string(), "7.0");
/// assert_eq!(f32::try_from(number)?, 7.0);
/// assert_eq!(
///     f64::try_from(number).unwrap_err().to_string(),
///     "the number is 7.0, of type f32; it must be of type f64",
/// );
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A `u8`.
    U8(u8),
    /// A `u16`.
    U16(u16),
    /// A `u32`.
    U32(u32),
    /// A `u64`.
    U64(u64),
    /// An `i8`.
    I8(i8),
    /// An `i16`.
    I16(i16),
    /// An `i32`.
    I32(i32),
    /// An `i64`.
    I64(i64),
    /// An `f32`.
    F32(f32),
    /// An `f64`.
    F64(f64),
}

/// Generates the code that is the same for each type.
macro_rules! numbers {
    ($($variant:ident $number:ident),*) => {
        impl Number {
            /// Returns the zero of a type.
            ///
            /// ```
            /// use millpond::record::{Number, Scalar};
            ///
            /// assert_eq!(Number::zero(Scalar::I16), Number::I16(0));
            /// ```
            pub const fn zero(scalar: Scalar) -> Self {
                match scalar {
                    $(Scalar::$variant => Self::$variant(0 as $number),)*
                }
            }

            /// The type of the number.
            pub const fn scalar(self) -> Scalar {
                match self {
                    $(Self::$variant(_) => Scalar::$variant,)*
                }
            }
        }

        impl fmt::Display for Number {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant(number) => fmt::Debug::fmt(number, formatter),)*
                }
            }
        }

        $(
            impl From<$number> for Number {
                fn from(number: $number) -> Self {
                    Self::$variant(number)
                }
            }

            /// Fails with [`Error::InvalidArgument`] if the number is of another type.
            impl TryFrom<Number> for $number {
                type Error = Error;

                fn try_from(number: Number) -> Result<Self> {
                    match number {
                        Number::$variant(number) => Ok(number),
                        other => other.is_not(Scalar::$variant),
                    }
                }
            }
        )*
    };
}

numbers!(U8 u8, U16 u16, U32 u32, U64 u64, I8 i8, I16 i16, I32 i32, I64 i64, F32 f32, F64 f64);

impl Number {
    /// Returns the error for a number of the wrong type.
    #[cold]
    fn is_not<R>(self, expected: Scalar) -> Result<R> {
        let found = format!("{self}, of type {}", self.scalar());
        Error::invalid("the number", found, format!("of type {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest number of each type.
    fn largest() -> [Number; 10] {
        [
            u8::MAX.into(),
            u16::MAX.into(),
            u32::MAX.into(),
            u64::MAX.into(),
            i8::MAX.into(),
            i16::MAX.into(),
            i32::MAX.into(),
            i64::MAX.into(),
            f32::MAX.into(),
            f64::MAX.into(),
        ]
    }

    #[test]
    fn a_number_has_the_type_that_it_was_made_of() {
        assert_eq!(largest().map(Number::scalar), Scalar::ALL);
        for scalar in Scalar::ALL {
            assert_eq!(Number::zero(scalar).scalar(), scalar);
        }
        assert_eq!(u64::try_from(Number::from(u64::MAX)).unwrap(), u64::MAX);
        assert_eq!(i8::try_from(Number::from(-7i8)).unwrap(), -7);
    }

    #[test]
    fn a_number_of_another_type_is_refused_with_both_types() {
        for number in largest() {
            for (scalar, refused) in [
                (Scalar::U8, u8::try_from(number).err()),
                (Scalar::I64, i64::try_from(number).err()),
                (Scalar::F32, f32::try_from(number).err()),
            ] {
                let expected = (number.scalar() != scalar).then(|| {
                    let found = number.scalar();
                    format!("the number is {number}, of type {found}; it must be of type {scalar}")
                });
                assert_eq!(refused.map(|error| error.to_string()), expected);
            }
        }
    }

    #[test]
    fn numbers_are_equal_where_type_and_value_are() {
        assert_eq!(Number::from(-0.0f32), Number::from(0.0f32));
        assert_ne!(Number::from(f64::NAN), Number::from(f64::NAN));
        let ones = [
            Number::U8(1),
            Number::I8(1),
            Number::F32(1.0),
            Number::F64(1.0),
        ];
        for (at, one) in ones.iter().enumerate() {
            let equal = ones.iter().filter(|other| *other == one).count();
            assert_eq!(equal, 1, "{:?}", ones[at]);
        }
    }

    #[test]
    fn a_number_is_shown_as_records_show_theirs() {
        for (number, shown) in [
            (Number::U64(u64::MAX), "18446744073709551615"),
            (Number::I8(-128), "-128"),
            (Number::F32(7.0), "7.0"),
            (Number::F64(1e300), "1e300"),
            (Number::F32(f32::NEG_INFINITY), "-inf"),
            (Number::F64(f64::NAN), "NaN"),
        ] {
            assert_eq!(number.to_string(), shown);
        }
        assert_eq!(format!("{:>5}", Number::I16(-7)), "   -7");
        assert_eq!(format!("{:?}", Number::F32(0.5)), "F32(0.5)");
    }
}
