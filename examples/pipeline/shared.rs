//! The tables under names, for all processes. TO BE REPLACED by `Trie` and `Lookup<u64, Fact>`, whose methods
//! these have; until then, files in a temporary directory.

use std::error::Error;
use std::fs::{self, File};
use std::path::PathBuf;

use fst::automaton::Levenshtein;
use fst::{IntoStreamer, Map};
use memmap2::Mmap;

use crate::stages::Fact;

type Outcome<T> = Result<T, Box<dyn Error>>;

pub struct Words(Map<Mmap>);

impl Words {
    pub fn publish<'a>(name: &str, pairs: impl Iterator<Item = (&'a str, u64)>) -> Outcome<()> {
        let path = path(name);
        fs::create_dir_all(path.parent().ok_or("a name without a directory")?)?;
        let mut builder = fst::MapBuilder::new(std::io::BufWriter::new(File::create(path)?))?;
        builder.extend_iter(pairs)?;
        Ok(builder.finish()?)
    }

    pub fn open(name: &str) -> Outcome<Self> {
        // SAFETY: nobody changes the file.
        Ok(Self(Map::new(unsafe {
            Mmap::map(&File::open(path(name))?)?
        })?))
    }

    pub fn get(&self, word: &str) -> Option<u64> {
        self.0.get(word)
    }

    pub fn fuzzy(
        &self,
        word: &str,
        distance: usize,
    ) -> Outcome<impl Iterator<Item = (Vec<u8>, u64, usize)>> {
        let like = Levenshtein::new(word, distance as u32)?;
        let found = self.0.search(like).into_stream().into_byte_vec();
        Ok(found
            .into_iter()
            .map(move |(key, row)| (key, row, distance)))
    }
}

pub struct Facts(Mmap);

impl Facts {
    pub fn publish(name: &str, facts: impl Iterator<Item = (u64, Fact)>) -> Outcome<()> {
        let mut bytes = Vec::new();
        facts.for_each(|(_, fact)| bytes.extend_from_slice(bytemuck::bytes_of(&fact)));
        Ok(fs::write(path(name), bytes)?)
    }

    pub fn open(name: &str) -> Outcome<Self> {
        // SAFETY: nobody changes the file.
        Ok(Self(unsafe { Mmap::map(&File::open(path(name))?)? }))
    }

    pub fn get(&self, row: u64) -> Option<&Fact> {
        bytemuck::cast_slice::<u8, Fact>(&self.0).get(row as usize)
    }
}

pub fn remove(name: &str) -> Outcome<()> {
    Ok(fs::remove_dir_all(path(name))?)
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(name)
}
