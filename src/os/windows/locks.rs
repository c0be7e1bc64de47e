//! Byte locks on Windows: `LockFileEx`, with what it lacks of the locks of the other systems.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::windows::fs::FileExt;
use std::os::windows::io::AsRawHandle;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::ERROR_LOCK_VIOLATION;
use windows_sys::Win32::Storage::FileSystem::{
    LOCK_FILE_FLAGS, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, UnlockFileEx,
};
use windows_sys::Win32::System::IO::{OVERLAPPED, OVERLAPPED_0_0};

/// How often an attempt to lock that only meets probes is made again: for 40 ms in all.
const ATTEMPTS: u32 = 40;
/// The pause after the second attempt; it grows by as much after each.
const PAUSE: Duration = Duration::from_micros(50);

/// Locks on single bytes of a file, which the system drops when the process ends.
///
/// They belong to the open file, as on the other systems: two of these in one process exclude each
/// other. The system would let one exclude itself, so each remembers what it holds. The bytes lie
/// past the file's end, or are used under the lock alone, because no other holder may read or write a locked byte
/// (except in a mapping).
///
/// The system has no call that asks for a lock without taking it. So a probe takes a shared one and
/// gives it back: probes do not meet each other, and an attempt to lock that meets one tries again.
pub(crate) struct ByteLocks {
    file: File,
    held: Mutex<Vec<Range<u64>>>,
}

impl ByteLocks {
    /// Opens the file that the locks live on.
    pub(crate) fn open(open: impl FnOnce() -> io::Result<File>) -> io::Result<Self> {
        Ok(Self {
            file: open()?,
            held: Mutex::new(Vec::new()),
        })
    }

    /// The open file.
    pub(crate) fn file(&self) -> io::Result<&File> {
        Ok(&self.file)
    }

    /// Locks `length` bytes from `start` on; `false` where another holder has one of them.
    pub(crate) fn try_lock(&self, start: u64, length: u64) -> io::Result<bool> {
        let wanted = start..start + length;
        let mut held = self.held();
        if holds(&held, &wanted) {
            return Ok(true);
        }
        for attempt in 0..ATTEMPTS {
            if self.take(&wanted, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY)? {
                held.push(wanted);
                return Ok(true);
            }
            if self.is_taken(&wanted)? {
                return Ok(false);
            }
            // It was a probe, and is over by now, unless its thread was interrupted.
            thread::sleep(PAUSE * attempt);
        }
        Ok(false)
    }

    /// Reads the beginning of the file; returns the number of bytes read. Bytes that this value has locked can be
    /// read by it alone.
    pub(crate) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.file.seek_read(into, 0)
    }

    /// Writes the beginning of the file. Bytes that this value has locked can be written by it alone.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self.file.seek_write(bytes, 0)? {
            count if count == bytes.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// Unlocks bytes that were locked by one call.
    pub(crate) fn unlock(&self, start: u64, length: u64) -> io::Result<()> {
        let mut held = self.held();
        match held
            .iter()
            .position(|range| *range == (start..start + length))
        {
            Some(index) => self.give_back(&held.swap_remove(index)),
            None => Ok(()),
        }
    }

    /// Returns `true` if another holder has a lock on one of the bytes.
    pub(crate) fn is_locked_elsewhere(&self, start: u64, length: u64) -> io::Result<bool> {
        let end = start + length;
        let mut held = self.held();
        held.sort_by_key(|range| range.start);
        // Ask for what lies between the bytes that are held here.
        let mut from = start;
        for own in held.iter().filter(|own| own.end > start && own.start < end) {
            if from < own.start && self.is_taken(&(from..own.start))? {
                return Ok(true);
            }
            from = from.max(own.end);
        }
        Ok(from < end && self.is_taken(&(from..end))?)
    }

    fn held(&self) -> MutexGuard<'_, Vec<Range<u64>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns `true` if another open file has an exclusive lock on one of the bytes, of which `self` holds
    /// none.
    fn is_taken(&self, range: &Range<u64>) -> io::Result<bool> {
        let shared = self.take(range, LOCKFILE_FAIL_IMMEDIATELY)?;
        if shared {
            self.give_back(range)?;
        }
        Ok(!shared)
    }

    /// `LockFileEx`; `false` where it fails at once because of another lock.
    fn take(&self, range: &Range<u64>, flags: LOCK_FILE_FLAGS) -> io::Result<bool> {
        let (mut place, length) = (place_of(range), range.end - range.start);
        // SAFETY: the handle is open and was not opened for overlapped use, so the call is over
        // when it returns, and `place` outlives it.
        let result = super::check(unsafe {
            LockFileEx(
                self.file.as_raw_handle(),
                flags,
                0,
                length as u32,
                (length >> 32) as u32,
                &mut place,
            )
        });
        match result {
            Err(error) if error.raw_os_error() == Some(ERROR_LOCK_VIOLATION as i32) => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// `UnlockFileEx`, for a range as it was taken.
    fn give_back(&self, range: &Range<u64>) -> io::Result<()> {
        let (mut place, length) = (place_of(range), range.end - range.start);
        // SAFETY: as for `LockFileEx` above.
        super::check(unsafe {
            UnlockFileEx(
                self.file.as_raw_handle(),
                0,
                length as u32,
                (length >> 32) as u32,
                &mut place,
            )
        })
    }
}

impl Drop for ByteLocks {
    /// A mapping keeps a handle of its own on the open file, with which the locks would stay.
    fn drop(&mut self) {
        for range in self.held().drain(..) {
            let _ = self.give_back(&range);
        }
    }
}

/// Returns `true` if all of `wanted` was locked by one call.
fn holds(held: &[Range<u64>], wanted: &Range<u64>) -> bool {
    held.iter()
        .any(|range| range.start <= wanted.start && wanted.end <= range.end)
}

/// Where a range begins, as `LockFileEx` wants to be told.
fn place_of(range: &Range<u64>) -> OVERLAPPED {
    let mut place = OVERLAPPED::default();
    place.Anonymous.Anonymous = OVERLAPPED_0_0 {
        Offset: range.start as u32,
        OffsetHigh: (range.start >> 32) as u32,
    };
    place
}
