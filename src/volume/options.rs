//! How a volume is published, and how it is opened.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::segment::{self, Attach, Lifetime, Paging, Plan, SharedOptions};
use crate::sync::Owner;

/// How to publish a read-only structure.
///
/// ```
/// use millpond::readonly::PublishOptions;
/// use millpond::Lifetime;
///
/// let options = PublishOptions::new().lifetime(Lifetime::WhileAttached).participants(200);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct PublishOptions {
    shared: SharedOptions,
    memory: usize,
    scratch: Option<PathBuf>,
    unique_keys: bool,
}

impl Default for PublishOptions {
    fn default() -> Self {
        let shared = SharedOptions {
            participants: 256,
            ..SharedOptions::default()
        };
        Self {
            shared,
            memory: crate::sorting::BUDGET,
            scratch: None,
            unique_keys: false,
        }
    }
}

impl PublishOptions {
    /// Until it is unlinked, for 256 participants.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many processes (handles, to be exact) may have it open at once under its name, 1 to 1022. Holds
    /// from the first version on. Default: 256.
    pub fn participants(mut self, participants: usize) -> Self {
        self.shared.participants = participants;
        self
    }

    /// How long the name stays. Holds from the first version on. Default: until it is unlinked.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.shared.lifetime = lifetime;
        self
    }

    /// How much memory building may take, in bytes, where it has to sort; the rest is sorted in temporary
    /// files. Default: 64 MiB.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// The directory for temporary files. Default: that of the system (`std::env::temp_dir`).
    pub fn scratch(mut self, directory: impl Into<PathBuf>) -> Self {
        self.scratch = Some(directory.into());
        self
    }

    /// Whether a key that comes twice is an error, for a [`Lookup`](crate::Lookup) and a `Trie`. Default: no; of the
    /// pairs with the same key the last one counts, as it does where they are inserted into a map.
    ///
    /// ```
    /// use millpond::readonly::{Place, PublishOptions};
    /// use millpond::Lookup;
    ///
    /// let pairs = [("one", 1), ("two", 2), ("one", 11)];
    /// let options = PublishOptions::new();
    /// let lookup = Lookup::<str, u32>::publish_with(Place::Memory, &options, pairs)?;
    /// assert_eq!(lookup.get("one"), Some(&11));
    ///
    /// let refused = Lookup::<str, u32>::publish_with(Place::Memory, &options.unique_keys(true), pairs);
    /// assert!(refused.unwrap_err().to_string().contains("`one`"));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn unique_keys(mut self, unique: bool) -> Self {
        self.unique_keys = unique;
        self
    }

    /// Whether a key that comes twice is an error.
    pub(crate) fn keys_are_unique(&self) -> bool {
        self.unique_keys
    }

    /// How much memory building may take.
    pub(crate) fn memory_budget(&self) -> usize {
        self.memory
    }

    /// Where temporary files go.
    pub(crate) fn scratch_directory(&self) -> PathBuf {
        self.scratch.clone().unwrap_or_else(std::env::temp_dir)
    }

    /// An error where no name can be so.
    pub(super) fn check(&self) -> Result<()> {
        let most = Owner::MAX_ENTRIES - 1;
        match self.shared.participants {
            found if (1..=most).contains(&found) => Ok(()),
            found => Error::invalid(
                "the number of participants",
                found.to_string(),
                format!("1 to {most}"),
            ),
        }
    }

    /// How to attach to the versions that are there already.
    pub(super) fn attach(&self) -> Attach {
        self.shared.attach()
    }

    /// A segment for the versions.
    pub(super) fn plan(&self, schema: &str) -> Plan {
        self.shared.plan([0; segment::PARAMETERS], 1, schema.into())
    }
}

/// When the data of a volume is compared with its checksum, and (an archive's) checked for what it must be to
/// be used in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// By the first who opens the version on this machine; the others see that it was done. Each program (each
    /// executable file, to be exact) does so by itself, as its idea of a type may be another; who publishes has
    /// done so for its own. A plain file has no place to remember it, and is checked by everyone; so is
    /// everything where `MILLPOND_GROUP` lets others write.
    #[default]
    Once,
    /// Each time.
    Always,
}

/// How to open a read-only structure.
///
/// ```
/// use std::time::Duration;
/// use millpond::readonly::OpenOptions;
///
/// let options = OpenOptions::new().wait(Duration::from_secs(10)).random(true);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    pub(super) check: Check,
    pub(super) wait: Duration,
    pub(super) role: String,
    pub(super) paging: Paging,
    /// `None` where the structure decides.
    pub(super) random: Option<bool>,
    pub(super) will_need: bool,
}

impl OpenOptions {
    /// Checked once on a machine, no waiting, the advice that fits the structure.
    pub fn new() -> Self {
        Self::default()
    }

    /// When to check the data. Default: [`Check::Once`].
    pub fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// How long to wait for what is not there yet. Default: not at all.
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// What this process is, for whoever lists the participants; the first 32 bytes are kept.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = role.into();
        self
    }

    /// Whether pages will be read here and there (`madvise`), so that the system need not read ahead what
    /// lies on a disk; begins when the data was checked, which reads all of it in order. Windows takes no such
    /// advice. Default: yes for a [`Lookup`](crate::Lookup) and a `Trie`, no for an `Archive`.
    ///
    /// Say `false` to go through a lookup or a trie from one end to the other, and `true` for an archive that
    /// is larger than memory and of which little is read.
    pub fn random(mut self, random: bool) -> Self {
        self.random = Some(random);
        self
    }

    /// Asks the system to read it ahead, in the background; Linux reads as much of it for this as it reads ahead of the
    /// device anyway. Windows takes no such advice. Default: no; pages come as they are touched.
    pub fn will_need(mut self, will_need: bool) -> Self {
        self.will_need = will_need;
        self
    }

    /// Whether the data is to lie in huge pages (Linux, in memory), for everybody who maps it; see
    /// [`PoolOptions::huge_pages`](crate::PoolOptions::huge_pages). Default: no.
    pub fn huge_pages(mut self, huge_pages: bool) -> Self {
        self.paging.huge = huge_pages;
        self
    }

    /// Whether to enter every page into this process's page table at once, which reads what lies on a disk.
    /// Default: no.
    pub fn prefault(mut self, prefault: bool) -> Self {
        self.paging.prefault = prefault;
        self
    }

    /// How to attach to the versions.
    pub(super) fn attach(&self) -> Attach {
        Attach::new().role(self.role.clone())
    }
}
