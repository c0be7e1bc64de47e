//! Two sides measured in turns, and the table of what came out.
//!
//! On a machine that others use, a figure means nothing by itself. So both sides of a comparison run
//! in short turns, A B A B …, and what is shown is the median of the ratios of neighbouring turns.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

/// How long a turn of one side takes, about: shorter than what the system gives a process in one go.
const TURN: Duration = Duration::from_micros(1500);
/// How long a comparison takes.
const COMPARISON: Duration = Duration::from_millis(1500);

/// How the speed of a side is shown.
#[derive(Clone, Copy)]
pub enum Unit {
    /// Records a second, with so many records a call.
    Records(usize),
    /// The time of one call.
    Time,
}

impl Unit {
    pub fn show(self, seconds: f64) -> String {
        match self {
            Self::Records(count) => format!("{:.2} M/s", count as f64 / seconds / 1e6),
            Self::Time if seconds < 1e-6 => format!("{:.1} ns", seconds * 1e9),
            Self::Time if seconds < 1e-2 => format!("{:.2} µs", seconds * 1e6),
            Self::Time => format!("{:.2} ms", seconds * 1e3),
        }
    }
}

/// Prints a comparison at a time, so that a long run shows what it has.
pub struct Table {
    /// Measures whose names contain this are made.
    filter: String,
    /// Whether to make those that take many gibibytes, too.
    large: bool,
}

impl Table {
    /// Prints the head. The first argument of the program that is not an option filters measures;
    /// `--large` asks for the large ones.
    pub fn begin() -> Self {
        let mut arguments = std::env::args().skip(1);
        let large = std::env::args().any(|argument| argument == "--large");
        let filter = arguments.find(|argument| !argument.starts_with('-'));
        row([
            "measure",
            "millpond",
            "baseline",
            "ratio (quartiles)",
            "target",
        ]
        .map(String::from));
        row([46, 12, 12, 20, 8].map(|width| "-".repeat(width)));
        Self {
            filter: filter.unwrap_or_default(),
            large,
        }
    }

    /// Whether the measures that take many gibibytes are to be made.
    pub fn is_large(&self) -> bool {
        self.large
    }

    /// Whether a measure is to be made.
    pub fn wants(&self, measure: &str) -> bool {
        measure.contains(&self.filter)
    }

    /// Shows what was measured otherwise, if it is wanted.
    pub fn show(&self, measure: &str, ours: String, theirs: String) {
        if self.wants(measure) {
            row([measure.into(), ours, theirs, String::new(), String::new()]);
        }
    }

    /// Measures both sides in turns. The ratio is `ours` over `theirs` in speed: above 1 is faster
    /// than the baseline.
    pub fn compare<A, B, O: FnMut() -> A, T: FnMut() -> B>(
        &self,
        measure: &str,
        unit: Unit,
        target: &str,
        ours: O,
        theirs: T,
    ) {
        if !self.wants(measure) {
            return;
        }
        let sides: [fn(&mut (O, T)); 2] = [
            |(ours, _)| drop(black_box(ours())),
            |(_, theirs)| drop(black_box(theirs())),
        ];
        let [mut our_times, mut their_times] = in_turns(&mut (ours, theirs), sides, COMPARISON);
        let both = our_times.iter().zip(&their_times);
        let mut ratios: Vec<_> = both.map(|(ours, theirs)| theirs / ours).collect();
        let [low, ratio, high] = [0.25, 0.5, 0.75].map(|share| quantile(&mut ratios, share));
        row([
            measure.into(),
            unit.show(quantile(&mut our_times, 0.5)),
            unit.show(quantile(&mut their_times, 0.5)),
            format!("{ratio:.2} ({low:.2}–{high:.2})"),
            target.into(),
        ]);
    }
}

fn row([measure, ours, theirs, ratio, target]: [String; 5]) {
    println!("| {measure:46} | {ours:>12} | {theirs:>12} | {ratio:>20} | {target:>8} |");
    // The table is for people, who have gone if this fails.
    let _ = std::io::stdout().flush();
}

/// Measures sides in turns, A B C A B C …, for so long at least. Gives the seconds a call took in
/// each of its turns, of each side.
pub fn in_turns<S, const SIDES: usize>(
    state: &mut S,
    sides: [fn(&mut S); SIDES],
    time: Duration,
) -> [Vec<f64>; SIDES] {
    let calls = sides.map(|side| calls_a_turn(side, state));
    let mut times = [(); SIDES].map(|()| Vec::new());
    let began = Instant::now();
    while began.elapsed() < time || times[0].len() < 15 {
        for ((side, calls), times) in sides.into_iter().zip(calls).zip(&mut times) {
            times.push(seconds_a_call(side, state, calls));
        }
    }
    times
}

/// How many calls fill a turn; also warms up.
fn calls_a_turn<S>(side: fn(&mut S), state: &mut S) -> usize {
    let mut calls = 1;
    loop {
        let time = seconds_a_call(side, state, calls) * calls as f64;
        let wanted = TURN.as_secs_f64();
        if time >= wanted / 2.0 {
            return ((calls as f64 * wanted / time).round() as usize).max(1);
        }
        calls *= 2;
    }
}

fn seconds_a_call<S>(side: fn(&mut S), state: &mut S, calls: usize) -> f64 {
    let began = Instant::now();
    for _ in 0..calls {
        side(state);
    }
    began.elapsed().as_secs_f64() / calls as f64
}

/// The value that this share of all does not exceed. Sorts them.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}
