//! Fail points: named instants at which a process can be told to die, for the tests.
//!
//! With the feature `failpoints`, `MILLPOND_FAIL=insert.taken` kills a process when it first passes
//! that point, and `insert.taken:7` when it passes it for the seventh time. `MILLPOND_STOP` stops it there
//! instead, until it is told to go on (not on Windows). Without the feature a point is an empty function.

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
        // At once: nothing of this process runs any more, and nothing is flushed or dropped.
        die();
    }
    if asked(&STOPS, "MILLPOND_STOP") {
        stop();
    }
}

/// A point that was asked for, and how often it is still to be passed.
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
        let count: u64 = count.parse().expect("a point, and perhaps :count");
        Some(Self {
            point: point.into(),
            left: count.into(),
        })
    }

    /// Whether this pass of point `name` is the one that was asked for.
    fn is_now(&self, name: &str) -> bool {
        use std::sync::atomic::Ordering;
        self.point == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
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

/// As Ctrl-Z would stop it. Comes back when it goes on.
#[cfg(all(feature = "failpoints", unix))]
fn stop() {
    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
}

/// No test asks for it.
#[cfg(all(feature = "failpoints", windows))]
fn stop() {}
