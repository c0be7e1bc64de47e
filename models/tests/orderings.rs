//! No ordering but `Relaxed` can be written into a protocol without a mutant that a model fails for, or
//! an argument. The mutants themselves are in `mutants/`, a package that `ci/all` runs.

#[allow(dead_code, reason = "the names and models of mutants")]
#[path = "../mutants/tables/mod.rs"]
mod tables;

use tables::{MODELLED, argued, find, mutations, read};

#[test]
fn every_ordering_is_in_a_table() {
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
                panic!(
                    "the ordering in {file}, line {line}, is in no table of models/mutants/tables/"
                );
            }
        }
    }
}
