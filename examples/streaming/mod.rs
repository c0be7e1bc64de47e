//! Lines of text through worker processes, each of which is this program once more: it reads lines from its
//! standard input and writes a line for each to its standard output.
//!
//! Whoever has time gets the next batch; results come in any order.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ScopedJoinHandle};

/// An error that can go from thread to thread.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How many lines go to a worker at a time.
const BATCH: usize = 500;
/// How many batches wait for a worker.
const WAITING: usize = 8;

/// How much memory a process holds, in KiB.
#[derive(Clone, Copy)]
pub struct Memory {
    /// What it has for itself.
    pub private: u64,
    /// What it has in common with others.
    pub common: u64,
}

/// How many rows the variable ROWS asks for; `usual` where it is not set.
pub fn asked(usual: usize) -> Result<usize, String> {
    let Ok(text) = env::var("ROWS") else {
        return Ok(usual);
    };
    let wrong = |_| format!("ROWS is `{text}`; it must be a number");
    text.parse().map_err(wrong)
}

/// Sends `lines` through `count` workers, which are started with `arguments`, and gives each result to `take`.
/// Returns what memory each worker held at its end, where the system says so.
pub fn through_workers(
    count: usize,
    arguments: &[&str],
    lines: impl Iterator<Item = io::Result<String>> + Send,
    mut take: impl FnMut(&str),
) -> Result<Vec<Option<Memory>>, Failure> {
    let start = |_| {
        let mut command = Command::new(env::current_exe()?);
        let command = command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    };
    let mut workers = (0..count).map(start).collect::<io::Result<Vec<Child>>>()?;
    let processes: Vec<u32> = workers.iter().map(Child::id).collect();

    let (batches, waiting) = sync_channel(WAITING);
    let (results, finished) = channel();
    let waiting = Arc::new(Mutex::new(waiting));
    let memory = thread::scope(|scope| {
        let reader = scope.spawn(move || read(lines, |batch| batches.send(batch).is_ok()));
        let (mut feeders, mut collectors) = (Vec::new(), Vec::new());
        for worker in &mut workers {
            let (Some(stdin), Some(stdout)) = (worker.stdin.take(), worker.stdout.take()) else {
                return Err("a worker has no pipes".into());
            };
            let (waiting, results) = (waiting.clone(), results.clone());
            feeders.push(scope.spawn(move || feed(stdin, &waiting)));
            collectors.push(scope.spawn(move || collect(stdout, &results)));
        }
        drop((waiting, results)); // the threads' own tell when they end
        let last = scope.spawn(move || {
            // Pipes stay open until all is sent, so that all workers are there when they are looked at.
            let pipes = feeders.into_iter().map(join).collect::<Vec<_>>();
            let memory: Vec<_> = processes.into_iter().map(memory_of).collect();
            pipes
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
                .map(|_| memory)
        });
        while let Ok(batch) = finished.recv() {
            batch.lines().for_each(&mut take);
        }
        join(reader)?;
        collectors.into_iter().try_for_each(join)?;
        join(last)
    })?;
    workers.into_iter().try_for_each(end)?;
    Ok(memory)
}

/// What a thread ended with.
fn join<T, E: Into<Failure>>(thread: ScopedJoinHandle<'_, Result<T, E>>) -> Result<T, Failure> {
    match thread.join() {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => Err("a thread panicked".into()),
    }
}

/// Cuts lines into batches, until nobody wants them.
fn read(
    lines: impl Iterator<Item = io::Result<String>>,
    mut send: impl FnMut(String) -> bool,
) -> io::Result<()> {
    let mut batch = String::new();
    for (number, line) in lines.enumerate() {
        batch.push_str(&line?);
        batch.push('\n');
        if (number + 1) % BATCH == 0 && !send(std::mem::take(&mut batch)) {
            return Ok(());
        }
    }
    send(batch);
    Ok(())
}

/// Gives a worker one batch after another, until there are no more. Returns the pipe, which is still open.
fn feed(mut stdin: ChildStdin, waiting: &Mutex<Receiver<String>>) -> Result<ChildStdin, Failure> {
    loop {
        let next = waiting.lock().map_err(|_| "a thread panicked")?.recv();
        match next {
            Ok(batch) => stdin.write_all(batch.as_bytes())?,
            Err(_) => return Ok(stdin),
        }
    }
}

/// Passes on what a worker writes, until it ends.
fn collect(stdout: ChildStdout, results: &Sender<String>) -> io::Result<()> {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    loop {
        let mut lines = String::new();
        while lines.len() < 1 << 14 && stdout.read_line(&mut lines)? > 0 {}
        if lines.is_empty() || results.send(lines).is_err() {
            return Ok(());
        }
    }
}

fn end(mut worker: Child) -> Result<(), Failure> {
    let status = worker.wait()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("a worker ended with {status}").into()),
    }
}

/// In a worker: answers each line of the standard input by one on the standard output.
pub fn answer(mut one: impl FnMut(&str, &mut String)) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(1 << 14, io::stdout().lock());
    let mut result = String::new();
    for line in io::stdin().lock().lines() {
        result.clear();
        one(&line?, &mut result);
        result.push('\n');
        output.write_all(result.as_bytes())?;
    }
    output.flush()
}

/// The rows of a table of comma-separated values, without its heading.
pub fn rows(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>> + use<>> {
    Ok(BufReader::new(File::open(path)?).lines().skip(1))
}

/// The first two fields and the text of a row `number,word,"text"`.
pub fn fields(row: &str) -> Option<(&str, &str, &str)> {
    let (number, rest) = row.split_once(',')?;
    let (word, text) = rest.split_once(',')?;
    Some((number, word, text.trim_matches('"')))
}

/// What a process holds, by its `smaps_rollup`; `None` on a system that has none.
pub fn memory_of(process: u32) -> Option<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let sum = |beginning: &str| -> u64 {
        let lines = text.lines().filter(|line| line.starts_with(beginning));
        lines
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .sum()
    };
    // `Private_Hugetlb` and its like are in the sums, too.
    Some(Memory {
        private: sum("Private_"),
        common: sum("Shared_"),
    })
}

/// Prints what the workers hold.
pub fn report(workers: &[Option<Memory>]) {
    for (number, memory) in workers.iter().enumerate() {
        match memory {
            Some(Memory { private, common }) => {
                println!("worker {number}: {private} KiB in private, {common} KiB in common");
            }
            None => println!("worker {number}: this system does not say what it holds"),
        }
    }
}
