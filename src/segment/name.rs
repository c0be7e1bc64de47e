//! Names of segments: paths of plain components that mean the same on every file system. In the names of
//! files, capital letters are written as `+` and the small one: some systems do not tell them apart.
//! Imports nothing but the error.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The end of every segment's file name: a segment `a` and a segment `a/b` do not collide.
const SUFFIX: &str = ".pond";
/// Before a letter that is a capital one in the segment's name. No name has this character itself.
const CAPITAL: char = '+';
const LONGEST_COMPONENT: usize = 64;
const LONGEST_NAME: usize = 200;

/// A checked name: it cannot leave the root directory, whatever the system.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name(String);

impl Name {
    /// Checks `name`.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let broken = if name.is_empty() {
            Some("it is empty")
        } else if name.len() > LONGEST_NAME {
            Some("it is longer than 200 bytes")
        } else {
            name.split('/').find_map(broken_rule)
        };
        match broken {
            None => Ok(Self(name.into())),
            Some(reason) => Err(Error::InvalidName {
                name: name.into(),
                reason,
            }),
        }
    }

    /// The name that the file at `path` below `root` stands for.
    pub(crate) fn of_file(root: &Path, path: &Path) -> Option<Self> {
        let inside = path.strip_prefix(root).ok()?;
        let parts: Option<Vec<_>> = inside.iter().map(|part| part.to_str()).collect();
        Self::new(&with_capitals(parts?.join("/").strip_suffix(SUFFIX)?)?).ok()
    }

    /// The segment's file below `root`.
    pub(crate) fn file(&self, root: &Path) -> PathBuf {
        let mut path = root.to_path_buf();
        path.extend(without_capitals(&self.0).split('/'));
        path.as_mut_os_string().push(SUFFIX);
        path
    }

    /// Whether this is `run` itself or below it.
    pub(crate) fn belongs_to(&self, run: &Name) -> bool {
        self.0
            .strip_prefix(&run.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name as files have it.
fn without_capitals(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            written.push(CAPITAL);
        }
        written.push(letter.to_ascii_lowercase());
    }
    written
}

/// The name that is written so in a file's; `None` for what `without_capitals` would not write.
fn with_capitals(written: &str) -> Option<String> {
    let mut name = String::with_capacity(written.len());
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        name.push(match letter {
            CAPITAL => letters
                .next()
                .filter(char::is_ascii_lowercase)?
                .to_ascii_uppercase(),
            'A'..='Z' => return None,
            other => other,
        });
    }
    Some(name)
}

/// The rule that one component of a name breaks.
fn broken_rule(component: &str) -> Option<&'static str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if component.is_empty() {
        Some("a component is empty")
    } else if component.len() > LONGEST_COMPONENT {
        Some("a component is longer than 64 bytes")
    } else if !component.chars().all(plain) {
        Some("a component has another character")
    } else if component.starts_with('.') || component.ends_with('.') {
        Some("a component begins or ends with a dot")
    } else if is_device(component) {
        Some("a component is the name of a device on Windows")
    } else if component.ends_with(SUFFIX) {
        Some("a component ends with `.pond`, which is added to the file's name")
    } else {
        None
    }
}

/// Names that Windows keeps for devices, with any extension ("Naming Files, Paths, and
/// Namespaces" in its documentation). Refused everywhere, so that a name works everywhere.
fn is_device(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or_default();
    let stem = stem.to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" => true,
        _ => {
            let numbered = stem.strip_prefix("COM").or(stem.strip_prefix("LPT"));
            numbered.is_some_and(|digit| digit.len() == 1 && digit.as_bytes()[0].is_ascii_digit())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_root_or_mean_a_device() {
        for good in [
            "a",
            "cartpole/replay",
            "run-1.5/weights_2",
            "console",
            "com10",
        ] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in [
            "", "/", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a.", "a b", "a\\b", "c:",
            "nul", "Com1.txt", "ä", "a\0b", "x.pond", &long,
        ] {
            let error = Name::new(bad).unwrap_err();
            assert!(matches!(error, Error::InvalidName { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn a_name_and_its_file_are_one_to_one() {
        let root = Path::new("root");
        for name in ["a/b", "Run-A/CartPole", "A", "x.Pond"] {
            let name = Name::new(name).unwrap();
            let file = name.file(root);
            let text = file.to_str().unwrap();
            assert_eq!(text, text.to_ascii_lowercase(), "systems may not tell");
            assert_eq!(Name::of_file(root, &file), Some(name));
        }
        for foreign in ["A.pond", "a+.pond", "a+1.pond", "+.pond", "++a.pond"] {
            let found = Name::of_file(root, &root.join(foreign));
            assert_eq!(found, None, "{foreign}");
        }
    }

    #[test]
    fn a_run_is_not_a_prefix_of_another_runs_name() {
        let run = Name::new("run").unwrap();
        assert!(Name::new("run/a").unwrap().belongs_to(&run));
        assert!(!Name::new("run2/a").unwrap().belongs_to(&run));
    }
}
