//! For how long a handle waits where a pool makes it wait, and what ends the waiting before.

use std::time::Duration;

use super::DynPool;
use crate::cancel::CancelToken;

/// For how long inserts and samples of a handle wait, where its pool's rate limiter, or a full pool from
/// which nothing goes, makes them wait. Without limit, unless it says otherwise.
///
/// ```
/// use std::time::Duration;
/// use millpond::pool::Patience;
/// use millpond::{CancelToken, Error, Pool, PoolOptions};
///
/// let pool = Pool::<u64>::anonymous(PoolOptions::queue(10)?)?;
/// let impatient = pool.with_patience(Patience::new().limit(Duration::from_millis(1)));
/// assert!(matches!(impatient.sample(1, &mut rand::rng()), Err(Error::TimedOut { .. })));
///
/// let stop = CancelToken::new();
/// let stoppable = pool.with_patience(Patience::new().cancel(&stop));
/// stop.cancel(); // from another thread, or at Ctrl-C
/// assert!(matches!(stoppable.sample(1, &mut rand::rng()), Err(Error::Cancelled { .. })));
/// # Ok::<(), millpond::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Patience {
    pub(crate) limit: Option<Duration>,
    pub(crate) cancel: Option<CancelToken>,
}

impl Patience {
    /// Waits without limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for so long at most; then the call fails with [`Error::TimedOut`](crate::Error::TimedOut).
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Waits until the token is cancelled at most; then the call fails with
    /// [`Error::Cancelled`](crate::Error::Cancelled), some 20 ms later at the latest.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
    }
}

impl DynPool {
    /// Another handle on the same pool, and the same participant, that waits as `patience` says.
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self {
            patience,
            ..self.clone()
        }
    }
}
