//! How fast a pool is saved and loaded beside a plain copy of the same bytes, and for how long others wait:
//! `cargo bench -p millpond-benches --bench snapshot`, or with `-- DIRECTORY` at the end on the file system of that directory.
//!
//! The pool has 2^20 records of 1 KiB. Each measure and its baseline take turns, and the ratios are those of
//! neighbouring turns: above 1, millpond is faster. Whatever writes also waits until the disk has it. What
//! the figures mean is in `docs/performance.md`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use millpond::{Pool, PoolOptions};

type Record = [u64; 128];
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const CAPACITY: usize = 1 << 20;
const TURNS: usize = 7;
/// What a plain program writes and reads at once.
const PIECE: usize = 1 << 20;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut words = words.iter().filter(|word| !word.starts_with('-'));
    let parent = words
        .next()
        .map_or(env!("CARGO_TARGET_TMPDIR"), String::as_str);
    let directory = Path::new(parent).join(format!("millpond-bench-{}", std::process::id()));
    fs::create_dir(&directory)?;
    let measured = compare(&directory).and_then(|()| show_locked(&directory));
    fs::remove_dir_all(&directory)?;
    measured
}

fn compare(directory: &Path) -> Outcome<()> {
    let pool = full_pool::<Record>(CAPACITY, |number| [number; 128])?;
    let loaded = full_pool::<Record>(CAPACITY, |number| [number; 128])?;
    let path = |name: &str| directory.join(name);
    let (snapshot, copy) = (path("snapshot"), path("copy"));
    let length = pool.save(&snapshot)?.bytes;
    let mut memory = fs::read(&snapshot)?;
    println!(
        "{} records, {length} bytes, in {}",
        pool.len(),
        directory.display()
    );
    println!("| measure; baseline | millpond | baseline | ratio (quartiles) |");
    println!("|---|--:|--:|--:|");
    let save = || pool.save(&snapshot).map(|_| ()).map_err(Into::into);
    let load = || loaded.load(&snapshot).map(|_| ()).map_err(Into::into);
    show("save; write from memory", length, save, || {
        write(&copy, &memory)
    })?;
    show("save; `std::fs::copy`", length, save, || {
        copy_file(&snapshot, &copy)
    })?;
    show("load; `std::fs::copy`", length, load, || {
        copy_file(&snapshot, &copy)
    })?;
    show("load; read into memory", length, load, || {
        read(&snapshot, &mut memory)
    })?;
    Ok(())
}

fn full_pool<T: millpond::Record>(capacity: usize, record: impl Fn(u64) -> T) -> Outcome<Pool<T>> {
    let pool = Pool::anonymous(PoolOptions::new(capacity).prefault(true))?;
    let mut batch = Vec::new();
    for number in 0..capacity as u64 {
        batch.push(record(number));
        if batch.len() == 64 {
            pool.insert_batch(&batch)?;
            batch.clear();
        }
    }
    pool.insert_batch(&batch)?;
    Ok(pool)
}

/// As careful as a snapshot: whole or not at all, and on the disk.
fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let temporary: PathBuf = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    for piece in bytes.chunks(PIECE) {
        file.write_all(piece)?;
    }
    file.sync_all()?;
    Ok(fs::rename(temporary, path)?)
}

fn copy_file(from: &Path, to: &Path) -> Outcome<()> {
    let temporary = to.with_extension("new");
    fs::copy(from, &temporary)?;
    File::options().write(true).open(&temporary)?.sync_all()?;
    Ok(fs::rename(temporary, to)?)
}

fn read(path: &Path, memory: &mut [u8]) -> Outcome<()> {
    let mut file = File::open(path)?;
    for piece in memory.chunks_mut(PIECE) {
        file.read_exact(piece)?;
    }
    match file.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(io::Error::other("the file is longer than it was").into()),
    }
}

/// Lets both take turns, and prints the medians and the ratio.
fn show(
    name: &str,
    length: u64,
    ours: impl Fn() -> Outcome<()>,
    mut baseline: impl FnMut() -> Outcome<()>,
) -> Outcome<()> {
    let (mut times, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for _ in 0..TURNS {
        let began = Instant::now();
        ours()?;
        let mine = began.elapsed();
        let began = Instant::now();
        baseline()?;
        let theirs = began.elapsed();
        times[0].push(mine);
        times[1].push(theirs);
        ratios.push(theirs.as_secs_f64() / mine.as_secs_f64());
    }
    times.iter_mut().for_each(|times| times.sort());
    ratios.sort_by(f64::total_cmp);
    let rate = |times: &[Duration]| length as f64 / times[TURNS / 2].as_secs_f64() / 1e9;
    println!(
        "| {name} | {:.2} GB/s | {:.2} GB/s | {:.2} ({:.2}–{:.2}) |",
        rate(&times[0]),
        rate(&times[1]),
        ratios[TURNS / 2],
        ratios[TURNS / 4],
        ratios[TURNS - 1 - TURNS / 4]
    );
    Ok(())
}

/// For how long the locks are held: it grows with the slots, whatever the records.
fn show_locked(directory: &Path) -> Outcome<()> {
    for bits in [16, 18, 20, 22, 24] {
        let pool = full_pool::<u64>(1 << bits, |number| number)?;
        let mut locked = Vec::new();
        for _ in 0..TURNS {
            locked.push(pool.save(directory.join("small"))?.locked);
        }
        locked.sort();
        let (median, longest) = (locked[TURNS / 2], locked[TURNS - 1]);
        println!("2^{bits} slots: locks held for {median:.2?}, at most {longest:.2?}");
    }
    Ok(())
}
