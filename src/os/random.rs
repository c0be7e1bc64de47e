//! Random numbers that no other process draws too. A generator in memory is copied by a fork, and then parent and
//! children draw the same numbers.

use std::cell::Cell;
use std::io;

use rand::TryRng;
use rand::rngs::{SysRng, ThreadRng};

use super::Origin;

/// Returns a number of the system's generator, for unique identifiers such as the name of a file.
pub(crate) fn random() -> io::Result<u64> {
    SysRng.try_next_u64().map_err(io::Error::from)
}

/// Calls `make` with a random number for a name, and again with another number while it reports that the name is
/// taken.
pub(crate) fn make_numbered<R>(mut make: impl FnMut(u64) -> io::Result<R>) -> io::Result<R> {
    loop {
        match make(random()?) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
    }
}

/// Returns this thread's generator, which draws other numbers than those of the parent and of other children of a
/// process that forks. For choices, of which there are many.
///
/// # Panics
/// If the system provides no random numbers.
pub(crate) fn thread_random() -> ThreadRng {
    thread_local! {
        /// The process in which the generator was seeded last.
        /// `None` at first: the process may have been forked before.
        static SEEDED: Cell<Option<Origin>> = const { Cell::new(None) };
    }
    let mut random = rand::rng();
    if !SEEDED.get().is_some_and(Origin::is_here) {
        let seeded = random.reseed();
        seeded.expect("the system provides random numbers");
        SEEDED.set(Some(Origin::here()));
    }
    random
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_name_that_is_taken_is_left_for_another() {
        let mut tried = Vec::new();
        let made = make_numbered(|number| {
            tried.push(number);
            match tried.len() {
                1..=2 => Err(io::ErrorKind::AlreadyExists.into()),
                _ => Ok(number),
            }
        });
        assert_eq!(made.unwrap(), tried[2]);
        assert!(tried[0] != tried[1] && tried[1] != tried[2]);
        let refused = make_numbered(|_| Err::<(), _>(io::ErrorKind::StorageFull.into()));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn numbers_differ() {
        let drawn: HashSet<u64> = (0..1000).map(|_| random().unwrap()).collect();
        assert_eq!(drawn.len(), 1000);
        let ones: u32 = drawn.iter().map(|number| number.count_ones()).sum();
        assert!((31_000..33_000).contains(&ones), "{ones} of 64,000 bits"); // 8 standard deviations
    }
}
