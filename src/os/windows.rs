//! Windows: segments in the user's local application data. The byte locks are in `locks.rs`, waiting
//! is in `channel.rs`, reading in `contents.rs`, the owner of a directory in `owner.rs`, regular files in
//! `regular.rs`, worker processes in `process.rs`, `tree.rs` and `startup.rs`, and the counterpart of
//! the other systems' fork handling in `forks.rs`. No handle is inherited by a child process, and nothing forks.
//!
//! A file that is mapped anywhere can be renamed but not deleted. So a name is removed by
//! renaming the file to a hidden name ending in `.dead`; the system deletes it when its last handle is closed.

mod channel;
mod contents;
mod forks;
mod group;
mod locks;
mod owner;
#[cfg(feature = "workers")]
mod process;
mod regular;
#[cfg(feature = "workers")]
mod startup;
#[cfg(feature = "workers")]
mod tree;

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::os::windows::io::AsRawHandle;
use std::path::{Component, Path, PathBuf, Prefix};
use std::ptr;

use memmap2::MmapRaw;
use windows_sys::Win32::Foundation as win;
use windows_sys::Win32::Storage::FileSystem as files;

use super::{Access, Advice};

pub(crate) use channel::Channel;
#[cfg(feature = "workers")]
pub(crate) use forks::end_forked_child;
pub(crate) use forks::{ParentOnly, count_forks, forks, hold_forks};
pub(crate) use group::Group;
pub(crate) use locks::ByteLocks;
#[cfg(feature = "workers")]
pub(crate) use process::{pin_to_cpu, read_at, take_input, this_program};
pub(crate) use regular::{is_regular, open_own, open_regular};
#[cfg(feature = "workers")]
pub(crate) use tree::ProcessTree;

pub(super) use super::ordinary_pages::{
    map_anonymous, map_file, prefault, prefer_huge_pages, use_huge_pages,
};

/// `TerminateProcess`, as the task manager would end it. `abort` would report a crash first.
#[cfg(any(feature = "failpoints", feature = "workers"))]
pub(crate) fn end_process() -> ! {
    use windows_sys::Win32::System::Threading::{GetCurrentProcess, TerminateProcess};
    // SAFETY: takes no argument, and returns a constant that need not be closed.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the handle is this process's, with every right.
    unsafe { TerminateProcess(process, 1) };
    // Only if the system refuses.
    std::process::abort()
}

/// `%LOCALAPPDATA%\millpond`: of this user, on this machine, in the file cache while it is used.
pub(crate) fn default_root() -> PathBuf {
    std::env::var_os("LOCALAPPDATA")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(r"AppData\Local")))
        .unwrap_or_else(std::env::temp_dir)
        .join("millpond")
}

/// `CreateDirectoryW`, for this user, the system and the administrators alone. An existing one must
/// be a directory, no link (no reparse point), and owned by this user, the administrators or the
/// system. Its access list is not read: below the user's profile it lets in no other user.
pub(crate) fn private_directory(path: &Path) -> io::Result<Result<(), String>> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // An existing directory is an error of its own; the root of a volume is another one.
    if let Err(error) = owner::create_directory(path)
        && fs::symlink_metadata(path).is_err()
    {
        return Err(error);
    }
    let found = look_at(path, files::READ_CONTROL)?;
    let attributes = found.metadata()?.file_attributes();
    Ok(if attributes & files::FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        Err("it is a link; name the directory itself".into())
    } else if attributes & files::FILE_ATTRIBUTE_DIRECTORY == 0 {
        Err("it is not a directory; choose another path".into())
    } else {
        owner::check(&found)?
    })
}

/// `CreateDirectoryW`: a directory below the root inherits the root's access list.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Does nothing: no mask keeps a user from the user's own files.
pub(crate) fn let_owner_in(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// `CreateFileW` with `CREATE_NEW`, shared for reading, writing, renaming and deleting (which is
/// what the standard library asks for); the directory's access list governs access to it.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
}

