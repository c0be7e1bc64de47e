//! Irregular data, larger than each buffer inside of a structure, compared key by key with a plain map.
//!
//! A buffer shows a fault only when it is full, and only for bytes that differ. So keys and values here are random
//! (from a fixed seed), their lengths too, and each structure takes several mebibytes.
//!
//! The same tests make the long run of `ci/real-data`, by two variables: `MILLPOND_DATA_KEYS` is the number of keys
//! of each kind, and `MILLPOND_DATA_WORDS` has files with one word in a line, joined by `:`, whose words are further
//! keys.

mod archives;
mod arrays;
mod dictionaries;
mod dynamic_lookups;
mod keys;
mod lookups;
mod place;
mod snapshots;
mod tries;
