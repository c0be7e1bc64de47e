//! Writing a table from front to back: the pairs sorted by the hashes of their keys (`sorting`), a part of the
//! perfect hash after another (`perfect.rs`). What is where, `table.rs` says.

use std::borrow::Borrow;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use rand::RngExt;

use super::Lookup;
use super::index::Index;
use super::shape::{Pair, Parameters, Shape, Types};
use super::stored::{LookupKey, LookupValue};
use super::table::{MOST_PLACES, Table, word};
use crate::error::{Error, Result};
use crate::hash::Seed;
use crate::os;
use crate::sorting::{Sorted, Sorter, Spool};
use crate::volume::{Place, PublishOptions, Published, Volume, explain};

/// How much of a temporary file is copied at once, in bytes.
const BUFFER: usize = 256 << 10;

/// Gathers the pairs of a [`Lookup`](crate::Lookup) that is to be, in bounded memory: what does not fit is kept
/// in a temporary file, which goes with the process.
///
/// Of pairs with the same key the last one counts, as it does where they are inserted into a map, unless
/// [`PublishOptions::unique_keys`] refuses them.
pub struct LookupBuilder<K: LookupKey + ?Sized, V: LookupValue + ?Sized> {
    sorter: Sorter,
    nonce: u64,
    seed: Seed,
    directory: PathBuf,
    options: PublishOptions,
    types: Types<K, V>,
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> LookupBuilder<K, V> {
    /// No pairs yet.
    pub fn new(options: &PublishOptions) -> Self {
        let directory = options.scratch_directory();
        let nonce = os::thread_random().random(); // a forked child draws another one
        let mut builder = Self::with(&directory, options.memory_budget(), nonce);
        builder.options = options.clone();
        builder
    }

    /// With so many bytes of memory for sorting, and what the keys are hashed with.
    pub(crate) fn with(directory: &Path, budget: usize, nonce: u64) -> Self {
        Self {
            sorter: Sorter::new(directory, budget),
            nonce,
            seed: Seed::of(nonce),
            directory: directory.to_path_buf(),
            options: PublishOptions::new(),
            types: PhantomData,
        }
    }

    /// Takes a pair.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a key or value of more than 2^30 bytes; [`Error::NoSpace`] and
    /// [`Error::System`] where the temporary file cannot be written.
    #[inline]
    pub fn insert(&mut self, key: &K, value: &V) -> Result<()> {
        let hash = key.hash(self.seed);
        let key = [&hash.to_be_bytes(), key.as_bytes()];
        self.sorter.push(&key, &[value.as_bytes()])
    }

    /// Takes all these pairs.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn extend<Q: Borrow<K>, W: Borrow<V>>(
        &mut self,
        pairs: impl IntoIterator<Item = (Q, W)>,
    ) -> Result<()> {
        for (key, value) in pairs {
            self.insert(key.borrow(), value.borrow())?;
        }
        Ok(())
    }

    /// Publishes the table.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a key that comes twice and must not; [`Error::NoSpace`]; [`Error::InvalidName`]; [`Error::WrongContent`] where a table of other types has the
    /// name; [`Error::AlreadySaving`] where another process writes the same file; [`Error::System`].
    pub fn publish(self, place: impl Into<Place>) -> Result<Lookup<K, V>> {
        self.sorter.check_process()?; // before the child is in its parent's way
        let options = self.options.clone();
        let types = Table::<K, V, Volume>::types();
        let published =
            Published::publish(place.into(), &options, &types, |draft| self.write(draft))?;
        Ok(published.into())
    }

    /// Writes the table, and says what is to be kept beside it.
    pub(crate) fn write(self, draft: &mut impl io::Write) -> Result<Parameters> {
        let shape = Shape::new(self.nonce, self.sorter.len());
        let directory = &self.directory;
        let mut draft = Draft::new(draft);
        let mut pairs = Pairs {
            sorted: self.sorter.finish()?,
            unique: self.options.keys_are_unique(),
            key: PhantomData,
        };
        let mut index = Index::new(shape, Pair::<K, V>::SLOT, Pair::<K, V>::IN_SLOTS, directory)?;
        match Pair::<K, V>::IN_SLOTS {
            true => write_slots::<K, V>(&mut pairs, &mut draft, &mut index)?,
            false => write_heap::<K, V>(&mut pairs, &mut draft, &mut index, directory)?,
        }
        drop(pairs);
        index.write(&mut draft)
    }
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> fmt::Debug for LookupBuilder<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LookupBuilder")
            .field("pairs", &self.sorter.len())
            .finish_non_exhaustive()
    }
}

