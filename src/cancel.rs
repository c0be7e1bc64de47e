//! What tells a call that waits or works to stop, from another thread. Imports nothing of this crate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends the waiting of every handle that was given a clone of it, in this process.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// One that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels, for good.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
