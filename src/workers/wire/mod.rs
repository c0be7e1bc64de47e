//! What lies in shared memory between a scheduler and its workers.

pub(crate) mod answer_kind;
pub(crate) mod chunk;
pub(crate) mod control_words;
pub(crate) mod message;
pub(crate) mod ring;
pub(crate) mod rings;

pub use message::{InPlace, Message};
