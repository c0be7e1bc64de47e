//! What a process is started with on Windows: its command line, the handles that it inherits, and its job.

use std::io;
use std::marker::PhantomData;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle, RawHandle};
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation as win;
use windows_sys::Win32::System::Threading as threading;

use super::check;

/// The program and its arguments in quotes, as a program takes them apart again.
pub(super) fn command_line(program: &Path, arguments: &[&str]) -> io::Result<Vec<u16>> {
    let mut line = Vec::new();
    let mut add = |word: &mut dyn Iterator<Item = u16>| {
        line.extend(
            [u16::from(b'"')]
                .into_iter()
                .chain(word)
                .chain([b'"', b' '].map(u16::from)),
        );
    };
    add(&mut program.as_os_str().encode_wide()); // a file's name has no quotes, and does not end in a backslash
    for argument in arguments {
        if argument.contains(['"', '\\', '\0']) {
            let found = format!("a quote, a backslash or a zero in the argument {argument:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, found));
        }
        add(&mut argument.encode_utf16());
    }
    line.push(0);
    Ok(line)
}

/// The standard handles of a process that is to be started. It may inherit these, and no others.
pub(super) struct Standard {
    input: OwnedHandle,
    /// This process's, duplicated; null where it has none.
    output: OwnedHandle,
    error: OwnedHandle,
}

impl Standard {
    pub(super) fn new(input: OwnedHandle) -> io::Result<Self> {
        let standard = Self {
            input,
            output: io::stdout().as_handle().try_clone_to_owned()?,
            error: io::stderr().as_handle().try_clone_to_owned()?,
        };
        for handle in standard.inherited() {
            let flag = win::HANDLE_FLAG_INHERIT;
            // SAFETY: the handle is open, and this process's own.
            check(unsafe { win::SetHandleInformation(handle, flag, flag) })?;
        }
        Ok(standard)
    }

    fn all(&self) -> [RawHandle; 3] {
        [&self.input, &self.output, &self.error].map(|handle| handle.as_raw_handle())
    }

    /// Those that there are.
    pub(super) fn inherited(&self) -> Vec<RawHandle> {
        self.all()
            .into_iter()
            .filter(|handle| !handle.is_null())
            .collect()
    }

    pub(super) fn startup(&self) -> threading::STARTUPINFOW {
        let [input, output, error] = self.all();
        threading::STARTUPINFOW {
            cb: size_of::<threading::STARTUPINFOEXW>() as u32,
            dwFlags: threading::STARTF_USESTDHANDLES,
            hStdInput: input,
            hStdOutput: output,
            hStdError: error,
            ..Default::default()
        }
    }
}

/// What a process is to be started with, besides what every process is.
pub(super) struct Attributes<'a> {
    /// Words, as pointers lie in it.
    memory: Vec<usize>,
    values: PhantomData<&'a [RawHandle]>,
}

impl<'a> Attributes<'a> {
    /// `InitializeProcThreadAttributeList`, for a list of limited length.
    pub(super) fn new(most: u32) -> io::Result<Self> {
        let mut bytes = 0;
        // SAFETY: without a list the call only writes how long it would be, and fails.
        unsafe {
            threading::InitializeProcThreadAttributeList(ptr::null_mut(), most, 0, &mut bytes)
        };
        let mut memory = vec![0; bytes.div_ceil(size_of::<usize>())];
        let list = memory.as_mut_ptr().cast();
        // SAFETY: the memory has the length that the call before asked for, and is aligned for pointers.
        check(unsafe { threading::InitializeProcThreadAttributeList(list, most, 0, &mut bytes) })?;
        let values = PhantomData;
        Ok(Self { memory, values })
    }

    /// `UpdateProcThreadAttribute`, with handles.
    pub(super) fn add(&mut self, attribute: u32, handles: &'a [RawHandle]) -> io::Result<()> {
        let list = self.list();
        // SAFETY: the list is initialised, and keeps a pointer to the handles, which outlive it.
        check(unsafe {
            threading::UpdateProcThreadAttribute(
                list,
                0,
                attribute as usize,
                handles.as_ptr().cast(),
                size_of_val(handles),
                ptr::null_mut(),
                ptr::null(),
            )
        })
    }

    pub(super) fn list(&mut self) -> threading::LPPROC_THREAD_ATTRIBUTE_LIST {
        self.memory.as_mut_ptr().cast()
    }
}

impl Drop for Attributes<'_> {
    fn drop(&mut self) {
        let list = self.list();
        // SAFETY: initialised by `new`, and not used after this.
        unsafe { threading::DeleteProcThreadAttributeList(list) };
    }
}
