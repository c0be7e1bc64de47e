//! Segments go with their last handles, but not where a process is interrupted or killed. So a child
//! of the benchmark outlives it, and removes what it left, gigabytes perhaps.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use crate::Outcome;

/// Whose segments the child is to remove, in its environment.
const OF: &str = "MILLPOND_BENCH_CLEANER_OF";

/// The child. It begins when this is dropped, or this process has ended.
pub struct Cleaner(Child);

impl Cleaner {
    pub fn start() -> Outcome<Self> {
        let child = Command::new(std::env::current_exe()?)
            .env(OF, format!("bench-{}", std::process::id()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It says itself what went wrong.
        let _ = self.0.wait();
    }
}

/// Cleans up, if this process was started for that; says whether it was.
pub fn play_cleaner() -> Outcome<bool> {
    let Ok(segments) = std::env::var(OF) else {
        return Ok(false);
    };
    // Ctrl-C is for the whole group of processes, and this one has to stay.
    ctrlc::set_handler(|| {})?;
    // Nobody writes: this waits for the other end to be closed.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    millpond::unlink_all(&segments)?;
    // Removes a segment that was not finished.
    millpond::list(Some(&segments))?;
    Ok(true)
}
