//! Boards of elements of a type: thin faces over [`DynBoard`], its leases and its readers.

mod lease;
mod reader;

use std::marker::PhantomData;
use std::ops::Deref;

pub use lease::BoardLease;
pub use reader::BoardReader;

use super::newest::check_len;
use super::{BoardOptions, DynBoard};
use crate::error::Result;
use crate::record::{Record, Schema};
use crate::segment::open_methods;

/// One value of fixed size, such as the weights of a network: processes publish it (one at a time),
/// and any number read it, always whole and always the newest, with its version: a copy of it
/// ([`fetch`](Self::fetch)), or the value itself where it lies ([`lease`](Self::lease)).
///
/// Who fetches or leases takes no lock and never waits for a publisher, nor does a publisher wait for
/// them. A handle is `Send` and `Sync`, and clones of it are the same participant. Several values under
/// one name are [`Boards`](crate::board::Boards).
///
/// What does not depend on `T` is in [`DynBoard`], to which a `Board` dereferences.
///
/// # When a process dies
/// A publisher that is killed half way leaves the last whole value in place; who fetches holds nothing
/// that anybody waits for, and the leases of a process end with it.
///
/// # Example
/// ```
/// use millpond::{Board, BoardOptions};
///
/// // A learner …
/// let learner = Board::<f32>::create("board-example", BoardOptions::new(3))?;
/// assert_eq!(learner.publish(&[0.1, 0.2, 0.3])?, 1);
///
/// // … and a simulator, anywhere else on the machine.
/// let simulator = Board::<f32>::open("board-example")?;
/// let mut weights = [0.0; 3];
/// assert_eq!(simulator.fetch(&mut weights)?, 1);
/// assert_eq!(weights, [0.1, 0.2, 0.3]);
///
/// millpond::unlink("board-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub struct Board<T: Record> {
    dynamic: DynBoard,
    holds: PhantomData<fn(T) -> T>,
}

threads_may_share!(Board<u8>);

open_methods! {
    [T: Record] Board<T>, "a board, which holds no value yet,", "cartpole/weights", BoardOptions;
    of() "";
    create: |name, options| DynBoard::create(name, &Schema::of::<T>(), options).map(Self::of);
    open: |name, attach| DynBoard::open_of(name, &Schema::of::<T>(), attach).map(Self::of), "[`Error::WrongRecord`](crate::Error::WrongRecord) where it has other elements;";
    open_or_create: |name, options| DynBoard::open_or_create(name, &Schema::of::<T>(), options).map(Self::of), "[`Error::WrongOption`](crate::Error::WrongOption) where the board exists with another length or number of buffers;";
    anonymous: |options| DynBoard::anonymous(&Schema::of::<T>(), options).map(Self::of);
}

impl<T: Record> Clone for Board<T> {
    fn clone(&self) -> Self {
        Self::of(self.dynamic.clone())
    }
}

impl<T: Record> Deref for Board<T> {
    type Target = DynBoard;

    fn deref(&self) -> &DynBoard {
        &self.dynamic
    }
}

impl<T: Record> Board<T> {
    /// The face of a board of such elements.
    fn of(dynamic: DynBoard) -> Self {
        Self {
            dynamic,
            holds: PhantomData,
        }
    }

    /// Publishes a value, and gives its version, which is one more than the last. Waits for another
    /// publisher to be done, never for a reader.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a value of another length than the board's;
    /// [`Error::NoFreeBuffer`](crate::Error::NoFreeBuffer) where living processes lease every buffer but the newest;
    /// [`Error::Forked`](crate::Error::Forked).
    pub fn publish(&self, value: &[T]) -> Result<u64> {
        check_len(self.inner.parts(), value.len())?;
        self.dynamic.publish(bytemuck::cast_slice(value))
    }

    /// Copies the newest value into `value`, and gives its version.
    ///
    /// # Errors
    /// [`Error::NothingPublished`](crate::Error::NothingPublished) before the first; [`Error::InvalidArgument`](crate::Error::InvalidArgument) for a buffer of
    /// another length than the board's; [`Error::Forked`](crate::Error::Forked); [`Error::Damaged`](crate::Error::Damaged) where no publisher is
    /// at work and the newest value is still not whole.
    pub fn fetch(&self, value: &mut [T]) -> Result<u64> {
        check_len(self.inner.parts(), value.len())?;
        self.dynamic.fetch(bytemuck::cast_slice_mut(value))
    }

    /// A copy of the newest value in memory of its own, and its version.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    ///
    /// ```
    /// use millpond::{Board, BoardOptions};
    ///
    /// let board = Board::<f32>::anonymous(BoardOptions::new(2))?;
    /// board.publish(&[0.5, 0.6])?;
    /// assert_eq!(board.fetch_vec()?, (vec![0.5, 0.6], 1));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn fetch_vec(&self) -> Result<(Vec<T>, u64)> {
        let mut value = vec![T::zeroed(); self.len()];
        let version = self.fetch(&mut value)?;
        Ok((value, version))
    }

    /// The newest value in place: nothing is copied, and it stays as it is until the lease is dropped,
    /// while newer ones are published into the board's other buffers.
    ///
    /// A lease keeps its buffer from the publishers, who fail with [`Error::NoFreeBuffer`](crate::Error::NoFreeBuffer) where leases have
    /// all of them: so drop it soon, or give the board [more](BoardOptions::buffers).
    ///
    /// # Errors
    /// [`Error::NothingPublished`](crate::Error::NothingPublished) before the first; [`Error::Forked`](crate::Error::Forked); [`Error::Damaged`](crate::Error::Damaged) as
    /// [`fetch`](Self::fetch).
    pub fn lease(&self) -> Result<BoardLease<T>> {
        self.dynamic.lease().map(BoardLease::of)
    }
}

impl<T: Record> std::fmt::Debug for Board<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.dynamic.fmt_as("Board", formatter)
    }
}
