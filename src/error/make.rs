//! Constructors of common errors, and the display of errors.

use std::path::Path;
use std::{fmt, io};

use super::{Error, Result};
use crate::os;
use crate::record::{Record, Schema};

impl Error {
    /// Returns the error for an invalid argument.
    pub(crate) fn invalid<R>(what: &'static str, found: String, expected: String) -> Result<R> {
        Err(Self::InvalidArgument {
            what,
            found,
            expected,
        })
    }

    /// Returns `true` if there was no room for a file.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::NoSpace { .. } => true,
            Self::System { cause, .. } => os::is_full(cause),
            _ => false,
        }
    }

    /// Returns a function for `map_err` that makes an [`Error::System`].
    pub(crate) fn system(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |cause| Self::System {
            action,
            path,
            cause,
        }
    }
}

/// Same as `Display`: `fn main() -> Result<()>` shows its error by `Debug`.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Returns an error unless the schema in the header of segment `name` is that of `T`.
pub(crate) fn check_records<T: Record>(name: &str, text: &str) -> Result<()> {
    check_schema(name, text, &Schema::of::<T>())
}

/// Returns an error unless the schema in the header of segment `name` is `expected`.
pub(crate) fn check_schema(name: &str, text: &str, expected: &Schema) -> Result<()> {
    let found = Schema::parse(text).map_err(|why| Error::Damaged {
        name: name.into(),
        reason: format!("its schema: {why}"),
    })?;
    match *expected == found {
        true => Ok(()),
        false => Err(Error::WrongRecord {
            name: name.into(),
            expected: Box::new(expected.clone()),
            found: Box::new(found),
        }),
    }
}
