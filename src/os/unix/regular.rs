//! Regular files, told from everything else that a path may name. Opening a FIFO may wait forever, and opening a
//! device may have side effects. So each path is looked at first, and what was opened once more.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;

use super::super::{Access, not_regular};
use super::open_private;

/// `stat(2)`.
pub(crate) fn is_regular(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(found) => check_kind(found.file_type()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// `stat(2)`, then `open(2)` with `O_NONBLOCK`, then `fstat(2)`.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    check_kind(fs::metadata(path)?.file_type())?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    check_kind(file.metadata()?.file_type())?;
    Ok(file)
}

/// `lstat(2)`, then `open(2)` with `O_NOFOLLOW`, then `fstat(2)`.
pub(crate) fn open_own(path: &Path) -> io::Result<Result<File, String>> {
    if let Err(why) = check_own(&fs::symlink_metadata(path)?) {
        return Ok(Err(why));
    }
    let file = open_private(path, Access::Write)?;
    Ok(check_own(&file.metadata()?).map(|()| file))
}

fn check_own(found: &Metadata) -> Result<(), String> {
    let user = nix::unistd::geteuid().as_raw();
    if let Some(what) = other_kind(found.file_type()) {
        Err(format!("it is {what}, not a regular file"))
    } else if found.uid() != user {
        Err(format!(
            "it belongs to user {}, and this process runs as user {user}",
            found.uid()
        ))
    } else if found.nlink() > 1 {
        Err(format!("the file has {} names (hard links)", found.nlink()))
    } else {
        Ok(())
    }
}

fn check_kind(found: FileType) -> io::Result<()> {
    other_kind(found).map_or(Ok(()), |what| Err(not_regular(what)))
}

/// Returns the kind of a file that is not regular; `None` for a regular file.
fn other_kind(found: FileType) -> Option<&'static str> {
    Some(match found {
        found if found.is_file() => return None,
        found if found.is_dir() => "a directory",
        found if found.is_symlink() => "a symbolic link",
        found if found.is_fifo() => "a FIFO",
        found if found.is_socket() => "a socket",
        found if found.is_char_device() => "a character device",
        found if found.is_block_device() => "a block device",
        _ => "of an unknown kind",
    })
}
