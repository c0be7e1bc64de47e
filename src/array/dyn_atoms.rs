//! The region of an array of atomics whose numbers are of a type that is known at run time.
//!
//! It is the region of `atomic.rs`, byte for byte; the header's schema says which type its numbers have. Imports the
//! segment and the records.

use std::sync::Arc;

use super::Elements;
use super::number::Atomic;
use super::options::{Access, Shape};
use crate::record::{Scalar, Schema};
use crate::segment::{Carver, Header, Mapping, Region, Span, Structure, too_large};

/// The region, and what its elements are.
pub(super) struct DynAtoms {
    pub(super) atoms: ScalarAtoms,
    pub(super) scalar: Scalar,
    pub(super) schema: Schema,
}

/// Where the region lies, and what its elements are.
pub(super) struct Layout {
    span: ScalarSpan,
    scalar: Scalar,
    schema: Schema,
}

/// What is written once for each type of number.
macro_rules! by_scalar {
    ($($scalar:ident $number:ident),*) => {
        /// Atomics of one of the types. [`with_atoms`] uses them by that type.
        pub(super) enum ScalarAtoms {
            $($scalar(Region<Atomic<$number>>),)*
        }

        /// Where they lie.
        enum ScalarSpan {
            $($scalar(Span<Atomic<$number>>),)*
        }

        impl ScalarSpan {
            /// The span of `len` numbers; `None` where it does not fit into an address.
            fn carve(scalar: Scalar, len: usize, carver: &mut Carver) -> Option<Self> {
                Some(match scalar {
                    $(Scalar::$scalar => Self::$scalar(carver.carve(len)?),)*
                })
            }

            fn place(&self, mapping: &Arc<Mapping>) -> ScalarAtoms {
                match self {
                    $(Self::$scalar(span) => ScalarAtoms::$scalar(mapping.region(span)),)*
                }
            }
        }
    };
}

by_scalar!(U8 u8, U16 u16, U32 u32, U64 u64, I8 i8, I16 i16, I32 i32, I64 i64, F32 f32, F64 f64);

/// Evaluates `$body`, in which `$atoms` are the atomics of `$of`, as a region of their own type.
macro_rules! with_atoms {
    ($of:expr, |$atoms:ident| $body:expr) => {
        with_atoms!(@ U8 U16 U32 U64 I8 I16 I32 I64 F32 F64; $of, $atoms, $body)
    };
    (@ $($scalar:ident)*; $of:expr, $atoms:ident, $body:expr) => {
        match &$of {
            $(ScalarAtoms::$scalar($atoms) => $body,)*
        }
    };
}

pub(super) use with_atoms;

impl Structure for DynAtoms {
    const KIND: &'static str = "array";
    type Layout = Layout;

    fn lay_out(header: &Header, carver: &mut Carver) -> std::result::Result<Layout, String> {
        let shape = Shape::read_for(header, Access::Atomics)?;
        let schema = header.record_schema()?;
        let Some(scalar) = schema.as_number() else {
            return Err("its elements are atomics, and its schema is not one number".into());
        };
        let span = ScalarSpan::carve(scalar, shape.len, carver).ok_or_else(too_large)?;
        Ok(Layout {
            span,
            scalar,
            schema,
        })
    }

    fn place(layout: Layout, mapping: &Arc<Mapping>) -> Self {
        Self {
            atoms: layout.span.place(mapping),
            scalar: layout.scalar,
            schema: layout.schema,
        }
    }

    fn initialise(&self, _header: &Header) {}

    fn reset(&self, _entry: usize) {}
}

impl Elements for DynAtoms {
    const ACCESS: Access = Access::Atomics;

    fn len(&self) -> usize {
        with_atoms!(self.atoms, |atoms| atoms.len())
    }
}
