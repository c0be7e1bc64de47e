//! Texts that several errors share. Asks `os` for the meaning of the system's error numbers.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::os;

/// The placeholder for the name of an anonymous structure; no name has parentheses.
pub(crate) const ANONYMOUS: &str = "(anonymous)";

/// Describes a structure by its name, or by the path of its file.
pub(super) fn structure(name: &str) -> String {
    match name {
        ANONYMOUS => "the structure without a name".into(),
        path if is_path(path) => format!("file {path}"),
        name => format!("segment `{name}`"),
    }
}

/// The remedy for a structure that cannot be used.
pub(super) fn anew(name: &str) -> &'static str {
    match name {
        ANONYMOUS => "drop it and create another",
        path if is_path(path) => "publish it again, or use a copy",
        _ => "unlink it and create it again",
    }
}

/// Says that the version or machine of a structure differs from this program's, and begins the remedy.
pub(super) fn wrong_format(name: &str, what: &str, found: &str, expected: &str) -> String {
    let structure = structure(name);
    format!(
        "{structure} has {what} {found}, and this program reads {expected}; use the version of millpond that made it"
    )
}

/// Says that a handle cannot be used in a forked child.
pub(super) fn forked(name: &str) -> String {
    let again = match name {
        ANONYMOUS => "create another one",
        _ => "open the segment again",
    };
    let structure = structure(name);
    format!("this handle on {structure} belongs to the parent process; {again} in the forked child")
}

/// The requested and the free room.
pub(super) fn room(asked: u64, free: Option<u64>) -> String {
    let free = free.map_or("it does not say how much is".into(), bytes);
    format!("for {} more: {free} free", bytes(asked))
}

/// Names of segments are never absolute, and paths in errors are.
fn is_path(name: &str) -> bool {
    Path::new(name).is_absolute()
}

/// Says that no segment has this name.
pub(super) fn not_found(name: &str, root: &Path, waited: Duration) -> String {
    let root = root.display();
    match waited {
        Duration::ZERO => format!(
            "no segment is named `{name}` in {root}; create it first, or let opening wait for its creator \
             (`Attach::wait`, or `OpenOptions::wait` for what is published)"
        ),
        _ => format!(
            "no segment named `{name}` came to be in {root} within {waited:?}; start the process that creates it, or \
             wait longer"
        ),
    }
}

/// Says why none of `length` records can be sampled, `used_up` of which are excluded, and names the remedy.
pub(super) fn nothing_to_sample(length: usize, used_up: usize) -> String {
    let left = length.saturating_sub(used_up);
    match (length, used_up) {
        (0, _) => {
            "the pool holds 0 records; insert some first, or wait with `Pool::wait_for_len`".into()
        }
        (_, 0) => format!(
            "the pool holds {length} records, all of priority 0; give them priorities with \
             `Pool::update_priorities`, or insert others"
        ),
        _ if left == 0 => format!(
            "the pool holds {length} records, each of which was sampled as often as it may be, or is not in this \
             view; insert others"
        ),
        _ => format!(
            "of the {length} records of the pool {used_up} were sampled as often as they may be, or are not in this \
             view, and {left} have priority 0; insert others, or give these priorities with \
             `Pool::update_priorities`"
        ),
    }
}

/// The remedy for an error of the system, if there is a general one.
pub(super) fn advice(error: &io::Error) -> &'static str {
    if os::is_too_many_files(error) {
        return "; close some, or raise the limit on open files (RLIMIT_NOFILE, `ulimit -n`)";
    }
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; it belongs to another user, or lies in a directory that does; choose another path (for segments, \
             set MILLPOND_DIR to a directory of your own)"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a directory that can be written (for segments, by MILLPOND_DIR)"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; there is no more room, or there may be no more files (`df`, `df -i`); remove some, or choose another \
             directory (for segments, by MILLPOND_DIR)"
        }
        io::ErrorKind::FileTooLarge => {
            "; raise the limit on the length of a file (RLIMIT_FSIZE, `ulimit -f`, or what the file system \
             allows), or make it smaller"
        }
        io::ErrorKind::OutOfMemory => {
            "; there is no memory or no address space left; raise the limit (such as RLIMIT_AS, \
             `ulimit -v`), or ask for less (of workers, lower `WorkersOptions::memory` or their number)"
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

/// A number of bytes in a readable form.
fn bytes(count: u64) -> String {
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
