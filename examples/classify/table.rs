//! A large table to classify, as comma-separated values: `number,class,"text"`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::texts::{Class, words};

/// Writes a table of `rows` excerpts from texts, each of a random one of a random class.
pub fn write(path: &Path, classes: &[Class], rows: usize) -> io::Result<()> {
    let random = &mut StdRng::seed_from_u64(1);
    let texts: Vec<(&str, Vec<String>)> = classes
        .iter()
        .flat_map(|class| {
            class
                .texts
                .iter()
                .map(|text| (class.name.as_str(), words(text).collect()))
        })
        .filter(|(_, words): &(_, Vec<String>)| words.len() >= 8)
        .collect();
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "number,class,text")?;
    for number in 0..rows {
        let (class, words) = &texts[random.random_range(0..texts.len())];
        let first = random.random_range(0..=words.len() - 8);
        let last = words.len().min(first + random.random_range(8..30));
        writeln!(
            file,
            "{number},{class},\"{}\"",
            words[first..last].join(" ")
        )?;
    }
    file.flush()
}
