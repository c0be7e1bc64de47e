//! Arrays: a fixed number of elements in a segment, that many processes read and change in place.
//!
//! Three ways to do so, each a type of its own, so that what does not go together does not compile:
//! with a lock (`locked.rs`, `guards.rs`), as atomics (`atomic.rs`, `number.rs`), or by chunks that each belong
//! to one process at a time (`chunked.rs`, `chunk.rs`; the protocol is in `hand_out.rs`). A value is an array
//! of one element (`value.rs`). Imports the segment and the records; knows no other structure.

mod atomic;
mod chunk;
mod chunked;
mod guards;
mod hand_out;
mod locked;
mod number;
mod options;
mod value;

use crate::error::{Result, check_records};
use crate::record::Record;
use crate::segment::{Attach, Header, Plan, Segment, Structure, check_option, open_or_create};
use crate::sync::primitive::Channel;
use options::{Access, Shape};

pub use atomic::AtomicArray;
pub use chunk::{Chunk, Split};
pub use chunked::ChunkedArray;
pub use guards::{ArrayReadGuard, ArrayWriteGuard};
pub use locked::SharedArray;
pub use number::{Atomic, AtomicNumber};
pub use options::{ArrayOptions, ValueOptions};
pub use value::{AtomicValue, SharedValue, ValueReadGuard, ValueWriteGuard};

/// What an array keeps in its segment, for one way of access.
trait Elements: Structure {
    /// The type of the elements.
    type Element: Record;
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
    fn new(segment: Segment<S>) -> Result<Self> {
        Ok(Self {
            waiting: segment.channel(0)?,
            segment,
        })
    }

    fn create(name: &str, options: &ArrayOptions) -> Result<Self> {
        Self::new(Segment::create(name, Self::plan(options)?)?)
    }

    fn anonymous(options: &ArrayOptions) -> Result<Self> {
        Self::new(Segment::anonymous(Self::plan(options)?)?)
    }

    fn plan(options: &ArrayOptions) -> Result<Plan> {
        options.plan::<S::Element>(S::ACCESS)
    }

    fn open(name: &str, attach: &Attach) -> Result<Self> {
        let check = |header: &Header| {
            check_records::<S::Element>(name, &header.schema)?;
            match Shape::read(header) {
                Ok(shape) => check_option(name, "access by", S::ACCESS, shape.access),
                Err(_) => Ok(()), // whoever lays it out says what is wrong
            }
        };
        Self::new(Segment::open(name, attach, check)?)
    }

    fn open_or_create(name: &str, options: &ArrayOptions) -> Result<Self> {
        let attach = options.shared.attach();
        let open = || {
            let inner = Self::open(name, &attach)?;
            let array = &inner.segment.structure;
            check_option(name, "length", options.len, array.len())?;
            if let (Some(asked), Access::Chunks) = (options.chunk_len, S::ACCESS) {
                check_option(name, "chunks of", asked, array.chunk_len())?;
            }
            Ok(inner)
        };
        open_or_create(open, || Self::create(name, options))
    }
}

/// What every kind of array has; `$array` is a handle whose `inner` is an `Arc<Inner<…>>`.
macro_rules! array_methods {
    ($array:ident, $number:path) => {
        impl<T: $number> $array<T> {
            /// Creates an array under a name such as `run/grid`; all of it is zero.
            ///
            /// # Errors
            /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for options that cannot be; else
            /// as [`Pool::create`](crate::Pool::create).
            pub fn create(name: &str, options: ArrayOptions) -> Result<Self> {
                Ok(Self {
                    inner: Arc::new(Inner::create(name, &options)?),
                })
            }

            /// Attaches to an array that exists.
            ///
            /// # Errors
            /// [`Error::WrongRecord`](crate::Error::WrongRecord) where it has other elements,
            /// [`Error::WrongOption`](crate::Error::WrongOption) where it was created for another way of
            /// access; else as [`Pool::open`](crate::Pool::open).
            pub fn open(name: &str) -> Result<Self> {
                Self::open_with(name, &Attach::new())
            }

            /// As [`open`](Self::open), with a role, or waiting for an array that is not there yet.
            ///
            /// # Errors
            /// As [`open`](Self::open).
            pub fn open_with(name: &str, attach: &Attach) -> Result<Self> {
                Ok(Self {
                    inner: Arc::new(Inner::open(name, attach)?),
                })
            }

            /// Attaches to the array of this name, or creates it: for processes that start in any order.
            ///
            /// # Errors
            /// [`Error::WrongOption`](crate::Error::WrongOption) where it exists and is of another length,
            /// or has chunks of another length than those asked for; else as [`create`](Self::create) and
            /// [`open`](Self::open).
            pub fn open_or_create(name: &str, options: ArrayOptions) -> Result<Self> {
                Ok(Self {
                    inner: Arc::new(Inner::open_or_create(name, &options)?),
                })
            }

            /// An array without a name, in the memory of this process, with the same behaviour.
            ///
            /// # Errors
            /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for options that cannot be;
            /// [`Error::System`](crate::Error::System).
            pub fn anonymous(options: ArrayOptions) -> Result<Self> {
                Ok(Self {
                    inner: Arc::new(Inner::anonymous(&options)?),
                })
            }

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

            /// Everybody who is attached and alive.
            ///
            /// # Errors
            /// [`Error::Forked`](crate::Error::Forked).
            pub fn participants(&self) -> Result<Vec<crate::Participant>> {
                self.inner.segment.participants()
            }
        }

        impl<T: $number> Clone for $array<T> {
            /// The same participant.
            fn clone(&self) -> Self {
                Self {
                    inner: self.inner.clone(),
                }
            }
        }

        impl<T: $number> std::fmt::Debug for $array<T> {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .debug_struct(stringify!($array))
                    .field("name", &self.name())
                    .field("len", &self.len())
                    .finish_non_exhaustive()
            }
        }
    };
}

use array_methods;
