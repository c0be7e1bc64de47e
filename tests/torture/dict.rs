//! A dictionary in which a process dies in the middle of a change; who comes after finds every change that was
//! made, the last one whole or not at all, and nobody to wait for.
//!
//! What the processes do follows from their numbers, step by step, and each notes in a file how many steps it
//! has made. So the map that the dictionary must be like is known whenever one of them dies.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use millpond::{ArrayDict, DictOptions, Error};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::orders::argument;
use crate::score::Stopwatch;

/// All numbers of a row follow from the first, so that one of two halves shows.
type Row = [u64; 6];
type Dict = ArrayDict<u64, Row>;

const KEYS: u64 = 300;
/// Steps in which the point must be reached.
const STEPS: u64 = 5000;

fn row(number: u64) -> Row {
    std::array::from_fn(|at| number.rotate_left(11 * at as u32))
}

/// A change that is made at once or not at all.
#[derive(Clone, Copy)]
enum Step {
    Insert(u64, Row),
    Update(u64, Row),
    Remove(u64),
    Reserve(usize),
    Clear,
}

/// What process `number` does.
fn steps(number: u64) -> impl Iterator<Item = Step> {
    let mut random = StdRng::seed_from_u64(number);
    (0..STEPS).map(move |_| {
        let key = random.random_range(0..KEYS);
        let row = row(random.random());
        match random.random_range(0..60) {
            0 => Step::Clear,
            1..3 => Step::Reserve(random.random_range(0..2000)),
            3..20 => Step::Update(key, row),
            20..35 => Step::Remove(key),
            _ => Step::Insert(key, row),
        }
    })
}

/// Where process `number` notes how many steps it has made.
fn note_of(number: u64) -> PathBuf {
    let root = std::env::var_os("MILLPOND_DIR").expect("a directory for segments");
    Path::new(&root).with_file_name(format!("steps-{number}"))
}

/// Makes its steps, until it dies. Arguments: the dictionary's name, the number of the process.
pub fn scribe() {
    // Who attaches next takes the first entry that is free; the second one is left to be cleaned.
    let open = || Dict::open(&argument::<String>(0)).unwrap();
    let (_first, dict) = (open(), open());
    let mut note = File::create(note_of(argument(1))).unwrap();
    for (at, step) in steps(argument(1)).enumerate() {
        match at % 3 {
            0 => by_handle(&dict, step),
            _ => in_a_checkout(&dict, step),
        }
        note.rewind().unwrap();
        note.write_all(&(at as u64 + 1).to_le_bytes()).unwrap();
        if at % 5 == 0 {
            let view = dict.read().unwrap();
            assert!(view.iter().all(|(_, found)| *found == row(found[0])));
        }
    }
}

fn by_handle(dict: &Dict, step: Step) {
    match step {
        Step::Insert(key, row) => drop(dict.insert(key, &row).unwrap()),
        Step::Update(key, row) => drop(dict.update(&key, |old| *old = row).unwrap()),
        Step::Remove(key) => drop(dict.remove(&key).unwrap()),
        Step::Reserve(rows) => dict.reserve(rows).unwrap(),
        Step::Clear => dict.clear().unwrap(),
    }
}

fn in_a_checkout(dict: &Dict, step: Step) {
    let mut checkout = dict.checkout().unwrap();
    match step {
        Step::Insert(key, row) => {
            let entry = checkout.entry(key).and_modify(|old| *old = row);
            entry.or_insert(row).unwrap();
        }
        Step::Update(key, row) => drop(checkout.update(&key, |old| *old = row).unwrap()),
        Step::Remove(key) => drop(checkout.remove(&key).unwrap()),
        Step::Reserve(rows) => checkout.reserve(rows).unwrap(),
        Step::Clear => checkout.clear().unwrap(),
    }
}

/// Reads it in place, and so repairs it. Argument: the dictionary's name.
pub fn lector() {
    let dict = Dict::open(&argument::<String>(0)).unwrap();
    drop(dict.read().unwrap());
}

/// The life of a dictionary that grows, and of one without a name.
pub fn create_and_unlink(name: &str) {
    let options = DictOptions::new(0);
    let dict = ArrayDict::<u64, u64>::create(name, options.clone()).unwrap();
    dict.extend((0..50).map(|key| (key, key))).unwrap();
    millpond::unlink(name).unwrap();
    let nameless = ArrayDict::<u64, u64>::anonymous(options).unwrap();
    nameless.insert(1, &1).unwrap();
}

/// A dictionary, and the map that it is to be like.
pub struct Kept {
    pub name: String,
    dict: Dict,
    map: HashMap<u64, Row>,
}

impl Kept {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            dict: Dict::create(name, DictOptions::new(0)).unwrap(),
            map: HashMap::new(),
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Insert(key, row) => drop(self.map.insert(key, row)),
            Step::Update(key, row) => drop(self.map.entry(key).and_modify(|old| *old = row)),
            Step::Remove(key) => drop(self.map.remove(&key)),
            Step::Reserve(_) => {}
            Step::Clear => self.map.clear(),
        }
    }

    /// What the dictionary holds: looked up key by key without the lock, and then in place, by which a change
    /// that a dead process has begun is completed or forgotten.
    fn contents(&self, watch: &mut Stopwatch) -> Result<[HashMap<u64, Row>; 2], Error> {
        let before = self.looked_up(watch)?;
        let view = watch.time(|| self.dict.read())?;
        let seen: HashMap<u64, Row> = view.iter().map(|(&key, &row)| (key, row)).collect();
        drop(view);
        watch.time(|| self.dict.verify())?;
        assert_eq!(seen.len(), self.dict.len());
        assert!(
            self.looked_up(watch)? == seen,
            "a key is looked up and not there"
        );
        Ok([before, seen])
    }

    fn looked_up(&self, watch: &mut Stopwatch) -> Result<HashMap<u64, Row>, Error> {
        let mut found = HashMap::new();
        for key in 0..KEYS {
            if let Some(row) = watch.time(|| self.dict.get(&key))? {
                found.insert(key, row);
            }
        }
        Ok(found)
    }

    /// After the death of process `number`: every step that it has made is there, and the next or not. Says
    /// how many rows were compared.
    pub fn check(&mut self, number: u64, watch: &mut Stopwatch) -> Result<u64, String> {
        let note = fs::read(note_of(number)).unwrap_or_default();
        let _ = fs::remove_file(note_of(number));
        let made = note.try_into().map_or(0, u64::from_le_bytes);
        let [before, found] = self.contents(watch).map_err(|error| error.to_string())?;
        let mut next = steps(number);
        let all: Vec<Step> = next.by_ref().take(made as usize).collect();
        all.into_iter().for_each(|step| self.apply(step));
        let without_the_next = self.map.clone();
        if found != self.map {
            next.take(1).for_each(|step| self.apply(step));
        }
        // A change that was begun may be seen only from the repair on.
        let same = found == self.map && (before == found || before == without_the_next);
        // What comes next is compared with what is there.
        self.map = found;
        // A writer that comes now is let in.
        let key = number % KEYS;
        let written = watch.time(|| self.dict.insert(key, &row(number)));
        let old = written.map_err(|error| error.to_string())?;
        let right = old == self.map.insert(key, row(number));
        match same && right {
            true => Ok(self.map.len() as u64),
            false => Err(format!("after step {made} the dictionary is another")),
        }
    }
}
