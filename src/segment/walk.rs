//! The files below the root directory, in the order of their paths, so that a walk can begin where another one
//! ended. Nothing holds still meanwhile: a file that a walk comes by may be gone, and a new one may be missed.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::root::Root;
use crate::error::{Error, Result};
use crate::os;

/// How many entries of a directory are read in the time in which one file is opened and looked at.
const ENTRIES: usize = 32;

/// A walk through all files below the root directory.
pub(super) struct Walk<'a> {
    root: &'a Root,
    /// For the root and each directory below it on the way to the last file: the entries that are left, the
    /// next one last.
    left: Vec<Vec<Entry>>,
    /// What was read so far, in units of what it costs to look at a file.
    effort: usize,
}

struct Entry {
    path: PathBuf,
    is_directory: bool,
    /// Of a directory in which the walk does not begin at the beginning: the path in it after which it does.
    after: PathBuf,
}

impl<'a> Walk<'a> {
    /// A walk that begins after the file at `after`, a path below the root, which need not be there. An empty
    /// path stands for the beginning.
    pub(super) fn new(root: &'a Root, after: &Path) -> Result<Self> {
        let mut walk = Self {
            root,
            left: Vec::new(),
            effort: 0,
        };
        walk.enter(&root.path, after)?;
        Ok(walk)
    }

    /// What was read so far, in units of what it costs to look at a file.
    pub(super) fn effort(&self) -> usize {
        self.effort
    }

    /// Reads a directory. All of it at once: on some systems a directory that is being read cannot be removed.
    fn enter(&mut self, directory: &Path, after: &Path) -> Result<()> {
        let entries: Vec<_> = match self.root.read_directory(directory) {
            Ok(entries) => entries.flatten().collect(),
            Err(error) if directory == self.root.path || os::is_too_many_files(&error) => {
                return Err(Error::system("list", directory)(error));
            }
            // Gone meanwhile, or not millpond's.
            Err(_) => return Ok(()),
        };
        self.effort += 1 + entries.len() / ENTRIES;
        let mut parts = after.iter();
        let (first, rest) = (parts.next(), parts.as_path());
        let mut left = Vec::new();
        for entry in entries {
            let name = entry.file_name();
            let is_first = first.is_some_and(|first| name == first);
            if first.is_some_and(|first| *name < *first) || is_first && rest.as_os_str().is_empty()
            {
                continue;
            }
            left.push((name, entry, is_first));
        }
        left.sort_by(|(one, ..), (other, ..)| other.cmp(one));
        let described = left.into_iter().map(
            |(_, entry, is_first): (OsString, fs::DirEntry, bool)| Entry {
                path: entry.path(),
                is_directory: entry.file_type().is_ok_and(|kind| kind.is_dir()),
                after: if is_first {
                    rest.into()
                } else {
                    PathBuf::new()
                },
            },
        );
        self.left.push(described.collect());
        Ok(())
    }
}

impl Iterator for Walk<'_> {
    /// The path of a file. An error where the root cannot be read, or too many files are open.
    type Item = Result<PathBuf>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.left.last_mut()?.pop() {
                None => drop(self.left.pop()),
                Some(entry) if entry.is_directory => {
                    if let Err(error) = self.enter(&entry.path, &entry.after) {
                        return Some(Err(error));
                    }
                }
                Some(entry) => {
                    self.effort += 1;
                    return Some(Ok(entry.path));
                }
            }
        }
    }
}

impl Root {
    /// The entries of a directory at or below the root.
    fn read_directory(&self, directory: &Path) -> io::Result<fs::ReadDir> {
        match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.let_owner_in(directory)?;
                fs::read_dir(directory)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_on_after_any_path_and_misses_nothing() {
        let root = Root::of_test("walk");
        let files = [
            "a.pond",
            "b/a.pond",
            "b/c/d.pond",
            "b/e.pond",
            "b.pond",
            "c",
        ];
        for file in files {
            let path = root.path.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let walk = |after: &str| -> Vec<PathBuf> {
            let walk = Walk::new(&root, Path::new(after)).unwrap();
            walk.map(|path| path.unwrap().strip_prefix(&root.path).unwrap().into())
                .collect()
        };
        let all = walk("");
        assert_eq!(all.len(), files.len());
        for (number, path) in all.iter().enumerate() {
            assert_eq!(walk(path.to_str().unwrap()), all[number + 1..], "{path:?}");
        }
        // What a walk ended with may be gone, or be a directory by now.
        assert_eq!(walk("b/b"), walk("b/a.pond"));
        assert_eq!(walk("b/c/a/b/c"), walk("b/a.pond"));
        assert_eq!(
            walk("b"),
            all[4..],
            "nothing of a directory that was the last"
        );
        fs::remove_dir_all(&root.path).unwrap();
    }
}
