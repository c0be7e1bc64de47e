//! How a new pool is to be. Imports nothing but the shape that it makes.

use super::lease::BLOCKS;
use super::parts::{LARGEST_CAPACITY, Shape};
use crate::error::{Error, Result};
use crate::record::{Record, Schema};
use crate::segment::{Lifetime, Paging, Plan};

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
    alpha: f32,
    participants: usize,
    leases: Option<usize>,
    lifetime: Lifetime,
    pub(super) role: String,
    pub(super) paging: Paging,
}

impl PoolOptions {
    /// A pool for `capacity` records (1 to 2^32 - 2), with the defaults that the other methods name.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            alpha: 0.6,
            participants: 64,
            leases: None,
            lifetime: Lifetime::default(),
            role: String::new(),
            paging: Paging::default(),
        }
    }

    /// The power to which priorities are raised: 0 makes all records alike (but those of priority 0,
    /// which are never sampled), 1 samples in proportion to the priorities. Default: 0.6, as in
    /// Schaul et al. 2016 for the proportional variant.
    pub fn alpha(mut self, alpha: f32) -> Self {
        self.alpha = alpha;
        self
    }

    /// How many processes (handles, to be exact) may be attached at once, 1 to 1022. Default: 64.
    /// Each takes 192 bytes and its leases.
    pub fn participants(mut self, participants: usize) -> Self {
        self.participants = participants;
        self
    }

    /// How many records a handle may hold in batches at once; rounded up to a power of two, and to 64.
    /// Default: four times the capacity, but at least 1024 and at most 4096. Each takes 6 bytes for
    /// every participant.
    pub fn leases(mut self, leases: usize) -> Self {
        self.leases = Some(leases);
        self
    }

    /// How long the segment stays. Default: until it is unlinked.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// What this process is, for whoever lists the participants; the first 32 bytes are kept.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    /// Whether the pool is to lie in huge pages (2 MiB on most processors), but for what its end
    /// leaves over. Sampling misses the processor's cache of addresses less often; creating takes
    /// 0.3 to 3 s longer a GiB. Default: no.
    ///
    /// Linux has them from 6.1 on, for pools in memory (tmpfs, such as `/dev/shm`) and pools without
    /// a name. Elsewhere, or where so much memory is not free in pieces that large, creating the
    /// pool fails with [`Error::System`]. Every process that attaches uses them, without asking.
    ///
    /// ```
    /// use millpond::{Error, Pool, PoolOptions};
    ///
    /// match Pool::<u64>::anonymous(PoolOptions::new(200_000).huge_pages(true)) {
    ///     Ok(pool) => assert_eq!(pool.insert(&1)?, 0),
    ///     Err(error @ Error::System { .. }) => println!("{error}"), // says what is missing
    ///     Err(other) => return Err(other),
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn huge_pages(mut self, huge_pages: bool) -> Self {
        self.paging.huge = huge_pages;
        self
    }

    /// Whether to enter every page of the pool into this process's page table at once, so that no
    /// first touch of a page is slow; takes about 0.5 s a GiB. Others that attach ask for themselves
    /// with [`Attach::prefault`](crate::Attach::prefault). Default: no; pages come as they are touched.
    pub fn prefault(mut self, prefault: bool) -> Self {
        self.paging.prefault = prefault;
        self
    }

    /// Checks the options.
    pub(super) fn shape(&self) -> Result<Shape> {
        let invalid = |what, found: String, expected: String| {
            Err(Error::InvalidArgument {
                what,
                found,
                expected,
            })
        };
        let (capacity, leases) = (self.capacity as u64, self.leases.unwrap_or(1) as u64);
        if !(1..=LARGEST_CAPACITY).contains(&capacity) {
            let expected = format!("1 to {LARGEST_CAPACITY}");
            return invalid("the capacity of a pool", capacity.to_string(), expected);
        }
        if !(0.0..=f32::MAX).contains(&self.alpha) {
            let expected = "finite and at least 0".into();
            return invalid("alpha", self.alpha.to_string(), expected);
        }
        if leases == 0 || leases > LARGEST_CAPACITY / 64 {
            let expected = format!("1 to {}", LARGEST_CAPACITY / 64);
            return invalid("the number of leases", leases.to_string(), expected);
        }
        let leases = match self.leases {
            Some(leases) => leases as u64,
            None => (4 * capacity).clamp(1024, 4096),
        };
        Ok(Shape {
            capacity,
            alpha: self.alpha,
            leases: leases.next_power_of_two().max(BLOCKS as u64),
        })
    }

    pub(super) fn plan<T: Record>(&self) -> Result<Plan> {
        let shape = self.shape()?;
        Ok(Plan {
            lifetime: self.lifetime,
            participants: self.participants,
            parameters: shape.to_parameters(),
            locks: shape.shards().count(),
            schema: Schema::of::<T>().to_string(),
            role: self.role.clone(),
            paging: self.paging,
        })
    }
}
