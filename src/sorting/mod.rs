//! An external merge sort, for more data than memory holds: pairs of a key and a value, both bytes, in the order of
//! their keys.
//!
//! Pairs are gathered in memory up to a budget, sorted there, and written one after another to a temporary file
//! without a name (`spool.rs`), as a *run*; at the end all runs are merged (`merge.rs`). A few pairs never leave
//! memory. Keys compare as byte strings do, and equal ones come in the order in which they were pushed.
//!
//! Knows of no segment. Imports `os` and the errors.

mod merge;
mod spool;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use spool::Spool;

use crate::error::{Error, Result};
use merge::{Merge, Run, merge_to_few};

/// The default amount of memory that sorting takes, in bytes.
pub(crate) const BUDGET: usize = 64 << 20;
/// The longest key, and the longest value, in bytes.
pub(crate) const LONGEST: usize = 1 << 30;
/// The number of bytes before a pair's own: the lengths of its key and of its value.
const HEAD: usize = 8;

/// Takes pairs in any order. [`finish`](Self::finish) gives them sorted.
pub(crate) struct Sorter {
    directory: PathBuf,
    budget: usize,
    count: u64,
    /// The pairs that are in memory: for each the lengths, the key, the value.
    pairs: Vec<u8>,
    /// The first eight bytes of each pair's key in the upper half, and its position in `pairs` in the lower.
    order: Vec<u128>,
    runs: Vec<Run>,
    spool: Option<Spool>,
}

impl Sorter {
    /// Temporary files go to `directory`. Takes about `budget` bytes of memory, plus the length of
    /// the longest pair.
    pub(crate) fn new(directory: &Path, budget: usize) -> Self {
        Self {
            directory: directory.to_path_buf(),
            budget,
            count: 0,
            pairs: Vec::new(),
            order: Vec::new(),
            runs: Vec::new(),
            spool: None,
        }
    }

    /// The number of pairs that were pushed.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// Returns an error in a forked child if pairs are in a temporary file, which is the parent's.
    pub(crate) fn check_process(&self) -> Result<()> {
        self.spool.as_ref().map_or(Ok(()), Spool::check_process)
    }

    /// Takes a pair, whose key and value are given in parts.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a key or value of more than [`LONGEST`] bytes; [`Error::NoSpace`] and
    /// [`Error::System`] if the temporary file cannot be written. The sorter cannot be used after that.
    #[inline]
    pub(crate) fn push(&mut self, key: &[&[u8]], value: &[&[u8]]) -> Result<()> {
        let key_length = length("the length of a key", key)?;
        let value_length = length("the length of a value", value)?;
        let size = HEAD + key_length as usize + value_length as usize;
        let filled = self.pairs.len() + size_of_val(&self.order[..]);
        if filled + size + size_of::<u128>() > self.budget && !self.order.is_empty() {
            self.spill()?;
        }
        let start = self.pairs.len();
        self.pairs.extend_from_slice(&key_length.to_le_bytes());
        self.pairs.extend_from_slice(&value_length.to_le_bytes());
        for part in key.iter().chain(value) {
            self.pairs.extend_from_slice(part);
        }
        let prefix = prefix(&self.pairs[start + HEAD..][..key_length as usize]);
        self.order.push(u128::from(prefix) << 64 | start as u128);
        self.count += 1;
        Ok(())
    }

    /// Returns all pairs in the order of their keys.
    ///
    /// # Errors
    /// Same as [`push`](Self::push), except for the first.
    pub(crate) fn finish(mut self) -> Result<Sorted> {
        if self.spool.is_none() {
            sort(&self.pairs, &mut self.order);
            return Ok(Sorted::InMemory {
                pairs: self.pairs,
                order: self.order.into_iter(),
            });
        }
        self.spill()?;
        let Self {
            directory,
            budget,
            runs,
            spool,
            ..
        } = self; // frees the memory of the pairs
        let Some(spool) = spool else {
            unreachable!("spilled pairs are in a file")
        };
        let (spool, runs) = merge_to_few(spool, runs, budget, &directory)?;
        let merge = Merge::begin(&spool, &runs, budget)?;
        Ok(Sorted::Merged { spool, merge })
    }

    /// Sorts the pairs in memory, and writes them to the temporary file as one run.
    fn spill(&mut self) -> Result<()> {
        sort(&self.pairs, &mut self.order);
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(Spool::create(&self.directory)?),
        };
        let start = spool.length();
        for &word in &self.order {
            spool.append(Pair::at(&self.pairs, word as usize).whole)?;
        }
        let end = spool.length();
        self.runs.push(Run { start, end });
        self.pairs.clear();
        self.order.clear();
        Ok(())
    }
}

/// Pairs in the order of their keys.
pub(crate) enum Sorted {
    /// They never left memory.
    InMemory {
        /// As in the sorter.
        pairs: Vec<u8>,
        /// As in the sorter, and sorted.
        order: std::vec::IntoIter<u128>,
    },
    /// They lie in runs.
    Merged {
        /// The file of the runs.
        spool: Spool,
        /// The merge of the runs.
        merge: Merge,
    },
}

impl Sorted {
    /// Returns the next key and its value.
    ///
    /// # Errors
    /// [`Error::System`] if the temporary file cannot be read.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        match self {
            Self::InMemory { pairs, order } => Ok(order.next().map(|word| {
                let pair = Pair::at(pairs, word as usize);
                (pair.key, pair.value)
            })),
            Self::Merged { spool, merge } => merge.next(spool),
        }
    }
}

/// A pair as it lies in memory and in a run.
struct Pair<'a> {
    whole: &'a [u8],
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> Pair<'a> {
    /// The pair that begins at `start`.
    #[inline]
    fn at(bytes: &'a [u8], start: usize) -> Self {
        let (key, value) = lengths(&bytes[start..]);
        let whole = &bytes[start..start + HEAD + key + value];
        let (key, value) = whole[HEAD..].split_at(key);
        Self { whole, key, value }
    }
}

/// The two lengths at the beginning of a pair.
#[inline]
fn lengths(bytes: &[u8]) -> (usize, usize) {
    let number = |at: usize| {
        let bytes = bytes[at..at + 4].try_into();
        u32::from_le_bytes(bytes.unwrap_or_default()) as usize
    };
    (number(0), number(4))
}

/// Sorts by the prefixes, which lie together, and then the pairs of one prefix by the rest of their keys.
fn sort(pairs: &[u8], order: &mut [u128]) {
    order.sort_unstable();
    for same in order.chunk_by_mut(|one, next| one >> 64 == next >> 64) {
        if same.len() > 1 {
            let key = |word: &u128| Pair::at(pairs, *word as u64 as usize).key;
            same.sort_unstable_by(|one, other| key(one).cmp(key(other)).then(one.cmp(other)));
        }
    }
}

/// The first eight bytes of a key as a number that compares as they do; zeros behind a shorter one.
#[inline]
fn prefix(key: &[u8]) -> u64 {
    if let Some(first) = key.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut filled = [0; 8];
    filled[..key.len()].copy_from_slice(key);
    u64::from_be_bytes(filled)
}

/// The sum of the parts' lengths, if it is not too long.
#[inline]
fn length(what: &'static str, parts: &[&[u8]]) -> Result<u32> {
    let total = parts.iter().map(|part| part.len()).sum::<usize>();
    match u32::try_from(total) {
        Ok(length) if total <= LONGEST => Ok(length),
        _ => Error::invalid(
            what,
            format!("{total} bytes"),
            format!("at most {LONGEST} bytes"),
        ),
    }
}
