//! Views: other priorities over the same records, with a sampler and limits of their own.

use super::DynPool;
use super::policy::{RateLimiter, Sampler};
use crate::error::{Error, Result};
use crate::pool::layout::link::NO_LINK;
use crate::pool::layout::new_priority::NewPriority;
use crate::pool::layout::shape::{LONGEST_NAME, TableShape};

/// How a pool, or a view of it, weighs and hands out its records.
///
/// The methods of [`PoolOptions`](crate::PoolOptions) with the same names say what they mean.
///
/// ```
/// use millpond::pool::ViewOptions;
/// use millpond::{Pool, PoolOptions, Sampler};
///
/// let views = PoolOptions::new(100).view("replay-once", ViewOptions::new().sampled_at_most(1));
/// let pool = Pool::<u64>::anonymous(views)?;
/// pool.insert_batch(&[7, 8])?;
/// let once = pool.view("replay-once")?;
/// assert_eq!(once.sample_by(Sampler::oldest(), 2, &mut rand::rng())?.len(), 2);
/// assert!(once.sample(1, &mut rand::rng()).is_err());
/// assert_eq!(pool.sample(4, &mut rand::rng())?.len(), 4); // the records are still here
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ViewOptions {
    pub(crate) alpha: f32,
    pub(crate) sampler: Sampler,
    pub(crate) ordered: bool,
    pub(crate) times: u32,
    pub(crate) limiter: Option<RateLimiter>,
}

impl Default for ViewOptions {
    fn default() -> Self {
        Self {
            alpha: 0.6,
            sampler: Sampler::default(),
            ordered: false,
            times: 0,
            limiter: None,
        }
    }
}

impl ViewOptions {
    /// With the defaults of a pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// The power to which priorities are raised.
    pub fn alpha(mut self, alpha: f32) -> Self {
        self.alpha = alpha;
        self
    }

    /// The sampler that [`Pool::sample`](crate::Pool::sample) uses.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// Whether to keep the lowest and the highest priority at hand.
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// How often a record is sampled before it leaves.
    pub fn sampled_at_most(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// When inserting or sampling has to wait for the other.
    pub fn rate_limiter(mut self, limiter: RateLimiter) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Checks the options.
    pub(crate) fn shape(&self, name: &str, capacity: u64) -> Result<TableShape> {
        if !(0.0..=f32::MAX).contains(&self.alpha) {
            let expected = "finite and at least 0".into();
            return Error::invalid("alpha", self.alpha.to_string(), expected);
        }
        if name.len() > LONGEST_NAME || name.contains('\0') {
            let expected = format!("at most {LONGEST_NAME} bytes of text");
            return Error::invalid("the name of a view", format!("{name:?}"), expected);
        }
        if let Some(limiter) = &self.limiter
            && limiter.min_size > capacity
        {
            let expected = format!("at most the pool's capacity, {capacity}");
            let found = limiter.min_size.to_string();
            return Error::invalid(
                "the size from which a rate limiter lets sample",
                found,
                expected,
            );
        }
        Ok(TableShape {
            name: name.into(),
            alpha: self.alpha,
            sampler: self.sampler,
            ordered: self.ordered,
            times: self.times,
            limiter: self.limiter,
        })
    }
}

impl DynPool {
    /// Another handle on the same pool, and the same participant, that samples by the priorities of
    /// one of its views, and updates those; the name `""` gives the pool's own again. Everything else is
    /// as by any handle.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where the pool was created without a view of this name.
    pub fn view(&self, name: &str) -> Result<Self> {
        let tables = &self.inner.parts().tables;
        let names = || tables.iter().map(|table| table.shape.name.as_str());
        let Some(table) = names().position(|found| found == name) else {
            let names: Vec<_> = names().skip(1).map(|name| format!("`{name}`")).collect();
            return Err(Error::InvalidArgument {
                what: "the name of a view",
                found: format!("`{name}`"),
                expected: match names.is_empty() {
                    true => "one that the pool was created with; it has none".into(),
                    false => format!("one of {}", names.join(", ")),
                },
            });
        };
        Ok(Self {
            table,
            ..self.clone()
        })
    }

    /// The names of the pool's views.
    pub fn views(&self) -> impl Iterator<Item = &str> {
        let views = self.inner.parts().tables.iter().skip(1);
        views.map(|table| table.shape.name.as_str())
    }

    /// Inserts a record with a priority for the pool and for each of its views, as
    /// [`Pool::insert_into_views`](crate::Pool::insert_into_views) does. Returns its key.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for bytes that are not one record; else as
    /// [`Pool::insert_into_views`](crate::Pool::insert_into_views).
    pub fn insert_into_views(&self, record: &[u8], priorities: &[Option<f32>]) -> Result<u64> {
        self.check_size("the bytes of a record", record.len(), 1)?;
        let tables = self.inner.parts().tables.len();
        let given = priorities.iter().flatten().count();
        if priorities.len() != tables || given == 0 {
            return Err(Error::InvalidArgument {
                what: "the number of priorities",
                found: format!("{} ({given} not `None`)", priorities.len()),
                expected: format!("{tables}, one for the pool and each view, and not all `None`"),
            });
        }
        for (table, priority) in priorities.iter().enumerate() {
            let shape = &self.inner.parts().tables[table].shape;
            if priority.is_none() && shape.limiter.is_some() {
                return Err(Error::InvalidArgument {
                    what: "the priority for a view with a rate limiter",
                    found: format!("`None` (view `{}`)", shape.name),
                    expected: "a number: the limiter counts every insert".into(),
                });
            }
            let view = Self {
                table,
                ..self.clone()
            };
            view.check_priorities(priority.as_slice())?;
        }
        self.insert_one(record, NewPriority::Each(priorities), NO_LINK)
    }
}
