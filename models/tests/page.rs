//! The page `docs/reliability.md` names tests that exist.

use std::fs;
use std::path::Path;

/// All sources below a folder, one after another.
fn sources(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap();
    paths
        .map(|entry| entry.unwrap().path())
        .map(|path| match path.is_dir() {
            true => sources(&path),
            false => fs::read_to_string(path).unwrap_or_default(),
        })
        .collect()
}

#[test]
fn every_test_on_the_page_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let all: String = [
        "src",
        "tests",
        "models/src",
        "models/tests",
        "models/mutants/tests",
    ]
    .map(|folder| sources(&root.join(folder)))
    .concat();
    let is_test = |name: &str| {
        let letters = |c: char| c.is_ascii_lowercase() || c == '_';
        name.matches('_').count() > 1 && name.chars().all(letters)
    };
    // Every other piece is between backticks.
    let named = page.split('`').skip(1).step_by(2);
    let tests: Vec<&str> = named.filter(|name| is_test(name)).collect();
    assert!(tests.len() > 50);
    for name in tests {
        assert!(all.contains(&format!("fn {name}(")), "there is no {name}");
    }
}
