//! The priority of a new record.

use super::saved_table::SavedTable;

/// The priority of a new record.
#[derive(Clone, Copy)]
pub(crate) enum NewPriority<'a> {
    /// The highest that any record of the pool ever had.
    Highest,
    /// One for each record, in the table of this number; in the others the highest.
    Given(usize, &'a [f32]),
    /// Of a single record, one for each table; `None` where it is not to be in the table.
    Each(&'a [Option<f32>]),
    /// Of records of a snapshot, for each table, from the one of this number on.
    Saved(&'a [Option<SavedTable>], usize),
}

impl NewPriority<'_> {
    /// The priorities from record number `start` on.
    pub(crate) fn from(self, start: usize) -> Self {
        match self {
            Self::Highest => Self::Highest,
            Self::Given(table, priorities) => Self::Given(table, &priorities[start..]),
            Self::Each(priorities) => Self::Each(priorities),
            Self::Saved(tables, first) => Self::Saved(tables, first + start),
        }
    }
}
