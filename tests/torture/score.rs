//! What a run has counted: kills, recoveries, records, pauses of survivors, violations.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::footprint::Footprint;
use crate::pauses::Pauses;

/// The promise: nobody is stopped for longer by a kill.
pub const PROMISE: Duration = Duration::from_millis(100);

/// The counts of a run.
#[derive(Default)]
pub struct Score {
    pub kills: usize,
    /// Kills after which all who were to go on went on.
    pub recoveries: usize,
    /// Processes that were stopped from outside.
    pub stops: usize,
    /// Deaths at each fail point.
    pub deaths: BTreeMap<String, usize>,
    /// Records that were compared with what their writers had made, and found right: those that were
    /// noted or looked up after a death, and those that workers sampled.
    pub checked: u64,
    /// The longest operation of a survivor, one for each survivor and kill.
    pub pauses: Pauses,
    /// The same where nobody was killed, to compare with: what the machine itself costs.
    pub quiet: Pauses,
    /// The same where one was stopped, for which others may have waited.
    pub stopped: Pauses,
    /// What workers that live until all are killed had at most when they had begun, and at the end.
    pub survivors: [Option<Footprint>; 2],
    pub violations: Vec<String>,
}

impl Score {
    /// Notes a violation, and says it at once.
    pub fn violation(&mut self, what: String) {
        eprintln!("VIOLATION: {what}");
        self.violations.push(what);
    }

    /// Notes the violation that a check found, if it found one.
    pub fn check(&mut self, context: &str, found: Result<(), String>) {
        if let Err(what) = found {
            self.violation(format!("{context}: {what}"));
        }
    }

    /// Counts the records that a check compared, or notes the violation that it found.
    pub fn check_records(&mut self, context: &str, found: Result<u64, String>) {
        let counted = found.map(|count| self.checked += count);
        self.check(context, counted);
    }

    /// Adds what another part of the run has counted.
    pub fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.recoveries += other.recoveries;
        for (point, deaths) in other.deaths {
            *self.deaths.entry(point).or_default() += deaths;
        }
        self.stops += other.stops;
        self.checked += other.checked;
        self.pauses.add(other.pauses);
        self.quiet.add(other.quiet);
        self.stopped.add(other.stopped);
        for (mine, its) in self.survivors.iter_mut().zip(other.survivors) {
            grow(mine, its);
        }
        self.violations.extend(other.violations);
    }

    /// All but the counts of the last line, in words.
    pub fn details(&self) -> String {
        let mut text = format!("records checked: {}", self.checked);
        if let Some(least) = self.deaths.values().min() {
            let points = self.deaths.len();
            text += &format!("\nevery fail point at least {least} times, of {points}");
        }
        if self.stops > 0 {
            text += &format!("\nstops: {}", self.stops);
        }
        for (when, pauses) in [
            ("of a survivor after a kill", &self.pauses),
            ("where nobody was killed", &self.quiet),
            ("where one was stopped, and waited for", &self.stopped),
        ] {
            if pauses.longest > Duration::ZERO {
                text += &format!("\nlongest operation {when}: {pauses}");
            }
        }
        if let [Some(begin), Some(end)] = &self.survivors {
            text += &format!("\na worker that is spared, at most: {begin}; at its end: {end}");
        }
        text
    }

    /// Prints the counts and fails where there are violations: the end of a trial.
    pub fn conclude(self) {
        println!("{}", self.details());
        println!("{self}");
        assert!(self.violations.is_empty(), "{:#?}", self.violations);
    }
}

impl fmt::Display for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "kills {} recoveries {} longest_pause_ms {:.0} violations {}",
            self.kills,
            self.recoveries,
            (self.pauses.longest.as_secs_f64() * 1e3).ceil(),
            self.violations.len(),
        )
    }
}

/// Makes a footprint the larger of two, so far as they are known.
pub fn grow(most: &mut Option<Footprint>, found: Option<Footprint>) {
    *most = most.map_or(found, |most| {
        Some(found.map_or(most, |found| most.most(found)))
    });
}

/// The longest of several operations.
#[derive(Default)]
pub struct Stopwatch {
    pub longest: Duration,
}

impl Stopwatch {
    /// Times an operation.
    pub fn time<R>(&mut self, operation: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let result = operation();
        self.longest = self.longest.max(began.elapsed());
        result
    }
}
