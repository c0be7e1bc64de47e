//! What the options of every structure have in common: how its segment is to be.
//!
//! A structure's options hold a [`SharedOptions`] and get its methods by `shared_options!`. Computes only.

use super::paging::Paging;
use super::root_lock::LockWait;
use super::structure::Plan;
use super::{Attach, Lifetime, PARAMETERS};

/// How the segment of a new structure is to be.
#[derive(Clone, Debug)]
pub(crate) struct SharedOptions {
    pub(crate) participants: usize,
    pub(crate) lifetime: Lifetime,
    pub(crate) role: String,
    pub(crate) paging: Paging,
}

impl Default for SharedOptions {
    fn default() -> Self {
        Self {
            participants: 64,
            lifetime: Lifetime::default(),
            role: String::new(),
            paging: Paging::default(),
        }
    }
}

impl SharedOptions {
    /// How to attach where the segment is there already.
    pub(crate) fn attach(&self) -> Attach {
        Attach {
            paging: self.paging,
            ..Attach::new().role(self.role.clone())
        }
    }

    /// A new segment for a structure that computes its layout from `parameters`.
    pub(crate) fn plan(&self, parameters: [u64; PARAMETERS], locks: usize, schema: String) -> Plan {
        Plan {
            lifetime: self.lifetime,
            participants: self.participants,
            parameters,
            locks,
            schema,
            role: self.role.clone(),
            paging: self.paging,
            wait: LockWait::Patience,
        }
    }
}

/// Methods for the options of a structure; for an `impl` of a struct with a [`SharedOptions`] that is
/// called `shared`.
macro_rules! shared_options {
    () => {
        /// How many processes (handles, to be exact) may be attached at once, 1 to 1022. Default: 64.
        pub fn participants(mut self, participants: usize) -> Self {
            self.shared.participants = participants;
            self
        }

        /// How long the segment stays. Default: until it is unlinked.
        pub fn lifetime(mut self, lifetime: crate::segment::Lifetime) -> Self {
            self.shared.lifetime = lifetime;
            self
        }

        /// What this process is, for whoever lists the participants; the first 32 bytes are kept.
        pub fn role(mut self, role: impl Into<String>) -> Self {
            self.shared.role = role.into();
            self
        }

        /// Whether the segment is to lie in huge pages (2 MiB on most processors), but for what its end
        /// leaves over. Random access misses the processor's cache of addresses less often; creating
        /// takes 0.3 to 3 s longer a GiB. Default: no.
        ///
        /// Linux has them from 6.1 on, for segments in memory (tmpfs, such as `/dev/shm`) and those
        /// without a name. Elsewhere, or where so much memory is not free in pieces that large, creating
        /// fails with [`Error::System`](crate::Error::System). Every process that attaches uses them,
        /// without asking.
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
            self.shared.paging.huge = huge_pages;
            self
        }

        /// Whether to enter every page of the segment into this process's page table at once, so that no
        /// first touch of a page is slow; takes about 0.5 s a GiB. Others that attach ask for themselves
        /// with [`Attach::prefault`](crate::Attach::prefault). Default: no; pages come as they are
        /// touched.
        pub fn prefault(mut self, prefault: bool) -> Self {
            self.shared.paging.prefault = prefault;
            self
        }
    };
}

pub(crate) use shared_options;
