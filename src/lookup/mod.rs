//! Dictionaries that are built once, from more pairs than memory holds, and then only read.
//!
//! A table is sorted by the hashes of its keys and written front to back (`build.rs`, `index.rs`), with a perfect
//! hash (`perfect.rs`). It lies in one piece of read-only memory, in which a search touches one byte of a small
//! index and one pair (`table.rs`; its numbers are in `shape.rs`); going through all of it is in `walk.rs`. To all of
//! these, keys and values are bytes, of which a format (`format.rs`) knows the types. Two thin faces make and take
//! the bytes: of types that are known when the program is compiled (`typed/`), and at run time (`dynamic/`).
//!
//! Imports the records, the hash, the sorting and the volumes; knows no other structure.

mod build;
mod dynamic;
mod format;
mod index;
mod perfect;
mod shape;
mod table;
mod table_writer;
#[cfg(test)]
mod tests;
mod typed;
mod value_type;
mod walk;

pub use dynamic::{DynLookup, DynLookupBuilder};
pub use typed::{Lookup, LookupBuilder, LookupKey, LookupValue};
pub use value_type::ValueType;

use crate::error::{Error, Result};
use crate::volume::{Content, Published, Volume};
use format::Format;
use table::Table;

impl<F: Format> Content for Table<F, Volume> {
    const KIND: &'static str = "lookup";
    const IS_READ_AT_RANDOM: bool = true;

    /// No search believes what it finds, so that what the checksum finds right needs no further check.
    fn place(volume: Volume) -> std::result::Result<Self, String> {
        let format = F::read(volume.schema())?;
        let parameters = *volume.parameters();
        Self::over(format, volume, &parameters)
    }
}

/// Checks all of a table.
fn verify<F: Format>(published: &Published<Table<F, Volume>>) -> Result<()> {
    let verified = published.content.verify();
    verified.map_err(|reason| Error::Damaged {
        name: format!("{:?}", published.place()),
        reason,
    })
}
