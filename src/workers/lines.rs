//! A large text as ranges that end where lines do: small inputs for workers, each of which reads its own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os;

/// The ranges of a text file, in bytes, each of which ends where a line does: what travels to workers in place of
/// the text. A worker reads its range with [`LineRanges::read`].
///
/// A range has about as many bytes as were asked for; one that holds a longer line has more. The file is not to be
/// changed meanwhile: ranges would not end where lines do.
///
/// ```
/// use millpond::LineRanges;
///
/// let path = std::env::temp_dir().join(format!("lines-{}", std::process::id()));
/// std::fs::write(&path, "one\ntwo\nthree\nfour")?;
/// let ranges: Vec<_> = LineRanges::open(&path, 6)?.collect::<Result<_, _>>()?;
/// assert_eq!(ranges, [0..8, 8..14, 14..18]);
///
/// let mut text = String::new(); // a worker may keep one, for all its ranges
/// LineRanges::read(&path, &ranges[0], &mut text)?;
/// assert_eq!(text.lines().collect::<Vec<_>>(), ["one", "two"]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LineRanges {
    path: PathBuf,
    /// Read at places: a forked child, which may go on with the ranges, has the same open file.
    file: File,
    about: u64,
    length: u64,
    next: u64,
}

impl LineRanges {
    /// The ranges of a file, each of about so many bytes.
    ///
    /// # Errors
    /// [`Error::System`] where it cannot be opened; [`Error::InvalidArgument`] for 0 bytes.
    pub fn open(path: impl AsRef<Path>, about: usize) -> Result<Self> {
        if about == 0 {
            return Error::invalid("the length of a range", "0".into(), "1 byte or more".into());
        }
        let path = path.as_ref().to_path_buf();
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(Error::system("read", &path))?;
        Ok(Self {
            path,
            file,
            about: about as u64,
            length,
            next: 0,
        })
    }

    /// Leaves out the first line, a table's heading.
    ///
    /// # Errors
    /// [`Error::System`] where it cannot be read.
    pub fn skip_heading(mut self) -> Result<Self> {
        self.next = self
            .line_end(0)
            .map_err(Error::system("read", &self.path))?;
        Ok(self)
    }

    /// Reads a range into `text`, in place of what that held.
    ///
    /// The text is read and not mapped, because a process that has a file mapped that somebody shortens is killed.
    ///
    /// # Errors
    /// [`Error::System`] where it cannot be read, is shorter than the range, or is no UTF-8.
    pub fn read(path: impl AsRef<Path>, range: &Range<u64>, text: &mut String) -> Result<()> {
        let path = path.as_ref();
        let mut bytes = std::mem::take(text).into_bytes();
        bytes.clear();
        let length = range.end.saturating_sub(range.start);
        let read = (|| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(range.start))?;
            match file.take(length).read_to_end(&mut bytes)? as u64 == length {
                true => String::from_utf8(bytes)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        })();
        *text = read.map_err(Error::system("read", path))?;
        Ok(())
    }

    /// Where the line ends that byte `from` belongs to.
    fn line_end(&self, from: u64) -> io::Result<u64> {
        let (mut block, mut end) = ([0; 4096], from);
        loop {
            let read = match os::read_at(&self.file, end, &mut block) {
                Ok(0) => return Ok(end),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if let Some(at) = block[..read].iter().position(|&byte| byte == b'\n') {
                return Ok(end + at as u64 + 1);
            }
            end += read as u64;
        }
    }
}

impl Iterator for LineRanges {
    type Item = Result<Range<u64>>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next;
        if start >= self.length {
            return None;
        }
        let end = match start.saturating_add(self.about) {
            beyond if beyond >= self.length => Ok(self.length),
            // A line that ends exactly there does so with the byte before.
            within => self.line_end(within - 1),
        };
        let end = end.map_err(Error::system("read", &self.path));
        // The end, if the file is shorter by now.
        self.next = end.as_ref().map_or(
            self.length,
            |&end| if end > start { end } else { self.length },
        );
        Some(end.map(|end| start..end))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.length.saturating_sub(self.next);
        (
            usize::from(left > 0),
            usize::try_from(left.div_ceil(self.about)).ok(),
        )
    }
}
