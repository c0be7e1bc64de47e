//! Eight dictionaries that four processes fill in turn. In each round a worker has two of them to itself,
//! changes them, and gives them back; in the next round another goes on with them. They begin small and grow
//! meanwhile. At the end the parent compares every row with a plain map.
//!
//!     cargo run --release --example array_dict

use std::collections::HashMap;
use std::env::{args, current_exe};
use std::error::Error;
use std::io::{BufRead, BufReader, Lines, Write, stdin};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use millpond::{ArrayDict, DictOptions, Lifetime};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

type Row = [f32; 8];
type Dict = ArrayDict<u64, Row>;
type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const DICTIONARIES: usize = 8;
const WORKERS: usize = 4;
const ROUNDS: usize = 16;
/// Keys that come to a dictionary in a round. As many are changed, and a quarter as many go.
const KEYS: u64 = 30_000;
const CHANGES: u64 = DICTIONARIES as u64 * ROUNDS as u64 * KEYS * 9 / 4;

/// What is done to a dictionary in a round: a new key, one whose row changes, and perhaps one that goes.
fn steps(dictionary: usize, round: usize) -> impl Iterator<Item = (u64, u64, Option<u64>)> {
    let mut random = StdRng::seed_from_u64((dictionary * ROUNDS + round) as u64);
    let first = round as u64 * KEYS;
    (first..first + KEYS).map(move |number| {
        let key = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut any = || key(random.random_range(0..=number));
        (key(number), any(), (number % 4 == 0).then(any))
    })
}

/// The row of a new key.
fn row(key: u64) -> Row {
    [(key >> 48) as f32; 8]
}

/// A worker: in each round has some dictionaries to itself; says how many nanoseconds it took to get each.
fn work(run: &str, worker: usize) -> Result<()> {
    let dicts = (0..DICTIONARIES).map(|number| Dict::open(&format!("{run}/{number}")));
    let dicts = dicts.collect::<Result<Vec<_>, _>>()?;
    for line in stdin().lines() {
        let round: usize = line?.parse()?;
        for dictionary in (0..DICTIONARIES).filter(|number| (number + round) % WORKERS == worker) {
            let began = Instant::now();
            let mut checkout = dicts[dictionary].checkout()?;
            let waited = began.elapsed();
            for (new, changed, gone) in steps(dictionary, round) {
                checkout.insert(new, &row(new))?;
                checkout.update(&changed, |row| row[0] += 0.5)?;
                gone.map_or(Ok(None), |gone| checkout.remove(&gone))?;
            }
            drop(checkout);
            println!("{}", waited.as_nanos());
        }
    }
    Ok(())
}

/// Compares a dictionary with a map to which the same was done; says how many keys it has.
fn compare(number: usize, dict: &Dict) -> Result<usize> {
    let mut map = HashMap::new();
    for (new, changed, gone) in (0..ROUNDS).flat_map(|round| steps(number, round)) {
        map.insert(new, row(new));
        map.entry(changed).and_modify(|row: &mut Row| row[0] += 0.5);
        gone.map(|gone| map.remove(&gone));
    }
    dict.verify()?;
    let view = dict.read()?;
    let same = view.len() == map.len() && view.iter().all(|(key, row)| map.get(key) == Some(row));
    assert!(same, "dictionary {number} is not as the map");
    Ok(map.len())
}

/// The orders and the words of a worker, and the worker.
type Worker = (ChildStdin, Lines<BufReader<ChildStdout>>, Child);

fn start(run: &str, worker: usize) -> Result<Worker> {
    let mut command = Command::new(current_exe()?);
    command
        .args([run, &worker.to_string()])
        .stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let says = BufReader::new(child.stdout.take().ok_or("a pipe")?).lines();
    Ok((child.stdin.take().ok_or("a pipe")?, says, child))
}

fn main() -> Result<()> {
    if let (Some(run), Some(worker)) = (args().nth(1), args().nth(2)) {
        return work(&run, worker.parse()?);
    }
    let run = format!("array-dict-{}", std::process::id());
    let options = DictOptions::new(1000).lifetime(Lifetime::WhileAttached);
    let create = |number| Dict::create(&format!("{run}/{number}"), options.clone());
    let dicts = (0..DICTIONARIES).map(create);
    let dicts = dicts.collect::<Result<Vec<_>, _>>()?;
    let room = dicts[0].capacity()?;
    println!("{DICTIONARIES} dictionaries with room for {room} rows each, {WORKERS} processes");
    let workers = (0..WORKERS).map(|worker| start(&run, worker));
    let mut workers = workers.collect::<Result<Vec<_>>>()?;

    let bar = |what, count| {
        let style = "{msg:>8} {bar:40} {pos:>2} of {len}, {elapsed}";
        let style = ProgressStyle::with_template(style).expect("a style");
        let bar = ProgressBar::new(count as u64).with_style(style);
        bar.with_message(what)
    };
    let (began, mut waits, rounds) = (Instant::now(), Vec::new(), bar("rounds", ROUNDS));
    for round in 0..ROUNDS {
        for (orders, ..) in &mut workers {
            writeln!(orders, "{round}")?;
        }
        for turn in 0..DICTIONARIES {
            let (_, says, _) = &mut workers[turn % WORKERS];
            let nanoseconds = says.next().ok_or("a worker that ended")??;
            waits.push(Duration::from_nanos(nanoseconds.parse()?));
        }
        rounds.inc(1);
    }
    rounds.finish();
    let took = began.elapsed().as_secs_f64();

    let (mut rows, compared) = (0, bar("compared", DICTIONARIES));
    for (number, dict) in dicts.iter().enumerate() {
        rows += compare(number, dict)?;
        compared.inc(1);
    }
    compared.finish();
    let listed = millpond::list(Some(&run))?;
    let bytes = listed.iter().map(|listed| listed.bytes).sum::<u64>() >> 20;

    waits.sort();
    let [median, longest] = [waits.len() / 2, waits.len() - 1].map(|at| waits[at]);
    let (rate, grown) = (CHANGES as f64 / took / 1e6, dicts[0].capacity()?);
    println!("{CHANGES} changes in {took:.1} s, growth included: {rate:.1} million a second");
    println!("{rows} rows of 32 bytes in {bytes} MiB; each dictionary grew to room for {grown}");
    println!("one passes to another process in {median:.1?}, at most {longest:.1?}");
    println!("every row is as in a plain map");
    workers.into_iter().try_for_each(|(orders, _, mut child)| {
        drop(orders); // there are no more
        child.wait().map(drop)
    })?;
    Ok(())
}
