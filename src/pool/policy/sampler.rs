//! Which records a sample prefers. A value; touches nothing.

use std::fmt;

use crate::tree::Order;

/// Which records a sample prefers, and whether one may come twice.
///
/// A pool has one as its default ([`PoolOptions::sampler`](crate::PoolOptions::sampler)), which
/// [`Pool::sample`](crate::Pool::sample) uses; [`Pool::sample_by`](crate::Pool::sample_by) takes
/// another for one call. Given the same pool and the same generator, a sampler draws the same records.
///
/// ```
/// use millpond::{Pool, PoolOptions, Sampler};
/// use rand::SeedableRng;
///
/// let pool = Pool::<u64>::anonymous(PoolOptions::new(100).sampler(Sampler::oldest()))?;
/// pool.insert_batch(&[7, 8, 9])?;
/// let random = &mut rand::rngs::StdRng::seed_from_u64(1);
/// let batch = pool.sample(2, random)?;
/// assert!(batch.records().eq(&[7, 8]));
/// let batch = pool.sample_by(Sampler::uniform().without_replacement(), 3, random)?;
/// assert_eq!(batch.records().sum::<u64>(), 7 + 8 + 9);
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sampler {
    pub(crate) preference: Preference,
    /// No record twice in a batch.
    pub(crate) distinct: bool,
}

/// What a sampler goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Preference {
    Stratified,
    Independent,
    Uniform,
    Newest,
    Oldest,
    Highest,
    Lowest,
    Ranked,
}

const PREFERENCES: [Preference; 8] = {
    use Preference::*;
    [
        Stratified,
        Independent,
        Uniform,
        Newest,
        Oldest,
        Highest,
        Lowest,
        Ranked,
    ]
};

impl Sampler {
    const fn by(preference: Preference) -> Self {
        Self {
            preference,
            distinct: false,
        }
    }

    /// In proportion to `priority^alpha`, stratified: the sum of all is cut into as many equal parts
    /// as there are records in the batch, and one is drawn from each (Schaul et al. 2016, appendix
    /// B.2.1). The default.
    pub const fn stratified() -> Self {
        Self::by(Preference::Stratified)
    }

    /// In proportion to `priority^alpha`, each draw on its own.
    pub const fn independent() -> Self {
        Self::by(Preference::Independent)
    }

    /// Each record with the same probability, whatever its priority; also those of priority 0.
    pub const fn uniform() -> Self {
        Self::by(Preference::Uniform)
    }

    /// Those inserted last, the last first, whatever their priorities. No record comes twice.
    pub const fn newest() -> Self {
        Self::by(Preference::Newest)
    }

    /// Those inserted first, in their order, whatever their priorities. No record comes twice.
    ///
    /// In a pool with a remover other than [`Remover::Oldest`](crate::pool::Remover::Oldest), this and
    /// [`newest`](Self::newest) look at every slot.
    pub const fn oldest() -> Self {
        Self::by(Preference::Oldest)
    }

    /// Those of the highest priority, the highest first; among equals, any. No record comes twice.
    ///
    /// The pool must have been created with this as its sampler, or with
    /// [`PoolOptions::ordered`](crate::PoolOptions::ordered).
    pub const fn highest() -> Self {
        Self::by(Preference::Highest)
    }

    /// Those of the lowest priority above 0, the lowest first; else as [`highest`](Self::highest).
    pub const fn lowest() -> Self {
        Self::by(Preference::Lowest)
    }

    /// By rank: the record of the highest priority is the first, and record number `r` is drawn with
    /// a probability in proportion to `(1 / r)^alpha`, stratified (Schaul et al. 2016, section 3.3).
    ///
    /// As in the paper, ranks are not kept up to date: each handle sorts the priorities anew once it
    /// has drawn a tenth as many records as the pool holds. That takes 12 bytes of its own memory a
    /// record.
    pub const fn ranked() -> Self {
        Self::by(Preference::Ranked)
    }

    /// No record twice in a batch. The others are drawn as if each that was drawn had been taken away;
    /// [`Batch::probabilities`](crate::pool::DynBatch::probabilities) are still those of a single draw.
    pub const fn without_replacement(mut self) -> Self {
        self.distinct = true;
        self
    }

    /// Whether no record comes twice in a batch.
    pub(crate) fn is_distinct(self) -> bool {
        use Preference::*;
        self.distinct || matches!(self.preference, Newest | Oldest | Highest | Lowest)
    }

    /// The order by which it goes, which a pool keeps only if it was created so.
    pub(crate) fn order(self) -> Option<Order> {
        match self.preference {
            Preference::Highest => Some(Order::HighestPositive),
            Preference::Lowest => Some(Order::LowestPositive),
            _ => None,
        }
    }

    /// As it stands in the header.
    pub(crate) fn to_number(self) -> u64 {
        self.preference as u64 | u64::from(self.distinct) << 8
    }

    /// What stands in a header; `None` where no sampler is written so.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        let preference = *PREFERENCES.get((number & 0xff) as usize)?;
        let distinct = match number >> 8 {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self {
            preference,
            distinct,
        })
    }
}

/// In a few words, such as `uniform without replacement`.
impl fmt::Display for Sampler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Preference::*;
        formatter.write_str(match self.preference {
            Stratified => "stratified",
            Independent => "independent",
            Uniform => "uniform",
            Newest => "newest",
            Oldest => "oldest",
            Highest => "highest",
            Lowest => "lowest",
            Ranked => "ranked",
        })?;
        match self.distinct {
            true => formatter.write_str(" without replacement"),
            false => Ok(()),
        }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::stratified()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampler_reads_as_it_was_written() {
        for preference in PREFERENCES {
            for distinct in [false, true] {
                let sampler = Sampler {
                    preference,
                    distinct,
                };
                assert_eq!(Sampler::from_number(sampler.to_number()), Some(sampler));
            }
        }
        assert_eq!(Sampler::from_number(8), None);
        assert_eq!(Sampler::from_number(512), None);
    }
}
