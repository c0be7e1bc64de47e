//! Texts of several classes, that are on the machine or can be installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A class of texts.
pub struct Class {
    pub name: String,
    pub texts: Vec<String>,
}

/// Where the packages `fortunes` (Debian) and `fortune` (Homebrew) put quotations: a file for each subject.
const QUOTATIONS: [&str; 3] = [
    "/usr/share/games/fortunes",
    "/opt/homebrew/share/games/fortunes",
    "/usr/local/share/games/fortunes",
];
/// A class with fewer texts teaches nothing.
const FEWEST: usize = 40;

/// What there is to learn from, and its name: quotations by subject, or what millpond itself is written in, by
/// part.
pub fn find() -> io::Result<(String, Vec<Class>)> {
    let chosen = std::env::var_os("CLASSIFY_TEXTS").map(PathBuf::from);
    let installed = QUOTATIONS.iter().map(PathBuf::from);
    for directory in chosen.into_iter().chain(installed) {
        let classes = quotations(&directory)?;
        if classes.len() > 1 {
            return Ok((format!("quotations in {}", directory.display()), classes));
        }
    }
    println!("for texts that are more fun: sudo apt install fortunes");
    let classes = parts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))?;
    match classes.len() {
        0 | 1 => Err(io::Error::other(
            "there are no texts: install `fortunes`, or set CLASSIFY_TEXTS",
        )),
        _ => Ok(("the sources of millpond".into(), classes)),
    }
}

/// The files of a directory, each a class of texts with a `%` between them. None, if there is no directory.
fn quotations(directory: &Path) -> io::Result<Vec<Class>> {
    let mut classes = Vec::new();
    for path in entries(directory)? {
        if path.is_file() && path.extension().is_none() {
            // Some are in older encodings, by a few letters.
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            classes.extend(class(
                &path,
                text.split("\n%").map(str::to_string).collect(),
            ));
        }
    }
    Ok(classes)
}

/// The directories of a project's sources, each a class of paragraphs.
fn parts(source: &Path) -> io::Result<Vec<Class>> {
    let mut classes = Vec::new();
    for path in entries(source)? {
        let mut texts = Vec::new();
        let mut open = vec![path.clone()];
        while let Some(inner) = open.pop() {
            match inner.is_dir() {
                true => open.extend(entries(&inner)?),
                false => texts.extend(fs::read_to_string(inner)?.split("\n\n").map(str::to_string)),
            }
        }
        classes.extend(class(&path, texts));
    }
    Ok(classes)
}

fn class(path: &Path, texts: Vec<String>) -> Option<Class> {
    let name = path.file_stem()?.to_str()?.to_string();
    (texts.len() >= FEWEST).then_some(Class { name, texts })
}

/// What is in a directory, in the order of the names.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The words of a text, without capitals.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}
