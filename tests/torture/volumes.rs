//! A table that is published again and again by processes that die at every point of it; who comes after finds
//! one whole version, the last that was made current or the one before, and no file but that.

use std::fs;
use std::path::Path;

use millpond::Lookup;

use crate::orders::argument;

type Table = Lookup<u64, u64>;

/// Versions in which the point must be reached.
const ROUNDS: u64 = 100;
const KEYS: u64 = 500;

pub const NAME: &str = "points/table";

/// A table as this process has it open since the beginning.
pub struct Kept {
    table: Table,
}

fn publish(stamp: u64) -> millpond::Result<Table> {
    Table::publish(NAME, (0..KEYS).map(|key| (key, key ^ stamp)))
}

/// The stamp of a table, or what is wrong with it.
fn stamp(table: &Table) -> Result<u64, String> {
    let first = *table.get(&0).ok_or("key 0 is gone")?;
    let whole = (0..KEYS).all(|key| table.get(&key) == Some(&(key ^ first)));
    match whole && table.len() == KEYS {
        true => Ok(first),
        false => Err(format!("version {} is torn", table.version())),
    }
}

impl Kept {
    pub fn create() -> Self {
        let table = publish(0).unwrap();
        Self { table }
    }

    /// What is current is whole and no older than what was; it is replaced, and one file is left. Says how
    /// many values were compared.
    pub fn check(&mut self) -> Result<u64, String> {
        let say = |error: millpond::Error| error.to_string();
        stamp(&self.table)?; // as it was, whoever published meanwhile
        let found = Table::open(NAME).map_err(say)?;
        stamp(&found)?;
        if found.version() < self.table.version() {
            return Err(format!("version {} came back", found.version()));
        }
        let newest = publish(found.version()).map_err(say)?;
        if newest.version() != found.version() + 1 {
            return Err(format!(
                "{} came after {}",
                newest.version(),
                found.version()
            ));
        }
        self.table.refresh().map_err(say)?;
        match stamp(&self.table)? == found.version() {
            true => Ok(3 * KEYS),
            false => Err("who moves over does not get what was published".into()),
        }
    }
}

/// Publishes until it dies. Argument: the pool's name, which is not used, and the number of the process.
pub fn editor() {
    let number: u64 = argument(1);
    for round in 0..ROUNDS {
        publish(number << 32 | round).unwrap();
    }
}

/// How many files the table has beside its segment, drafts among them; 1 where all is well.
pub fn files() -> usize {
    let root = std::env::var_os("MILLPOND_DIR").expect("a directory for segments");
    let (run, name) = NAME.split_once('/').expect("a run and a name");
    let beside = format!(".{name}");
    let entries = fs::read_dir(Path::new(&root).join(run)).expect("the run's directory");
    let names = entries.flatten().map(|entry| entry.file_name());
    names
        .filter(|name| name.to_string_lossy().starts_with(&beside))
        .count()
}
