//! A text classifier is trained, published once, and used in place by worker processes, through which a large
//! table is streamed: `cargo run --release --all-features --example classify`.
//!
//! It learns which subject a quotation belongs to, from the Debian package `fortunes` (`sudo apt install
//! fortunes`; macOS: `brew install fortune`), or else which part of millpond a paragraph of its source is from.
//! CLASSIFY_TEXTS may name another directory, with a file for each class, and a line `%` between its texts.
//! One text of ten is not learnt from; excerpts of those make the table.
//!
//! The workers are this program once more. None has the model in memory of its own, and none loads it: each
//! opens it by name. The result comes in any order.

mod bayes;
#[path = "../streaming/mod.rs"]
mod streaming;
mod table;
mod texts;

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::thread;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use millpond::Archive;

use bayes::Model;
use texts::Class;

type Outcome = Result<(), Box<dyn Error>>;

/// Rows of the table, unless ROWS says how many.
const ROWS: usize = 500_000;

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
    let name = format!("classify-{}", std::process::id());
    let (source, classes) = texts::find()?;
    let (learnt, kept) = split(classes);
    println!("{} classes of texts: {source}", learnt.len());

    let began = Instant::now();
    let model = bayes::train(&learnt);
    println!(
        "learnt {} words and pairs of words in {:.2?}",
        model.len(),
        began.elapsed()
    );
    let began = Instant::now();
    Archive::publish(&*name, &model)?;
    drop(model);
    println!("published in {:.2?}", began.elapsed());

    let table = env::temp_dir().join(format!("{name}.csv"));
    table::write(&table, &kept, rows)?;
    println!(
        "wrote a table of {rows} rows, {} MB",
        table.metadata()?.len() / 1_000_000
    );
    let outcome = stream(&name, &table, rows);
    std::fs::remove_file(&table)?;
    millpond::unlink(&name)?;
    outcome
}

/// What is learnt from, and what is kept to see how well.
fn split(classes: Vec<Class>) -> (Vec<Class>, Vec<Class>) {
    let halves = |Class { name, texts }: Class| {
        let numbered = texts.into_iter().enumerate();
        let (kept, learnt): (Vec<_>, Vec<_>) = numbered.partition(|(number, _)| number % 10 == 0);
        let class = |texts: Vec<(usize, String)>| Class {
            name: name.clone(),
            texts: texts.into_iter().map(|(_, text)| text).collect(),
        };
        (class(learnt), class(kept))
    };
    classes.into_iter().map(halves).unzip()
}

/// The whole table through the workers.
fn stream(name: &str, table: &std::path::Path, rows: usize) -> Outcome {
    let bar = ProgressBar::new(rows as u64);
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {percent}% of {human_len} rows, {per_sec}",
    )?);
    let count = thread::available_parallelism()?.get().max(2);
    let mut right = 0;
    let began = Instant::now();
    let memory =
        streaming::through_workers(count, &["worker", name], streaming::rows(table)?, |line| {
            if let Some((_number, class, found)) = streaming::fields(line) {
                right += usize::from(class == found);
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
    println!("{count} workers: {rate:.0} rows/s, {share:.1} % of them right");
    streaming::report(&memory);
    Ok(())
}

fn worker(name: &str) -> Outcome {
    let model = Archive::<Model>::open(name)?;
    streaming::answer(|row, result| match streaming::fields(row) {
        Some((number, class, text)) => {
            let found = model.classify(text);
            let _ = write!(result, "{number},{class},{found}"); // a string takes all
        }
        None => result.push_str("not a row"),
    })?;
    Ok(())
}
