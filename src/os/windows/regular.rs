//! Regular files, told from devices (such as `NUL`), pipes and directories.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem as files;

use super::super::{Access, not_regular};
use super::{check, open_private, owner};

/// `CreateFileW` to ask about it only, then `GetFileType`.
pub(crate) fn is_regular(path: &Path) -> io::Result<bool> {
    let found = OpenOptions::new()
        .access_mode(files::FILE_READ_ATTRIBUTES)
        .custom_flags(files::FILE_FLAG_BACKUP_SEMANTICS)
        .open(path);
    match found {
        Ok(found) => check_kind(&found).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// `CreateFileW`, after a look at what the path names.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    is_regular(path)?;
    let file = File::open(path)?;
    check_kind(&file)?;
    Ok(file)
}

/// [`open_private`], then `GetFileInformationByHandle` for the number of names, and the owner as for a directory.
pub(crate) fn open_own(path: &Path) -> io::Result<Result<File, String>> {
    let file = open_private(path, Access::Write)?;
    let mut found = files::BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open, and `found` outlives the call, which writes it.
    check(unsafe { files::GetFileInformationByHandle(file.as_raw_handle(), &mut found) })?;
    if found.nNumberOfLinks > 1 {
        let names = found.nNumberOfLinks;
        return Ok(Err(format!("the file has {names} names (hard links)")));
    }
    Ok(owner::check(&file)?.map(|()| file))
}

/// `GetFileType`.
fn check_kind(file: &File) -> io::Result<()> {
    // SAFETY: the handle is open.
    let what = match unsafe { files::GetFileType(file.as_raw_handle()) } {
        files::FILE_TYPE_DISK if file.metadata()?.is_dir() => "a directory",
        files::FILE_TYPE_DISK => return Ok(()),
        files::FILE_TYPE_CHAR => "a character device",
        files::FILE_TYPE_PIPE => "a pipe or a socket",
        _ => "of an unknown kind",
    };
    Err(not_regular(what))
}
