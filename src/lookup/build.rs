//! Writing a table from front to back: the pairs sorted by the hashes of their keys (`sorting`), a part of the
//! perfect hash after another (`perfect.rs`). What is where, `table.rs` says.

use std::io;
use std::path::{Path, PathBuf};

use rand::RngExt;

use super::format::Format;
use super::index::Index;
use super::shape::{Pair, Parameters, Shape};
use super::table::{MOST_PLACES, Table, word};
use super::table_writer::TableWriter;
use crate::error::{Error, Result};
use crate::hash::Seed;
use crate::os;
use crate::record::{KeyType, Scalar};
use crate::sorting::{Sorted, Sorter, Spool};
use crate::volume::{self, Place, PublishOptions, Published, Volume};

/// Gathers the pairs of a table, in bounded memory. They are bytes; the caller checks that they are keys and values.
pub(super) struct Builder {
    sorter: Sorter,
    nonce: u64,
    seed: Seed,
    directory: PathBuf,
    options: PublishOptions,
    key_type: KeyType,
    pair: Pair,
}

impl Builder {
    /// Returns a builder without pairs. `nonce` is what the hash of the keys is made of.
    pub(super) fn new(key_type: KeyType, pair: Pair, options: &PublishOptions, nonce: u64) -> Self {
        let directory = options.scratch_directory();
        Self {
            sorter: Sorter::new(&directory, options.memory_budget()),
            nonce,
            seed: Seed::of(nonce),
            directory,
            options: options.clone(),
            key_type,
            pair,
        }
    }

    /// What keys are hashed with.
    #[inline(always)]
    pub(super) fn seed(&self) -> Seed {
        self.seed
    }

    /// The number of pairs that were inserted.
    pub(super) fn len(&self) -> u64 {
        self.sorter.len()
    }

    /// Takes a pair, and the hash of its key.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, key: &[u8], value: &[u8]) -> Result<()> {
        self.sorter.push(&[&hash.to_be_bytes(), key], &[value])
    }

    /// Returns an error where the table cannot be published, as far as that can be known before it is built.
    pub(super) fn check_place<F: Format>(&self, place: &Place, text: &str) -> Result<()> {
        Published::<Table<F, Volume>>::check_place(place, &self.options, text)
    }

    /// Publishes the table, with this text in its header.
    pub(super) fn publish<F: Format>(
        self,
        place: Place,
        text: &str,
    ) -> Result<Published<Table<F, Volume>>> {
        self.sorter.check_process()?; // before the child is in its parent's way
        let options = self.options.clone();
        Published::publish(place, &options, text, |draft| self.write(draft))
    }

    /// Writes the table, and says what is to be kept beside it.
    pub(super) fn write(self, draft: &mut impl io::Write) -> Result<Parameters> {
        let shape = Shape::new(self.nonce, self.sorter.len());
        let (pair, directory) = (self.pair, &self.directory);
        let mut draft = TableWriter::new(draft);
        let mut pairs = Pairs {
            sorted: self.sorter.finish()?,
            unique: self.options.keys_are_unique(),
            key_type: self.key_type,
        };
        let mut index = Index::new(shape, pair.slot, pair.in_slots, directory)?;
        match pair.in_slots {
            true => write_slots(&mut pairs, pair, &mut draft, &mut index)?,
            false => write_heap(&mut pairs, pair, &mut draft, &mut index, directory)?,
        }
        drop(pairs);
        index.write(&mut draft)
    }
}

/// Returns a random number, of which the hash of a new table's keys is made.
pub(super) fn new_nonce() -> u64 {
    os::thread_random().random() // a forked child draws another one
}

/// The sorted pairs, of which the last one of each key counts.
struct Pairs {
    sorted: Sorted,
    /// Whether a key that comes twice is an error.
    unique: bool,
    /// How such a key is shown.
    key_type: KeyType,
}

impl Pairs {
    /// Gives the last pair of each key to `take`, with the hash apart.
    fn each_last(&mut self, mut take: impl FnMut(u64, &[u8], &[u8]) -> Result<()>) -> Result<()> {
        let (mut held_key, mut held_value) = (Vec::new(), Vec::new());
        let mut give = |key: &[u8], value: &[u8]| match key.split_first_chunk() {
            Some((hash, key)) => take(u64::from_be_bytes(*hash), key, value),
            None => Ok(()), // before the first
        };
        while let Some((key, value)) = self.sorted.next()? {
            if key != &held_key[..] {
                give(&held_key, &held_value)?;
                held_key.clear();
                held_key.extend_from_slice(key);
            } else if self.unique {
                return Err(repeated(self.key_type, &key[size_of::<u64>()..]));
            }
            held_value.clear();
            held_value.extend_from_slice(value);
        }
        give(&held_key, &held_value)
    }
}

/// The error for a key that must not come twice, and does.
fn repeated(key_type: KeyType, key: &[u8]) -> Error {
    let shown = match key_type {
        KeyType::Integer(scalar) => scalar.word(key).map(|word| match scalar {
            Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 => (word as i64).to_string(),
            _ => word.to_string(),
        }),
        _ => None,
    };
    Error::InvalidArgument {
        what: "a key of the lookup",
        found: format!("{}, twice", shown.unwrap_or_else(|| volume::shown(key))),
        expected: "another than all others: give each key once, or have the last one count \
                   (`PublishOptions::unique_keys`)"
            .into(),
    }
}

/// Writes the pairs into their slots.
fn write_slots(
    pairs: &mut Pairs,
    pair: Pair,
    draft: &mut TableWriter<impl io::Write>,
    index: &mut Index,
) -> Result<()> {
    let mut slot = vec![0; pair.slot];
    pairs.each_last(|hash, key, value| {
        slot[pair.key_at..][..key.len()].copy_from_slice(key);
        slot[pair.value_at(key.len())..][..value.len()].copy_from_slice(value);
        index.add(hash, &slot, |slot| draft.write(slot))
    })?;
    index.end(|slot| draft.write(slot))
}

/// Writes the pairs one after another, and then the slots, which say where they are.
fn write_heap(
    pairs: &mut Pairs,
    pair: Pair,
    draft: &mut TableWriter<impl io::Write>,
    index: &mut Index,
    directory: &Path,
) -> Result<()> {
    let align = pair.align as u64;
    let mut slots = Spool::create(directory)?;
    pairs.each_last(|hash, key, value| {
        draft.pad_to(draft.position.next_multiple_of(align))?;
        let start = draft.position;
        if start / align >= MOST_PLACES {
            let (found, most) = (format!("{start} bytes or more"), MOST_PLACES * align);
            let expected = format!("less than {most} bytes");
            return Error::invalid("the length of all pairs", found, expected);
        }
        for (extent, bytes) in [(pair.key, key), (pair.value, value)] {
            if extent.size.is_none() {
                draft.write(&(bytes.len() as u32).to_le_bytes())?; // the sorter takes no longer ones
            }
        }
        draft.pad_to(start + pair.key_at as u64)?;
        draft.write(key)?;
        draft.pad_to(start + pair.value_at(key.len()) as u64)?;
        draft.write(value)?;
        let word = word(hash, start / align).to_le_bytes();
        index.add(hash, &word, |slot| slots.append(slot))
    })?;
    index.end(|slot| slots.append(slot))?;
    index.shape.heap = draft.position;
    draft.pad_to(index.layout()?.slots_at as u64)?;
    draft.copy(slots)
}
