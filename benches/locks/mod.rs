//! Locks that are free, taken and given back: millpond's against three others.
//!
//! The lock is not public, so its source is compiled into this program as it is.

use raw_sync::locks::{LockInit, Mutex as RawSync};

use crate::os;
use crate::sync::primitive::Channel;
use crate::sync::{Found, Lock, LockWords, Owner, Peers};
use millpond_benches::rounds::{Table, Unit};

/// Locks in a call: one alone is shorter than what it takes to call it.
const TIMES: usize = 100;

/// Nobody dies here.
struct Immortal;

impl Peers for Immortal {
    fn is_alive(&self, _owner: Owner) -> bool {
        true
    }
}

/// Memory for a lock of another library.
#[repr(C, align(64))]
struct Words([u8; 256]);

/// Compares millpond's lock with the others, none of them contended.
pub fn compare(table: &Table) -> Result<(), Box<dyn std::error::Error>> {
    // SAFETY: all zero is a free lock, as its documentation says: it is made of atomic integers.
    let words: Box<LockWords> = unsafe { Box::new(std::mem::zeroed()) };
    let channel = Channel::new(0)?;
    let lock = Lock {
        words: &words,
        me: Owner::new(0, 1),
        channel: &channel,
    };
    let origin = os::Origin::here();
    let mut ours = || {
        for _ in 0..TIMES {
            // As the pool does: not in a forked child, and a repair where it is due.
            assert!(origin.is_here());
            assert!(lock.acquire(&Immortal) == Found::Clean);
            std::hint::black_box(&words);
            lock.release();
        }
    };

    let parking_lot = parking_lot::Mutex::new(());
    table.compare(
        "100 locks, uncontended; parking_lot",
        Unit::Time,
        "0.90",
        &mut ours,
        || {
            for _ in 0..TIMES {
                std::hint::black_box(&*parking_lot.lock());
            }
        },
    );

    let mut memory = Words([0; 256]);
    // SAFETY: the memory is larger than `RawSync::size_of` says, aligned, and outlives the lock.
    let (raw_sync, _) = unsafe { RawSync::new(memory.0.as_mut_ptr(), memory.0.as_mut_ptr()) }
        .map_err(|error| error.to_string())?;
    table.compare(
        "100 locks, uncontended; raw_sync",
        Unit::Time,
        "",
        &mut ours,
        || {
            for _ in 0..TIMES {
                std::hint::black_box(&raw_sync.lock().expect("a lock"));
            }
        },
    );

    #[cfg(target_os = "linux")]
    {
        let mut robust = robust::Mutex::new();
        table.compare(
            "100 locks, uncontended; robust pthread mutex",
            Unit::Time,
            "",
            &mut ours,
            || (0..TIMES).for_each(|_| robust.lock_and_unlock()),
        );
    }
    Ok(())
}

/// The C library's mutex between processes that says when its owner died.
#[cfg(target_os = "linux")]
mod robust {
    use nix::libc;

    pub struct Mutex(Box<libc::pthread_mutex_t>);

    impl Mutex {
        pub fn new() -> Self {
            let mut mutex = Box::new(libc::PTHREAD_MUTEX_INITIALIZER);
            // SAFETY: a plain struct of integers, for which zero is a value.
            let mut attributes: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
            // SAFETY: initialises what it is given, which nobody else uses.
            assert!(unsafe { libc::pthread_mutexattr_init(&mut attributes) } == 0);
            let (shared, robust) = (libc::PTHREAD_PROCESS_SHARED, libc::PTHREAD_MUTEX_ROBUST);
            // SAFETY: the attributes are initialised.
            assert!(unsafe { libc::pthread_mutexattr_setpshared(&mut attributes, shared) } == 0);
            // SAFETY: the attributes are initialised.
            assert!(unsafe { libc::pthread_mutexattr_setrobust(&mut attributes, robust) } == 0);
            // SAFETY: nobody uses the mutex yet; its box keeps it at one address.
            assert!(unsafe { libc::pthread_mutex_init(&mut *mutex, &attributes) } == 0);
            Self(mutex)
        }

        pub fn lock_and_unlock(&mut self) {
            // SAFETY: the mutex is initialised, and this thread does not hold it.
            assert!(unsafe { libc::pthread_mutex_lock(&mut *self.0) } == 0);
            // SAFETY: this thread holds it.
            assert!(unsafe { libc::pthread_mutex_unlock(&mut *self.0) } == 0);
        }
    }
}
