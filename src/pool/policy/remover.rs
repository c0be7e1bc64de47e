//! Which record goes when the pool is full. A value; touches nothing.

use std::fmt;

use crate::tree::Order;

/// Which record goes when a new one finds the pool full.
///
/// Whatever it is, a record that a batch holds stays until the batch is dropped, and another goes.
///
/// ```
/// use millpond::pool::Remover;
/// use millpond::{Pool, PoolOptions};
///
/// let options = PoolOptions::new(2).alpha(1.0).remover(Remover::Lowest);
/// let pool = Pool::<u64>::anonymous(options)?;
/// let keys = pool.insert_batch_with_priorities(&[7, 8, 9], &[2.0, 1.0, 3.0])?;
/// assert_eq!(pool.get(keys[1])?, None); // 8 went
/// assert_eq!(pool.get(keys[0])?, Some(7));
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Remover {
    /// The oldest: the pool is a ring, and holds its last `capacity` records but for those that were
    /// removed otherwise. A place that becomes free is filled when the ring comes to it.
    #[default]
    Oldest,
    /// That of the lowest priority, and among equals roughly the oldest.
    Lowest,
    /// That of the highest priority, and among equals roughly the oldest.
    Highest,
    /// Any, each with the same probability.
    Uniform,
    /// None: an insert waits until one was removed, or sampled as often as it may be.
    Nothing,
}

impl Remover {
    /// What stands in a header; `None` where no remover is written so.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        let all = [
            Self::Oldest,
            Self::Lowest,
            Self::Highest,
            Self::Uniform,
            Self::Nothing,
        ];
        all.get(usize::try_from(number).ok()?).copied()
    }

    /// Whether new records go to the slots in turn, however full the pool is.
    pub(crate) fn follows_the_ring(self) -> bool {
        matches!(self, Self::Oldest | Self::Nothing)
    }

    /// The order in which it goes through the records, if it is one of priorities.
    pub(crate) fn order(self) -> Option<Order> {
        match self {
            Self::Oldest | Self::Uniform | Self::Nothing => None,
            Self::Lowest => Some(Order::Lowest),
            Self::Highest => Some(Order::Highest),
        }
    }
}

/// In one word, such as `oldest`.
impl fmt::Display for Remover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Oldest => "oldest",
            Self::Lowest => "lowest",
            Self::Highest => "highest",
            Self::Uniform => "uniform",
            Self::Nothing => "nothing",
        })
    }
}
