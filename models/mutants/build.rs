//! Makes the mutants that `tests/mutations.rs` runs: for each line of the tables a copy of the models
//! and of the files that ship, with that one change and with the one model that must fail as its only
//! test. Gives this crate, and no other, the atomics of `loom`.

#[allow(dead_code, reason = "what is argued only makes no mutant")]
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use tables::{MODELLED, Mutation, find, mutations, read};

/// What else the models compile.
const COPIED: [&str; 13] = [
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
    "models/src/tallies.rs",
    "models/src/versions.rs",
];

fn main() {
    println!("cargo:rustc-cfg=loom");
    for path in ["build.rs", "tables"] {
        println!("cargo:rerun-if-changed={path}");
    }
    for file in MODELLED.into_iter().chain(COPIED) {
        println!("cargo:rerun-if-changed=../../{file}");
    }

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
