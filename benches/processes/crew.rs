//! The parent's side: starts workers, fires the gun, collects what they print, and ends them.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use millpond::{Board, BoardOptions, Lifetime};

use super::histogram::Histogram;
use super::worker::{Operation, work};

/// What a worker is told, in its environment.
const ROLE: &str = "MILLPOND_BENCH_ROLE";
const POOL: &str = "MILLPOND_BENCH_POOL";
const GUN: &str = "MILLPOND_BENCH_GUN";
const MILLISECONDS: &str = "MILLPOND_BENCH_MILLISECONDS";

/// What a worker measured, or several of them together.
#[derive(Clone, Default)]
pub struct Report {
    /// Of each operation: its calls a second, and how long they took.
    pub operations: Vec<(Operation, f64, Histogram)>,
    /// How often they went to sleep and were preempted, a second; `None` where the system does not
    /// say.
    pub switches: Option<(f64, f64)>,
}

impl Report {
    /// What one worker printed after it was ready.
    fn parse(text: &str) -> Option<Self> {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let seconds = line("elapsed ")?.parse::<f64>().ok()? / 1e9;
        let switches = line("switches ").and_then(|line| {
            let (slept, preempted) = line.split_once(' ')?;
            slept.parse::<f64>().ok().zip(preempted.parse::<f64>().ok())
        });
        let mut report = Self {
            operations: Vec::new(),
            switches: switches.map(|(slept, preempted)| (slept / seconds, preempted / seconds)),
        };
        for (name, times) in text.lines().filter_map(|line| line.split_once('=')) {
            let times = Histogram::from_text(times)?;
            if times.count() > 0 {
                let rate = times.count() as f64 / seconds;
                let operation = Operation::from_name(name)?;
                report.operations.push((operation, rate, times));
            }
        }
        Some(report)
    }

    /// Several workers as one.
    pub fn together(reports: &[Self]) -> Self {
        let mut all = reports[0].clone();
        for report in &reports[1..] {
            for (operation, rate, times) in &report.operations {
                match all
                    .operations
                    .iter_mut()
                    .find(|known| known.0 == *operation)
                {
                    None => all.operations.push((*operation, *rate, times.clone())),
                    Some((_, all_rates, all_times)) => {
                        *all_rates += rate;
                        all_times.merge(times);
                    }
                }
            }
            let both = all.switches.zip(report.switches);
            all.switches = both.map(|(all, these)| (all.0 + these.0, all.1 + these.1));
        }
        all
    }
}

/// Processes that work. Dropping it ends them.
struct Crew(Vec<Child>);

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            // Fails where it has ended by itself.
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

/// Lets workers loose on a pool, one for each list of operations, and gives their reports in that
/// order.
pub fn run(
    pool: &str,
    roles: &[Vec<Operation>],
    time: Duration,
) -> Result<Vec<Report>, Box<dyn Error>> {
    let gun_name = format!("bench-{}/gun", std::process::id());
    let options = BoardOptions::new(1).lifetime(Lifetime::WhileAttached);
    let gun = Board::<u64>::create(&gun_name, options)?;
    let mut crew = Crew(Vec::new());
    let mut outputs = Vec::new();
    for role in roles {
        let names: Vec<_> = role.iter().map(|operation| operation.name()).collect();
        let mut worker = Command::new(env::current_exe()?)
            .env(ROLE, names.join("+"))
            .env(POOL, pool)
            .env(GUN, &gun_name)
            .env(MILLISECONDS, time.as_millis().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = worker.stdout.take();
        crew.0.push(worker);
        outputs.push(BufReader::new(output.ok_or("no pipe from the worker")?));
    }
    for output in &mut outputs {
        let mut line = String::new();
        output.read_line(&mut line)?;
        if line.trim() != "ready" {
            return Err("a worker did not get ready".into());
        }
    }
    gun.publish(&[1])?;
    outputs.into_iter().map(read_report).collect()
}

fn read_report(mut output: BufReader<ChildStdout>) -> Result<Report, Box<dyn Error>> {
    let mut text = String::new();
    output.read_to_string(&mut text)?;
    Report::parse(&text).ok_or_else(|| format!("a worker printed {text:?}").into())
}

/// Is a worker, if this process was started as one; says whether it was.
pub fn play_worker() -> Result<bool, Box<dyn Error>> {
    let Ok(role) = env::var(ROLE) else {
        return Ok(false);
    };
    let operations: Option<Vec<_>> = role.split('+').map(Operation::from_name).collect();
    let operations = operations.ok_or("an operation that nobody knows")?;
    let time = Duration::from_millis(env::var(MILLISECONDS)?.parse()?);
    work(&env::var(POOL)?, &env::var(GUN)?, &operations, time)?;
    Ok(true)
}
