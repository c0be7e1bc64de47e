//! Where a volume lies.

use std::path::{Path, PathBuf};

use super::handle::Handle;

/// Where a read-only structure lies. Functions take whatever turns into one: a `&str` is a name, a `&Path` a
/// plain file, a `&`[`Handle`] what it was made from.
///
/// ```
/// use std::path::Path;
/// use millpond::Place;
///
/// assert_eq!(Place::from("spam/words"), Place::Name("spam/words".into()));
/// assert_eq!(Place::from(Path::new("words.pond")), Place::File("words.pond".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Place {
    /// A name below the directory of the segments: in memory, or wherever `MILLPOND_DIR` is. Versions
    /// replace each other while processes use them, and can be waited for.
    Name(String),
    /// A plain file, to be copied, shipped and kept like any other, also on a file system that cannot be
    /// written to. Must not be changed in place while a process has it open, as it is mapped (to publish it
    /// anew replaces it, and is no change in place).
    File(PathBuf),
    /// In memory, without a name, for this process: for programs that share nothing.
    Memory,
}

impl Place {
    /// What it is called in errors.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::File(path) => path.display().to_string(),
            Self::Memory => "(anonymous)".into(),
        }
    }
}

impl From<&Place> for Place {
    fn from(place: &Place) -> Self {
        place.clone()
    }
}

impl From<&str> for Place {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl From<String> for Place {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<&String> for Place {
    fn from(name: &String) -> Self {
        Self::Name(name.clone())
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self::File(path.into())
    }
}

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&PathBuf> for Place {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Handle> for Place {
    fn from(handle: &Handle) -> Self {
        handle.place().clone()
    }
}
