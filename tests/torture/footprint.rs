//! What a process and the directory of the segments hold at a moment, so that a long run shows whether
//! something grows.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::all_points::files_below;

/// What a process has. On Linux; elsewhere nothing is known.
#[derive(Clone, Copy)]
pub struct Footprint {
    /// Memory of its own, which excludes segments.
    pub private_kib: u64,
    pub descriptors: usize,
}

impl Footprint {
    /// What the process with this number has; `None` where the system does not say.
    pub fn of(process: u32) -> Option<Self> {
        let directory = Path::new("/proc").join(process.to_string());
        let text = fs::read_to_string(directory.join("smaps_rollup")).ok()?;
        let line = |name: &str| -> Option<u64> {
            let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
            rest.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            private_kib: line("Private_Clean:")? + line("Private_Dirty:")?,
            descriptors: fs::read_dir(directory.join("fd")).ok()?.count(),
        })
    }

    /// The larger of each.
    pub fn most(self, other: Self) -> Self {
        Self {
            private_kib: self.private_kib.max(other.private_kib),
            descriptors: self.descriptors.max(other.descriptors),
        }
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (memory, descriptors) = (self.private_kib, self.descriptors);
        write!(
            formatter,
            "{memory} KiB of its own, {descriptors} descriptors"
        )
    }
}

/// What this process has, and how many files there are beside the segments' and in their directory:
/// all that a run leaves behind, since no segment outlives its part of the run.
pub fn describe() -> String {
    let root = std::env::var_os("MILLPOND_DIR").expect("a directory for segments");
    let place = Path::new(&root).parent().expect("a directory above");
    let files = files_below(place).len();
    match Footprint::of(std::process::id()) {
        Some(found) => format!("{found}, {files} files"),
        None => format!("{files} files"),
    }
}
