//! The lock of the root directory: taking it within a limit, and finding out which process has it.
//!
//! A process that changes a name, or relies on one for longer than a moment, holds this lock for some
//! microseconds; the system drops it with the process. It is a lock on the first bytes of the file `.lock`:
//! as many as the holder's process id says, and one more. So any two holders exclude each other, and a process
//! that waited in vain reads the other one's id off the end of the range, without anything that could be out
//! of date. The id is shown to people and never believed.

use std::process;
use std::thread;
use std::time::{Duration, Instant};

use super::root::Root;
use crate::error::{Error, Result};
use crate::os::ByteLocks;

/// How long an operation without a limit of its own waits. A holder that runs gives the lock back after some
/// microseconds, so one that has it for as long is stopped, or has no processor.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause after the first attempt; it doubles after each.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// For how long to wait for the lock of the root directory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum LockWait {
    /// As long as a holder that runs may need.
    #[default]
    Patience,
    /// Until then: the end of a limit that the caller gave.
    Until(Instant),
    /// Not at all.
    Never,
}

impl LockWait {
    /// Until `limit` has passed, from now on.
    pub(crate) fn within(limit: Duration) -> Self {
        /// Longer than any process lives.
        const ENDLESS: Duration = Duration::from_secs(1 << 30);
        Self::Until(Instant::now() + limit.min(ENDLESS))
    }

    /// What is left of it.
    fn left(self) -> Duration {
        match self {
            Self::Patience => PATIENCE,
            Self::Until(end) => end.saturating_duration_since(Instant::now()),
            Self::Never => Duration::ZERO,
        }
    }
}

/// The root directory while names in it hold still.
pub(crate) struct LockedRoot<'a> {
    pub(super) root: &'a Root,
    pub(super) lock: ByteLocks,
}

impl Drop for LockedRoot<'_> {
    fn drop(&mut self) {
        let _ = self.lock.unlock(0, own_bytes());
    }
}

impl<'a> LockedRoot<'a> {
    /// Locks the root directory by `lock`, which is on its `.lock`. An error where another process has it for
    /// longer than `wait` allows.
    pub(super) fn take(root: &'a Root, lock: ByteLocks, wait: LockWait) -> Result<Self> {
        let (began, limit) = (Instant::now(), wait.left());
        let mut pause = FIRST_PAUSE;
        loop {
            let locked = lock.try_lock(0, own_bytes());
            if locked.map_err(Error::system("lock", root.lock_path()))? {
                return Ok(Self { root, lock });
            }
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(Error::DirectoryLocked {
                    path: root.lock_path(),
                    process: holder(&lock),
                    waited: limit,
                });
            }
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// How many bytes this process locks.
fn own_bytes() -> u64 {
    1 + u64::from(process::id())
}

/// The process that has the lock; `None` where it has just given it back.
fn holder(lock: &ByteLocks) -> Option<u32> {
    let is_locked = |byte| lock.is_locked_elsewhere(byte, 1).unwrap_or(false);
    // The last byte of the range: `locked` is in it, and `free` is not.
    let (mut locked, mut free) = (0, 1 << 32);
    while free - locked > 1 {
        let middle = locked + (free - locked) / 2;
        match is_locked(middle) {
            true => locked = middle,
            false => free = middle,
        }
    }
    // It may have been given back meanwhile, and taken by another process.
    let is_still_so = locked > 0 && is_locked(locked) && !is_locked(free);
    is_still_so.then_some(locked as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os;

    #[test]
    fn the_range_that_is_locked_tells_the_process() {
        let path = std::env::temp_dir().join(format!("holder-{}", process::id()));
        let file = os::create_private(&path).unwrap();
        let open = || ByteLocks::open(|| os::open_private(&path, os::Access::Write)).unwrap();
        let (other, asking) = (open(), open());
        assert_eq!(holder(&asking), None);
        for process in [1, 2, 4711, 4_194_304, u32::MAX - 1] {
            let bytes = 1 + u64::from(process);
            assert!(other.try_lock(0, bytes).unwrap());
            assert!(!asking.try_lock(0, 1).unwrap());
            assert_eq!(holder(&asking), Some(process));
            other.unlock(0, bytes).unwrap();
        }
        // A process of an earlier version locks one byte, whoever it is.
        assert!(other.try_lock(0, 1).unwrap());
        assert_eq!(holder(&asking), None);
        drop(file);
        std::fs::remove_file(path).unwrap();
    }
}
