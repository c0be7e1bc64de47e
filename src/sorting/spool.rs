//! A temporary file without a name: written at its end, read anywhere, deleted when the process ends. A forked child
//! does not inherit it: it would keep the space, and move the place at which its parent reads.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os::{self, ParentOnly};

/// The number of bytes that are gathered before a write.
const BUFFER: usize = 256 << 10;
/// The step by which the reserved space of the file grows, in bytes.
const STEP: u64 = 4 << 20;

/// A temporary file. It loses its name as soon as it exists, so that it is deleted when it is dropped, and when
/// the process is killed.
pub(crate) struct Spool {
    file: ParentOnly,
    directory: PathBuf,
    /// The number of bytes that were appended.
    length: u64,
    /// The number of bytes that the file system has reserved.
    reserved: u64,
    /// The last appended bytes, which are not in the file yet.
    buffer: Vec<u8>,
}

impl Spool {
    /// Creates an empty file on the file system of `directory`.
    pub(crate) fn create(directory: &Path) -> Result<Self> {
        let create = |number| {
            // The scan for garbage removes files of such a name, as it does remains of segments.
            let path = directory.join(format!(".{number:016x}.dead"));
            let file = ParentOnly::open(|| os::create_private(&path))?;
            Ok((file, path))
        };
        let created = os::make_numbered(create);
        let (file, path) =
            created.map_err(Error::system("create a temporary file in", directory))?;
        // A process that collects garbage there may have been faster.
        os::remove_if_there(&path, directory).map_err(Error::system("remove", &path))?;
        Ok(Self {
            file,
            directory: directory.to_path_buf(),
            length: 0,
            reserved: 0,
            buffer: Vec::with_capacity(BUFFER),
        })
    }

    /// Returns an error in a forked child, which does not inherit the file.
    pub(crate) fn check_process(&self) -> Result<()> {
        let open = self.file.get().map(drop);
        open.map_err(Error::system("use a temporary file in", &self.directory))
    }

    /// Returns the number of bytes that were appended.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends bytes.
    #[inline]
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
            if bytes.len() > BUFFER {
                self.write(self.length, bytes)?;
                self.length += bytes.len() as u64;
                return Ok(());
            }
        }
        self.buffer.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Writes out the appended bytes, after which they can be read.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write(self.length - buffer.len() as u64, &buffer);
        self.buffer = buffer;
        self.buffer.clear();
        written
    }

    /// Reads the bytes from `start` on. Appended bytes must have been flushed.
    pub(crate) fn read(&self, start: u64, into: &mut [u8]) -> Result<()> {
        let read = self.file.get().and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(into)
        });
        read.map_err(Error::system("read a temporary file in", &self.directory))
    }

    fn write(&mut self, start: u64, bytes: &[u8]) -> Result<()> {
        let end = start + bytes.len() as u64;
        let mut reserved = self.reserved;
        let written = self.file.get().and_then(|mut file| {
            if end > reserved {
                // A full file system is an error here, and a limit on the length of files is no signal.
                let asked = end.next_multiple_of(STEP);
                os::reserve(file, asked)?;
                reserved = asked;
            }
            file.seek(SeekFrom::Start(start))?;
            file.write_all(bytes)
        });
        self.reserved = reserved;
        written.map_err(|error| self.refused(error, end))
    }

    fn refused(&self, error: io::Error, end: u64) -> Error {
        if !os::is_full(&error) {
            return Error::system("write a temporary file in", &self.directory)(error);
        }
        Error::NoSpace {
            directory: self.directory.clone(),
            asked: end.next_multiple_of(STEP) - self.reserved,
            free: self
                .file
                .get()
                .and_then(|file| os::free_space(file, &self.directory))
                .unwrap_or(None),
            remedy: "set `PublishOptions::scratch` to a directory with more room",
        }
    }
}
