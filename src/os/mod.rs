//! The differences between systems, behind one interface: mapping, reserving space, publishing files,
//! locks that the system drops with their process, waiting on a word, forks, and
//! processes that are started.
//!
//! Each system has one file (`linux.rs`, `macos.rs`, `windows.rs`); Linux and macOS share `unix.rs` and `fork.rs`.
//! The process that made a value is in `origin.rs`, random numbers in `random.rs`, mapped memory in `view.rs` and
//! `ordinary_pages.rs`, differences between processors in `cpu.rs`. No code above this folder names a system.
//! Imports nothing of this crate.

pub(crate) mod cpu;
mod fail;
mod origin;
mod random;

#[cfg(unix)]
mod fork;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(target_os = "macos", windows))]
mod ordinary_pages;
#[cfg(unix)]
mod unix;
mod view;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(windows)]
use windows as system;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
compile_error!("millpond runs on Linux, macOS and Windows");

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use fail::fail_point;
pub(crate) use origin::{Origin, get_or_make};
pub(crate) use random::{make_numbered, random, thread_random};
#[cfg(feature = "workers")]
pub(crate) use system::ProcessTree;
pub(crate) use system::{ByteLocks, Channel, Group, ParentOnly, hold_forks};
pub(crate) use view::View;

/// The access of a process to a file and to its mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read: a write to the mapping traps.
    Read,
    /// Read and write.
    Write,
}

/// How mapped memory will be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// At scattered places: reading ahead is of no use.
    Random,
    /// All of it, soon: read it ahead.
    WillNeed,
}

/// The directory for segments if the user names none: private to the user, on the fastest
/// file system that processes can share.
pub(crate) fn default_root() -> PathBuf {
    system::default_root()
}

/// Creates `path` for this user alone, if it is missing. The outer error is the system's; the
/// inner one says why an existing directory is not to be trusted, and what to do.
pub(crate) fn private_directory(path: &Path) -> io::Result<Result<(), String>> {
    system::private_directory(path)
}

/// Creates a directory that only this user may use, below one that [`private_directory`] has checked; an existing
/// one is an error.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    system::create_directory(path)
}

/// Makes sure that a file or a directory of this user lets the user in. An entry of another user, or of another
/// kind, stays unchanged.
pub(crate) fn let_owner_in(path: &Path) -> io::Result<()> {
    system::let_owner_in(path)
}

/// Creates a file that only this user may read and write; an existing one is an error.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    system::create_private(path)
}

/// Opens an existing file, never through a symbolic link.
pub(crate) fn open_private(path: &Path, access: Access) -> io::Result<File> {
    system::open_private(path, access)
}

/// Returns `true` if `path` names a regular file, also through links, and `false` if nothing is there. An error names
/// any other kind of file.
pub(crate) fn is_regular(path: &Path) -> io::Result<bool> {
    system::is_regular(path)
}

/// Opens an existing regular file for reading, also through links. An error names any other kind of file,
/// and is returned at once for each kind.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    system::open_regular(path)
}

/// Opens an existing regular file of this user's that has no other name, for reading and writing, never through a
/// link. The inner error says why it is not such a file.
pub(crate) fn open_own(path: &Path) -> io::Result<Result<File, String>> {
    system::open_own(path)
}

/// The error for a path that names `what`, such as "a directory".
fn not_regular(what: &str) -> io::Error {
    let (kind, advice) = match what {
        "a directory" => (io::ErrorKind::IsADirectory, "name a file in it"),
        _ => (io::ErrorKind::InvalidInput, "name another path"),
    };
    io::Error::new(kind, format!("it is {what}, not a regular file; {advice}"))
}

/// Returns a reader of the contents of `file` from its beginning, as the processes that map it see them.
pub(crate) fn contents(file: &File) -> impl io::Read + io::Seek {
    system::contents(file)
}

/// Reads at a place of the file. Forked children that have the file open do not move the place, and their own place
/// is not moved. Returns the number of bytes read: 0 at the end, and otherwise perhaps fewer than `into` has.
#[cfg(feature = "workers")]
pub(crate) fn read_at(file: &File, place: u64, into: &mut [u8]) -> io::Result<usize> {
    system::read_at(file, place, into)
}

/// Makes a file `length` bytes long, the new ones zero, with space that the file system has really set
/// aside, so that touching them later cannot fail. A file gets its space only by this call, and keeps
/// its space and contents, also while processes map it. A file that already has this length stays unchanged.
pub(crate) fn reserve(file: &File, length: u64) -> io::Result<()> {
    system::reserve(file, length)
}

/// Returns an error if this process may not write a file of that length; for files that grow by writes. Without
/// this check the system might end the process.
pub(crate) fn check_length(length: u64) -> io::Result<()> {
    system::check_length(length)
}

/// Returns `true` if `error` means that the file system, or the user's share of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Returns `true` if `error` means that this process, or the machine, has reached its limit of open files.
pub(crate) fn is_too_many_files(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(system::is_too_many_files)
}

/// The number of bytes that this user may still write to the file system of `file`, which may have lost its name, and
/// of `root`. `None` if the file system does not report it.
pub(crate) fn free_space(file: &File, root: &Path) -> io::Result<Option<u64>> {
    system::free_space(file, root)
}

/// Renames the file at `from` to `to`, in one step. Fails with `AlreadyExists` if `to` is taken, and then
/// leaves both unchanged.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    system::publish(from, to)
}

/// Removes the name `path`; processes that still have the file mapped keep the file. Until the last of
/// them has ended it may have a hidden name in `root`, a directory of the same file system.
pub(crate) fn remove(path: &Path, root: &Path) -> io::Result<()> {
    system::remove(path, root)
}

/// Like [`remove`], but a missing name is no error.
pub(crate) fn remove_if_there(path: &Path, root: &Path) -> io::Result<()> {
    match remove(path, root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Returns `true` if the file that `path` names is the one that is open as `file`.
pub(crate) fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    system::is_same_file(file, path)
}

/// The program to start to run this very program again.
#[cfg(feature = "workers")]
pub(crate) fn this_program() -> io::Result<PathBuf> {
    system::this_program()
}

/// Takes over this process's standard input. Code that reads the standard input from now on, and processes that
/// this process starts, find it empty (except on Windows).
#[cfg(feature = "workers")]
pub(crate) fn take_input() -> io::Result<ParentOnly> {
    system::take_input()
}

/// Ends this process at once, from any thread: it runs no more code, and flushes and drops nothing. If it leads a
/// process group, the other processes of the group end with it (on Windows its [`ProcessTree`] does
/// that, in the process that started it).
#[cfg(feature = "workers")]
pub(crate) fn end_process() -> ! {
    system::end_process()
}

/// Ends this process, a forked child in which a task or what it calls has returned, with status 70 (`EX_SOFTWARE` in
/// `sysexits.h`), after it has reported so on its standard error. It flushes and drops nothing that belongs to its parent.
#[cfg(feature = "workers")]
pub(crate) fn end_forked_child() -> ! {
    system::end_forked_child()
}

/// Pins the calling thread to one processor: the `number`-th of those that this process may use, modulo their
/// number. Returns an error of kind `Unsupported` if the system cannot do it.
#[cfg(feature = "workers")]
pub(crate) fn pin_to_cpu(number: usize) -> io::Result<()> {
    system::pin_to_cpu(number)
}
