//! The code that Linux and macOS share: private files, publication by a hard link, and byte locks that
//! belong to an open file description; groups in `unix/group.rs`, regular files in `unix/regular.rs`, worker
//! processes in `unix/process.rs` and `unix/tree.rs`. Imports `fork.rs`, and the numbers of the lock commands from
//! the system's own file.

mod group;
#[cfg(feature = "workers")]
mod process;
mod regular;
#[cfg(feature = "workers")]
mod tree;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use memmap2::MmapRaw;
use nix::fcntl::AT_FDCWD;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};

pub(crate) use group::Group;
#[cfg(feature = "workers")]
pub(crate) use process::{end_forked_child, end_process, read_at, take_input};
pub(crate) use regular::{is_regular, open_own, open_regular};
#[cfg(feature = "workers")]
pub(crate) use tree::ProcessTree;

use super::fork::ParentOnly;
use super::system::{GET_LOCK, SET_LOCK};
use super::{Access, Advice};

#[allow(clippy::unnecessary_cast)] // the headers of Linux have an `int` here, those of macOS a `short`
const EXCLUSIVE: libc::c_short = libc::F_WRLCK as libc::c_short;
#[allow(clippy::unnecessary_cast)]
const UNLOCKED: libc::c_short = libc::F_UNLCK as libc::c_short;

/// `mkdir(2)` with mode 0700, then `lstat(2)`: a directory, of this user, closed to others. A directory that
/// its own user may not use was made by an earlier version under a mask without the owner's bits, or is being
/// made just now: it gets these bits.
pub(crate) fn private_directory(path: &Path) -> io::Result<Result<(), String>> {
    if let Some(parent) = path.parent() {
        create_parents(parent)?;
    }
    match create_directory(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(path)?;
    let user = nix::unistd::geteuid().as_raw();
    Ok(if found.is_symlink() {
        Err("it is a symbolic link; name the directory itself".into())
    } else if !found.is_dir() {
        Err("it is not a directory; choose another path".into())
    } else if found.uid() != user {
        Err(format!(
            "it belongs to user {}, and this process runs as user {user}; choose another path",
            found.uid()
        ))
    } else if found.mode() & 0o077 != 0 {
        Err(format!(
            "its mode {:04o} lets other users in; run `chmod 700` on it",
            found.mode() & 0o7777
        ))
    } else {
        let_owner_in(path)?;
        Ok(())
    })
}

/// Creates the missing directories above the root, for all users that the process's mask lets in, and for their
/// owner whatever the mask says.
fn create_parents(path: &Path) -> io::Result<()> {
    if path.is_dir() || path.as_os_str().is_empty() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), create_parents)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Ok(()) => let_owner_in(path),
        Err(error) => Err(error),
    }
}

/// `mkdir(2)` with mode 0700, and `fchmodat(2)`, as the process's mask may have cut that.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    let_owner_in(path)
}

/// `lstat(2)`; if a directory or a regular file of this user does not let the user in, `fchmodat(2)`, which
/// follows no link.
pub(crate) fn let_owner_in(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let needed = match (found.is_dir(), found.is_file()) {
        (true, _) => 0o700,
        (_, true) => 0o600,
        _ => return Ok(()),
    };
    let is_ours = found.uid() == nix::unistd::geteuid().as_raw();
    if !is_ours || found.mode() & needed == needed {
        return Ok(());
    }
    let mode = Mode::from_bits_truncate((found.mode() & 0o7777 | needed) as libc::mode_t);
    fchmodat(AT_FDCWD, path, mode, FchmodatFlags::NoFollowSymlink)?;
    Ok(())
}

/// `open(2)` with `O_EXCL` and mode 0600, and `fchmod(2)`, as the process's mask may have cut that.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// `open(2)` with `O_NOFOLLOW`; anything but a regular file is refused. A file of this user that does not let
/// the user in, for the reason that [`private_directory`] has, does so from now on.
pub(crate) fn open_private(path: &Path, access: Access) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(access == Access::Write)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)
    };
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let_owner_in(path).map_err(|_| error)?;
            open()?
        }
        other => other?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// Returns an error if this process may not make a file of that length (`getrlimit(2)`). The system would report
/// it by `SIGXFSZ`, which ends the process.
pub(crate) fn check_length(length: u64) -> io::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    #[allow(clippy::unnecessary_cast)] // 32 bits wide on 32-bit Linux
    match length > limit as u64 {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(()),
    }
}

/// The descriptors of the process (`EMFILE`), or of the machine (`ENFILE`), are used up.
pub(crate) fn is_too_many_files(code: i32) -> bool {
    matches!(code, libc::EMFILE | libc::ENFILE)
}

/// `fstatvfs(3)`, which needs no name: a file that is open may outlive its directories. A file system of 0 blocks
/// does not know its size: ramfs, and a tmpfs that was mounted with `size=0`.
pub(crate) fn free_space(file: &File, _root: &Path) -> io::Result<Option<u64>> {
    let found = nix::sys::statvfs::fstatvfs(file)?;
    if found.blocks() == 0 {
        return Ok(None);
    }
    #[allow(clippy::unnecessary_cast)] // the two fields are 32 bits wide on macOS
    let free = (found.blocks_available() as u64).saturating_mul(found.fragment_size() as u64);
    Ok(Some(free))
}

