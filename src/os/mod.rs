//! What differs between systems, behind one face: mapping, reserving space, publishing files,
//! locks that the system drops with their process, waiting on a word, forks, and
//! processes that are started.
//!
//! One file a system (`linux.rs`, `macos.rs`, `windows.rs`), what Linux and macOS share in
//! `unix.rs` and `fork.rs`; which process made a value in `origin.rs`, random numbers in `random.rs`; mapped
//! memory in `view.rs` and `ordinary_pages.rs`; what differs between processors in `cpu.rs`. Nothing above this folder names a system. Imports nothing of this crate.

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

/// What a process may do with a file and with its mapping.
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
    /// Here and there: reading ahead is of no use.
    Random,
    /// All of it, soon: read it ahead.
    WillNeed,
}

/// The directory for segments where the user names none: private to the user, on the fastest
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

/// Makes sure that a file or a directory of this user lets the user in. What is another user's, or is neither,
/// stays as it is.
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

/// Returns `true` if `path` names a regular file, also through links, and `false` if nothing is there. An error says
/// what else is there.
pub(crate) fn is_regular(path: &Path) -> io::Result<bool> {
    system::is_regular(path)
}

/// Opens an existing regular file for reading, also through links. An error says what else is there; it comes at
/// once, whatever that is.
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

/// What `file` holds, from its beginning on, as those see it who have it mapped.
pub(crate) fn contents(file: &File) -> impl io::Read + io::Seek {
    system::contents(file)
}

/// Reads at a place of the file, which forked children that have the file open do not move, nor move by it. Returns
/// how many bytes it read: 0 at the end, and otherwise perhaps fewer than `into` has.
#[cfg(feature = "workers")]
pub(crate) fn read_at(file: &File, place: u64, into: &mut [u8]) -> io::Result<usize> {
    system::read_at(file, place, into)
}

/// Makes a file `length` bytes long, the new ones zero, with space that the file system has really set
/// aside, so that touching them later cannot fail. A file gets its space by this alone, and keeps it and
/// what it holds, whoever has it mapped; one that is as long already stays as it is.
pub(crate) fn reserve(file: &File, length: u64) -> io::Result<()> {
    system::reserve(file, length)
}

/// An error where this process may not write a file so long; for what grows by being written to. The system
/// might end the process otherwise.
pub(crate) fn check_length(length: u64) -> io::Result<()> {
    system::check_length(length)
}

/// Whether `error` says that the file system, or the user's share of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Whether `error` says that this process, or the machine, has as many files open as it may.
pub(crate) fn is_too_many_files(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(system::is_too_many_files)
}

/// Bytes that this user may still write to the file system of `file`, which may have lost its name, and
/// of `root`. `None` where the file system does not say.
pub(crate) fn free_space(file: &File, root: &Path) -> io::Result<Option<u64>> {
    system::free_space(file, root)
}

/// Gives the file at `from` the name `to`, in one step; fails with `AlreadyExists` where `to` is
/// taken, and then leaves both as they were.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    system::publish(from, to)
}

/// Takes the name `path` away; processes that still have the file mapped keep it. Until the last of
/// them is gone it may have a hidden name in `root`, a directory of the same file system.
pub(crate) fn remove(path: &Path, root: &Path) -> io::Result<()> {
    system::remove(path, root)
}

/// As [`remove`]; that the name is gone already is no error.
pub(crate) fn remove_if_there(path: &Path, root: &Path) -> io::Result<()> {
    match remove(path, root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether the file that `path` names is the one that is open as `file`.
pub(crate) fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    system::is_same_file(file, path)
}

/// What to start to run this very program again.
#[cfg(feature = "workers")]
pub(crate) fn this_program() -> io::Result<PathBuf> {
    system::this_program()
}

/// This process's standard input, for it alone: who reads the standard input from now on, or is started by this
/// process, finds nothing there (but on Windows).
#[cfg(feature = "workers")]
pub(crate) fn take_input() -> io::Result<ParentOnly> {
    system::take_input()
}

/// Ends this process at once, whichever thread calls: nothing of it runs any more, and nothing is flushed or
/// dropped. Where it leads a process group, the others of the group end with it (on Windows its [`ProcessTree`] does
/// that, in the process that started it).
#[cfg(feature = "workers")]
pub(crate) fn end_process() -> ! {
    system::end_process()
}

/// Ends this process, a forked child in which a task or what it calls has returned, with status 70 (`EX_SOFTWARE` in
/// `sysexits.h`), after it has said so on its standard error. Nothing of its parent's is flushed or dropped here.
#[cfg(feature = "workers")]
pub(crate) fn end_forked_child() -> ! {
    system::end_forked_child()
}

/// Has the calling thread run on one processor alone: the `number`-th of those that this process may use,
/// or, where there are fewer, counted round. An error of kind `Unsupported` where the system cannot do it.
#[cfg(feature = "workers")]
pub(crate) fn pin_to_cpu(number: usize) -> io::Result<()> {
    system::pin_to_cpu(number)
}
