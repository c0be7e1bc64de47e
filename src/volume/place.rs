//! Where a volume lies.

use std::path::{Path, PathBuf};

use crate::error::{ANONYMOUS, Error, Result};

/// Where a read-only structure lies. Functions take whatever turns into one: a `&str` is a name, and a `&Path` a
/// plain file.
///
/// ```
/// use std::path::Path;
/// use millpond::readonly::Place;
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
    /// written to. It is made for its owner alone (mode 0600). Must not be changed in place while a process has
    /// it open, as it is mapped; to publish it anew replaces it, and is no change in place. Windows lets nobody
    /// replace it while it is open. A directory, a device, a FIFO and a socket are refused.
    File(PathBuf),
    /// Without a name, for this process: for programs that share nothing. In memory, or where `MILLPOND_DIR` is.
    Memory,
}

impl Place {
    /// The same, whatever becomes the current directory.
    pub(super) fn absolute(self) -> Result<Self> {
        match self {
            Self::File(path) => {
                let found = std::path::absolute(&path);
                found.map(Self::File).map_err(Error::system("find", path))
            }
            other => Ok(other),
        }
    }

    /// What it is called in errors.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::File(path) => path.display().to_string(),
            Self::Memory => ANONYMOUS.into(),
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
