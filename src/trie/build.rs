//! Writes a trie from front to back, in constant memory.

use std::io::{self, BufWriter, Write};

use fst::MapBuilder;

use crate::error::{Error, Result};
use crate::volume::PARAMETERS;

/// How many bytes of a key an error shows.
const SHOWN: usize = 80;

/// Writes keys that come in the order of their bytes, each once, as the whole of a volume's data. Returns the
/// volume's parameters: how many keys there are.
///
/// Takes some MB of memory, however many keys there are.
///
/// # Errors
/// [`Error::InvalidArgument`] where a key is not greater than the one before, naming both; the pairs' own;
/// what `failed` makes of the file's own.
#[cfg_attr(not(test), allow(dead_code))] // until the volume layer calls it
pub(super) fn write<K: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = Result<(K, u64)>>,
    file: &mut dyn io::Write,
    failed: impl Fn(io::Error) -> Error,
) -> Result<[u64; PARAMETERS]> {
    let unwritten = |error| match error {
        fst::Error::Io(error) => failed(error),
        fst::Error::Fst(refusal) => misplaced(&refusal),
    };
    let buffered = BufWriter::with_capacity(1 << 16, file);
    let mut builder = MapBuilder::new(buffered).map_err(unwritten)?;
    let mut parameters = [0; PARAMETERS];
    for pair in pairs {
        let (key, number) = pair?;
        builder.insert(key, number).map_err(unwritten)?;
        parameters[0] += 1;
    }
    let mut buffered = builder.into_inner().map_err(unwritten)?;
    buffered.flush().map_err(&failed)?;
    Ok(parameters)
}

/// As [`write`], of keys in any order: `sort` brings them into the order of their bytes, in bounded memory.
/// A key that comes twice is an error.
#[cfg_attr(not(test), allow(dead_code))] // until the volume layer calls it, with the external sort
pub(super) fn write_unsorted<K, P, S>(
    pairs: P,
    sort: impl FnOnce(P) -> Result<S>,
    file: &mut dyn io::Write,
    failed: impl Fn(io::Error) -> Error,
) -> Result<[u64; PARAMETERS]>
where
    K: AsRef<[u8]>,
    P: Iterator<Item = (K, u64)>,
    S: Iterator<Item = Result<(Vec<u8>, u64)>>,
{
    write(sort(pairs)?, file, failed)
}

/// A key that cannot come where it comes.
fn misplaced(refusal: &fst::raw::Error) -> Error {
    let (found, expected) = match refusal {
        fst::raw::Error::DuplicateKey { got } => (
            format!("{0} after {0}", shown(got)),
            "another than the one before: give each key once",
        ),
        fst::raw::Error::OutOfOrder { previous, got } => (
            format!("{} after {}", shown(got), shown(previous)),
            "greater than the one before: sort the keys by their bytes, or have them sorted",
        ),
        other => (other.to_string(), "one that a transducer can hold"),
    };
    Error::InvalidArgument {
        what: "a key of the trie",
        found,
        expected: expected.into(),
    }
}

/// A key for people: as text, if it is, and not all of a long one.
fn shown(key: &[u8]) -> String {
    let text = match std::str::from_utf8(key) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => key.escape_ascii().to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…` ({} bytes)", &text[..end], key.len()),
        None => format!("`{text}`"),
    }
}

/// What `fst` says of data that it does not take.
pub(super) fn explained(error: &fst::Error) -> String {
    match error {
        fst::Error::Fst(error) => error.to_string(),
        fst::Error::Io(error) => error.to_string(),
    }
}
