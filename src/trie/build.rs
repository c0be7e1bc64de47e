//! Writes a trie from front to back, in constant memory.

use std::io;

use fst::MapBuilder;

use crate::error::{Error, Result};
use crate::sorting::Sorter;
use crate::volume::{PARAMETERS, PublishOptions, explain, shown};

/// Writes keys that come in the order of their bytes as the whole of a volume's data; of those that are the same the
/// last one, unless the options refuse them. Returns the volume's parameters: how many keys there are.
///
/// Takes some MB of memory, however many keys there are.
///
/// # Errors
/// [`Error::InvalidArgument`] where a key is less than the one before, or refused, naming both; the pairs' own;
/// the file's own.
pub(super) fn write<K: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = Result<(K, u64)>>,
    options: &PublishOptions,
    file: &mut dyn io::Write,
) -> Result<[u64; PARAMETERS]> {
    let unwritten = |error| match error {
        fst::Error::Io(error) => explain(error),
        fst::Error::Fst(refusal) => misplaced(&refusal),
    };
    let mut builder = MapBuilder::new(file).map_err(unwritten)?;
    let mut count = 0;
    let mut add = |(key, number): (K, u64)| {
        count += 1;
        builder.insert(key, number).map_err(unwritten)
    };
    let mut held: Option<(K, u64)> = None;
    for pair in pairs {
        let pair = pair?;
        let Some(before) = held.replace(pair) else {
            continue;
        };
        let is_same = |next: &(K, u64)| next.0.as_ref() == before.0.as_ref();
        if options.keys_are_unique() || !held.as_ref().is_some_and(is_same) {
            add(before)?;
        }
    }
    held.map_or(Ok(()), add)?;
    builder.finish().map_err(unwritten)?;
    let mut parameters = [0; PARAMETERS];
    parameters[0] = count;
    Ok(parameters)
}

/// Brings keys into the order of their bytes, in the memory and the temporary files that the options say.
pub(super) fn sort<K: AsRef<[u8]>, P: IntoIterator<Item = (K, u64)>>(
    pairs: P,
    options: &PublishOptions,
) -> Result<impl Iterator<Item = Result<(Vec<u8>, u64)>> + use<K, P>> {
    let mut sorter = Sorter::new(&options.scratch_directory(), options.memory_budget());
    for (key, number) in pairs {
        sorter.push(&[key.as_ref()], &[&number.to_le_bytes()])?;
    }
    let mut sorted = sorter.finish()?;
    Ok(std::iter::from_fn(move || {
        let next = sorted.next().transpose()?;
        Some(next.map(|(key, number)| {
            let number = number.try_into().expect("eight bytes, as they were pushed");
            (key.to_vec(), u64::from_le_bytes(number))
        }))
    }))
}

/// A key that cannot come where it comes.
fn misplaced(refusal: &fst::raw::Error) -> Error {
    let (found, expected) = match refusal {
        fst::raw::Error::DuplicateKey { got } => (
            format!("{0} after {0}", shown(got)),
            "another than the one before: give each key once, or have the last one count (`PublishOptions::unique_keys`)",
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

/// What `fst` says of data that it does not take.
pub(super) fn explained(error: &fst::Error) -> String {
    match error {
        fst::Error::Fst(error) => error.to_string(),
        fst::Error::Io(error) => error.to_string(),
    }
}
