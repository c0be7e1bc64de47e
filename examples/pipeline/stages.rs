//! Two stages, each with a table of its own: a trie finds the words that are meant, a lookup knows about them.

use millpond::{Lookup, Open, Record, Result, Trie};

use crate::texts;

/// What is known about a word.
#[derive(Clone, Copy, Record)]
#[repr(C)]
pub struct Fact {
    /// How often it comes in the texts.
    pub count: u32,
    /// Which it is, in the order of the alphabet.
    pub row: u32,
}

/// Both stages, opened as one.
#[derive(Open)]
pub struct Pipeline {
    words: Trie,
    facts: Lookup<u64, Fact>,
}

/// What the pipeline makes of a text.
pub struct Found {
    /// Its rarest word, put right.
    pub keyword: String,
    /// How many words were put right.
    pub corrected: usize,
}

impl Pipeline {
    /// Finds the rarest word that a text means.
    pub fn run(&self, text: &str) -> Result<Found> {
        let mut found = Found {
            keyword: String::new(),
            corrected: 0,
        };
        let mut fewest = u32::MAX;
        for word in texts::words(text) {
            let Some((meant, row)) = self.meant(&word)? else {
                continue; // nobody knows it
            };
            found.corrected += usize::from(meant != word);
            let count = self.facts.get(&row).map_or(u32::MAX, |fact| fact.count);
            if count < fewest {
                (fewest, found.keyword) = (count, meant);
            }
        }
        Ok(found)
    }

    /// The word itself, if it is known; else the most frequent of those that differ in one letter.
    fn meant(&self, word: &str) -> Result<Option<(String, u64)>> {
        if let Some(row) = self.words.get(word) {
            return Ok(Some((word.to_string(), row)));
        }
        let count = |row: u64| self.facts.get(&row).map_or(0, |fact| fact.count);
        let like = self.words.fuzzy(word, 1)?;
        let best = like.max_by_key(|&(_, row, _)| count(row));
        Ok(best.map(|(key, row, _)| (String::from_utf8_lossy(&key).into_owned(), row)))
    }
}