/// `link(2)`, which never replaces, then `unlink(2)` of the old name.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    super::fail_point("create.linked");
    fs::remove_file(from)
}

/// `read(2)` sees the bytes that are written into a mapping.
pub(crate) fn contents(file: &File) -> impl io::Read + io::Seek {
    file
}

/// `madvise(2)`.
pub(crate) fn advise(memory: &MmapRaw, advice: Advice) -> io::Result<()> {
    memory.advise(match advice {
        Advice::Random => memmap2::Advice::Random,
        Advice::WillNeed => memmap2::Advice::WillNeed,
    })
}

/// `unlink(2)`.
pub(crate) fn remove(path: &Path, _root: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Device and inode of both; a missing name is `false`.
pub(crate) fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok(open.dev() == named.dev() && open.ino() == named.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Locks on single bytes of a file, which the system drops when the process ends.
///
/// They belong to the open file description (`fcntl_locking(2)`, "Open file description locks"):
/// closing another descriptor of the same file in this process does not lose them, and two of
/// these in one process exclude each other. One of them never conflicts with itself. Forked
/// children do not keep them, see [`ParentOnly`].
pub(crate) struct ByteLocks {
    file: ParentOnly,
}

impl ByteLocks {
    /// Opens the file that the locks live on.
    pub(crate) fn open(open: impl FnOnce() -> io::Result<File>) -> io::Result<Self> {
        ParentOnly::open(open).map(|file| Self { file })
    }

    /// Returns the open file, or an error in a forked child.
    pub(crate) fn file(&self) -> io::Result<&File> {
        self.file.get()
    }

    /// Locks `length` bytes from `start` on. Returns `false` if another holder has one of them.
    pub(crate) fn try_lock(&self, start: u64, length: u64) -> io::Result<bool> {
        match self.control(SET_LOCK, EXCLUSIVE, start, length) {
            Ok(_) => Ok(true),
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EACCES) => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// Unlocks the bytes.
    pub(crate) fn unlock(&self, start: u64, length: u64) -> io::Result<()> {
        self.control(SET_LOCK, UNLOCKED, start, length).map(drop)
    }

    /// Returns `true` if another holder has a lock on one of the bytes.
    pub(crate) fn is_locked_elsewhere(&self, start: u64, length: u64) -> io::Result<bool> {
        let found = self.control(GET_LOCK, EXCLUSIVE, start, length)?;
        Ok(found.l_type != UNLOCKED)
    }

    /// Reads the beginning of the file. Returns the number of bytes read.
    pub(crate) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let descriptor = self.file.get()?.as_raw_fd();
        // SAFETY: the descriptor is open, and the buffer has the length that is given with it.
        let read = unsafe { libc::pread(descriptor, into.as_mut_ptr().cast(), into.len(), 0) };
        usize::try_from(read).map_err(|_| io::Error::last_os_error())
    }

    /// Writes the beginning of the file.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let descriptor = self.file.get()?.as_raw_fd();
        // SAFETY: the descriptor is open, and the buffer has the length that is given with it.
        let written = unsafe { libc::pwrite(descriptor, bytes.as_ptr().cast(), bytes.len(), 0) };
        match usize::try_from(written) {
            Ok(count) if count == bytes.len() => Ok(()),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    /// `fcntl(2)` with one of the two lock commands.
    fn control(
        &self,
        command: libc::c_int,
        kind: libc::c_short,
        start: u64,
        length: u64,
    ) -> io::Result<libc::flock> {
        let file = self.file.get()?;
        // SAFETY: `flock` is a plain struct of integers, for which zero is a value.
        let mut request: libc::flock = unsafe { std::mem::zeroed() };
        request.l_type = kind;
        request.l_whence = libc::SEEK_SET as libc::c_short;
        request.l_start = offset(start)?;
        request.l_len = offset(length)?;
        // SAFETY: the descriptor is open, and `request` is a `flock` that outlives the call.
        let result = unsafe { libc::fcntl(file.as_raw_fd(), command, &mut request) };
        if result == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(request)
    }
}

/// A place in a file, in the type that the lock commands take. If that type has 32 bits, no lock lies where a
/// 64-bit program looks for it, and each program would take the other for dead.
fn offset(byte: u64) -> io::Result<libc::off_t> {
    libc::off_t::try_from(byte).map_err(|_| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "this program's file offsets are too short; build it for a 64-bit target",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_beyond_all_offsets_is_refused_and_not_put_elsewhere() {
        let path = std::env::temp_dir().join(format!("offsets-{}", std::process::id()));
        let locks = ByteLocks::open(|| create_private(&path)).unwrap();
        remove(&path, &std::env::temp_dir()).unwrap();
        assert!(locks.try_lock(1 << 62, 1).unwrap());
        let refused = locks.try_lock(1 << 63, 1).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported, "{refused}");
    }
}
