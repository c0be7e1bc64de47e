//! Linux: mappings that huge pages fit into, huge pages on request (`MADV_COLLAPSE`), and page tables
//! that are filled ahead (`MADV_POPULATE_READ`). Imports `touch` for older kernels.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::libc;

use super::super::view::touch;
use super::super::{Access, get_or_make};

/// `mmap(2)`, so that a huge page of the file may be one in the page table: both begin at multiples of
/// its size. Returns the memory, and the offset in it at which the file begins.
pub(crate) fn map_file(file: &File, length: usize, access: Access) -> io::Result<(MmapRaw, usize)> {
    let mut options = MmapOptions::new();
    let Some(huge) = huge_page().filter(|huge| *huge <= length) else {
        let memory = match access {
            Access::Read => options.len(length).map_raw_read_only(file)?,
            Access::Write => options.len(length).map_raw(file)?,
        };
        return Ok((memory, 0));
    };
    // Addresses first, which are the only cost of an untouched mapping; then the file in there.
    let room = options.len(length + huge).map_raw_read_only(file)?;
    let start = room.as_mut_ptr().align_offset(huge);
    let protection = match access {
        Access::Read => libc::PROT_READ,
        Access::Write => libc::PROT_READ | libc::PROT_WRITE,
    };
    // SAFETY: the range lies inside of `room`, which no code uses yet, and is unmapped when `room` does.
    let mapped = unsafe {
        libc::mmap(
            room.as_mut_ptr().wrapping_add(start).cast(),
            length,
            protection,
            libc::MAP_SHARED | libc::MAP_FIXED,
            file.as_raw_fd(),
            0,
        )
    };
    if mapped == libc::MAP_FAILED {
        let error = io::Error::last_os_error();
        // Another thread may have got a part of these addresses by now: they are not unmapped.
        std::mem::forget(room);
        return Err(error);
    }
    Ok((room, start))
}

/// Memory of this process, aligned as [`map_file`] does.
pub(crate) fn map_anonymous(length: usize) -> io::Result<(MmapRaw, usize)> {
    let huge = huge_page().filter(|huge| *huge <= length);
    let mut options = MmapOptions::new();
    let memory: MmapRaw = options.len(length + huge.unwrap_or(0)).map_anon()?.into();
    let start = memory.as_mut_ptr().align_offset(huge.unwrap_or(1));
    Ok((memory, start))
}

/// `madvise(2)` with `MADV_HUGEPAGE`: what is touched from now on is to come in huge pages.
pub(crate) fn prefer_huge_pages(memory: &MmapRaw) -> io::Result<()> {
    memory.advise(Advice::HugePage).map_err(explain)
}

/// `asm-generic/mman-common.h`; the `libc` crate has it for the GNU library only.
const MADV_COLLAPSE: libc::c_int = 25;

/// `madvise(2)` with `MADV_COLLAPSE`, which succeeds only where every whole huge page of the range is
/// one afterwards, whatever the administrator has set.
pub(crate) fn use_huge_pages(address: *mut u8, length: usize) -> io::Result<()> {
    /// Pages that another process uses at that moment are refused with `EAGAIN`.
    const ATTEMPTS: usize = 16;
    let huge = huge_page().ok_or_else(|| explain(io::Error::from_raw_os_error(libc::EINVAL)))?;
    let whole = length - length % huge;
    let mut attempt = 1;
    loop {
        // SAFETY: the caller has the range mapped. The call changes which memory is behind it,
        // never its contents, and is allowed while others use it.
        let result = unsafe { libc::madvise(address.cast(), whole, MADV_COLLAPSE) };
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EAGAIN) || attempt == ATTEMPTS {
            return Err(explain(error));
        }
        attempt += 1;
    }
}

/// `madvise(2)` with `MADV_POPULATE_READ`, since Linux 5.14; a byte of every page before that. Private
/// memory with `MADV_POPULATE_WRITE`, as reading it would give it no pages of its own.
pub(crate) fn prefault(
    memory: &MmapRaw,
    start: usize,
    length: usize,
    private: bool,
) -> io::Result<()> {
    if private {
        return memory.advise_range(Advice::PopulateWrite, start, length);
    }
    match memory.advise_range(Advice::PopulateRead, start, length) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            touch(memory, start, length);
            Ok(())
        }
        other => other,
    }
}

/// The size of a huge page, in bytes; `None` where the kernel has none, or does not say so.
fn huge_page() -> Option<usize> {
    static SIZE: OnceLock<Option<usize>> = OnceLock::new();
    *get_or_make(&SIZE, || {
        let text = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").ok()?;
        let size: usize = text.trim().parse().ok()?;
        size.is_power_of_two().then_some(size)
    })
}

/// What an error of the calls for huge pages means (`madvise(2)`, "MADV_COLLAPSE").
fn explain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EINVAL) => io::Error::new(
            io::ErrorKind::Unsupported,
            "they need Linux 6.1 or later with transparent huge pages, and a directory in memory \
             (tmpfs), such as /dev/shm",
        ),
        Some(libc::ENOMEM | libc::EBUSY | libc::EAGAIN) => io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!(
                "there is not enough free memory in pieces that large, or this group's limit is \
                 reached ({error}); free some memory, or do without them"
            ),
        ),
        _ => error,
    }
}
