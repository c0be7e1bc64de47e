// Arrays: a fixed number of elements in a segment, that many processes read and change in place.
//
// Three ways to do so, each a type of its own, so that what does not go together does not compile:
// with a lock (`locked.rs`, `guards.rs`, `owned.rs`), as atomics (`atomic.rs`, `number.rs`), or by chunks that each
// belong to one process at a time (`chunked.rs`, `chunk.rs`, `split.rs`; the protocol is in `chunk_claims.rs`). A value is
// an array of one element (`value.rs`).
//
// Each has a face without a type, for programs that know at run time what the elements are: for arrays with a lock and
// in chunks in the same files, for atomics in `dyn_atomic.rs` and `dyn_atoms.rs`, for values in `dyn_value.rs`.
// Imports the segment and the records; knows no other structure.

mod atomic;
mod chunk;
mod chunk_claims;
mod chunked;
mod chunked_layout;
mod dyn_atomic;
mod dyn_atoms;
mod dyn_value;
mod guards;
mod locked;
mod locked_layout;
mod number;
mod options;
mod owned;
mod split;
mod value;

use std::sync::Arc;

use crate::error::{Result, check_schema};
use crate::record::Schema;
use crate::segment::{Attach, Header, Segment, Structure, check_option, open_or_create};
use crate::sync::primitive::Channel;
use options::{Access, Shape};

pub use atomic::AtomicArray;
pub use chunk::{Chunk, DynChunk};
pub use chunked::{ChunkedArray, DynChunkedArray};
pub use dyn_atomic::DynAtomicArray;
pub use dyn_value::{DynAtomicValue, DynValue};
pub use guards::{ArrayReadGuard, ArrayWriteGuard};
pub use locked::{DynArray, SharedArray};
pub use number::{Atomic, AtomicNumber};
pub use options::{ArrayOptions, ValueOptions};
pub use owned::{DynArrayReadGuard, DynArrayWriteGuard};
pub use split::{DynSplit, Split};
pub use value::{AtomicValue, SharedValue, ValueReadGuard, ValueWriteGuard};

/// What an array keeps in its segment, for one way of access.
trait Elements: Structure {
    /// Which way it is.
    const ACCESS: Access;

    /// How many elements there are.
    fn len(&self) -> usize;

    /// How many of them a chunk has; 0 where there are no chunks.
    fn chunk_len(&self) -> usize {
        0
    }
}

/// An attachment to an array.
struct Inner<S> {
    segment: Segment<S>,
    /// Where participants wait for each other, besides for the lock.
    waiting: Channel,
}

impl<S: Elements> Inner<S> {
    fn new(segment: Segment<S>) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            waiting: segment.channel(0)?,
            segment,
        }))
    }

    fn create(name: &str, schema: &Schema, options: &ArrayOptions) -> Result<Arc<Self>> {
        Self::new(Segment::create(name, options.plan(schema, S::ACCESS)?)?)
    }

    fn anonymous(schema: &Schema, options: &ArrayOptions) -> Result<Arc<Self>> {
        Self::new(Segment::anonymous(options.plan(schema, S::ACCESS)?)?)
    }

    /// Attaches to an array of such elements; or of any, where there is no schema.
    fn open(name: &str, schema: Option<&Schema>, attach: &Attach) -> Result<Arc<Self>> {
        let check = |header: &Header| {
            if let Some(schema) = schema {
                check_schema(name, &header.schema, schema)?;
            }
            match Shape::read(header) {
                Ok(shape) => check_option(name, "access by", S::ACCESS, shape.access),
                Err(_) => Ok(()), // whoever lays it out says what is wrong
            }
        };
        Self::new(Segment::open(name, attach, check)?)
    }

    fn open_or_create(name: &str, schema: &Schema, options: &ArrayOptions) -> Result<Arc<Self>> {
        let attach = options.shared.attach();
        let open = || {
            let inner = Self::open(name, Some(schema), &attach)?;
            let array = &inner.segment.structure;
            check_option(name, "length", options.len, array.len())?;
            if let (Some(asked), Access::Chunks) = (options.chunk_len, S::ACCESS) {
                check_option(name, "chunks of", asked, array.chunk_len())?;
            }
            Ok(inner)
        };
        open_or_create(open, || Self::create(name, schema, options))
    }
}

