//! Mapped memory: a whole file, shared with all processes that map it, or private memory of this process.
//!
//! Systems differ in how they map it, and in how its pages are made huge or present.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use memmap2::MmapRaw;

use super::{Access, Advice, system};

/// Mapped memory. Unmapped when it is dropped.
pub(crate) struct View {
    memory: MmapRaw,
    /// The offset of the view in `memory`, which may begin earlier so that the view is aligned.
    start: usize,
    length: usize,
    /// `true` if there is no file behind it.
    private: bool,
}

impl View {
    /// Maps the whole of `file`, which has `length` bytes. Read-only access needs a 64-bit system: atomic
    /// loads of 64 bits may write on others (`std::sync::atomic`, "Atomic accesses to read-only memory").
    pub(crate) fn of_file(file: &File, length: usize, access: Access) -> io::Result<Self> {
        if access == Access::Read && usize::BITS < 64 {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "read-only memory needs a 64-bit program",
            ));
        }
        let (memory, start) = system::map_file(file, length, access)?;
        Ok(Self {
            memory,
            start,
            length,
            private: false,
        })
    }

    /// Zeroed memory of this process.
    pub(crate) fn anonymous(length: usize) -> io::Result<Self> {
        let (memory, start) = system::map_anonymous(length)?;
        Ok(Self {
            memory,
            start,
            length,
            private: true,
        })
    }

    /// The beginning of the view. Aligned at least to a page.
    #[inline(always)]
    pub(crate) fn address(&self) -> *mut u8 {
        self.memory.as_mut_ptr().wrapping_add(self.start)
    }

    /// The number of bytes of the view.
    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Backs every whole huge-page range of the view with a huge page, for all processes that map the file.
    /// Returns an error that says why this is not possible. Contents stay. For private memory, this call makes
    /// the system provide the memory.
    pub(crate) fn use_huge_pages(&self) -> io::Result<()> {
        if self.private {
            system::prefer_huge_pages(&self.memory)?;
            self.prefault()?; // a file's memory is there already
        }
        system::use_huge_pages(self.address(), self.length)
    }

    /// Tells the system how the memory will be used.
    pub(crate) fn advise(&self, advice: Advice) -> io::Result<()> {
        system::advise(&self.memory, advice)
    }

    /// Enters every page of the view into this process's page table, so that no first touch is slow.
    pub(crate) fn prefault(&self) -> io::Result<()> {
        system::prefault(&self.memory, self.start, self.length, self.private)
    }
}

/// Reads a byte of every page, for systems that cannot be asked to enter pages into the page table.
pub(super) fn touch(memory: &MmapRaw, start: usize, length: usize) {
    /// The smallest page size of the supported systems.
    const PAGE: usize = 4096;
    assert!(start + length <= memory.len());
    let mut seen = 0;
    for offset in (start..start + length).step_by(PAGE) {
        let address = memory.as_mut_ptr().wrapping_add(offset);
        // SAFETY: the byte is inside the memory, which outlives the loop. Another participant may
        // write it at the same time; it is read in one piece, and no result depends on its value.
        let byte = unsafe { AtomicU8::from_ptr(address) };
        seen ^= byte.load(Ordering::Relaxed);
    }
    std::hint::black_box(seen);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = (5 << 20) + 4097;

    /// Runs `test` on a mapped file and on private memory, and then on the file mapped again.
    fn try_both(name: &str, test: impl Fn(&View)) {
        let name = format!("view-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = crate::os::create_private(&path).unwrap();
        crate::os::reserve(&file, LENGTH as u64).unwrap();
        for view in [
            View::of_file(&file, LENGTH, Access::Write),
            View::anonymous(LENGTH),
        ] {
            let view = view.unwrap();
            write(&view);
            test(&view);
            check(&view);
        }
        check(&View::of_file(&file, LENGTH, Access::Write).unwrap());
        crate::os::remove(&path, &std::env::temp_dir()).unwrap();
    }

    fn write(view: &View) {
        for offset in 0..view.length() {
            // SAFETY: inside the view, which no other code has.
            unsafe {
                view.address()
                    .wrapping_add(offset)
                    .write((offset % 251) as u8)
            };
        }
    }

    fn check(view: &View) {
        for offset in 0..view.length() {
            // SAFETY: inside the view, and no other code writes at the same time.
            let byte = unsafe { view.address().wrapping_add(offset).read() };
            assert_eq!(byte, (offset % 251) as u8);
        }
    }

    #[test]
    fn prefaulting_and_touching_change_nothing() {
        try_both("prefault", |view| {
            view.prefault().unwrap();
            touch(&view.memory, view.start, view.length);
        });
    }

    #[test]
    fn huge_pages_keep_the_contents_or_are_refused() {
        try_both("huge", |view| {
            if let Err(error) = view.use_huge_pages() {
                let kinds = [io::ErrorKind::Unsupported, io::ErrorKind::ResourceBusy];
                assert!(kinds.contains(&error.kind()), "{error}");
            }
        });
    }
}
