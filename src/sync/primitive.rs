//! The atomics that the algorithms run on: the processor's, or `loom`'s if `--cfg loom` selects its
//! model checker. Also the channel on which a waiting thread sleeps, which under `loom` is a yield.

#[cfg(not(loom))]
mod chosen {
    pub(crate) use crate::os::Channel;
    pub(crate) use std::hint::spin_loop as relax;
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, fence};
}

#[cfg(loom)]
mod chosen {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
    pub(crate) use loom::thread::yield_now as relax;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    /// The system's behaviour towards sleepers.
    pub(crate) enum Channel {
        /// Sleeps until woken, without a time limit: code that relies on a time limit deadlocks.
        Patient(loom::sync::Mutex<()>, loom::sync::Condvar),
        /// Every time limit passes at once.
        Hasty,
    }

    impl Channel {
        pub(crate) fn patient() -> Self {
            Self::Patient(loom::sync::Mutex::new(()), loom::sync::Condvar::new())
        }

        pub(crate) fn wait(&self, word: &AtomicU32, expected: u32, _limit: Duration) {
            match self {
                Self::Hasty => loom::thread::yield_now(),
                Self::Patient(mutex, woken) => {
                    // The system looks at the word and goes to sleep in one step.
                    let held = mutex.lock().unwrap();
                    if word.load(Ordering::SeqCst) == expected {
                        drop(woken.wait(held));
                    }
                }
            }
        }

        pub(crate) fn wake_one(&self, _word: &AtomicU32) {
            if let Self::Patient(mutex, woken) = self {
                let _held = mutex.lock().unwrap();
                woken.notify_one();
            }
        }

        pub(crate) fn wake_all(&self, _word: &AtomicU32) {
            if let Self::Patient(mutex, woken) = self {
                let _held = mutex.lock().unwrap();
                woken.notify_all();
            }
        }
    }
}

pub(crate) use chosen::*;
pub(crate) use std::sync::atomic::Ordering;
