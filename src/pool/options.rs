//! How a new pool is to be. Imports nothing but the shape that it makes.

use super::policy::{RateLimiter, Remover, Sampler};
use super::view::ViewOptions;
use crate::error::{Error, Result};
use crate::pool::layout::lease::BLOCKS;
use crate::pool::layout::shape::{LARGEST_CAPACITY, MOST_TABLES, Shape, TableShape};
use crate::record::Schema;
use crate::segment::{Plan, SharedOptions, shared_options};

/// How a new pool is to be.
///
/// ```
/// use millpond::{Lifetime, PoolOptions};
///
/// let options = PoolOptions::new(100_000)
///     .alpha(0.6)
///     .lifetime(Lifetime::WhileAttached)
///     .prefault(true)
///     .role("trainer");
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct PoolOptions {
    capacity: usize,
    leases: Option<usize>,
    remover: Remover,
    linked: bool,
    own: ViewOptions,
    views: Vec<(String, ViewOptions)>,
    pub(crate) shared: SharedOptions,
}

impl PoolOptions {
    /// A pool for `capacity` records (1 to 2^32 - 2), with the defaults that the other methods name.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            leases: None,
            remover: Remover::default(),
            linked: false,
            own: ViewOptions::default(),
            views: Vec::new(),
            shared: SharedOptions::default(),
        }
    }

    /// A queue: each record is given out once, to one of any number of consumers, the oldest first. One
    /// consumer gets what one producer inserted in its order; of several that race, one may get an older
    /// record after a newer one. [`Pool::insert`](crate::Pool::insert) waits while it is full,
    /// [`Pool::sample`](crate::Pool::sample) while it holds fewer records than asked for.
    ///
    /// A consumer that dies after it got records takes them with it; nobody gets them again.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a capacity of 0.
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let queue = Pool::<u64>::anonymous(PoolOptions::queue(10)?)?;
    /// queue.insert_batch(&[7, 8, 9])?;
    /// assert!(queue.sample(2, &mut rand::rng())?.records().eq(&[7, 8]));
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn queue(capacity: usize) -> Result<Self> {
        let options = Self::new(capacity)
            .remover(Remover::Nothing)
            .sampler(Sampler::oldest())
            .sampled_at_most(1);
        Ok(options.rate_limiter(RateLimiter::queue(capacity as u64)?))
    }

    /// A stack: as a [`queue`](Self::queue), and the record that was inserted last is given out first.
    ///
    /// # Errors
    /// As [`queue`](Self::queue).
    pub fn stack(capacity: usize) -> Result<Self> {
        Ok(Self::queue(capacity)?.sampler(Sampler::newest()))
    }

    /// The power to which priorities are raised: 0 makes all records alike (but those of priority 0,
    /// which are never sampled), 1 samples in proportion to the priorities. Default: 0.6, as in
    /// Schaul et al. 2016 for the proportional variant.
    pub fn alpha(mut self, alpha: f32) -> Self {
        self.own.alpha = alpha;
        self
    }

    /// The sampler that [`Pool::sample`](crate::Pool::sample) uses. Default: [`Sampler::stratified`].
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.own.sampler = sampler;
        self
    }

    /// Which record goes when the pool is full. Default: [`Remover::Oldest`].
    ///
    /// The others look for a slot with every insert, which is slower: see `docs/performance.md`. And
    /// they use about half as many keys for an insert as the pool has slots, so in a pool of `n` the
    /// keys suffice for 2^63 / `n` inserts.
    pub fn remover(mut self, remover: Remover) -> Self {
        self.remover = remover;
        self
    }

    /// How often a record is sampled: after so many times it leaves the pool. 0 is the default, and says
    /// that it is no limit. A record that comes twice in a batch was sampled twice.
    ///
    /// ```
    /// use millpond::{Pool, PoolOptions};
    ///
    /// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).sampled_at_most(2))?;
    /// pool.insert(&7)?;
    /// assert_eq!(pool.sample(1, &mut rand::rng())?.get(0), &7);
    /// assert_eq!(pool.sample(1, &mut rand::rng())?.get(0), &7);
    /// assert!(pool.is_empty());
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn sampled_at_most(mut self, times: u32) -> Self {
        self.own.times = times;
        self
    }

    /// When inserting or sampling has to wait for the other. Default: never.
    pub fn rate_limiter(mut self, limiter: RateLimiter) -> Self {
        self.own.limiter = Some(limiter);
        self
    }

    /// Whether to keep the lowest and the highest priority at hand, for
    /// [`Sampler::highest`], [`Sampler::lowest`] and [`Pool::lowest_priority`](crate::pool::DynPool::lowest_priority).
    /// Takes 0.6 bytes a record, and some time with every insert and update. Default: no.
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.own.ordered = ordered;
        self
    }

    /// Whether each record names the one before it in its episode; see
    /// [`Pool::insert_after`](crate::Pool::insert_after). Takes 8 bytes a record. Default: no.
    pub fn linked(mut self, linked: bool) -> Self {
        self.linked = linked;
        self
    }

    /// Adds a view, at most three: other priorities over the same records, with a sampler and limits of
    /// its own. A record leaves the pool when the remover says so, or when it was sampled as often as it
    /// may be in the pool and all of its views. Each takes about 8.3 bytes a record.
    pub fn view(mut self, name: &str, options: ViewOptions) -> Self {
        self.views.push((name.into(), options));
        self
    }

    /// How many records a handle may hold in batches at once; rounded up to a power of two, and to 64.
    /// Default: four times the capacity, but at least 1024 and at most 4096. Each takes 6 bytes for
    /// every participant.
    pub fn leases(mut self, leases: usize) -> Self {
        self.leases = Some(leases);
        self
    }

    shared_options!();

    /// Checks the options.
    pub(crate) fn shape(&self) -> Result<Shape> {
        let (capacity, leases) = (self.capacity as u64, self.leases.unwrap_or(1) as u64);
        if !(1..=LARGEST_CAPACITY).contains(&capacity) {
            let expected = format!("1 to {LARGEST_CAPACITY}");
            return Error::invalid("the capacity of a pool", capacity.to_string(), expected);
        }
        if leases == 0 || leases > LARGEST_CAPACITY / 64 {
            let expected = format!("1 to {}", LARGEST_CAPACITY / 64);
            return Error::invalid("the number of leases", leases.to_string(), expected);
        }
        let leases = match self.leases {
            Some(leases) => leases as u64,
            None => (4 * capacity).clamp(1024, 4096),
        };
        Ok(Shape {
            capacity,
            leases: leases.next_power_of_two().max(BLOCKS as u64),
            remover: self.remover,
            linked: self.linked,
            tables: self.tables(capacity)?,
        })
    }

    fn tables(&self, capacity: u64) -> Result<Vec<TableShape>> {
        if self.views.len() >= MOST_TABLES {
            let expected = format!("at most {}", MOST_TABLES - 1);
            return Error::invalid(
                "the number of views",
                self.views.len().to_string(),
                expected,
            );
        }
        let mut tables = vec![self.own.shape("", capacity)?];
        for (name, options) in &self.views {
            if tables.iter().any(|table| table.name == *name) {
                let expected = "not empty, and another for each".into();
                return Error::invalid("the name of a view", format!("`{name}`"), expected);
            }
            tables.push(options.shape(name, capacity)?);
        }
        Ok(tables)
    }

    pub(crate) fn plan(&self, schema: &Schema) -> Result<Plan> {
        let shape = self.shape()?;
        let locks = shape.shards().count() + 1;
        let parameters = shape.to_parameters();
        Ok(self.shared.plan(parameters, locks, schema.to_string()))
    }
}
