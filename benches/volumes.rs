//! What it costs to publish read-only structures, to check them and to open them: `cargo bench -p millpond-benches --bench volumes
//! --features full`; with `-- --large` also structures of more than 2 GiB, for which there should be 12 GiB of
//! memory.
//!
//! Each line is what one call took, the median of several, in a segment directory of the default place. The
//! publication is compared with a plain copy of as many bytes, in the same run.

use std::time::{Duration, Instant};

use millpond::readonly::{Check, OpenOptions};
use millpond::{Archive, Lookup, Result, Trie};

const RUN: &str = "bench-volumes";
/// Calls of what takes microseconds.
const CALLS: usize = 200;

fn main() -> Result<()> {
    let large = std::env::args().any(|word| word == "--large");
    let _ = millpond::unlink_all(RUN);
    println!("{:<52}{:>12}", "", "time");
    archive(5_000_000)?;
    trie(2_000_000)?;
    lookup(5_000_000)?;
    if large {
        archive(60_000_000)?;
        lookup(70_000_000)?;
    }
    millpond::unlink_all(RUN).map(drop)
}

fn say(what: &str, time: Duration) {
    println!("{what:<52}{time:>12.1?}");
}

/// The median time of several calls, and the last result.
fn time<R>(calls: usize, mut call: impl FnMut() -> Result<R>) -> Result<(Duration, R)> {
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..calls {
        drop(last.take());
        let began = Instant::now();
        last = Some(call()?);
        times.push(began.elapsed());
    }
    times.sort();
    Ok((times[calls / 2], last.expect("one call at least")))
}

/// How long a plain copy of so many bytes takes, to memory that was touched before.
fn copy(bytes: usize) -> Result<Duration> {
    let from = vec![1u8; bytes];
    let mut to = vec![2u8; bytes];
    let (time, ()) = time(3, || {
        to.copy_from_slice(std::hint::black_box(&from));
        Ok(())
    })?;
    std::hint::black_box(to);
    Ok(time)
}

/// What every kind is opened by.
macro_rules! openings {
    ($what:expr, $name:expr, $structure:ty) => {{
        let (what, name) = ($what, $name);
        let always = OpenOptions::new().check(Check::Always);
        let (checked, _) = time(3, || <$structure>::open_with(name, &always))?;
        say(&format!("{what}: open and check"), checked);
        let (known, _) = time(CALLS, || <$structure>::open(name))?;
        say(&format!("{what}: open, checked before"), known);
        let unchecked = || {
            // SAFETY: this process has published it, to memory.
            unsafe { <$structure>::open_unchecked(name, &OpenOptions::new()) }
        };
        let (unchecked, mut opened) = time(CALLS, unchecked)?;
        say(&format!("{what}: open, never checked"), unchecked);
        let (refreshed, _) = time(CALLS, || opened.refresh())?;
        say(&format!("{what}: refresh, nothing new"), refreshed);
        let gigabytes = opened.bytes() as f64 / 1e9;
        println!("{:<52}{gigabytes:>9.2} GB", format!("{what}: size"));
    }};
}

/// Strings of 30 bytes, as words with their counts might be.
fn archive(count: usize) -> Result<()> {
    let words: Vec<String> = (0..count)
        .map(|n| format!("the word with the number {n:08}"))
        .collect();
    let what = format!("Archive<Vec<String>>, {} M", count / 1_000_000);
    let name = &*format!("{RUN}/archive-{count}");
    let (published, archive) = time(3, || Archive::publish(name, &words))?;
    drop(words);
    say(&format!("{what}: publish"), published);
    let copied = copy(archive.bytes())?;
    say(&format!("{what}: a plain copy of as much"), copied);
    drop(archive);
    openings!(&what, name, Archive<Vec<String>>);
    millpond::unlink(name)
}

fn trie(count: u64) -> Result<()> {
    let what = format!("Trie, {} M", count / 1_000_000);
    let name = &*format!("{RUN}/trie");
    let pairs = || (0..count).map(|n| (format!("the word with the number {n:08}"), n * n));
    let (published, _) = time(1, || Trie::publish(name, pairs()))?;
    say(&format!("{what}: publish"), published);
    openings!(&what, name, Trie);
    millpond::unlink(name)
}

fn lookup(count: u64) -> Result<()> {
    type Table = Lookup<u64, [f32; 8]>;
    let what = format!("Lookup<u64, [f32; 8]>, {} M", count / 1_000_000);
    let name = &*format!("{RUN}/lookup-{count}");
    let key = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let pairs = || (0..count).map(|n| (key(n), [n as f32; 8]));
    let (published, table) = time(1, || Table::publish(name, pairs()))?;
    say(&format!("{what}: publish"), published);
    for n in (0..count).step_by(99_991) {
        assert_eq!(table.get(&key(n)), Some(&[n as f32; 8]));
    }
    drop(table);
    openings!(&what, name, Table);
    millpond::unlink(name)
}
