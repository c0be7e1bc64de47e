//! Line ranges: a large text file as ranges that end where lines do. They are small inputs for workers, which read them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::os;

/// The ranges of a text file, in bytes, each of which ends where a line does. They are sent to workers in place of the
/// text. A worker reads its range with [`LineRanges::read`] or [`LineRanges::read_bytes`].
///
/// As inputs of a call they go to [`Call::try_imap`](crate::workers::Call::try_imap), which returns an error of the file as its
/// last item. Or they are collected first, as below.
///
/// # Limits
/// A line ends with the byte `\n`, whatever is around it. If a record may cover several lines, as in CSV with line breaks
/// in quotes, use [`Csv`](crate::workers::Csv). Encodings in which that byte may be a part of another character, such as UTF-16,
/// are not supported.
///
/// A range has about as many bytes as were asked for, or more if it holds a longer line. Only the bytes around the ends
/// of ranges are read, so the number of lines is not known. [`LineRanges::line_at`] counts lines up to a byte. The file
/// must not change meanwhile: ranges would not end where lines do.
///
/// ```
/// use millpond::workers::LineRanges;
///
/// let path = std::env::temp_dir().join(format!("lines-{}", std::process::id()));
/// std::fs::write(&path, "one\ntwo\nthree\nfour")?;
/// let ranges: Vec<_> = LineRanges::open(&path, 6)?.collect::<Result<_, _>>()?;
/// assert_eq!(ranges, [0..8, 8..14, 14..18]);
///
/// let mut text = String::new(); // a worker may keep one for all its ranges
/// LineRanges::read(&path, &ranges[1], &mut text)?;
/// assert_eq!(text.lines().collect::<Vec<_>>(), ["three"]);
/// assert_eq!(LineRanges::line_at(&path, ranges[1].start)?, 3);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LineRanges {
    path: PathBuf,
    /// Read at explicit positions: a forked child, which may go on with the ranges, has the same open file.
    file: File,
    about: u64,
    length: u64,
    next: u64,
}

impl LineRanges {
    /// Returns the ranges of a file, each of about `about` bytes.
    ///
    /// # Errors
    /// [`Error::System`] if it cannot be opened; [`Error::InvalidArgument`] for 0 bytes.
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

    /// Skips the first line, the heading of a table.
    ///
    /// # Errors
    /// [`Error::System`] if it cannot be read.
    pub fn skip_heading(mut self) -> Result<Self> {
        self.next = self
            .line_end(0)
            .map_err(Error::system("read", &self.path))?;
        Ok(self)
    }

    /// Reads a range into `text`, which is overwritten.
    ///
    /// The text is read and not mapped: a process is killed if it reads a mapped file that was shortened.
    ///
    /// # Errors
    /// [`Error::System`] if it cannot be read, is shorter than the range, or is not UTF-8. The latter names the line and the
    /// byte of the file. [`read_bytes`](Self::read_bytes) reads any bytes.
    pub fn read(path: impl AsRef<Path>, range: &Range<u64>, text: &mut String) -> Result<()> {
        let path = path.as_ref();
        let mut bytes = std::mem::take(text).into_bytes();
        Self::read_bytes(path, range, &mut bytes)?;
        match String::from_utf8(bytes) {
            Ok(read) => {
                *text = read;
                Ok(())
            }
            Err(error) => {
                let at = range.start + error.utf8_error().valid_up_to() as u64;
                let line = Self::line_at(path, at)?;
                let what = format!(
                    "line {line} is no UTF-8 (at byte {at} of the file); read it with `LineRanges::read_bytes`"
                );
                let error = io::Error::new(io::ErrorKind::InvalidData, what);
                Err(Error::system("read", path)(error))
            }
        }
    }

    /// Reads a range into `bytes`, which is overwritten.
    ///
    /// # Errors
    /// [`Error::System`] if it cannot be read, or is shorter than the range.
    pub fn read_bytes(
        path: impl AsRef<Path>,
        range: &Range<u64>,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        let path = path.as_ref();
        bytes.clear();
        let length = range.end.saturating_sub(range.start);
        let read = (|| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(range.start))?;
            match file.take(length).read_to_end(bytes)? as u64 == length {
                true => Ok(()),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        })();
        read.map_err(Error::system("read", path))
    }

    /// Returns the line of the file in which a byte lies. Lines are counted from 1, bytes from 0. For messages about a
    /// byte of a range; it reads the file up to there.
    ///
    /// # Errors
    /// [`Error::System`] if it cannot be read.
    pub fn line_at(path: impl AsRef<Path>, byte: u64) -> Result<u64> {
        let path = path.as_ref();
        let count = || {
            let mut file = BufReader::with_capacity(256 << 10, File::open(path)?.take(byte));
            let mut line = 1;
            loop {
                let bytes = file.fill_buf()?;
                if bytes.is_empty() {
                    return Ok(line);
                }
                line += bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
                let read = bytes.len();
                file.consume(read);
            }
        };
        count().map_err(Error::system("read", path))
    }

    /// Returns the end of the line that byte `from` belongs to.
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
            // A line that ends exactly there ends with the byte before.
            within => self.line_end(within - 1),
        };
        let end = end.map_err(Error::system("read", &self.path));
        // No range follows if the file is shorter by now.
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
