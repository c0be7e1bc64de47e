//! Writes what every side of the comparison reads: the texts to learn from, and a table to classify.

use std::fs;
use std::path::Path;

use millpond_peers::side::Outcome;
use millpond_peers::{table, texts};

/// Writes `texts/`, with a file for each class and a line `%` between its texts, and `table.csv`.
///
/// Nothing is kept back from learning: this is about how fast rows are classified, not how well.
pub fn write(directory: &Path, rows: usize) -> Outcome<()> {
    let (_, classes) = texts::find()?;
    let inside = directory.join("texts");
    match fs::remove_dir_all(&inside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir(&inside)?,
    }
    for class in &classes {
        fs::write(inside.join(&class.name), class.texts.join("\n%\n"))?;
    }
    Ok(table::write(&directory.join("table.csv"), &classes, rows)?)
}
