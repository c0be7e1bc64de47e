//! A pipeline of two stages, a trie and a lookup, that worker processes open as one and use in place:
//! `cargo run --release --all-features --example pipeline`.
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
use std::env;
use std::error::Error;
use std::fmt::Write;
use std::thread;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use millpond::{Lookup, Open, Trie};

use stages::{Fact, Pipeline};

type Outcome = Result<(), Box<dyn Error>>;

/// Rows of the table, unless ROWS says how many.
const ROWS: usize = 200_000;
/// Where systems have a list of words.
const WORD_LIST: &str = "/usr/share/dict/words";

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [] => parent(),
        [role, name] if role == "worker" => worker(name),
        _ => Err("this program takes no arguments".into()),
    }
}

fn parent() -> Outcome {
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

    let table = env::temp_dir().join(format!("{name}.csv"));
    table::write(&table, &text, &counts, rows)?;
    println!(
        "wrote a table of {rows} rows, {} MB",
        table.metadata()?.len() / 1_000_000
    );
    let outcome = stream(&name, &table, rows);
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
fn stream(name: &str, table: &std::path::Path, rows: usize) -> Outcome {
    let bar = ProgressBar::new(rows as u64);
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {percent}% of {human_len} rows, {per_sec}",
    )?);
    let count = thread::available_parallelism()?.get().max(2);
    let (mut right, mut corrected) = (0, 0);
    let began = Instant::now();
    let memory =
        streaming::through_workers(count, &["worker", name], streaming::rows(table)?, |line| {
            if let Some((expected, [_number, found, words])) = split(line) {
                right += usize::from(expected == found);
                corrected += words.parse::<usize>().unwrap_or(0);
            }
            bar.inc(1);
        })
        .map_err(|failure| failure as Box<dyn Error>)?;
    bar.finish();
    if bar.position() != rows as u64 {
        return Err(format!("{} results for {rows} rows", bar.position()).into());
    }
    let (share, rate) = (
        100.0 * right as f64 / rows as f64,
        rows as f64 / began.elapsed().as_secs_f64(),
    );
    println!(
        "{count} workers: {rate:.0} rows/s, {corrected} words put right, {share:.1} % of the keywords right"
    );
    streaming::report(&memory);
    Ok(())
}

/// What was expected, and what a worker answered: the number, the keyword, how many words were put right.
fn split(line: &str) -> Option<(&str, [&str; 3])> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    let (number, expected, found, corrected) = (next()?, next()?, next()?, next()?);
    Some((expected, [number, found, corrected]))
}

fn worker(name: &str) -> Outcome {
    let pipeline = Pipeline::open_by_name(name)?;
    let mut failure = None;
    streaming::answer(|row, result| match streaming::fields(row) {
        Some((number, expected, text)) => match pipeline.run(text) {
            Ok(found) => {
                let (keyword, corrected) = (found.keyword, found.corrected);
                let _ = write!(result, "{number},{expected},{keyword},{corrected}"); // a string takes all
            }
            Err(error) => failure = Some(error),
        },
        None => result.push_str("not a row"),
    })?;
    failure.map_or(Ok(()), |error| Err(error.into()))
}
