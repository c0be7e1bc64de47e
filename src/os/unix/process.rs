//! Worker processes on Linux and macOS: their end, and their standard input.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, dup2_stdin, getpgrp, getpid};

use super::super::fork::ParentOnly;

/// `kill(2)` for the group, if this process leads one, and else `_exit(2)`.
pub(crate) fn end_process() -> ! {
    if getpgrp() == getpid() {
        const OWN_GROUP: Pid = Pid::from_raw(0);
        let _ = kill(OWN_GROUP, Signal::SIGKILL);
    }
    // SAFETY: it takes a number, may be called from any thread at any time, and runs no handler and no
    // destructor that might find this process half done.
    unsafe { libc::_exit(1) }
}

/// `write(2)` and `_exit(2)`: another thread of the parent may have had the lock of the standard library's standard
/// error, and then holds it forever.
pub(crate) fn end_forked_child() -> ! {
    const STATUS: libc::c_int = 70;
    const WORDS: &[u8] = b"millpond: a task forked, and the forked child returned from the task (or panicked in it). \
        The results are its parent's, so the child ends here, with status 70. End a forked child inside the task, with \
        `_exit` or `exec`.\n";
    // SAFETY: the pointer and the length are of bytes that live forever. An error is ignored.
    unsafe { libc::write(libc::STDERR_FILENO, WORDS.as_ptr().cast(), WORDS.len()) };
    // SAFETY: it takes a number, may be called from any thread at any time, and runs no handler and no
    // destructor that would find what belongs to the parent.
    unsafe { libc::_exit(STATUS) }
}

/// `pread(2)`.
pub(crate) fn read_at(file: &File, place: u64, into: &mut [u8]) -> io::Result<usize> {
    file.read_at(into, place)
}

/// `dup(2)`, and `/dev/null` in its place.
pub(crate) fn take_input() -> io::Result<ParentOnly> {
    ParentOnly::open(|| {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        dup2_stdin(File::open("/dev/null")?)?;
        Ok(File::from(input))
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_that_ends_itself_does_so_from_any_thread_and_runs_nothing_more() {
        const TEST: &str =
            "a_process_that_ends_itself_does_so_from_any_thread_and_runs_nothing_more";
        if std::env::var_os("MILLPOND_ENDS").is_some() {
            struct Loud;
            impl Drop for Loud {
                fn drop(&mut self) {
                    std::process::exit(7);
                }
            }
            let _loud = Loud;
            let _ = std::thread::spawn(|| end_process()).join();
            unreachable!();
        }
        let status = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--nocapture"])
            .env("MILLPOND_ENDS", "1")
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(1));
    }
}
