//! Groups that share a directory: unsupported on Windows, where they are untested.

use std::fs::File;
use std::io;
use std::path::Path;

/// There is none.
pub(crate) enum Group {}

impl Group {
    /// Always an error.
    pub(crate) fn find(_text: &str) -> io::Result<Option<Self>> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "groups cannot share segments on Windows; unset MILLPOND_GROUP",
        ))
    }

    pub(crate) fn check_directory(&self, _path: &Path) -> io::Result<Result<(), String>> {
        match *self {}
    }

    pub(crate) fn let_into_file(&self, _file: &File) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn let_into_directory(&self, _path: &Path) -> io::Result<()> {
        match *self {}
    }
}
