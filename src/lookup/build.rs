//! Writing a table from front to back: the pairs sorted by the hashes of their keys (`sorting`), each in the
//! first free slot from its home on. What a slot is, `table.rs` says.

use std::borrow::Borrow;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::shape::{INDEX_ALIGN, LINE, Pair, Parameters, Shape};
use super::stored::{LookupKey, LookupValue};
use super::table::{MOST_UNITS, word};
use crate::error::{Error, Result};
use crate::sorting::{BUDGET, Sorted, Sorter, Spool};

/// What is gathered before it is written, in bytes.
const BUFFER: usize = 256 << 10;

/// Gathers the pairs of a [`Lookup`](crate::Lookup) that is to be, in bounded memory: what does not fit is kept
/// in a temporary file, which goes with the process.
///
/// Of pairs with the same key the last one counts, as it does where they are inserted into a map.
pub struct LookupBuilder<K: LookupKey + ?Sized, V: LookupValue + ?Sized> {
    sorter: Sorter,
    nonce: u64,
    directory: PathBuf,
    types: PhantomData<(fn(&K), fn(&V))>,
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> LookupBuilder<K, V> {
    /// No pairs yet. Temporary files go to this directory.
    pub(crate) fn new(directory: &Path) -> Self {
        Self::with(directory, BUDGET, rand::random())
    }

    /// With so many bytes of memory for sorting, and what the keys are hashed with.
    pub(crate) fn with(directory: &Path, budget: usize, nonce: u64) -> Self {
        Self {
            sorter: Sorter::new(directory, budget),
            nonce,
            directory: directory.to_path_buf(),
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
        let hash = key.hash(crate::hash::Seed::of(self.nonce));
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

    /// Writes the table, and says what is to be kept beside it.
    pub(crate) fn write(self, draft: &mut impl io::Write) -> Result<Parameters> {
        let mut shape = Shape::new(self.nonce, Pair::<K, V>::SLOT > 0, self.sorter.len());
        let mut sorted = self.sorter.finish()?;
        let directory = &self.directory;
        let mut draft = Draft {
            inner: io::BufWriter::with_capacity(BUFFER, draft),
            directory,
        };
        match Pair::<K, V>::SLOT {
            0 => {
                let index = write_heap::<K, V>(&mut sorted, &mut draft, &mut shape, directory)?;
                drop(sorted);
                write_index(index, &mut draft, &mut shape)?;
            }
            slot => write_slots::<K, V>(&mut sorted, &mut draft, &mut shape, slot)?,
        }
        draft.finish()?;
        Ok(shape.write())
    }
}

/// Gives the last pair of each key, with the hash apart.
fn each_last(
    sorted: &mut Sorted,
    mut take: impl FnMut(u64, &[u8], &[u8]) -> Result<()>,
) -> Result<()> {
    let (mut held_key, mut held_value) = (Vec::new(), Vec::new());
    let mut give = |key: &[u8], value: &[u8]| match key.split_first_chunk() {
        Some((hash, key)) => take(u64::from_be_bytes(*hash), key, value),
        None => Ok(()), // before the first
    };
    while let Some((key, value)) = sorted.next()? {
        if key != &held_key[..] {
            give(&held_key, &held_value)?;
            held_key.clear();
            held_key.extend_from_slice(key);
        }
        held_value.clear();
        held_value.extend_from_slice(value);
    }
    give(&held_key, &held_value)
}

/// Writes the pairs into slots. The free slots before a pair are filled with copies of it.
fn write_slots<K: LookupKey + ?Sized, V: LookupValue + ?Sized>(
    sorted: &mut Sorted,
    draft: &mut Draft<'_, impl io::Write>,
    shape: &mut Shape,
    size: usize,
) -> Result<()> {
    let mut slot = vec![0; size];
    each_last(sorted, |hash, key, value| {
        slot[Pair::<K, V>::KEY_AT..][..key.len()].copy_from_slice(key);
        slot[Pair::<K, V>::value_at(key.len())..][..value.len()].copy_from_slice(value);
        let home = shape.home(hash);
        let place = shape.slots.max(home);
        while shape.slots <= place {
            draft.write(&slot)?;
            shape.slots += 1;
        }
        shape.longest = shape.longest.max(place - home + 1);
        shape.len += 1;
        Ok(())
    })
}

/// Writes the pairs one after another. Gives their hashes and words for the index.
fn write_heap<K: LookupKey + ?Sized, V: LookupValue + ?Sized>(
    sorted: &mut Sorted,
    draft: &mut Draft<'_, impl io::Write>,
    shape: &mut Shape,
    directory: &Path,
) -> Result<Spool> {
    let mut index = Spool::create(directory)?;
    each_last(sorted, |hash, key, value| {
        let start = shape.heap.next_multiple_of(Pair::<K, V>::ALIGN as u64);
        let unit = start / Pair::<K, V>::ALIGN as u64;
        if unit >= MOST_UNITS {
            let most = MOST_UNITS * Pair::<K, V>::ALIGN as u64;
            let (found, expected) = (format!("{start} bytes"), format!("less than {most} bytes"));
            return Error::invalid("the length of all pairs", found, expected);
        }
        draft.pad((start - shape.heap) as usize)?;
        let lengths = [(K::SIZE, key), (V::SIZE, value)];
        for (known, bytes) in lengths {
            if known.is_none() {
                draft.write(&(bytes.len() as u32).to_le_bytes())?;
            }
        }
        draft.pad(Pair::<K, V>::KEY_AT - Pair::<K, V>::LENGTHS)?;
        draft.write(key)?;
        let value_at = Pair::<K, V>::value_at(key.len());
        draft.pad(value_at - Pair::<K, V>::KEY_AT - key.len())?;
        draft.write(value)?;
        shape.heap = start + (value_at + value.len()) as u64;
        shape.len += 1;
        index.append(&hash.to_le_bytes())?;
        index.append(&word(hash, unit).to_le_bytes())
    })?;
    draft.pad((shape.heap.next_multiple_of(INDEX_ALIGN as u64) - shape.heap) as usize)?;
    index.flush()?;
    Ok(index)
}

/// Writes the index: each word into the first free place from its line on, zeros into the others.
fn write_index(
    index: Spool,
    draft: &mut Draft<'_, impl io::Write>,
    shape: &mut Shape,
) -> Result<()> {
    shape.homes = Shape::new(shape.nonce, false, shape.len).homes;
    let mut block = vec![0; BUFFER];
    let mut start = 0;
    while start < index.length() {
        let length = (index.length() - start).min(BUFFER as u64) as usize;
        index.read(start, &mut block[..length])?;
        for pair in block[..length].as_chunks::<16>().0 {
            let (hash, word) = pair.split_at(8);
            let hash = u64::from_le_bytes(hash.try_into().unwrap_or_default());
            let home = shape.home(hash) * LINE;
            let place = shape.slots.max(home);
            draft.pad(8 * (place - shape.slots) as usize)?;
            draft.write(word)?;
            shape.slots = place + 1;
            shape.longest = shape.longest.max(place - home + 1);
        }
        start += length as u64;
    }
    Ok(())
}

/// What is written to, with the errors of this crate.
struct Draft<'a, W: io::Write> {
    inner: io::BufWriter<W>,
    directory: &'a Path,
}

impl<W: io::Write> Draft<'_, W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = io::Write::write_all(&mut self.inner, bytes);
        written.map_err(|error| refused(error, self.directory))
    }

    /// Writes zeros.
    fn pad(&mut self, mut count: usize) -> Result<()> {
        const ZEROS: [u8; 64] = [0; 64];
        while count > 0 {
            let some = count.min(ZEROS.len());
            self.write(&ZEROS[..some])?;
            count -= some;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        let flushed = io::Write::flush(&mut self.inner);
        flushed.map_err(|error| refused(error, self.directory))
    }
}

/// The error of this crate that a writer wrapped, or the system's.
fn refused(error: io::Error, directory: &Path) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) => Error::system("write a table in", directory)(error),
    }
}
