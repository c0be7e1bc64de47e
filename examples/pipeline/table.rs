//! A large table of texts with misspelt words, as comma-separated values: `number,keyword,"text"`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Words of a row.
const LENGTH: usize = 12;
/// Every so many words one is misspelt.
const EVERY: usize = 10;

/// Writes a table of `rows` pieces of a text, given as its words, with the rarest word of each as it is right.
pub fn write(
    path: &Path,
    text: &[String],
    counts: &BTreeMap<String, u32>,
    rows: usize,
) -> io::Result<()> {
    let random = &mut StdRng::seed_from_u64(2);
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "number,keyword,text")?;
    for number in 0..rows {
        let first = random.random_range(0..text.len() - LENGTH);
        let words = &text[first..first + LENGTH];
        let mut keyword = &words[0];
        for word in &words[1..] {
            if counts[word] < counts[keyword] {
                keyword = word;
            }
        }
        write!(file, "{number},{keyword},\"")?;
        for word in words {
            match random.random_range(0..EVERY) == 0 && word.len() > 3 {
                true => write!(file, "{} ", misspelt(word, random))?,
                false => write!(file, "{word} ")?,
            }
        }
        writeln!(file, "\"")?;
    }
    file.flush()
}

/// A word with one letter too many, too few, or wrong.
fn misspelt(word: &str, random: &mut StdRng) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let place = random.random_range(0..letters.len());
    let letter = char::from(random.random_range(b'a'..=b'z'));
    match random.random_range(0..3) {
        0 => letters.insert(place, letter),
        1 => letters[place] = letter,
        _ => {
            letters.remove(place);
        }
    }
    letters.into_iter().collect()
}
