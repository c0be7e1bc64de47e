//! Structures that are published once and then only read: archives, lookups and tries, of which the machine has one copy
//! whatever their size. The next version replaces one while processes use it.
//!
//! `Archive`, [`Lookup`] and `Trie` are at the root of the crate, too; here is what belongs to them.

#[cfg(feature = "archive")]
pub use crate::archive::{Archivable, Archive};
pub use crate::lookup::{
    DynLookup, DynLookupBuilder, Lookup, LookupBuilder, LookupKey, LookupValue, ValueType,
};
#[cfg(feature = "trie")]
pub use crate::trie::{Entries, Fuzzy, Prefixes, Trie};
pub use crate::volume::{Check, Handle, OpenOptions, Place, PublishOptions};
