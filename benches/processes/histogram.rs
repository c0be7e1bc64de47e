//! How long calls took: counts in buckets that widen with the time, sixteen an octave, so a quantile
//! is right to a sixteenth. Knows nothing of what is measured.

use std::time::Duration;

/// Buckets an octave, as a power of two.
const FINE: u32 = 4;

/// Times by their buckets, and the longest exactly.
#[derive(Clone, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    longest: u64,
}

impl Histogram {
    pub fn add(&mut self, time: Duration) {
        let nanos = time.as_nanos() as u64;
        self.longest = self.longest.max(nanos);
        self.add_to(bucket(nanos), 1);
    }

    fn add_to(&mut self, bucket: usize, count: u64) {
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += count;
    }

    pub fn merge(&mut self, other: &Self) {
        self.longest = self.longest.max(other.longest);
        for (bucket, count) in other.counts.iter().enumerate() {
            self.add_to(bucket, *count);
        }
    }

    /// How many times there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time that this share of all did not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        Duration::from_nanos(found.map_or(0, last_of).min(self.longest))
    }

    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }

    /// The longest time, then the buckets that are not empty: for a line of text.
    pub fn to_text(&self) -> String {
        let filled = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        let buckets = filled.map(|(bucket, count)| format!(" {bucket}:{count}"));
        self.longest.to_string() + &buckets.collect::<String>()
    }

    /// What [`Self::to_text`] gave.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let longest = words.next()?.parse().ok()?;
        let mut histogram = Self {
            counts: Vec::new(),
            longest,
        };
        for word in words {
            let (bucket, count) = word.split_once(':')?;
            histogram.add_to(bucket.parse().ok()?, count.parse().ok()?);
        }
        Some(histogram)
    }
}

/// The five highest bits say where a time belongs.
fn bucket(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(FINE + 1);
    ((shift as usize) << FINE) + (nanos >> shift) as usize
}

/// The longest time of a bucket.
fn last_of(bucket: usize) -> u64 {
    let shift = (bucket >> FINE).saturating_sub(1);
    (((bucket - (shift << FINE)) as u64 + 1) << shift) - 1
}
