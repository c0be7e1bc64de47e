//! How long operations took: counted in steps of a tenth of a millisecond, so that a long run needs no
//! more memory than a short one; the longest exactly.

use std::fmt;
use std::time::Duration;

use crate::score::PROMISE;

/// The width of a step.
const STEP: Duration = Duration::from_micros(100);
/// What takes more steps is counted with the last one.
const STEPS: usize = 10_000;

/// The distribution of some durations.
pub struct Pauses {
    counts: Vec<u64>,
    over: u64,
    pub longest: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            counts: vec![0; STEPS],
            over: 0,
            longest: Duration::ZERO,
        }
    }
}

impl Pauses {
    pub fn push(&mut self, pause: Duration) {
        let step = (pause.as_nanos() / STEP.as_nanos()) as usize;
        self.counts[step.min(STEPS - 1)] += 1;
        self.over += u64::from(pause > PROMISE);
        self.longest = self.longest.max(pause);
    }

    pub fn add(&mut self, other: Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.over += other.over;
        self.longest = self.longest.max(other.longest);
    }

    fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The end of the step in which this share of all is complete.
    fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let step = self.counts.iter().position(|&count| {
            seen += count;
            seen >= wanted
        });
        let steps = step.map_or(STEPS, |step| step + 1);
        self.longest.min(STEP * steps as u32)
    }
}

impl fmt::Display for Pauses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count();
        if count == 0 {
            return formatter.write_str("none");
        }
        write!(
            formatter,
            "median {:.1?}, 90 % {:.1?}, 99 % {:.1?}, longest of {count} {:.1?}; \
             {} over the promised {PROMISE:?}",
            self.quantile(0.5),
            self.quantile(0.9),
            self.quantile(0.99),
            self.longest,
            self.over,
        )
    }
}
