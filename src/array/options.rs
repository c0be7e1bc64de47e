//! How a new array is to be, and how that stands in the header.

use std::fmt;

use crate::error::{Error, Result};
use crate::record::Schema;
use crate::segment::{Header, PARAMETERS, Plan, SharedOptions, shared_options};

/// The most chunks that an array may have.
const MOST_CHUNKS: usize = 1 << 20;
/// How many chunks there are by default, where they are not too small then.
const CHUNKS: usize = 1024;
/// The bytes of a chunk by default, where that does not make more of them.
const CHUNK_BYTES: usize = 1 << 16;

/// How a new array is to be.
///
/// ```
/// use millpond::{ArrayOptions, Lifetime};
///
/// let options = ArrayOptions::new(100_000_000).lifetime(Lifetime::WhileAttached).prefault(true);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct ArrayOptions {
    pub(super) len: usize,
    pub(super) chunk_len: Option<usize>,
    pub(super) shared: SharedOptions,
}

impl ArrayOptions {
    /// An array of `len` elements, 1 or more.
    pub fn new(len: usize) -> Self {
        Self {
            len,
            chunk_len: None,
            shared: SharedOptions::default(),
        }
    }

    /// How many elements a chunk of a [`ChunkedArray`](crate::ChunkedArray) has; the last one has what is left.
    /// 1 or more, with at most 2^20 chunks; other arrays have none. Default: about a thousandth of the
    /// array, and 64 KiB or more. A chunk that is a multiple of 64 bytes shares no cache line with the next.
    pub fn chunk_len(mut self, chunk_len: usize) -> Self {
        self.chunk_len = Some(chunk_len);
        self
    }

    shared_options!();

    pub(super) fn plan(&self, schema: &Schema, access: Access) -> Result<Plan> {
        if self.len == 0 {
            let expected = "1 or more".into();
            return Error::invalid("the length of an array", "0".into(), expected);
        }
        let chunk_len = match access {
            Access::Chunks => self
                .chunk_len
                .unwrap_or_else(|| default_chunk(schema.size(), self.len)),
            Access::Lock | Access::Atomics => 0,
        };
        if access == Access::Chunks
            && (chunk_len == 0 || self.len.div_ceil(chunk_len) > MOST_CHUNKS)
        {
            let least = self.len.div_ceil(MOST_CHUNKS);
            let expected =
                format!("{least} or more, so that there are at most {MOST_CHUNKS} chunks");
            return Error::invalid("the length of a chunk", chunk_len.to_string(), expected);
        }
        let mut parameters = [0; PARAMETERS];
        parameters[..3].copy_from_slice(&[self.len as u64, access as u64, chunk_len as u64]);
        Ok(self.shared.plan(parameters, 1, schema.to_string()))
    }
}

/// A chunk's default length: whole cache lines, if an element fits into one a whole number of times.
fn default_chunk(size: usize, len: usize) -> usize {
    const LINE: usize = crate::os::cpu::CACHE_LINE;
    let least = CHUNK_BYTES / size.max(1);
    len.div_ceil(CHUNKS)
        .max(least)
        .max(1)
        .next_multiple_of(LINE)
}

/// How a new value is to be.
///
/// ```
/// use millpond::{Lifetime, ValueOptions};
///
/// let options = ValueOptions::new().lifetime(Lifetime::WhileAttached).role("counter");
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct ValueOptions {
    shared: SharedOptions,
}

impl ValueOptions {
    /// A value that is zero at first.
    pub fn new() -> Self {
        Self::default()
    }

    shared_options!();

    /// An array of one element.
    pub(super) fn array(self) -> ArrayOptions {
        ArrayOptions {
            shared: self.shared,
            ..ArrayOptions::new(1)
        }
    }
}

/// The ways to read and change the elements of an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Lock = 1,
    Atomics = 2,
    Chunks = 3,
}

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lock => "lock (`SharedArray`, `SharedValue`)",
            Self::Atomics => "atomics (`AtomicArray`, `AtomicValue`)",
            Self::Chunks => "chunks (`ChunkedArray`)",
        })
    }
}

/// What the header says of an array.
pub(super) struct Shape {
    pub(super) access: Access,
    pub(super) len: usize,
    pub(super) chunk_len: usize,
}

impl Shape {
    /// Reads it, or says what is wrong.
    pub(super) fn read(header: &Header) -> std::result::Result<Self, String> {
        let number = |index: usize| {
            usize::try_from(header.parameters[index]).map_err(|error| error.to_string())
        };
        let (len, chunk_len) = (number(0)?, number(2)?);
        let access = match header.parameters[1] {
            1 => Access::Lock,
            2 => Access::Atomics,
            3 => Access::Chunks,
            other => return Err(format!("its elements are accessed in way {other}")),
        };
        if len == 0 {
            return Err("its length is 0".into());
        }
        let chunks = access == Access::Chunks;
        if chunks != (chunk_len > 0) {
            return Err(format!("its chunks have {chunk_len} elements"));
        }
        if chunks && len.div_ceil(chunk_len) > MOST_CHUNKS {
            return Err(format!("it has more than {MOST_CHUNKS} chunks"));
        }
        if header.locks != 1 {
            return Err(format!("it has {} locks, and an array has 1", header.locks));
        }
        Ok(Self {
            access,
            len,
            chunk_len,
        })
    }

    /// As [`read`](Self::read), for who is to lay it out in one way.
    pub(super) fn read_for(header: &Header, access: Access) -> std::result::Result<Self, String> {
        let shape = Self::read(header)?;
        match shape.access == access {
            true => Ok(shape),
            false => Err(format!("its elements are accessed by {}", shape.access)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Lifetime;

    fn header(parameters: [u64; 3], locks: usize) -> Header {
        let mut all = [0; PARAMETERS];
        all[..3].copy_from_slice(&parameters);
        Header {
            kind: "array".into(),
            length: 0,
            nonce: 0,
            created: 0,
            lifetime: Lifetime::UntilUnlinked,
            participants: 1,
            parameters: all,
            locks,
            schema: String::new(),
        }
    }

    #[test]
    fn a_header_that_cannot_be_is_said_and_not_believed() {
        for (parameters, locks, words) in [
            ([0, 1, 0], 1, "length is 0"),
            ([9, 0, 0], 1, "in way 0"),
            ([9, 4, 0], 1, "in way 4"),
            ([9, 1, 3], 1, "chunks have 3"),
            ([9, 3, 0], 1, "chunks have 0"),
            ([1 << 40, 3, 1], 1, "more than 1048576 chunks"),
            ([9, 2, 0], 2, "2 locks"),
        ] {
            let why = Shape::read(&header(parameters, locks)).err().unwrap();
            assert!(why.contains(words), "{why}");
        }
        for parameters in [[9, 1, 0], [9, 2, 0], [9, 3, 1], [u64::MAX, 3, u64::MAX]] {
            assert!(Shape::read(&header(parameters, 1)).is_ok());
        }
        assert!(Shape::read_for(&header([9, 1, 0], 1), Access::Chunks).is_err());
    }
}
