//! Gives this crate, and no other, the atomics of `loom`, and makes the mutants that
//! `tests/mutations.rs` runs: for each line of the tables a copy of the models and of the files that
//! ship, with that one change and with the one model that must fail as its only test.

#[path = "mutations/mod.rs"]
mod mutations;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use mutations::{Mutation, argued, mutations};

/// The files with protocols. Each of their orderings is in a table.
const MODELLED: [&str; 9] = [
    "src/segment/entry.rs",
    "src/sync/lock.rs",
    "src/sync/event.rs",
    "src/sync/marks.rs",
    "src/sync/readers.rs",
    "src/pool/lease.rs",
    "src/board/slots.rs",
    "src/array/hand_out.rs",
    "src/workers/ring.rs",
];

/// What else the models compile.
const COPIED: [&str; 12] = [
    "src/sync/mod.rs",
    "src/sync/owner.rs",
    "src/sync/primitive.rs",
    "src/tree/shards.rs",
    "models/src/lib.rs",
    "models/src/chunks.rs",
    "models/src/leases.rs",
    "models/src/lock_and_event.rs",
    "models/src/participants.rs",
    "models/src/readers.rs",
    "models/src/rings.rs",
    "models/src/versions.rs",
];

fn main() {
    println!("cargo:rustc-cfg=loom");
    for path in ["build.rs", "mutations", "src"] {
        println!("cargo:rerun-if-changed={path}");
    }
    for file in MODELLED.into_iter().chain(COPIED) {
        println!("cargo:rerun-if-changed=../{file}");
    }
    check_that_every_ordering_is_in_a_table();

    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let list: String = mutations()
        .map(|mutation| {
            write_mutant(&out, mutation);
            let path = out.join(mutation.name).join("models/src/lib.rs");
            format!("#[path = {path:?}]\nmod {};\n", mutation.name)
        })
        .collect();
    let models: Vec<String> = mutations()
        .map(|mutation| format!("mutants::{}::{}", mutation.name, mutation.model))
        .collect();
    let list = format!("{list}pub const MODELS: &[&str] = &{models:?};\n");
    fs::write(out.join("mutants.rs"), list).unwrap();
}

/// A file without its fail points, which would stand between the lines that the tables name.
fn read(file: &str) -> String {
    let path = Path::new("..").join(file);
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let lines = source.lines();
    let kept = lines.filter(|line| !line.trim_start().starts_with("fail_point("));
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Where a text is in a file, which has it once.
fn find(file: &str, text: &str) -> Range<usize> {
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

/// A module with the name of the mutation, that holds all the sources.
fn write_mutant(out: &Path, mutation: &Mutation) {
    for file in MODELLED.into_iter().chain(COPIED) {
        let mut source = read(file);
        if file == mutation.file {
            source.replace_range(find(file, mutation.old), mutation.new);
        }
        source = source
            .replace("crate::", &format!("crate::mutants::{}::", mutation.name))
            .replace("#[test]", "");
        let (module, model) = mutation.model.split_once("::").unwrap();
        if file == format!("models/src/{module}.rs") {
            let function = format!("fn {model}() {{");
            assert!(source.contains(&function), "there is no {}", mutation.model);
            source = source.replace(&function, &format!("#[test]\n#[ignore]\n{function}"));
        }
        let path = out.join(mutation.name).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }
}

/// No ordering but Relaxed can be written into a protocol without saying how it is checked.
fn check_that_every_ordering_is_in_a_table() {
    for file in MODELLED {
        let mutated = mutations().map(|mutation| (mutation.file, mutation.old));
        let argued = argued().map(|argued| (argued.file, argued.text));
        let listed: Vec<_> = mutated
            .chain(argued)
            .filter(|(of, _)| *of == file)
            .map(|(_, text)| find(file, text))
            .collect();
        let source = read(file);
        for (at, _) in source.match_indices("Ordering::") {
            let relaxed = source[at..].starts_with("Ordering::Relaxed");
            if !relaxed && !listed.iter().any(|range| range.contains(&at)) {
                let line = source[..at].lines().count();
                panic!("the ordering in {file}, line {line}, is in no table of models/mutations/");
            }
        }
    }
}
