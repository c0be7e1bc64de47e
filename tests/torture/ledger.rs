//! What a writer was told is in the pool: a file for each writer, which outlives its process. And the
//! comparison of a pool with all ledgers.

use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::iter;
use std::path::PathBuf;

use millpond::{Pool, Record};

use crate::experience::{Experience, UNKNOWN};

/// The writer of the records that the harness itself inserts.
pub const HARNESS: u64 = u64::MAX >> 1;

/// An insertion that returned.
#[derive(Clone, Copy, Debug, Record)]
#[repr(C)]
pub struct Entry {
    pub key: u64,
    pub sequence: u64,
}

/// The end of a ledger that is being written.
pub struct Ledger(File);

fn path_of(writer: u64) -> PathBuf {
    let root = std::env::var_os("MILLPOND_DIR").expect("a directory for segments");
    PathBuf::from(root).with_file_name(format!("ledger-{writer}"))
}

impl Ledger {
    /// Begins the ledger of a writer.
    pub fn new(writer: u64) -> Self {
        Self(File::create(path_of(writer)).expect("a new ledger"))
    }

    /// Notes insertions that returned, in one write, which a death does not undo.
    pub fn note(&mut self, entries: &[Entry]) {
        let bytes = bytemuck::cast_slice(entries);
        self.0.write_all(bytes).expect("a longer ledger");
    }
}

/// The last entries that a writer noted, so many at most, if it is one that noted anything. They are
/// read one by one: a ledger grows for as long as its writer lives.
pub fn read(writer: u64, at_most: u64) -> impl Iterator<Item = Entry> {
    const SIZE: u64 = size_of::<Entry>() as u64;
    let mut file = File::open(path_of(writer)).ok().map(BufReader::new);
    if let Some(file) = &mut file {
        let entries = file.get_ref().metadata().expect("a length").len() / SIZE;
        let start = SeekFrom::Start(entries.saturating_sub(at_most) * SIZE);
        file.seek(start).expect("a place in the ledger");
    }
    iter::from_fn(move || {
        let mut bytes = [0; SIZE as usize];
        file.as_mut()?.read_exact(&mut bytes).ok()?;
        Some(bytemuck::cast(bytes))
    })
}

/// Forgets a writer.
pub fn remove(writer: u64) {
    let _ = fs::remove_file(path_of(writer));
}

/// The record of `key`, if it is there; an error if it is torn, or another's.
fn look_up(pool: &Pool<Experience>, key: u64) -> Result<Option<Experience>, String> {
    let found = pool.get(key).map_err(|error| error.to_string())?;
    let Some(record) = found else {
        return Ok(None);
    };
    match is_whole(&record, key) {
        true => Ok(Some(record)),
        false => Err(format!("the record of key {key} is torn: {record:?}")),
    }
}

/// Whether a record is as its writer made it, and the one of `key`.
pub fn is_whole(record: &Experience, key: u64) -> bool {
    let meant = Experience::new(record.key, record.writer, record.sequence);
    *record == meant && (record.key == UNKNOWN || record.key == key)
}

/// How many of a writer's last entries are looked up while others insert.
const LAST: u64 = 100;

/// Checks what a writer noted last, while others insert: each record is there, or the ring has come
/// round to its slot. Says how many are there.
pub fn check_live(pool: &Pool<Experience>, writer: u64) -> Result<u64, String> {
    let mut found = 0;
    for entry in read(writer, LAST) {
        if is_there(pool, writer, &entry)? {
            found += 1;
        } else {
            let next = insert(pool, 0)?;
            if next <= entry.key + pool.capacity() as u64 {
                return Err(format!("key {} of writer {writer} is lost", entry.key));
            }
        }
    }
    Ok(found)
}

fn is_there(pool: &Pool<Experience>, writer: u64, entry: &Entry) -> Result<bool, String> {
    match look_up(pool, entry.key)? {
        Some(found) if (found.writer, found.sequence) != (writer, entry.sequence) => {
            Err(format!("{entry:?} of writer {writer} became {found:?}"))
        }
        found => Ok(found.is_some()),
    }
}

/// Checks a whole pool to which nobody else is attached: what was noted is there unless the ring has
/// come round, all records are whole, and in a further lap no slot is found leased or claimed.
/// Says how many records it looked up.
pub fn check_alone(pool: &Pool<Experience>, writers: &[u64]) -> Result<u64, String> {
    let say = |error: millpond::Error| error.to_string();
    let capacity = pool.capacity() as u64;
    let present = pool.participants().map_err(say)?;
    if present.len() != 1 {
        return Err(format!("the dead are participants: {present:?}"));
    }
    pool.verify().map_err(say)?;
    let next = insert(pool, 0)?;
    let mut noted = 0;
    for &writer in writers {
        for entry in read(writer, u64::MAX) {
            match is_there(pool, writer, &entry)? {
                true => noted += 1,
                false if entry.key + capacity <= next => {}
                false => return Err(format!("key {} of writer {writer} is lost", entry.key)),
            }
        }
    }
    let mut found = 0;
    for key in next.saturating_sub(3 * capacity)..=next {
        found += u64::from(look_up(pool, key)?.is_some());
    }
    if found > pool.len() as u64 {
        return Err(format!("{found} records are found, {} counted", pool.len()));
    }
    check_lap(pool)?;
    Ok(noted + found)
}

/// Inserts as many records as there are slots: the keys follow each other, and the pool is full.
fn check_lap(pool: &Pool<Experience>) -> Result<(), String> {
    let before = pool.statistics().passed_over;
    let first = insert(pool, 0)?;
    for number in 1..pool.capacity() as u64 {
        let key = insert(pool, number)?;
        if key != first + number {
            return Err(format!("slot of key {} was not free", first + number));
        }
    }
    let after = pool.statistics();
    match after.passed_over == before && after.len == after.capacity {
        true => pool.verify().map_err(|error| error.to_string()),
        false => Err(format!("what the dead held is not free: {after:?}")),
    }
}

/// Inserts a record of the harness's.
pub fn insert(pool: &Pool<Experience>, sequence: u64) -> Result<u64, String> {
    let record = Experience::new(UNKNOWN, HARNESS, sequence);
    pool.insert(&record).map_err(|error| error.to_string())
}
