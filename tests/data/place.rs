//! Where a test puts its files, and what it calls its segments.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory and a run of segment names for one test. Both are removed when it is dropped.
pub struct Place {
    directory: PathBuf,
    run: String,
}

impl Place {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let directory = std::env::temp_dir().join(format!("millpond-data-{process}-{number}"));
        std::fs::create_dir(&directory).unwrap();
        Self {
            directory,
            run: format!("data-tests/{process}-{number}"),
        }
    }

    /// A file in the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A segment of the run.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.run)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
        let _ = millpond::unlink_all(&self.run);
    }
}
