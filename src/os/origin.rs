//! The process that made a value. A forked child has a copy of every value that its parent made; an origin tells it
//! that it did not make the value.

use std::sync::OnceLock;

use super::system;

/// The process that made a value.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    forks: u64,
}

impl Origin {
    /// This process.
    pub(crate) fn here() -> Self {
        Self {
            forks: system::count_forks(),
        }
    }

    /// Returns `true` if this is the process that made the value, and not a child that was forked since.
    #[inline(always)]
    pub(crate) fn is_here(self) -> bool {
        self.forks == system::forks()
    }
}

/// Returns the value in `cell`, and first fills an empty cell with the result of `make`. A forked child finds the
/// cell full or empty, and never waits for a thread of its parent that was about to fill it.
pub(crate) fn get_or_make<T>(cell: &OnceLock<T>, make: impl FnOnce() -> T) -> &T {
    if let Some(found) = cell.get() {
        return found;
    }
    let _held = system::hold_forks();
    cell.get_or_init(make)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_the_one_that_it_is() {
        let (origin, cell) = (Origin::here(), OnceLock::new());
        assert!(origin.is_here());
        assert_eq!(*get_or_make(&cell, || 7), 7);
        assert_eq!(*get_or_make(&cell, || 8), 7);
        assert!(origin.is_here());
    }
}
