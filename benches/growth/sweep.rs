//! A sweep: what was measured at each of its points, printed as a table while it grows, and kept for
//! its picture. Knows nothing of what is measured.

use std::io::Write;
use std::time::Duration;

/// How much time a run takes.
#[derive(Clone, Copy, PartialEq)]
pub enum Effort {
    /// Fewer points, and less time for each.
    Quick,
    Full,
}

impl Effort {
    /// For how long sides are measured in turns.
    pub fn turns(self) -> Duration {
        Duration::from_millis(match self {
            Self::Quick => 250,
            Self::Full => 900,
        })
    }

    /// All points of a sweep, or every second one.
    pub fn points<T: Copy>(self, all: &[T]) -> Vec<T> {
        let step = match self {
            Self::Quick => 2,
            Self::Full => 1,
        };
        all.iter().copied().step_by(step).collect()
    }
}

/// What a line shows, and so its colour, which is the same in all pictures.
#[derive(Clone, Copy)]
pub enum Kind {
    InsertOne,
    Insert,
    Sample,
    SampleAndGather,
    Update,
    PlainCopy,
    PlainGather,
}

/// One thing that was measured at each point.
pub struct Line {
    pub name: &'static str,
    pub kind: Kind,
    /// A second line of the same kind.
    pub dashed: bool,
    /// Where, and how much, for the points that were run.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    pub fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            dashed: false,
            points: Vec::new(),
        }
    }

    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }
}

/// What a sweep and its picture are called.
#[derive(Clone, Copy)]
pub struct Titles {
    pub title: &'static str,
    pub subtitle: &'static str,
    pub x: &'static str,
    pub y: &'static str,
}

/// The widths of the table's first column and of the others, at least.
const FIRST: usize = 13;
const OTHERS: usize = 9;

pub struct Sweep {
    pub titles: Titles,
    pub lines: Vec<Line>,
    /// Of each point: where it is, and what is written there.
    pub places: Vec<(f64, String)>,
    /// How many values the last point has.
    filled: usize,
}

impl Sweep {
    /// Prints the head of the table.
    pub fn begin(titles: Titles, lines: Vec<Line>) -> Self {
        println!("\n{}\n{}; {}\n", titles.title, titles.subtitle, titles.y);
        print!("| {:>FIRST$} |", "");
        for line in &lines {
            print!(" {:>OTHERS$} |", line.name);
        }
        print!("\n| {} |", "-".repeat(FIRST));
        for line in &lines {
            print!(" {} |", "-".repeat(line.name.chars().count().max(OTHERS)));
        }
        println!();
        Self {
            titles,
            lines,
            places: Vec::new(),
            filled: 0,
        }
    }

    /// Begins a row.
    pub fn point(&mut self, at: f64, label: String) {
        print!("| {label:>FIRST$} |");
        self.places.push((at, label));
        self.filled = 0;
        flush();
    }

    /// The next values of the row, in the order of the lines; `None` for what this point has not.
    pub fn values(&mut self, values: impl IntoIterator<Item = Option<f64>>) {
        let (at, _) = self.places.last().expect("a point was begun");
        for value in values {
            let line = &mut self.lines[self.filled];
            self.filled += 1;
            let width = line.name.chars().count().max(OTHERS);
            print!(
                " {:>width$} |",
                value.map_or(String::new(), in_three_digits)
            );
            line.points.extend(value.map(|value| (*at, value)));
        }
        if self.filled == self.lines.len() {
            println!();
        }
        flush();
    }

    /// Ends the row of a point that could not be run.
    pub fn not_run(&mut self, reason: impl std::fmt::Display) {
        println!(" not run: {reason}");
        self.places.pop();
    }
}

fn in_three_digits(value: f64) -> String {
    match value {
        ..1.0 => format!("{value:.3}"),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// The table is for people, who have gone if this fails.
fn flush() {
    let _ = std::io::stdout().flush();
}
