//! A volume that is being written: front to back, through a buffer, with its checksum.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::place::Place;
use super::target::Target;
use super::{ALIGNMENT, CHECKSUM, Content, LENGTH, PARAMETERS, START, VERSION};
use crate::error::{Error, Result};
use crate::os::{self, ParentOnly};
use crate::segment::{self, HEADER_BYTES, Header, Lifetime};

/// How much is written at once.
const BUFFER: usize = 1 << 20;

/// A volume that is being written. Dropping it removes it.
pub(crate) struct Draft {
    sink: Sink,
    header: Header,
    buffer: Vec<u8>,
    checksum: crc32fast::Hasher,
    /// Bytes of data that are in the file.
    written: u64,
}

/// Where it is written to.
pub(super) enum Sink {
    Name(segment::Replacement),
    File(Target),
    Memory(ParentOnly, PathBuf),
}

impl Sink {
    /// What is written to. An error in a forked child: it would write where its parent does.
    fn file(&self) -> io::Result<&File> {
        match self {
            Self::Name(draft) => draft.file(),
            Self::File(target) => target.file(),
            Self::Memory(file, _) => file.get(),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Name(draft) => draft.path(),
            Self::File(target) => target.temporary(),
            Self::Memory(_, path) => path,
        }
    }

    /// What the system's error at writing so many bytes means.
    fn refused(&self, asked: usize, error: io::Error) -> Error {
        let path = self.path();
        if !os::is_full(&error) {
            return Error::system("write", path)(error);
        }
        let directory = path.parent().unwrap_or(path);
        Error::NoSpace {
            directory: directory.into(),
            asked: asked as u64,
            free: self
                .file()
                .and_then(|file| os::free_space(file, directory))
                .unwrap_or(None),
            remedy: match self {
                Self::File(_) => "choose a path on a file system with more room",
                Self::Name(_) | Self::Memory(..) => {
                    "set MILLPOND_DIR to a directory with more room"
                }
            },
        }
    }
}

impl Draft {
    /// Begins a volume of content `C` for `place`, with this text in its header.
    pub(super) fn begin<C: Content>(place: &Place, schema: &str) -> Result<Self> {
        let sink = match place {
            Place::Name(name) => Sink::Name(segment::Replacement::create(name)?),
            Place::File(path) => Sink::File(Target::create(path, "publish")?),
            Place::Memory => {
                let (file, path) = segment::create_nameless()?;
                Sink::Memory(file, path)
            }
        };
        let start = (HEADER_BYTES + schema.len()).next_multiple_of(ALIGNMENT) as u64;
        let mut parameters = [0; segment::PARAMETERS];
        parameters[START] = start;
        let created = SystemTime::now().duration_since(UNIX_EPOCH);
        let header = Header {
            kind: C::KIND.into(),
            length: start,
            nonce: os::random().map_err(Error::system("draw", "a random number"))?,
            created: created.unwrap_or_default().as_micros() as u64,
            lifetime: Lifetime::UntilUnlinked,
            participants: 1,
            parameters,
            locks: 1,
            schema: schema.into(),
        };
        let draft = Self {
            sink,
            header,
            buffer: Vec::with_capacity(BUFFER),
            checksum: crc32fast::Hasher::new(),
            written: 0,
        };
        let sought = draft.sink.file();
        let sought = sought.and_then(|mut file| file.seek(SeekFrom::Start(start)));
        sought.map_err(|error| draft.sink.refused(ALIGNMENT, error))?;
        Ok(draft)
    }

    /// How many bytes of data were written.
    pub(crate) fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// All data is written: what the header says of it, and where it is. The version comes last.
    pub(super) fn finish(mut self, numbers: [u64; PARAMETERS]) -> Result<Finished> {
        let rest = self.buffer.len();
        let emptied = self.empty_buffer();
        emptied.map_err(|error| self.sink.refused(rest, error))?;
        let parameters = &mut self.header.parameters;
        parameters[..PARAMETERS].copy_from_slice(&numbers);
        parameters[LENGTH] = self.written;
        parameters[CHECKSUM] = u64::from(self.checksum.clone().finalize());
        self.header.length = parameters[START] + self.written;
        let ready = self.sink.file().and_then(|file| {
            // Where no data came, nothing made the file so long.
            file.set_len(self.header.length)?;
            match self.sink {
                Sink::Memory(..) => Ok(()),
                Sink::Name(_) | Sink::File(_) => file.sync_data(),
            }
        });
        ready.map_err(|error| self.sink.refused(ALIGNMENT, error))?;
        Ok(Finished {
            sink: self.sink,
            header: self.header,
        })
    }

    /// Takes bytes for which the buffer has no room.
    fn write_through(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.buffer.len() == BUFFER {
                let emptied = self.empty_buffer();
                emptied.map_err(|error| io::Error::other(self.sink.refused(BUFFER, error)))?;
            }
            let (some, rest) = bytes.split_at(bytes.len().min(BUFFER - self.buffer.len()));
            self.buffer.extend_from_slice(some);
            bytes = rest;
        }
        Ok(())
    }

    fn empty_buffer(&mut self) -> io::Result<()> {
        os::check_length(self.header.parameters[START] + self.position())?;
        self.sink.file()?.write_all(&self.buffer)?;
        self.checksum.update(&self.buffer);
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// What an error of writing to a draft was made of, whoever passed it on.
pub(crate) fn explain(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(other) => Error::system("write", "what is to be published")(other),
    }
}

/// Takes all bytes in each call. A writer that takes some of them is allowed by the trait, and not understood by all
/// that write: `fst` adds the bytes that it offers to its checksum, and offers the rest again.
///
/// The errors are those of this crate, wrapped: see [`explain`].
impl Write for Draft {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Mostly a few bytes, for which there is room.
        if bytes.len() <= BUFFER - self.buffer.len() {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.write_through(bytes)
    }

    /// Nothing: nobody can see it before it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A volume that is written, and not published.
pub(super) struct Finished {
    pub(super) sink: Sink,
    header: Header,
}

impl Finished {
    /// Writes the header, with the version.
    pub(super) fn write_header(&mut self, version: u64) -> Result<()> {
        self.header.parameters[VERSION] = version;
        let bytes = self.header.to_bytes();
        let written = self.sink.file().and_then(|mut file| {
            file.rewind()?;
            file.write_all(&bytes)?;
            file.sync_data()
        });
        written.map_err(|error| self.sink.refused(ALIGNMENT, error))
    }

    /// Gives a plain file its name, and gives it as it is open.
    pub(super) fn replace_file(self) -> Result<File> {
        match self.sink {
            Sink::File(target) => target.publish(),
            Sink::Name(_) | Sink::Memory(..) => unreachable!("only a plain file replaces one"),
        }
    }

    /// The file, and what it is called in errors.
    pub(super) fn file(&self) -> Result<(&File, &Path)> {
        let (file, path) = (self.sink.file(), self.sink.path());
        Ok((file.map_err(Error::system("map", path))?, path))
    }
}
