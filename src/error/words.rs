//! Words that several errors need. Asks `os` which error a number of the system stands for.

use std::io;

use crate::os;

/// What a person can do about an error of the system, where there is a general answer.
pub(super) fn advice(error: &io::Error) -> &'static str {
    if os::is_too_many_files(error) {
        return "; close some, or raise the limit on open files (RLIMIT_NOFILE, `ulimit -n`)";
    }
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; it belongs to another user, or MILLPOND_DIR should name a directory of your own"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; set MILLPOND_DIR to a directory that can be written"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; there is no more room, or there may be no more files (`df`, `df -i`); remove some, or set \
             MILLPOND_DIR to another directory"
        }
        io::ErrorKind::FileTooLarge => {
            "; raise the limit on the length of a file (RLIMIT_FSIZE, `ulimit -f`, or what the file system \
             allows), or ask for less capacity"
        }
        io::ErrorKind::OutOfMemory => {
            "; there is no memory or no address space left; raise the limit (such as RLIMIT_AS, \
             `ulimit -v`), or ask for less capacity"
        }
        _ => "",
    }
}

/// The process that has a lock.
pub(super) fn holder(process: Option<u32>) -> String {
    match process {
        Some(process) => format!("process {process}"),
        None => "a process that gave no number".into(),
    }
}

/// A number of bytes as a person reads it.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut amount = count as f64;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} bytes"),
        _ => format!("{amount:.1} {} ({count} bytes)", UNITS[unit]),
    }
}
