//! Structures that can be opened by a name alone, and structs of several of them. Imports every structure, and is
//! imported by none.

use crate::array::{
    AtomicArray, AtomicNumber, AtomicValue, ChunkedArray, DynArray, DynAtomicArray, DynAtomicValue,
    DynChunkedArray, DynValue, SharedArray, SharedValue,
};
use crate::board::{Board, BoardReader, DynBoard, DynBoardReader};
use crate::dict::{ArrayDict, DynArrayDict, Key};
use crate::error::Result;
use crate::lookup::{DynLookup, Lookup, LookupKey, LookupValue};
use crate::pool::{DynPool, Pool};
use crate::record::Record;

/// A structure that a process opens by its name: every structure of this crate, and, by `#[derive(Open)]`, a struct of
/// several that belong together, such as a pipeline whose steps each have a table.
///
/// A derived one opens each field under the struct's name, a `/`, and the field's own name.
/// `#[open(name = "…")]` replaces the latter. A field may be such a struct itself.
///
/// The fields are opened one after another: if structures are published again meanwhile, some may be newer than
/// others.
///
/// # Errors
/// The error of the first field that cannot be opened; fields that were opened before are dropped.
///
/// ```
/// use millpond::{Board, BoardOptions, Open, Pool, PoolOptions};
///
/// #[derive(Open)]
/// struct Training {
///     replay: Pool<f32>,
///     #[open(name = "actor")]
///     weights: Board<f32>,
/// }
///
/// Pool::<f32>::create("open-example/replay", PoolOptions::new(100))?;
/// Board::<f32>::create("open-example/actor", BoardOptions::new(3))?;
///
/// let training = Training::open_by_name("open-example")?; // in another process
/// training.replay.insert(&0.5)?;
/// training.weights.publish(&[1.0, 2.0, 3.0])?;
/// # millpond::unlink_all("open-example")?;
/// # Ok::<(), millpond::Error>(())
/// ```
pub trait Open: Sized {
    /// Opens the structure with this name.
    ///
    /// # Errors
    /// Same as the structure's own `open`.
    fn open_by_name(name: &str) -> Result<Self>;
}

/// Opens nothing, whatever the name: for workers that share nothing.
impl Open for () {
    fn open_by_name(_name: &str) -> Result<Self> {
        Ok(())
    }
}

/// Implements `Open` for structures that have their own `open`.
macro_rules! open_by_name {
    ($([$($parameter:ident: $bound:path),*] $structure:ty;)*) => { $(
        impl<$($parameter: $bound),*> Open for $structure {
            fn open_by_name(name: &str) -> Result<Self> {
                Self::open(name)
            }
        }
    )* };
}

open_by_name! {
    [] DynPool;
    [] DynBoard;
    [] DynBoardReader;
    [] DynArray;
    [] DynValue;
    [] DynAtomicArray;
    [] DynAtomicValue;
    [] DynChunkedArray;
    [] DynArrayDict;
    [] DynLookup;
    [T: Record] Pool<T>;
    [T: Record] Board<T>;
    [T: Record] BoardReader<T>;
    [T: Record] SharedArray<T>;
    [T: Record] SharedValue<T>;
    [T: AtomicNumber] AtomicArray<T>;
    [T: AtomicNumber] AtomicValue<T>;
    [T: Record] ChunkedArray<T>;
    [K: Key, T: Record] ArrayDict<K, T>;
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> Open for Lookup<K, V> {
    fn open_by_name(name: &str) -> Result<Self> {
        Self::open(name)
    }
}

#[cfg(feature = "archive")]
open_by_name! { [T: crate::readonly::Archivable] crate::Archive<T>; }
#[cfg(feature = "trie")]
open_by_name! { [] crate::Trie; }
