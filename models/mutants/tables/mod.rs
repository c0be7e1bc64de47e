//! The tables of mutations, one for each file with a protocol.

mod board;
mod chunks;
mod dict;
mod entry;
mod event;
mod lease;
mod lock;
mod quota;
mod readers;
mod rewriting;
mod rings;
mod saving;
mod tallies;
mod windows;

use std::fs;
use std::ops::Range;
use std::path::Path;

/// The files with protocols. Each of their orderings is in a table, which `models/tests/orderings.rs` checks.
pub const MODELLED: [&str; 15] = [
    "src/segment/entry.rs",
    "src/sync/lock.rs",
    "src/sync/event.rs",
    "src/sync/marks.rs",
    "src/sync/readers.rs",
    "src/dict/seqlock.rs",
    "src/pool/layout/lease.rs",
    "src/pool/layout/tally.rs",
    "src/pool/layout/link.rs",
    "src/pool/layout/quota.rs",
    "src/pool/layout/rewriting.rs",
    "src/pool/layout/save_words.rs",
    "src/board/slots.rs",
    "src/array/chunk_claims.rs",
    "src/workers/wire/ring.rs",
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
        dict::MUTATIONS,
        entry::MUTATIONS,
        event::MUTATIONS,
        lease::MUTATIONS,
        lock::MUTATIONS,
        quota::MUTATIONS,
        readers::MUTATIONS,
        rewriting::MUTATIONS,
        rings::MUTATIONS,
        saving::MUTATIONS,
        tallies::MUTATIONS,
        windows::MUTATIONS,
    ]
    .into_iter()
    .flatten()
}

/// All that is argued only.
pub fn argued() -> impl Iterator<Item = &'static Argued> {
    [
        board::ARGUED,
        dict::ARGUED,
        event::ARGUED,
        lease::ARGUED,
        rewriting::ARGUED,
        saving::ARGUED,
    ]
    .into_iter()
    .flatten()
}

/// Returns the text of a file.
pub fn read_whole(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join(file))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("there is no {file}"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Returns `true` for a line that is a fail point.
fn is_fail_point(line: &str) -> bool {
    line.trim_start().starts_with("fail_point(")
}

/// Returns the text of a file without its fail points, which would stand between the lines that the
/// tables name.
pub fn read(file: &str) -> String {
    let source = read_whole(file);
    let kept = source.lines().filter(|line| !is_fail_point(line));
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

/// Returns the text of a file after a mutation. The fail points outside of what is replaced stay, as models die there.
pub fn mutate(mutation: &Mutation) -> String {
    let mut source = read_whole(mutation.file);
    let range = find(mutation.file, mutation.old);
    let last = in_whole(&source, range.end - 1);
    source.replace_range(in_whole(&source, range.start)..=last, mutation.new);
    source
}

/// Returns the place in a text of what is at `at` without its fail points.
fn in_whole(source: &str, at: usize) -> usize {
    let (mut left, mut place) = (at, 0);
    for line in source.split_inclusive('\n') {
        if !is_fail_point(line) {
            if left < line.len() {
                return place + left;
            }
            left -= line.len();
        }
        place += line.len();
    }
    panic!("the text has fewer than {at} bytes");
}
