//! macOS: segments in the user's temporary directory, `F_PREALLOCATE`, open file description locks,
//! and `os_sync_wait_on_address` for waiting, if the system has it (14.4 and later). The code shared
//! with Linux is in `unix.rs`, the program and its processors in `macos/process.rs`.

#[cfg(feature = "workers")]
mod process;

use std::ffi::{CStr, OsString, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;

#[cfg(feature = "workers")]
pub(crate) use process::{pin_to_cpu, this_program};

pub(crate) use super::fork::{ParentOnly, count_forks, forks, hold_forks};
use super::get_or_make;
pub(super) use super::ordinary_pages::{
    map_anonymous, map_file, prefault, prefer_huge_pages, use_huge_pages,
};
pub(crate) use super::unix::{
    ByteLocks, Group, advise, check_length, contents, create_directory, create_private, free_space,
    is_regular, is_same_file, is_too_many_files, let_owner_in, open_own, open_private,
    open_regular, private_directory, publish, remove,
};
#[cfg(feature = "workers")]
pub(crate) use super::unix::{ProcessTree, end_forked_child, end_process, read_at, take_input};

// `fcntl.h` of XNU has the commands; the manual does not mention them.
pub(super) const SET_LOCK: c_int = libc::F_OFD_SETLK;
pub(super) const GET_LOCK: c_int = libc::F_OFD_GETLK;

/// `confstr(3)` with `_CS_DARWIN_USER_TEMP_DIR`: a directory that the system made for this user
/// alone, the same one for every process of theirs, whatever `TMPDIR` says.
pub(crate) fn default_root() -> PathBuf {
    let mut text = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: the buffer has the length that is given with it, and `confstr` writes nothing else.
    let length = unsafe {
        libc::confstr(
            libc::_CS_DARWIN_USER_TEMP_DIR,
            text.as_mut_ptr().cast(),
            text.len(),
        )
    };
    // The length counts the final zero; 0 is a failure, and more than the buffer has is cut off.
    let directory = if (2..=text.len()).contains(&length) {
        text.truncate(length - 1);
        PathBuf::from(OsString::from_vec(text))
    } else {
        std::env::temp_dir()
    };
    directory.join(format!("millpond-{}", nix::unistd::geteuid()))
}

/// `fcntl(2)` with `F_PREALLOCATE` sets the space aside, in one piece or else in many; then
/// `ftruncate(2)` makes it part of the file. On a full file system the first of them fails. A
/// process that dies in between leaves a file with more space than its length; the space is then reserved again.
pub(crate) fn reserve(file: &File, length: u64) -> io::Result<()> {
    check_length(length)?;
    let wanted =
        libc::off_t::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let missing = wanted - file.metadata()?.len() as libc::off_t;
    if missing <= 0 {
        return Ok(());
    }
    let in_one_piece = libc::F_ALLOCATECONTIG | libc::F_ALLOCATEALL;
    preallocate(file, missing, in_one_piece)
        .or_else(|_| preallocate(file, missing, libc::F_ALLOCATEALL))?;
    file.set_len(length)
}

/// `fcntl(2)` with `F_PREALLOCATE`: `length` bytes more, all or none, after the file's end.
fn preallocate(file: &File, length: libc::off_t, flags: libc::c_uint) -> io::Result<()> {
    let mut request = libc::fstore_t {
        fst_flags: flags,
        fst_posmode: libc::F_PEOFPOSMODE,
        fst_offset: 0,
        fst_length: length,
        fst_bytesalloc: 0,
    };
    // SAFETY: the descriptor is open, and `request` is an `fstore_t` that outlives the call.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_PREALLOCATE, &mut request) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The channel on which processes sleep until a word of shared memory changes. The system finds the
/// sleepers by the word alone (`os/os_sync_wait_on_address.h`). On a system that is too old for it, the
/// sleepers check the word at growing intervals.
pub(crate) struct Channel {
    calls: Option<&'static Calls>,
}

impl Channel {
    /// `id` names the word for systems that need a name.
    pub(crate) fn new(_id: u64) -> io::Result<Self> {
        Ok(Self {
            calls: Calls::find(),
        })
    }

    /// Sleeps while `word` is `expected`, until woken or until `limit` has passed; may also return
    /// early for no reason. `os_sync_wait_on_address_with_timeout`, shared, so that the wake-ups of
    /// other processes reach it.
    pub(crate) fn wait(&self, word: &AtomicU32, expected: u32, limit: Duration) {
        match self.calls {
            Some(calls) => calls.wait(word, expected, limit),
            None => back_off(word, expected, limit),
        }
    }

    /// Wakes one sleeper on `word`: `os_sync_wake_by_address_any`.
    pub(crate) fn wake_one(&self, word: &AtomicU32) {
        if let Some(calls) = self.calls {
            wake(calls.wake_any, word);
        }
    }

    /// Wakes every sleeper on `word`: `os_sync_wake_by_address_all`.
    pub(crate) fn wake_all(&self, word: &AtomicU32) {
        if let Some(calls) = self.calls {
            wake(calls.wake_all, word);
        }
    }
}

/// Sleeps in slices, each twice as long as the last, until the word changes or the limit has passed.
fn back_off(word: &AtomicU32, expected: u32, limit: Duration) {
    const FIRST: Duration = Duration::from_micros(50);
    const LONGEST: Duration = Duration::from_millis(2);
    let began = Instant::now();
    let mut nap = FIRST;
    // Relaxed: the caller reads the word again, in the order that it needs.
    while word.load(Ordering::Relaxed) == expected {
        let left = limit.saturating_sub(began.elapsed());
        if left.is_zero() {
            return;
        }
        thread::sleep(nap.min(left));
        nap = (nap * 2).min(LONGEST);
    }
}

/// `os_sync_wait_on_address_with_timeout`: address, value, size, flags, clock, nanoseconds.
type WaitCall = unsafe extern "C" fn(*mut c_void, u64, usize, u32, u32, u64) -> c_int;
/// `os_sync_wake_by_address_any` and `_all`: address, size, flags.
type WakeCall = unsafe extern "C" fn(*mut c_void, usize, u32) -> c_int;

/// The functions of `os/os_sync_wait_on_address.h`.
struct Calls {
    wait: WaitCall,
    wake_any: WakeCall,
    wake_all: WakeCall,
}

impl Calls {
    /// All three, looked up once in a process; `None` before macOS 14.4.
    fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Calls>> = OnceLock::new();
        get_or_make(&FOUND, Self::look_up).as_ref()
    }

    fn look_up() -> Option<Self> {
        let wait = symbol(c"os_sync_wait_on_address_with_timeout")?;
        let wake_any = symbol(c"os_sync_wake_by_address_any")?;
        let wake_all = symbol(c"os_sync_wake_by_address_all")?;
        Some(Self {
            // SAFETY: the address is that function's, and the header declares it with this type.
            wait: unsafe { std::mem::transmute::<*mut c_void, WaitCall>(wait) },
            // SAFETY: as above.
            wake_any: unsafe { std::mem::transmute::<*mut c_void, WakeCall>(wake_any) },
            // SAFETY: as above.
            wake_all: unsafe { std::mem::transmute::<*mut c_void, WakeCall>(wake_all) },
        })
    }

    fn wait(&self, word: &AtomicU32, expected: u32, limit: Duration) {
        // The system refuses a limit of zero.
        let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1);
        // SAFETY: `word` is a live, aligned 32-bit word, which the call reads and does not write.
        let result = unsafe {
            (self.wait)(
                word.as_ptr().cast(),
                u64::from(expected),
                size_of::<u32>(),
                libc::OS_SYNC_WAIT_ON_ADDRESS_SHARED,
                libc::OS_CLOCK_MACH_ABSOLUTE_TIME,
                nanoseconds,
            )
        };
        // Woken, timed out and interrupted are alike to the caller. Any other failure comes at
        // once, and must not turn the caller's loop into a spin.
        if result < 0
            && !matches!(
                io::Error::last_os_error().raw_os_error(),
                Some(libc::ETIMEDOUT | libc::EINTR)
            )
        {
            back_off(word, expected, limit);
        }
    }
}

/// One of the two calls that wake. Their only possible failure is that no process sleeps.
fn wake(call: WakeCall, word: &AtomicU32) {
    // SAFETY: the call uses the address as a key only; the word is alive.
    unsafe {
        call(
            word.as_ptr().cast(),
            size_of::<u32>(),
            libc::OS_SYNC_WAKE_BY_ADDRESS_SHARED,
        );
    }
}

/// `dlsym(3)` in all libraries that the process has loaded.
fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends with a zero, and `RTLD_DEFAULT` is a handle that is always valid.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}
