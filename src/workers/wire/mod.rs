//! What lies in shared memory between a scheduler and its workers.
//!
//! | file | what it does |
//! |---|---|
//! | `channels.rs` | where each side sleeps |
//! | `rings.rs` | the segment of a worker group: two rings and control words for each worker |
//! | `control_words.rs` | what the two sides tell each other besides frames |
//! | `frames.rs` | the two ends of a ring, at which frames are written and read |
//! | `ring.rs` | the protocol of a ring, as positions |
//! | `chunk.rs`, `answer_kind.rs` | what a frame to a worker holds, and what a frame from it says |
//! | `message.rs` | inputs and outputs as bytes |
//!
//! Each file imports only files below it in this table.

pub(crate) mod answer_kind;
pub(crate) mod channels;
pub(crate) mod chunk;
pub(crate) mod control_words;
pub(crate) mod frames;
pub(crate) mod message;
pub(crate) mod ring;
pub(crate) mod rings;

pub use message::{InPlace, Message};
