//! Reading a file of which others have views on Windows.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU8, Ordering};

use memmap2::MmapOptions;

/// Reads through views of its own: "A mapped view of a file is not guaranteed to be coherent with a
/// file that is being accessed by the ReadFile or WriteFile function" (`MapViewOfFile`).
pub(crate) struct Contents<'a> {
    file: &'a File,
    position: u64,
}

impl<'a> Contents<'a> {
    /// From the beginning of `file`.
    pub(crate) fn new(file: &'a File) -> Self {
        Self { file, position: 0 }
    }
}

impl Read for Contents<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.metadata()?.len().saturating_sub(self.position);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let buffer = match buffer.split_at_mut_checked(left) {
            Some((shorter, _)) => shorter,
            None => buffer,
        };
        if buffer.is_empty() {
            return Ok(0);
        }
        let view = MmapOptions::new()
            .offset(self.position)
            .len(buffer.len())
            .map_raw_read_only(self.file)?;
        for (at, byte) in buffer.iter_mut().enumerate() {
            let address = view.as_mut_ptr().wrapping_add(at);
            // SAFETY: inside the view, which outlives the loop. Others may write the byte meanwhile; it
            // is read in one piece, and the caller checks what it got.
            *byte = unsafe { AtomicU8::from_ptr(address) }.load(Ordering::Relaxed);
        }
        self.position += buffer.len() as u64;
        Ok(buffer.len())
    }
}

impl Seek for Contents<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.file.metadata()?.len().checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_from_any_place_to_its_end() {
        let name = format!("contents-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = crate::os::create_private(&path).unwrap();
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut contents = Contents::new(&file);
        let mut found = Vec::new();
        contents.read_to_end(&mut found).unwrap();
        assert!(found == bytes);
        for start in [0, 1, 65_535, 65_536, 199_999, 200_000, 300_000] {
            contents.seek(SeekFrom::Start(start)).unwrap();
            found.clear();
            contents.read_to_end(&mut found).unwrap();
            assert!(found == bytes[bytes.len().min(start as usize)..]);
        }
        assert_eq!(contents.seek(SeekFrom::End(-5)).unwrap(), 199_995);
        assert_eq!(contents.seek(SeekFrom::Current(2)).unwrap(), 199_997);
        assert!(contents.seek(SeekFrom::End(-200_001)).is_err());
        crate::os::remove(&path, &std::env::temp_dir()).unwrap();
    }
}
