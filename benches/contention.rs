//! Many processes at one pool: `cargo bench -p millpond-benches --bench contention`, or with `-- --quick` at the end in
//! a quarter of the time.
//!
//! Each worker is a process of this very program that attaches to the pool by name. All start
//! together and work for a fixed time. Shown is what they did together, and how long single calls
//! took, the longest too: whoever waits for the lock, or for a processor, waits inside a call. What
//! the figures mean is in `docs/performance.md`.

use std::error::Error;
use std::time::Duration;

use millpond_benches::processes::crew::{self, Report};
use millpond_benches::processes::worker::Operation::{
    self, InsertChunk, InsertOne, SampleAndGather, Update,
};
use millpond_benches::transitions::full_pool;

const CAPACITY: usize = 1 << 20;
/// Updates for one sample, where a process is to be in the lock as often as it can. The sample gives
/// it keys that are still in the pool.
const UPDATES_IN_A_ROW: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    if crew::play_worker()? {
        return Ok(());
    }
    let quick = std::env::args().any(|argument| argument == "--quick");
    let time = Duration::from_millis(if quick { 500 } else { 2000 });
    let pool = full_pool("replay", CAPACITY)?;
    let name = pool.name().ok_or("a pool without a name")?;
    let run = |roles: &[Vec<Operation>]| crew::run(name, roles, time);

    head("half simulators, half learners; one process does both in turn");
    for processes in [1, 2, 4, 8] {
        let label = format!("{processes} in all");
        let all = Report::together(&run(&mix(processes, InsertChunk))?);
        rows(&label, &all, |_| true);
        let all = Report::together(&run(&mix(processes, InsertOne))?);
        rows(&label, &all, |operation| operation == InsertOne);
    }

    head("4 simulators, 2 learners");
    let mut roles = vec![vec![InsertChunk]; 4];
    roles.resize(6, vec![SampleAndGather, Update]);
    let passed_over = pool.statistics().passed_over;
    let reports = run(&roles)?;
    sides(&[
        ("4 simulators", &reports[..4]),
        ("2 learners", &reports[4..]),
    ]);
    let passed_over = pool.statistics().passed_over - passed_over;
    println!("slots passed over, as they were leased: {passed_over}");

    head("fairness: one updates without a pause, one inserts");
    let mut updates = vec![SampleAndGather];
    updates.resize(1 + UPDATES_IN_A_ROW, Update);
    let updating = run(&[updates.clone()])?;
    let inserting = run(&[vec![InsertOne]])?;
    let both = run(&[updates, vec![InsertOne]])?;
    sides(&[
        ("updates, alone", &updating),
        ("inserts, alone", &inserting),
        ("updates", &both[..1]),
        ("inserts", &both[1..]),
    ]);
    Ok(())
}

/// What each of so many processes does.
fn mix(processes: usize, insert: Operation) -> Vec<Vec<Operation>> {
    if processes == 1 {
        return vec![vec![insert, SampleAndGather, Update]];
    }
    let mut roles = vec![vec![insert]; processes / 2];
    roles.resize(processes, vec![SampleAndGather, Update]);
    roles
}

fn head(title: &str) {
    println!("\n{title}\n");
    row([
        "processes",
        "operation",
        "calls",
        "records",
        "p50",
        "p99",
        "p99.9",
        "longest",
    ]
    .map(String::from));
    row([14, 18, 11, 10, 7, 7, 7, 7].map(|width| "-".repeat(width)));
}

/// The rows of each side, then how often it slept.
fn sides(sides: &[(&str, &[Report])]) {
    let sides: Vec<_> = sides
        .iter()
        .map(|(label, reports)| (label, Report::together(reports)))
        .collect();
    for (label, report) in &sides {
        rows(label, report, |_| true);
    }
    println!();
    for (label, report) in &sides {
        if let Some((slept, preempted)) = report.switches {
            println!("{label}: asleep {slept:.0} times a second, preempted {preempted:.0} times");
        }
    }
}

fn rows(label: &str, report: &Report, wanted: impl Fn(Operation) -> bool) {
    for (operation, rate, times) in &report.operations {
        if wanted(*operation) {
            row([
                label.into(),
                operation.name().into(),
                format!("{rate:.0}/s"),
                format!("{:.3} M/s", rate * operation.records() as f64 / 1e6),
                show(times.quantile(0.5)),
                show(times.quantile(0.99)),
                show(times.quantile(0.999)),
                show(times.longest()),
            ]);
        }
    }
}

fn row([label, operation, calls, records, p50, p99, p999, longest]: [String; 8]) {
    println!(
        "| {label:14} | {operation:18} | {calls:>11} | {records:>10} | {p50:>7} | {p99:>7} | \
         {p999:>7} | {longest:>7} |"
    );
}

/// A time in three digits or so.
fn show(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    match nanos {
        ..1e3 => format!("{nanos:.0} ns"),
        ..1e4 => format!("{:.1} µs", nanos / 1e3),
        ..1e6 => format!("{:.0} µs", nanos / 1e3),
        ..1e7 => format!("{:.1} ms", nanos / 1e6),
        _ => format!("{:.0} ms", nanos / 1e6),
    }
}
