//! When inserting or sampling has to wait for the other. Computes only.

use std::fmt;

use crate::error::{Error, Result};

/// When inserting has to wait for sampling, or the other way round, as Reverb defines it (Cassirer et
/// al. 2021, "Reverb: a framework for experience replay", section 3.3).
///
/// Let `difference` be the records inserted, times `samples_per_insert`, less the records sampled, all
/// since the pool was created. A sample waits while the pool holds fewer than `min_size` records, or
/// where it would bring the difference below the least; an insert waits where it would bring the
/// difference above the most, unless the pool holds `min_size` records or fewer with it.
///
/// ```
/// use millpond::pool::RateLimiter;
/// use millpond::{Pool, PoolOptions};
///
/// // Learn from each record about 8 times, from the 1000th on, give or take 64 samples.
/// let limiter = RateLimiter::sample_to_insert_ratio(8.0, 1000, 64.0)?;
/// let options = PoolOptions::new(100_000).rate_limiter(limiter);
/// # let _ = options;
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RateLimiter {
    pub(crate) samples_per_insert: f64,
    pub(crate) min_size: u64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl RateLimiter {
    /// Samples wait until the pool holds `size` records; nobody waits otherwise.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a size of 0.
    pub fn min_size(size: u64) -> Result<Self> {
        Self::new(1.0, size, -f64::MAX, f64::MAX)
    }

    /// About `samples_per_insert` samples for each insert, from the `min_size`th on: the difference stays
    /// within `error_buffer` of `samples_per_insert * min_size`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a `min_size` of 0, a ratio that is not above 0, or a buffer that is
    /// less than `max(1, samples_per_insert)`: both sides would wait for each other.
    pub fn sample_to_insert_ratio(
        samples_per_insert: f64,
        min_size: u64,
        error_buffer: f64,
    ) -> Result<Self> {
        let least = samples_per_insert.max(1.0);
        if error_buffer.is_nan() || error_buffer < least {
            return Err(Error::InvalidArgument {
                what: "the error buffer of a rate limiter",
                found: error_buffer.to_string(),
                expected: format!(
                    "at least {least}, the larger of 1 and the samples per insert, or inserts and \
                     samples could wait for each other"
                ),
            });
        }
        let middle = samples_per_insert * min_size as f64;
        Self::new(
            samples_per_insert,
            min_size,
            middle - error_buffer,
            middle + error_buffer,
        )
    }

    /// Inserts wait where `size` records were not sampled yet, samples where there is none. With
    /// [`PoolOptions::queue`](crate::PoolOptions::queue) that is a queue.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a size of 0.
    pub fn queue(size: u64) -> Result<Self> {
        if size == 0 {
            return Err(Error::InvalidArgument {
                what: "the size of a queue",
                found: "0".into(),
                expected: "1 or more".into(),
            });
        }
        Self::new(1.0, 1, 0.0, size as f64)
    }

    /// Any limiter, by the least and the most of the difference.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a `min_size` of 0, a ratio that is not above 0, or limits between
    /// which there is nothing.
    pub fn new(samples_per_insert: f64, min_size: u64, least: f64, most: f64) -> Result<Self> {
        if min_size == 0 {
            let what = "the size from which a rate limiter lets sample";
            return Error::invalid(what, "0".into(), "1 or more".into());
        }
        if !(samples_per_insert > 0.0 && samples_per_insert.is_finite()) {
            let what = "the samples per insert of a rate limiter";
            let found = samples_per_insert.to_string();
            return Error::invalid(what, found, "finite and above 0".into());
        }
        if !(least.is_finite() && most.is_finite() && least <= most) {
            let what = "the limits of a rate limiter";
            let found = format!("{least} to {most}");
            return Error::invalid(what, found, "finite and in order".into());
        }
        Ok(Self {
            samples_per_insert,
            min_size,
            least,
            most,
        })
    }

    /// Whether `count` more records may be sampled from a pool that holds `length`.
    pub(crate) fn may_sample(&self, length: u64, inserted: u64, sampled: u64, count: u64) -> bool {
        length >= self.min_size
            && self.difference(inserted, sampled.saturating_add(count)) >= self.least
    }

    /// How many more records may be inserted into a pool that holds `length`.
    pub(crate) fn room_for_inserts(&self, length: u64, inserted: u64, sampled: u64) -> u64 {
        let by_size = self.min_size.saturating_sub(length);
        let highest = ((self.most + sampled as f64) / self.samples_per_insert).floor();
        // A float that is too large, or below 0, becomes the nearest integer there is.
        let by_difference = (highest as u64).saturating_sub(inserted);
        by_size.max(by_difference)
    }

    /// How many records may be sampled at once, at the very most.
    pub(crate) fn largest_sample(&self) -> f64 {
        let most = self
            .most
            .max(self.samples_per_insert * self.min_size as f64);
        most - self.least
    }

    fn difference(&self, inserted: u64, sampled: u64) -> f64 {
        inserted as f64 * self.samples_per_insert - sampled as f64
    }

    /// As it stands in the header; all zero is none.
    pub(crate) fn to_numbers(self) -> [u64; 4] {
        let bits = f64::to_bits;
        [
            self.min_size,
            bits(self.samples_per_insert),
            bits(self.least),
            bits(self.most),
        ]
    }

    /// What stands in a header.
    pub(crate) fn from_numbers(numbers: [u64; 4]) -> Result<Option<Self>> {
        let [min_size, samples_per_insert, least, most] = numbers;
        if numbers == [0; 4] {
            return Ok(None);
        }
        let number = f64::from_bits;
        Self::new(
            number(samples_per_insert),
            min_size,
            number(least),
            number(most),
        )
        .map(Some)
    }
}

/// In a few words, such as `8 samples per insert from 1000 records on, difference 7936 to 8064`.
impl fmt::Display for RateLimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ratio, size) = (self.samples_per_insert, self.min_size);
        match (self.least, self.most) {
            (f64::MIN, f64::MAX) => write!(formatter, "from {size} records on"),
            (least, most) => write!(
                formatter,
                "{ratio} samples per insert from {size} records on, difference {least} to {most}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl RateLimiter {
        fn may_insert(&self, length: u64, inserted: u64, sampled: u64, count: u64) -> bool {
            self.room_for_inserts(length, inserted, sampled) >= count
        }
    }

    /// By hand: 2 samples an insert, from 3 records on, 4 either way: the difference stays in 2..=10.
    #[test]
    fn a_ratio_is_kept_within_its_buffer() {
        let limiter = RateLimiter::sample_to_insert_ratio(2.0, 3, 4.0).unwrap();
        assert!(!limiter.may_sample(2, 2, 0, 1), "fewer than 3");
        assert!(limiter.may_sample(3, 3, 0, 4), "6 - 4 = 2");
        assert!(!limiter.may_sample(3, 3, 0, 5), "6 - 5 = 1");
        assert!(limiter.may_insert(4, 4, 0, 1), "10 - 0 = 10");
        assert!(!limiter.may_insert(5, 5, 0, 1), "12 - 0 = 12");
        assert!(limiter.may_insert(5, 5, 2, 1), "12 - 2 = 10");
        assert!(
            limiter.may_insert(0, 100, 0, 3),
            "up to the least size at once"
        );
    }

    #[test]
    fn a_queue_lets_in_what_it_has_room_for() {
        let limiter = RateLimiter::queue(2).unwrap();
        assert!(!limiter.may_sample(0, 0, 0, 1));
        assert!(limiter.may_insert(1, 1, 0, 1));
        assert!(!limiter.may_insert(2, 2, 0, 1));
        assert!(limiter.may_sample(2, 2, 0, 2));
        assert!(limiter.may_insert(1, 2, 1, 1));
    }

    #[test]
    fn limits_that_would_stop_both_sides_are_refused() {
        for buffer in [0.0, 0.9, f64::NAN] {
            let limiter = RateLimiter::sample_to_insert_ratio(0.5, 3, buffer);
            assert!(matches!(limiter, Err(Error::InvalidArgument { .. })));
        }
        assert!(RateLimiter::min_size(0).is_err());
        assert!(RateLimiter::queue(0).is_err());
        assert!(RateLimiter::new(f64::NAN, 1, 0.0, 1.0).is_err());
    }

    #[test]
    fn a_limiter_reads_as_it_was_written() {
        let limiter = RateLimiter::sample_to_insert_ratio(0.5, 7, 9.0).unwrap();
        let read = RateLimiter::from_numbers(limiter.to_numbers()).unwrap();
        assert_eq!(read, Some(limiter));
        assert_eq!(RateLimiter::from_numbers([0; 4]).unwrap(), None);
    }
}
