//! The lock, its readers and the event between processes. Their words lie in shared memory and are atomics.
//! [`Peers`] tells them which participants are alive. Imports `os`, through `primitive.rs` alone.

mod event;
mod lock;
mod marks;
mod owner;
pub(crate) mod primitive;
mod readers;

pub(crate) use event::{Event, EventWords};
pub(crate) use lock::{Found, Lock, LockWords};
pub(crate) use marks::Marks;
pub(crate) use owner::{Owner, Peers};
pub(crate) use readers::{ReaderCount, Readers};
