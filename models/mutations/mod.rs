//! The tables of mutations, one for each file with a protocol.

mod board;
mod chunks;
mod entry;
mod event;
mod lease;
mod lock;
mod readers;
mod rings;

/// One change to a file that ships, with which a model must fail.
pub struct Mutation {
    /// What the change is.
    pub name: &'static str,
    /// The file that is changed.
    pub file: &'static str,
    /// What is replaced; the file has it once.
    pub old: &'static str,
    /// What takes its place.
    pub new: &'static str,
    /// The model that must fail: a module of `src/` and a function.
    pub model: &'static str,
}

/// An ordering that no model can miss, and why it is there.
#[allow(dead_code)]
pub struct Argued {
    pub file: &'static str,
    pub text: &'static str,
    pub why: &'static str,
}

/// All that must make a model fail.
pub fn mutations() -> impl Iterator<Item = &'static Mutation> {
    [
        board::MUTATIONS,
        chunks::MUTATIONS,
        entry::MUTATIONS,
        event::MUTATIONS,
        lease::MUTATIONS,
        lock::MUTATIONS,
        readers::MUTATIONS,
        rings::MUTATIONS,
    ]
    .into_iter()
    .flatten()
}

/// All that is argued only.
pub fn argued() -> impl Iterator<Item = &'static Argued> {
    [board::ARGUED, event::ARGUED, lease::ARGUED]
        .into_iter()
        .flatten()
}
