//! What a pool keeps in its segment, and the protocols over its words.
//!
//! The regions are in `parts/`, as the numbers in the header (`shape.rs`) say; each table of them is in `table.rs`.
//! The other files each have one kind of word, with the steps by which processes change it: a slot (`slot.rs`), a lease
//! (`lease.rs`), a link (`link.rs`), a tally of samples (`tally.rs`), a quota of a rate limiter (`quota.rs`), the
//! note of a rewrite (`rewriting.rs`), and the guard of a snapshot (`save_words.rs`). Knows no operation of a pool.

pub(crate) mod lease;
pub(crate) mod link;
pub(crate) mod new_priority;
pub(crate) mod parts;
pub(crate) mod quota;
mod remainder;
pub(crate) mod rewriting;
pub(crate) mod save_words;
pub(crate) mod saved_table;
pub(crate) mod shape;
pub(crate) mod slot;
pub(crate) mod table;
pub(crate) mod tally;