/// `CreateFileW` with `FILE_FLAG_OPEN_REPARSE_POINT`, shared as above; a link is refused.
pub(crate) fn open_private(path: &Path, access: Access) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(access == Access::Write)
        .custom_flags(files::FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    let special = files::FILE_ATTRIBUTE_REPARSE_POINT | files::FILE_ATTRIBUTE_DIRECTORY;
    if file.metadata()?.file_attributes() & special != 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// The contents of a file, see `contents.rs`.
pub(crate) fn contents(file: &File) -> impl io::Read + io::Seek {
    contents::Contents::new(file)
}

/// `SetFileInformationByHandle`, first the allocation and then the end: both set clusters aside and
/// fail on a full disk. Both would also make a file shorter, unless it is mapped. Files whose clusters come
/// later (sparse and compressed ones) are refused.
pub(crate) fn reserve(file: &File, length: u64) -> io::Result<()> {
    let late = files::FILE_ATTRIBUTE_SPARSE_FILE | files::FILE_ATTRIBUTE_COMPRESSED;
    let found = file.metadata()?;
    if found.len() >= length {
        return Ok(());
    }
    if found.file_attributes() & late != 0 {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "files in this directory are compressed; run `compact /u` on it, or choose another",
        ));
    }
    let length = i64::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let allocation = files::FILE_ALLOCATION_INFO {
        AllocationSize: length,
    };
    match set_information(file, files::FileAllocationInfo, &allocation) {
        // A file system without this call has only the next one, which allocates as well.
        Err(error) if is_unknown_call(&error) => {}
        other => other?,
    }
    let end = files::FILE_END_OF_FILE_INFO { EndOfFile: length };
    set_information(file, files::FileEndOfFileInfo, &end)
}

/// A process may make files of any length.
pub(crate) fn check_length(_length: u64) -> io::Result<()> {
    Ok(())
}

/// The handles of the process.
pub(crate) fn is_too_many_files(code: i32) -> bool {
    code as u32 == win::ERROR_TOO_MANY_OPEN_FILES
}

/// Does nothing: the system guesses by itself how a mapped file is used.
pub(crate) fn advise(_memory: &MmapRaw, _advice: Advice) -> io::Result<()> {
    Ok(())
}

/// `GetDiskFreeSpaceExW`, which respects quotas and takes the name of a directory. A file that lost its
/// name has a hidden one in `root` until it is closed, so `root` exists.
pub(crate) fn free_space(_file: &File, root: &Path) -> io::Result<Option<u64>> {
    let directory = wide(root)?;
    let mut free = 0;
    // SAFETY: the path ends with a zero, `free` outlives the call, and the other two may be null.
    check(unsafe {
        files::GetDiskFreeSpaceExW(
            directory.as_ptr(),
            &mut free,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    })?;
    Ok(Some(free))
}

/// `MoveFileExW` without `MOVEFILE_REPLACE_EXISTING`. The file may be open and mapped.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from)?, wide(to)?);
    // SAFETY: both paths end with a zero and outlive the call.
    check(unsafe { files::MoveFileExW(from.as_ptr(), to.as_ptr(), 0) })
}

/// `MoveFileExW` to a hidden name in `root` that ends in `.dead`, then `CreateFileW` with
/// `FILE_FLAG_DELETE_ON_CLOSE`, after which the file goes "immediately after all of its handles are
/// closed, which includes the specified handle and any other open or duplicated handles". A mapping
/// has its own handle, which `memmap2` closes last. A file may stay nevertheless, for example because of the
/// views of a killed process; it is deleted when this is called for its hidden name.
///
/// `DeleteFileW` would not do: it "fails if an application attempts to delete a file that has other
/// handles open for normal I/O or as a memory-mapped file". Wine lets it succeed.
pub(crate) fn remove(path: &Path, root: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let dead = if name.starts_with(b".") && name.ends_with(b".dead") {
        path.to_path_buf()
    } else {
        // The standard library's hasher is the one source of random numbers at hand.
        let random = RandomState::new().build_hasher().finish();
        let dead = root.join(format!(".{random:016x}.dead"));
        publish(path, &dead)?;
        super::fail_point("unlink.renamed");
        dead
    };
    // An error means that this was done before, or that a foreign handle prevents it. The name is free in
    // both cases.
    let _ = OpenOptions::new()
        .access_mode(files::DELETE)
        .custom_flags(files::FILE_FLAG_DELETE_ON_CLOSE | files::FILE_FLAG_OPEN_REPARSE_POINT)
        .open(dead);
    Ok(())
}

