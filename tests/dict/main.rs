//! The dictionary in one process, as its users see it: against a plain map, with bad input, row by row, and
//! from many threads.

mod errors;
mod model;
mod rows;
mod threads;

use std::sync::atomic::{AtomicU64, Ordering};

/// A name that no other test has, nor another process that runs these tests.
fn new_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("dict-tests/{}-{number}", std::process::id())
}
