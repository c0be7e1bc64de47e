//! Which program this is. What another one found to be right need not be right for this one: of a type of the
//! same name, its idea may be another.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use crate::os;

/// Stands for the executable file of this process: its path, its length, and when it was written. `None` where
/// the system does not say, or it is gone.
pub(super) fn identity() -> Option<u64> {
    static IDENTITY: OnceLock<Option<u64>> = OnceLock::new();
    *os::get_or_make(&IDENTITY, || {
        let path = std::env::current_exe().ok()?;
        let found = fs::metadata(&path).ok()?;
        let mut hasher = DefaultHasher::new();
        (path, found.len(), found.modified().ok()?).hash(&mut hasher);
        Some(hasher.finish())
    })
}

/// Stands for a version as it was found right by a program; never 0.
pub(super) fn mark(version: u64, program: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (version, program).hash(&mut hasher);
    hasher.finish() | 1
}
