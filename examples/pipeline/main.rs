//! A pipeline of two stages, a trie and a lookup, that worker processes open as one and use in place:
//! `cargo run --release --example pipeline`.
//!
//! The trie has every word of some texts (as `classify` finds them) and of the system's word list, if there is
//! one (Debian: `sudo apt install wamerican`); the lookup has what is known about each. A large table of texts
//! with misspelt words is streamed through the workers, which put the words right and say which is the rarest
//! of each text. The result comes in any order.

mod stages;
#[path = "../streaming/mod.rs"]
mod streaming;
mod table;
#[path = "../classify/texts.rs"]
mod texts;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::ops::Range;
use std::time::Instant;

use millpond::workers::{Failure, Worker};
use millpond::{Lookup, Trie, Workers};

use stages::{Fact, Pipeline};
use streaming::{Job, Lines};

type Outcome = Result<(), Box<dyn Error>>;

/// Rows of the table, unless ROWS says how many.
const ROWS: usize = 200_000;
/// Where systems have a list of words.
const WORD_LIST: &str = "/usr/share/dict/words";

static CORRECT: Lines<Pipeline> = Lines {
    name: "correct",
    run: correct,
};

/// The keyword of each row of a range beside the right one, and how many words were put right.
fn correct(worker: &mut Worker<'_, Job<Pipeline>>, range: Range<u64>) -> Result<String, Failure> {
    streaming::answer(worker, &range, |pipeline, row, result| {
        let (number, expected, text) = streaming::fields(row).ok_or("not a row")?;
        let found = pipeline.run(text)?;
        let (keyword, corrected) = (found.keyword, found.corrected);
        write!(result, "{number},{expected},{keyword},{corrected}")?;
        Ok(())
    })
}

fn main() -> Outcome {
    Workers::begin(&[&CORRECT, &streaming::MEMORY]);
    let rows = streaming::asked(ROWS)?;
    let name = format!("pipeline-{}", std::process::id());
    let (source, classes) = texts::find()?;
    let all = classes.iter().flat_map(|class| &class.texts);
    let text: Vec<String> = all.flat_map(|text| texts::words(text)).collect();
    let counts = count(&text);
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    println!("texts: {source} ({})", names.join(", "));
    println!(
        "{} different words, with those of a word list if there is one",
        counts.len()
    );

    let began = Instant::now();
    let words = (0u64..).zip(counts.keys()).map(|(row, word)| (word, row));
    Trie::publish(&*format!("{name}/words"), words)?;
    let facts = (0..)
        .zip(counts.values())
        .map(|(row, &count)| (u64::from(row), Fact { count, row }));
    Lookup::<u64, Fact>::publish(&*format!("{name}/facts"), facts)?;
    println!("published in {:.2?}", began.elapsed());

    let table = streaming::table_of(&name);
    table::write(&table, &text, &counts, rows)?;
    println!(
        "wrote a table of {rows} rows, {} MB",
        table.metadata()?.len() / 1_000_000
    );
    let outcome = stream(&name, rows);
    std::fs::remove_file(&table)?;
    millpond::unlink_all(&name)?;
    outcome
}

/// How often each word comes; never, for those of the word list alone.
fn count(text: &[String]) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for word in text {
        *counts.entry(word.clone()).or_insert(0) += 1;
    }
    let list = std::fs::read_to_string(WORD_LIST).unwrap_or_default();
    for word in texts::words(&list) {
        counts.entry(word).or_insert(0);
    }
    counts
}

/// The whole table through the workers.
fn stream(name: &str, rows: usize) -> Outcome {
    let (mut right, mut corrected) = (0, 0);
    streaming::through_workers(name, rows, &CORRECT, |line| {
        if let Some((expected, [_number, found, words])) = split(line) {
            right += usize::from(expected == found);
            corrected += words.parse::<usize>().unwrap_or(0);
        }
    })?;
    let share = 100.0 * right as f64 / rows as f64;
    println!("{corrected} words put right, {share:.1} % of the keywords right");
    Ok(())
}

/// What was expected, and what a worker answered: the number, the keyword, how many words were put right.
fn split(line: &str) -> Option<(&str, [&str; 3])> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    let (number, expected, found, corrected) = (next()?, next()?, next()?, next()?);
    Some((expected, [number, found, corrected]))
}
