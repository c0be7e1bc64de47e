//! Fail points: named instants at which a process can be told to die, for the tests.
//!
//! With the feature `failpoints`, `MILLPOND_FAIL=insert.taken` kills a process when it first passes
//! that point, and `insert.taken:7` when it passes it for the seventh time. Without the feature a
//! point is an empty function.

/// Dies here, if that was asked for.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn fail_point(_name: &'static str) {}

/// Dies here, if that was asked for.
#[cfg(feature = "failpoints")]
pub(crate) fn fail_point(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The point that was asked for, and how often it is still to be passed.
    static ASKED: OnceLock<Option<(String, AtomicU64)>> = OnceLock::new();
    let asked = ASKED.get_or_init(|| {
        let text = std::env::var("MILLPOND_FAIL").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        let count = count.parse().expect("MILLPOND_FAIL=point:count");
        Some((name.to_string(), AtomicU64::new(count)))
    });
    if let Some((point, left)) = asked
        && point == name
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // At once: nothing of this process runs any more, and nothing is flushed or dropped.
        die();
    }
}

/// As `kill -9` would end it.
#[cfg(all(feature = "failpoints", unix))]
fn die() {
    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
    std::process::abort();
}

/// As the task manager would end it.
#[cfg(all(feature = "failpoints", windows))]
fn die() {
    super::system::end_process();
}