/// The sorted pairs, of which the last one of each key counts.
struct Pairs<K: ?Sized> {
    sorted: Sorted,
    /// Whether a key that comes twice is an error.
    unique: bool,
    key: PhantomData<fn() -> Box<K>>,
}

impl<K: LookupKey + ?Sized> Pairs<K> {
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
                return Err(repeated::<K>(&key[size_of::<u64>()..]));
            }
            held_value.clear();
            held_value.extend_from_slice(value);
        }
        give(&held_key, &held_value)
    }
}

/// The error for a key that must not come twice, and does.
fn repeated<K: LookupKey + ?Sized>(key: &[u8]) -> Error {
    Error::InvalidArgument {
        what: "a key of the lookup",
        found: format!("{}, twice", K::shown(key)),
        expected: "another than all others: give each key once, or have the last one count \
                   (`PublishOptions::unique_keys`)"
            .into(),
    }
}

/// Writes the pairs into their slots.
fn write_slots<K: LookupKey + ?Sized, V: LookupValue + ?Sized>(
    pairs: &mut Pairs<K>,
    draft: &mut Draft<impl io::Write>,
    index: &mut Index,
) -> Result<()> {
    let mut pair = vec![0; Pair::<K, V>::SLOT];
    pairs.each_last(|hash, key, value| {
        pair[Pair::<K, V>::KEY_AT..][..key.len()].copy_from_slice(key);
        pair[Pair::<K, V>::value_at(key.len())..][..value.len()].copy_from_slice(value);
        index.add(hash, &pair, |slot| draft.write(slot))
    })?;
    index.end(|slot| draft.write(slot))
}

/// Writes the pairs one after another, and then the slots, which say where they are.
fn write_heap<K: LookupKey + ?Sized, V: LookupValue + ?Sized>(
    pairs: &mut Pairs<K>,
    draft: &mut Draft<impl io::Write>,
    index: &mut Index,
    directory: &Path,
) -> Result<()> {
    let align = Pair::<K, V>::ALIGN as u64;
    let mut slots = Spool::create(directory)?;
    pairs.each_last(|hash, key, value| {
        draft.pad_to(draft.position.next_multiple_of(align))?;
        let start = draft.position;
        if start / align >= MOST_PLACES {
            let (found, most) = (format!("{start} bytes or more"), MOST_PLACES * align);
            let expected = format!("less than {most} bytes");
            return Error::invalid("the length of all pairs", found, expected);
        }
        for (known, bytes) in [(K::SIZE, key), (V::SIZE, value)] {
            if known.is_none() {
                draft.write(&(bytes.len() as u32).to_le_bytes())?; // the sorter takes no longer ones
            }
        }
        draft.pad_to(start + Pair::<K, V>::KEY_AT as u64)?;
        draft.write(key)?;
        draft.pad_to(start + Pair::<K, V>::value_at(key.len()) as u64)?;
        draft.write(value)?;
        let word = word(hash, start / align).to_le_bytes();
        index.add(hash, &word, |slot| slots.append(slot))
    })?;
    index.end(|slot| slots.append(slot))?;
    index.shape.heap = draft.position;
    draft.pad_to(index.layout()?.slots_at as u64)?;
    draft.copy(slots)
}

/// What is written to, which has a buffer, with the errors of this crate.
pub(super) struct Draft<W: io::Write> {
    inner: W,
    /// How many bytes were written.
    position: u64,
}

impl<W: io::Write> Draft<W> {
    fn new(inner: W) -> Self {
        Self { inner, position: 0 }
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = io::Write::write_all(&mut self.inner, bytes);
        written.map_err(explain)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Writes zeros up to a position.
    #[inline]
    pub(super) fn pad_to(&mut self, position: u64) -> Result<()> {
        while self.position < position {
            let some = (position - self.position).min(8) as usize;
            self.write(&[0; 8][..some])?;
        }
        Ok(())
    }

    /// Writes all that was put into a temporary file.
    pub(super) fn copy(&mut self, mut from: Spool) -> Result<()> {
        from.flush()?;
        let mut block = vec![0; BUFFER];
        let mut start = 0;
        while start < from.length() {
            let some = (from.length() - start).min(BUFFER as u64) as usize;
            from.read(start, &mut block[..some])?;
            self.write(&block[..some])?;
            start += some as u64;
        }
        Ok(())
    }
}
