//! Fail points: named points in the code at which a test can make a process die.
//!
//! With the feature `failpoints`, `MILLPOND_FAIL=insert.taken` kills a process when it first passes
//! that point; `insert.taken:7` kills it at the seventh pass. `MILLPOND_STOP` stops it there
//! instead, until it is continued (not on Windows). Without the feature a point is an empty function.

/// Dies or stops here, if that was asked for.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn fail_point(_name: &'static str) {}

/// Dies or stops here, if that was asked for.
#[cfg(feature = "failpoints")]
pub(crate) fn fail_point(name: &'static str) {
    use std::sync::OnceLock;

    static DIES: OnceLock<Option<Asked>> = OnceLock::new();
    static STOPS: OnceLock<Option<Asked>> = OnceLock::new();
    let asked = |once: &'static OnceLock<Option<Asked>>, variable| {
        let asked = super::get_or_make(once, || Asked::read(variable));
        asked.as_ref().is_some_and(|asked| asked.is_now(name))
    };
    if asked(&DIES, "MILLPOND_FAIL") {
        // At once: this process runs no more code, and flushes and drops nothing.
        die();
    }
    if asked(&STOPS, "MILLPOND_STOP") {
        stop();
    }
}

/// A requested point, and the number of passes that remain.
#[cfg(feature = "failpoints")]
struct Asked {
    point: String,
    left: std::sync::atomic::AtomicU64,
}

#[cfg(feature = "failpoints")]
impl Asked {
    fn read(variable: &str) -> Option<Self> {
        let text = std::env::var(variable).ok()?;
        let (point, count) = text.split_once(':').unwrap_or((&text, "1"));
        let count: u64 = count
            .parse()
            .expect("a fail point is written as `point` or `point:count`");
        Some(Self {
            point: point.into(),
            left: count.into(),
        })
    }

    /// Returns `true` if this pass of point `name` is the requested one.
    fn is_now(&self, name: &str) -> bool {
        use std::sync::atomic::Ordering;
        self.point == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// Ends the process as `kill -9` does.
#[cfg(all(feature = "failpoints", unix))]
fn die() {
    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
    std::process::abort();
}

/// Ends the process as the task manager does.
#[cfg(all(feature = "failpoints", windows))]
fn die() {
    super::system::end_process();
}

/// Stops the process as Ctrl-Z does. Returns when the process is continued.
#[cfg(all(feature = "failpoints", unix))]
fn stop() {
    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
}

/// Unused: no test stops a process on Windows.
#[cfg(all(feature = "failpoints", windows))]
fn stop() {}
