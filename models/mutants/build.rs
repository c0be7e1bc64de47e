//! Makes the mutants that `tests/mutations.rs` runs: for each line of the tables a copy of the models
//! and of the files that ship, with that one change and with the one model that must fail as its only
//! test. `MUTATED=src/pool/layout/lease.rs` makes those of one file only, `MUTATED=leases` those of one module of
//! models. Gives this crate, and no other, the atomics of
//! `loom`.

#[allow(dead_code, reason = "what is argued only makes no mutant")]
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use tables::{MODELLED, Mutation, mutate, mutations, read_whole};

/// What else the models compile.
const COPIED: [&str; 21] = [
    "src/pool/layout/slot.rs",
    "src/sync/mod.rs",
    "src/sync/owner.rs",
    "src/sync/primitive.rs",
    "src/tree/shards.rs",
    "models/src/lib.rs",
    "models/src/chunks.rs",
    "models/src/dict.rs",
    "models/src/leases.rs",
    "models/src/limits.rs",
    "models/src/lock_and_event.rs",
    "models/src/os.rs",
    "models/src/participants.rs",
    "models/src/quotas.rs",
    "models/src/readers.rs",
    "models/src/rewritten.rs",
    "models/src/rings.rs",
    "models/src/snapshot.rs",
    "models/src/tallies.rs",
    "models/src/versions.rs",
    "models/src/windows.rs",
];

fn main() {
    println!("cargo:rustc-cfg=loom");
    println!("cargo:rerun-if-env-changed=MUTATED");
    for path in ["build.rs", "tables"] {
        println!("cargo:rerun-if-changed={path}");
    }
    for file in MODELLED.into_iter().chain(COPIED) {
        println!("cargo:rerun-if-changed=../../{file}");
    }

    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let only = std::env::var("MUTATED").ok();
    let is_wanted = |mutation: &&Mutation| {
        only.as_ref()
            .is_none_or(|only| *only == mutation.file || mutation.model.starts_with(only.as_str()))
    };
    let list: String = mutations()
        .filter(is_wanted)
        .map(|mutation| {
            write_mutant(&out, mutation);
            let path = out.join(mutation.name).join("models/src/lib.rs");
            format!("#[path = {path:?}]\nmod {};\n", mutation.name)
        })
        .collect();
    let models: Vec<String> = mutations()
        .filter(is_wanted)
        .map(|mutation| format!("mutants::{}::{}", mutation.name, mutation.model))
        .collect();
    let list = format!("{list}pub const MODELS: &[&str] = &{models:?};\n");
    fs::write(out.join("mutants.rs"), list).unwrap();
}

/// A module with the name of the mutation, that holds all the sources.
fn write_mutant(out: &Path, mutation: &Mutation) {
    for file in MODELLED.into_iter().chain(COPIED) {
        let source = match file == mutation.file {
            true => mutate(mutation),
            false => read_whole(file),
        };
        let mut source = source
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
