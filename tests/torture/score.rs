//! What a run has counted: kills, recoveries, pauses of survivors, violations.

use std::fmt;
use std::time::{Duration, Instant};

/// The promise: nobody is stopped for longer by a kill.
pub const PROMISE: Duration = Duration::from_millis(100);

/// The counts of a run.
#[derive(Default)]
pub struct Score {
    pub kills: usize,
    /// Kills after which all who were to go on went on.
    pub recoveries: usize,
    /// The longest operation of a survivor, one for each survivor and kill.
    pub pauses: Vec<Duration>,
    /// The same where nobody was killed, to compare with: what the machine itself costs.
    pub quiet: Vec<Duration>,
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

    /// Adds what another part of the run has counted.
    pub fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.recoveries += other.recoveries;
        self.pauses.extend(other.pauses);
        self.quiet.extend(other.quiet);
        self.violations.extend(other.violations);
    }

    /// The distributions of pauses, in words.
    pub fn distribution(&self) -> String {
        let after = distribution_of(self.pauses.clone());
        let mut text = format!("longest operation of a survivor after a kill: {after}");
        if !self.quiet.is_empty() {
            let quiet = distribution_of(self.quiet.clone());
            text += &format!("\nlongest operation where nobody was killed: {quiet}");
        }
        text
    }

    /// Prints the counts and fails where there are violations: the end of a trial.
    pub fn conclude(self) {
        println!("{}", self.distribution());
        println!("{self}");
        assert!(self.violations.is_empty(), "{:#?}", self.violations);
    }
}

impl fmt::Display for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.pauses.iter().max().copied().unwrap_or_default();
        write!(
            formatter,
            "kills {} recoveries {} longest_pause_ms {:.0} violations {}",
            self.kills,
            self.recoveries,
            (longest.as_secs_f64() * 1e3).ceil(),
            self.violations.len(),
        )
    }
}

fn distribution_of(mut pauses: Vec<Duration>) -> String {
    pauses.sort();
    let Some(last) = pauses.len().checked_sub(1) else {
        return "none".into();
    };
    let at = |share: f64| pauses[(last as f64 * share) as usize];
    let over = pauses.iter().filter(|&&pause| pause > PROMISE).count();
    format!(
        "median {:.1?}, 90 % {:.1?}, 99 % {:.1?}, longest of {} {:.1?}; \
         {over} over the promised {PROMISE:?}",
        at(0.5),
        at(0.9),
        at(0.99),
        pauses.len(),
        pauses[last],
    )
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
