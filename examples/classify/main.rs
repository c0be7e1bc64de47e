//! A text classifier is trained, published once, and used in place by worker processes, through which a large
//! table is streamed: `cargo run --release --example classify`.
//!
//! It learns which subject a quotation belongs to, from the Debian package `fortunes` (`sudo apt install
//! fortunes`; macOS: `brew install fortune`), or else which part of millpond a paragraph of its source is from.
//! CLASSIFY_TEXTS may name another directory, with a file for each class, and a line `%` between its texts.
//! One text of ten is not learnt from; excerpts of those make the table.
//!
//! The workers are this program once more. None has the model in memory of its own, and none loads it: each
//! opens it by name. What travels to them is ranges of the table. The result comes in any order.

mod bayes;
#[path = "../streaming/mod.rs"]
mod streaming;
mod table;
mod texts;

use std::error::Error;
use std::fmt::Write;
use std::ops::Range;
use std::time::Instant;

use millpond::workers::{Failure, Worker};
use millpond::{Archive, Workers};

use bayes::Model;
use streaming::{Job, Lines};
use texts::Class;

type Outcome = Result<(), Box<dyn Error>>;

/// Rows of the table, unless ROWS says how many.
const ROWS: usize = 500_000;

static CLASSIFY: Lines<Archive<Model>> = Lines {
    name: "classify",
    run: classify,
};

/// The class of each row of a range, beside the right one.
fn classify(
    worker: &mut Worker<'_, Job<Archive<Model>>>,
    range: Range<u64>,
) -> Result<String, Failure> {
    streaming::answer(worker, &range, |model, row, result| {
        let (number, class, text) = streaming::fields(row).ok_or("not a row")?;
        write!(result, "{number},{class},{}", model.classify(text))?;
        Ok(())
    })
}

fn main() -> Outcome {
    Workers::begin(&[&CLASSIFY, &streaming::MEMORY]);
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

    let table = streaming::table_of(&name);
    table::write(&table, &kept, rows)?;
    println!(
        "wrote a table of {rows} rows, {} MB",
        table.metadata()?.len() / 1_000_000
    );
    let outcome = stream(&name, rows);
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
fn stream(name: &str, rows: usize) -> Outcome {
    let mut right = 0;
    streaming::through_workers(name, rows, &CLASSIFY, |line| {
        if let Some((_number, class, found)) = streaming::fields(line) {
            right += usize::from(class == found);
        }
    })?;
    println!("{:.1} % of them right", 100.0 * right as f64 / rows as f64);
    Ok(())
}
