//! The sweep of many processes: each attaches to the pool by name, as in the benchmark `contention`,
//! whose workers these are.

use std::time::Duration;

use crate::Outcome;
use crate::sweep::Kind::{Insert, PlainCopy, PlainGather, SampleAndGather};
use crate::sweep::{Effort, Line, Sweep, Titles};
use millpond_benches::processes::crew::{self, Report};
use millpond_benches::processes::worker::Operation;
use millpond_benches::transitions::full_pool;

const CAPACITY: usize = 1 << 18;

/// One to eight processes at one pool.
pub fn processes(effort: Effort) -> Outcome<Sweep> {
    let titles = Titles {
        title: "Records a second, by the number of processes",
        subtitle: "2^18 records of 704 bytes; all processes together",
        x: "processes",
        y: "million records a second",
    };
    let lines = vec![
        Line::new("insert 64", Insert),
        Line::new("plain memory: copy", PlainCopy),
        Line::new("sample 256, gather", SampleAndGather),
        Line::new("plain memory: gather", PlainGather),
        Line::new("insert, by half of them", Insert).dashed(),
        Line::new("sample, by the others", SampleAndGather).dashed(),
    ];
    let mut sweep = Sweep::begin(titles, lines);
    let pool = full_pool("growth", CAPACITY)?;
    let name = pool.name().ok_or("a pool without a name")?;
    let time = Duration::from_millis(match effort {
        Effort::Quick => 250,
        Effort::Full => 1000,
    });
    let run = |count: usize, operation: Operation| -> Outcome<[Option<f64>; 1]> {
        let reports = crew::run(name, &vec![vec![operation]; count], time)?;
        Ok([rate(&reports, operation)])
    };
    let (inserts, samples) = (Operation::InsertChunk, Operation::SampleAndGather);
    for count in effort.points(&[1, 2, 4, 8]) {
        sweep.point(count as f64, count.to_string());
        sweep.values(run(count, inserts)?);
        sweep.values(run(count, Operation::PlainCopy)?);
        sweep.values(run(count, samples)?);
        sweep.values(run(count, Operation::PlainGather)?);
        if count == 1 {
            sweep.values([None, None]);
            continue;
        }
        let mut roles = vec![vec![inserts]; count / 2];
        roles.resize(count, vec![samples]);
        let reports = crew::run(name, &roles, time)?;
        sweep.values([inserts, samples].map(|operation| rate(&reports, operation)));
    }
    Ok(sweep)
}

/// Million records a second, of all processes.
fn rate(reports: &[Report], wanted: Operation) -> Option<f64> {
    let all = Report::together(reports);
    let mut operations = all.operations.iter();
    let (_, calls, _) = operations.find(|(operation, ..)| *operation == wanted)?;
    Some(calls * wanted.records() as f64 / 1e6)
}
