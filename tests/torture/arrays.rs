//! Arrays in which processes die at every point: one with a lock, and one with chunks.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use millpond::{ArrayOptions, ChunkedArray, Result, SharedArray};

/// Rounds in which the point must be reached.
const ROUNDS: u32 = 1000;
const LENGTH: usize = 100;
const CHUNK: usize = 7;
const HANG: Duration = Duration::from_secs(20);

pub const LOCKED: &str = "points/locked";
pub const CHUNKED: &str = "points/chunked";

/// Both arrays; all elements of one are alike, but where a writer died.
pub struct Arrays {
    locked: SharedArray<u64>,
    chunked: ChunkedArray<u64>,
    pass: u32,
}

impl Arrays {
    pub fn create() -> Self {
        let options = ArrayOptions::new(LENGTH).chunk_len(CHUNK);
        Self {
            locked: SharedArray::create(LOCKED, options.clone()).unwrap(),
            chunked: ChunkedArray::create(CHUNKED, options).unwrap(),
            pass: 0,
        }
    }

    /// What somebody who died left is said, is put right, and stops nobody. Says how many elements were
    /// compared.
    pub fn check(&mut self) -> std::result::Result<u64, String> {
        self.look().map_err(|error| error.to_string())?;
        // The dead got as far as they got; what comes after is for this process.
        self.pass += 2 * ROUNDS;
        let pass = self.pass;
        let say = |error: millpond::Error| error.to_string();
        let (mut given, mut wrong) = (0, None);
        for mut chunk in self.chunked.split(pass).map_err(say)? {
            given += chunk.len();
            // Before, a chunk is of one pass, or was left half way.
            if !chunk.was_left() && chunk.iter().any(|&element| element != chunk[0]) {
                wrong = Some(chunk.to_vec());
            }
            chunk.fill(u64::from(pass));
        }
        if let Some(elements) = wrong {
            return Err(format!("a chunk is torn, and nobody left it: {elements:?}"));
        }
        let whole = self.chunked.take(0..LENGTH, HANG).map_err(say)?;
        let done = whole.iter().all(|&element| element == u64::from(pass));
        match (given, done) {
            (LENGTH, true) => Ok(2 * LENGTH as u64),
            _ => Err(format!(
                "{given} of {LENGTH} elements were given out in a pass"
            )),
        }
    }

    fn look(&self) -> Result<()> {
        let elements = self.locked.read()?;
        let alike = elements.iter().all(|&element| element == elements[0]);
        assert!(alike || elements.is_damaged(), "torn: {:?}", &*elements);
        drop(elements);
        let mut elements = self.locked.write()?;
        if elements.is_damaged() {
            elements.fill(0);
            elements.repaired();
        }
        drop(elements);
        assert!(!self.locked.read()?.is_damaged());
        Ok(())
    }
}

/// Does everything that is done with arrays, until it dies.
pub fn array() {
    let locked = SharedArray::<u64>::open(LOCKED).unwrap();
    let chunked = ChunkedArray::<u64>::open(CHUNKED).unwrap();
    // Passes that come after those of all who died before.
    let begun = (0..=u32::MAX / ROUNDS).map(|number| number * ROUNDS + 1);
    let is_new = |pass: &u32| chunked.done(*pass).unwrap() == 0;
    let first = begun.into_iter().find(is_new).unwrap();
    for round in 0..ROUNDS / 10 {
        write(&locked, round % 3 == 0);
        drop(locked.read().unwrap());
        for mut chunk in chunked.split(first + round).unwrap() {
            for element in chunk.iter_mut() {
                *element = u64::from(first + round);
            }
        }
        drop(chunked.take(0..LENGTH, HANG).unwrap());
    }
}

/// Raises all elements, having repaired them where that must be; or panics half way.
fn write(locked: &SharedArray<u64>, panic: bool) {
    let write = || {
        let mut elements = locked.write().unwrap();
        if elements.is_damaged() {
            elements.fill(0);
            elements.repaired();
        }
        for (at, element) in elements.iter_mut().enumerate() {
            *element += 1;
            if panic && at == LENGTH / 2 {
                resume_unwind(Box::new("on purpose"));
            }
        }
    };
    assert_eq!(catch_unwind(AssertUnwindSafe(write)).is_err(), panic);
}
