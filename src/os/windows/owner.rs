//! The owner of a directory on Windows, and the access list of a new one. Security identifiers are
//! handled as text (`S-1-5-…`), which compares them and shows them alike.

use std::fs::File;
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::{ptr, slice};

use windows_sys::Win32::Foundation as win;
use windows_sys::Win32::Security::Authorization as text;
use windows_sys::Win32::Security::{self as security, PSID};
use windows_sys::Win32::Storage::FileSystem as files;
use windows_sys::Win32::System::Threading as threading;

const ADMINISTRATORS: &str = "S-1-5-32-544";
const LOCAL_SYSTEM: &str = "S-1-5-18";

/// `CreateDirectoryW` with an access list that lets in this user, the system and the
/// administrators, for the directory and all that will be in it, and that inherits nothing.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    let path = super::wide(path)?;
    let rule: Vec<u16> = format!(
        "D:P(A;OICI;FA;;;{})(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)\0",
        current_user()?
    )
    .encode_utf16()
    .collect();
    let mut descriptor = ptr::null_mut();
    // SAFETY: the text ends with a zero, `descriptor` outlives the call, and a size may be left out.
    super::check(unsafe {
        text::ConvertStringSecurityDescriptorToSecurityDescriptorW(
            rule.as_ptr(),
            text::SDDL_REVISION_1,
            &mut descriptor,
            ptr::null_mut(),
        )
    })?;
    let descriptor = LocalMemory(descriptor);
    let attributes = security::SECURITY_ATTRIBUTES {
        nLength: size_of::<security::SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    };
    // SAFETY: the path ends with a zero; it, the attributes and the descriptor outlive the call.
    super::check(unsafe { files::CreateDirectoryW(path.as_ptr(), &attributes) })
}

/// Checks that this user, the administrators or the system own an open directory; the inner error says why it
/// is not to be trusted. `GetSecurityInfo`; the handle has the right `READ_CONTROL`.
pub(super) fn check(directory: &File) -> io::Result<Result<(), String>> {
    let (mut owner, mut descriptor) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the handle is open; `owner` and `descriptor` outlive the call, and what is not asked
    // for may be null.
    let error = unsafe {
        text::GetSecurityInfo(
            directory.as_raw_handle(),
            text::SE_FILE_OBJECT,
            security::OWNER_SECURITY_INFORMATION,
            &mut owner,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            &mut descriptor,
        )
    };
    if error != win::ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(error as i32));
    }
    // `owner` points into it.
    let _descriptor = LocalMemory(descriptor);
    let (owner, user) = (identifier(owner)?, current_user()?);
    // What an elevated process creates belongs to the administrators, which have access anyway.
    Ok(
        if [&user, ADMINISTRATORS, LOCAL_SYSTEM].contains(&owner.as_str()) {
            Ok(())
        } else {
            Err(format!(
                "it belongs to {owner}, and this process runs as {user}; choose another path"
            ))
        },
    )
}

/// The user of this process: `OpenProcessToken`, then `GetTokenInformation` for `TokenUser`.
fn current_user() -> io::Result<String> {
    let mut token = ptr::null_mut();
    // SAFETY: takes nothing, and gives a constant that need not be closed.
    let process = unsafe { threading::GetCurrentProcess() };
    // SAFETY: the process handle is valid, and `token` outlives the call, which writes it.
    super::check(unsafe {
        threading::OpenProcessToken(process, security::TOKEN_QUERY, &mut token)
    })?;
    // SAFETY: the call succeeded, so this is an open handle, and no other code closes it.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    // A `TOKEN_USER`, and after it the identifier that it points to: 16 and at most 68 bytes.
    let mut answer = [0_u64; 16];
    let mut length = 0;
    // SAFETY: the token is open, the buffer has the size that is given, and both outlive the call.
    super::check(unsafe {
        security::GetTokenInformation(
            token.as_raw_handle(),
            security::TokenUser,
            answer.as_mut_ptr().cast(),
            size_of_val(&answer) as u32,
            &mut length,
        )
    })?;
    // SAFETY: the call succeeded, so the buffer, which is large and aligned enough, begins with a
    // `TOKEN_USER`; that is a plain struct.
    let found = unsafe { answer.as_ptr().cast::<security::TOKEN_USER>().read() };
    identifier(found.User.Sid)
}

/// `ConvertSidToStringSidW`. `sid` comes from the system and is still valid.
fn identifier(sid: PSID) -> io::Result<String> {
    let mut found = ptr::null_mut();
    // SAFETY: `sid` is valid, see above (null is an error), and `found` outlives the call.
    super::check(unsafe { text::ConvertSidToStringSidW(sid, &mut found) })?;
    let memory = LocalMemory(found.cast());
    let mut length = 0;
    // SAFETY: the text ends with a zero, and no unit before `length` was one.
    while unsafe { found.wrapping_add(length).read() } != 0 {
        length += 1;
    }
    // SAFETY: so many units were read just now, and `memory` keeps them.
    let units = unsafe { slice::from_raw_parts(found, length) };
    let identifier = String::from_utf16_lossy(units);
    drop(memory);
    Ok(identifier)
}

/// Memory that the system allocated for its caller.
struct LocalMemory(*mut core::ffi::c_void);

impl Drop for LocalMemory {
    /// `LocalFree`.
    fn drop(&mut self) {
        // SAFETY: the pointer is from a call whose manual says to free it so, and is not used again.
        unsafe { win::LocalFree(self.0) };
    }
}
