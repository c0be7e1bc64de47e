//! What looks at a pool as a whole: its check, and its statistics.

pub(crate) mod statistics;
mod verify;
