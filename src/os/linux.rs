//! Linux: segments in `/dev/shm`, `posix_fallocate(3)`, open file description locks, and
//! `futex(2)` for waiting. The code shared with macOS is in `unix.rs`, the handling of memory
//! pages in `linux/pages.rs`, the program and its processors in `linux/process.rs`.

mod pages;
#[cfg(feature = "workers")]
mod process;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;

pub(super) use pages::{map_anonymous, map_file, prefault, prefer_huge_pages, use_huge_pages};
#[cfg(feature = "workers")]
pub(crate) use process::{pin_to_cpu, this_program};

pub(crate) use super::fork::{ParentOnly, count_forks, forks, hold_forks};
pub(crate) use super::unix::{
    ByteLocks, Group, advise, check_length, contents, create_directory, create_private, free_space,
    is_regular, is_same_file, is_too_many_files, let_owner_in, open_own, open_private,
    open_regular, private_directory, publish, remove,
};
#[cfg(feature = "workers")]
pub(crate) use super::unix::{ProcessTree, end_forked_child, end_process, read_at, take_input};

pub(super) const SET_LOCK: libc::c_int = libc::F_OFD_SETLK;
pub(super) const GET_LOCK: libc::c_int = libc::F_OFD_GETLK;

/// A directory of the user's in `/dev/shm`, which is in memory; else in the temporary directory.
pub(crate) fn default_root() -> PathBuf {
    let directory = format!("millpond-{}", nix::unistd::geteuid());
    let shared_memory = Path::new("/dev/shm");
    if shared_memory.is_dir() {
        shared_memory.join(directory)
    } else {
        std::env::temp_dir().join(directory)
    }
}

/// `posix_fallocate(3)`: on a full file system it fails here, and not at a later touch. In pieces,
/// because a signal may undo a piece.
///
/// Only from the file's end on: the part before the end has its space, because a call that is cut short moves
/// the end only over space that it did set aside. Past the end the C library may replace the system's call by
/// writing a byte to each block (GNU), which must not be a block that others write.
pub(crate) fn reserve(file: &File, length: u64) -> io::Result<()> {
    check_length(length)?;
    const PIECE: libc::off_t = 64 << 20;
    let length =
        libc::off_t::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let found = file.metadata()?.len();
    let mut done = libc::off_t::try_from(found).unwrap_or(length);
    while done < length {
        let piece = PIECE.min(length - done);
        match nix::fcntl::posix_fallocate(file.as_fd(), done, piece) {
            Err(Errno::EINTR) => {}
            // A file system such as ramfs has no such call, and musl has no substitute for it.
            Err(Errno::EOPNOTSUPP) => {
                write_zeros(file, done as u64, piece as usize)?;
                done += piece;
            }
            Err(error) => return Err(error.into()),
            Ok(()) => done += piece,
        }
    }
    Ok(())
}

/// Reserves space by writing to it, from the file's end on.
fn write_zeros(file: &File, mut position: u64, mut count: usize) -> io::Result<()> {
    let zeros = vec![0; count.min(1 << 20)];
    while count > 0 {
        let some = count.min(zeros.len());
        file.write_all_at(&zeros[..some], position)?;
        (position, count) = (position + some as u64, count - some);
    }
    Ok(())
}

/// The channel on which processes sleep until a word of shared memory changes: a futex, found by the word alone.
pub(crate) struct Channel;

impl Channel {
    /// `id` names the word for systems that need a name.
    pub(crate) fn new(_id: u64) -> io::Result<Self> {
        Ok(Self)
    }

    /// Sleeps while `word` is `expected`, until woken or until `limit` has passed; may also return
    /// early for no reason. `FUTEX_WAIT` without the private flag, so that it reaches other
    /// processes.
    pub(crate) fn wait(&self, word: &AtomicU32, expected: u32, limit: Duration) {
        // SAFETY: `timespec` is a plain struct of integers, for which zero is a value.
        let mut timeout: libc::timespec = unsafe { std::mem::zeroed() };
        // No name for the type: the `libc` crate deprecates its own for musl.
        timeout.tv_sec = limit.as_secs().min(1 << 30) as _;
        timeout.tv_nsec = limit.subsec_nanos() as _;
        // SAFETY: `word` is a live, aligned 32-bit word and `timeout` outlives the call, which
        // reads both and writes neither. The caller treats all results alike.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAIT,
                expected,
                &timeout,
            );
        }
    }

    /// Wakes one sleeper on `word`.
    pub(crate) fn wake_one(&self, word: &AtomicU32) {
        wake(word, 1);
    }

    /// Wakes every sleeper on `word`.
    pub(crate) fn wake_all(&self, word: &AtomicU32) {
        wake(word, i32::MAX);
    }
}

fn wake(word: &AtomicU32, count: i32) {
    // SAFETY: `FUTEX_WAKE` uses the address as a key only; the word is alive.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count);
    }
}
