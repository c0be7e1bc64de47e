//! Mapping memory on systems without special support for pages: macOS and Windows.

use std::fs::File;
use std::io;

use memmap2::{MmapOptions, MmapRaw};

use super::Access;
use super::view::touch;

/// Maps the whole of a file. Returns the memory, and the offset in it at which the file begins.
pub(super) fn map_file(file: &File, length: usize, access: Access) -> io::Result<(MmapRaw, usize)> {
    let mut options = MmapOptions::new();
    let memory = match access {
        Access::Read => options.len(length).map_raw_read_only(file)?,
        Access::Write => options.len(length).map_raw(file)?,
    };
    Ok((memory, 0))
}

/// Memory of this process, in the same form.
pub(super) fn map_anonymous(length: usize) -> io::Result<(MmapRaw, usize)> {
    Ok((MmapOptions::new().len(length).map_anon()?.into(), 0))
}

/// Does nothing: there is no preference to set, see [`use_huge_pages`].
pub(super) fn prefer_huge_pages(_memory: &MmapRaw) -> io::Result<()> {
    Ok(())
}

/// Always an error: macOS has no call for that, and Windows has large pages only for sections without a
/// file (`CreateFileMappingW`).
pub(super) fn use_huge_pages(_address: *mut u8, _length: usize) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system gives no huge pages to mapped files; do without them",
    ))
}

/// Reads a byte of every page, which enters it into the page table.
pub(super) fn prefault(
    memory: &MmapRaw,
    start: usize,
    length: usize,
    _private: bool,
) -> io::Result<()> {
    touch(memory, start, length);
    Ok(())
}