/// The file numbers of both; a missing name is `false`. Their volumes are not compared: `file` got
/// its name in the directory of `path`, and wine forgets the volume of a file that was renamed.
pub(crate) fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    match look_at(path, files::FILE_READ_ATTRIBUTES) {
        Ok(named) => Ok(number(file)? == number(&named)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// `CreateFileW` on the entry that `path` itself names, also a link or a directory, for queries only.
fn look_at(path: &Path, access: u32) -> io::Result<File> {
    OpenOptions::new()
        .access_mode(access | files::FILE_READ_ATTRIBUTES)
        .custom_flags(files::FILE_FLAG_OPEN_REPARSE_POINT | files::FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
}

/// `GetFileInformationByHandleEx` for the number that is unique on its volume whatever the file
/// system; where that is not known, `GetFileInformationByHandle` for the older, shorter one.
fn number(file: &File) -> io::Result<u128> {
    let mut long = files::FILE_ID_INFO::default();
    // SAFETY: the handle is open, and `long` is what the call is told to write, with its size.
    let found = check(unsafe {
        files::GetFileInformationByHandleEx(
            file.as_raw_handle(),
            files::FileIdInfo,
            ptr::from_mut(&mut long).cast(),
            size_of_val(&long) as u32,
        )
    });
    match found {
        Err(error) if is_unknown_call(&error) => {}
        other => return other.map(|()| u128::from_le_bytes(long.FileId.Identifier)),
    }
    let mut short = files::BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open, and `short` outlives the call, which writes it.
    check(unsafe { files::GetFileInformationByHandle(file.as_raw_handle(), &mut short) })?;
    Ok(u128::from(short.nFileIndexHigh) << 32 | u128::from(short.nFileIndexLow))
}

/// `SetFileInformationByHandle` with `value`, which is the structure that `class` stands for.
fn set_information<T>(
    file: &File,
    class: files::FILE_INFO_BY_HANDLE_CLASS,
    value: &T,
) -> io::Result<()> {
    // SAFETY: the handle is open; the call reads the bytes of `value` and keeps no pointer to it.
    check(unsafe {
        files::SetFileInformationByHandle(
            file.as_raw_handle(),
            class,
            ptr::from_ref(value).cast(),
            size_of::<T>() as u32,
        )
    })
}

/// Returns `true` if `error` means that the file system does not know the call.
fn is_unknown_call(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(|code| code as u32),
        Some(
            win::ERROR_INVALID_FUNCTION
                | win::ERROR_NOT_SUPPORTED
                | win::ERROR_CALL_NOT_IMPLEMENTED
                | win::ERROR_INVALID_PARAMETER
        )
    )
}

/// `path` for the calls that end in W: absolute, with the prefix that lets it be longer than 260
/// characters ("Maximum Path Length Limitation"), and a zero at the end.
fn wide(path: &Path) -> io::Result<Vec<u16>> {
    let path = std::path::absolute(path)?;
    let prefix = match path.components().next() {
        Some(Component::Prefix(prefix)) => Some(prefix.kind()),
        _ => None,
    };
    let text: Vec<u16> = path.as_os_str().encode_wide().collect();
    if text.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let (start, rest) = match prefix {
        Some(Prefix::Disk(_)) => (r"\\?\", &text[..]),
        Some(Prefix::UNC(..)) => (r"\\?\UNC\", &text[2..]),
        _ => ("", &text[..]),
    };
    Ok(start
        .encode_utf16()
        .chain(rest.iter().copied())
        .chain([0])
        .collect())
}

/// Turns the result of most calls into an error of the calling thread: `GetLastError`.
fn check(result: windows_sys::core::BOOL) -> io::Result<()> {
    match result {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