/// What every handle of an array has, with a type or without; it is made by `of` from its `inner`, an `Arc<Inner<…>>`.
macro_rules! handle_methods {
    ([$($parameter:ident: $bound:path)?] $array:ty, $name:ident) => {
        impl<$($parameter: $bound)?> $array {
            /// The array's name; `None` for one without.
            pub fn name(&self) -> Option<&str> {
                self.inner.segment.name()
            }

            /// How many elements there are.
            #[expect(
                clippy::len_without_is_empty,
                reason = "an array has one element or more"
            )]
            #[inline]
            pub fn len(&self) -> usize {
                self.inner.segment.structure.len()
            }

            /// All participants that are attached and alive.
            ///
            /// # Errors
            /// [`Error::Forked`](crate::Error::Forked).
            pub fn participants(&self) -> Result<Vec<crate::segment::Participant>> {
                self.inner.segment.participants()
            }
        }

        impl<$($parameter: $bound)?> Clone for $array {
            /// The same participant.
            fn clone(&self) -> Self {
                Self::of(self.inner.clone())
            }
        }

        impl<$($parameter: $bound)?> std::fmt::Debug for $array {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .debug_struct(stringify!($name))
                    .field("name", &self.name())
                    .field("len", &self.len())
                    .finish_non_exhaustive()
            }
        }
    };
}

/// What every array of a type has besides.
macro_rules! array_methods {
    ($array:ident, $number:path) => {
        crate::segment::open_methods! {
            [T: $number] $array<T>, "an array, all of which is zero,", "run/grid", ArrayOptions;
            of() "";
            create: |name, options| Inner::create(name, &Schema::of::<T>(), &options).map(Self::of);
            open: |name, attach| Inner::open(name, Some(&Schema::of::<T>()), attach).map(Self::of),
                "[`Error::WrongRecord`](crate::Error::WrongRecord) where it has other elements, and \
                 [`Error::WrongOption`](crate::Error::WrongOption) where it was created for another way of access;";
            open_or_create: |name, options| {
                Inner::open_or_create(name, &Schema::of::<T>(), &options).map(Self::of)
            }, "[`Error::WrongOption`](crate::Error::WrongOption) where it exists and is of another length, or has \
                chunks of another length than those asked for;";
            anonymous: |options| Inner::anonymous(&Schema::of::<T>(), &options).map(Self::of);
        }

        handle_methods!([T: $number] $array<T>, $array);
    };
}

/// What every array has besides whose elements are known at run time, by `$kind`, from which comes a [`Schema`];
/// `$typed` is the same with a type.
macro_rules! dyn_array_methods {
    ($array:ident, $typed:ident, |$kind:ident: $type:ty| $schema:expr) => {
        crate::segment::open_methods! {
            [] $array, "an array, all of which is zero,", "run/grid", ArrayOptions;
            of($kind: $type) " of such elements";
            create: |name, options| Inner::create(name, &$schema, &options).map(Self::of);
            open: |name, attach| Inner::open(name, None, attach).map(Self::of),
                "[`Error::WrongOption`](crate::Error::WrongOption) where it was created for another way of access;";
            open_or_create: |name, options| Inner::open_or_create(name, &$schema, &options).map(Self::of),
                "[`Error::WrongOption`](crate::Error::WrongOption) where it exists and is of another length, or has \
                 chunks of another length than those asked for;";
            anonymous: |options| Inner::anonymous(&$schema, &options).map(Self::of);
        }

        impl $array {
            /// What an element is.
            pub fn schema(&self) -> &Schema {
                &self.inner.segment.structure.schema
            }
        }

        handle_methods!([] $array, $array);
    };
}

use array_methods;
use dyn_array_methods;
use handle_methods;
