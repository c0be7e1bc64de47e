//! The tables of mutations, one for each file with a protocol.

mod board;
mod chunks;
mod entry;
mod event;
mod lease;
mod lock;
mod readers;
mod rings;
mod tallies;

use std::fs;
use std::ops::Range;
use std::path::Path;

/// The files with protocols. Each of their orderings is in a table, which `models/tests/orderings.rs` checks.
pub const MODELLED: [&str; 10] = [
    "src/segment/entry.rs",
    "src/sync/lock.rs",
    "src/sync/event.rs",
    "src/sync/marks.rs",
    "src/sync/readers.rs",
    "src/pool/lease.rs",
    "src/pool/tally.rs",
    "src/board/slots.rs",
    "src/array/hand_out.rs",
    "src/workers/ring.rs",
];

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
        tallies::MUTATIONS,
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

/// Returns the text of a file without its fail points, which would stand between the lines that the
/// tables name.
pub fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join(file))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("there is no {file}"));
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let lines = source.lines();
    let kept = lines.filter(|line| !line.trim_start().starts_with("fail_point("));
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Returns where a text is in a file, which has it once.
pub fn find(file: &str, text: &str) -> Range<usize> {
    let source = read(file);
    let found: Vec<usize> = source.match_indices(text).map(|(at, _)| at).collect();
    match found[..] {
        [at] => at..at + text.len(),
        _ => panic!(
            "{file} has this {} times, and not once:\n{text}",
            found.len()
        ),
    }
}
