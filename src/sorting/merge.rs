//! Merging sorted runs of a temporary file.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io;
use std::path::Path;

use super::spool::Spool;
use super::{HEAD, Pair, lengths, prefix};
use crate::error::{Error, Result};

/// The smallest and the largest block of a run that is read at a time, in bytes.
const BLOCKS: (usize, usize) = (4 << 10, 1 << 20);
/// The preferred block of a run if there are many, in bytes: with smaller ones a disk seeks more than it reads.
const GOOD_BLOCK: usize = 64 << 10;

/// The position of a run in its file.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Merges runs until there are so few that they can be merged within the budget in one go. Neighbours are
/// merged, so that the order of the runs stays that of their making.
pub(super) fn merge_to_few(
    mut spool: Spool,
    mut runs: Vec<Run>,
    budget: usize,
    directory: &Path,
) -> Result<(Spool, Vec<Run>)> {
    let most = (budget / GOOD_BLOCK).max(2);
    spool.flush()?;
    while runs.len() > most {
        let mut merged = Spool::create(directory)?;
        let mut longer = Vec::new();
        for some in runs.chunks(most) {
            let start = merged.length();
            let mut merge = Merge::begin(&spool, some, budget)?;
            while let Some(pair) = merge.next_pair(&spool)? {
                merged.append(pair.whole)?;
            }
            let end = merged.length();
            longer.push(Run { start, end });
        }
        merged.flush()?;
        (spool, runs) = (merged, longer);
    }
    Ok((spool, runs))
}

/// A merge of several runs.
pub(crate) struct Merge {
    heads: BinaryHeap<Head>,
    /// `true` if the first of the heads was returned, and its run must advance.
    given: bool,
}

impl Merge {
    pub(super) fn begin(spool: &Spool, runs: &[Run], budget: usize) -> Result<Self> {
        let block = (budget / runs.len().max(1)).clamp(BLOCKS.0, BLOCKS.1);
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (number, &run) in runs.iter().enumerate() {
            let mut reader = Box::new(Reader::new(run, number, block));
            if reader.advance(spool)? {
                heads.push(Head::of(reader));
            }
        }
        Ok(Self {
            heads,
            given: false,
        })
    }

    pub(super) fn next(&mut self, spool: &Spool) -> Result<Option<(&[u8], &[u8])>> {
        let pair = self.next_pair(spool)?;
        Ok(pair.map(|pair| (pair.key, pair.value)))
    }

    fn next_pair(&mut self, spool: &Spool) -> Result<Option<Pair<'_>>> {
        if self.given
            && let Some(mut first) = self.heads.peek_mut()
        {
            if first.reader.advance(spool)? {
                first.prefix = prefix(first.reader.pair().key);
            } else {
                PeekMut::pop(first);
            }
        }
        self.given = true;
        Ok(self.heads.peek().map(|head| head.reader.pair()))
    }
}

/// A run by its next pair. The greatest is the one that comes first.
struct Head {
    prefix: u64,
    reader: Box<Reader>,
}

impl Head {
    fn of(reader: Box<Reader>) -> Self {
        let prefix = prefix(reader.pair().key);
        Self { prefix, reader }
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = || other.reader.pair().key.cmp(self.reader.pair().key);
        let by_run = || other.reader.number.cmp(&self.reader.number);
        let by_prefix = other.prefix.cmp(&self.prefix);
        by_prefix.then_with(by_key).then_with(by_run)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

/// Reads a run a block at a time.
struct Reader {
    /// The rest of the run, which is not read yet.
    rest: Run,
    number: usize,
    block: usize,
    buffer: Vec<u8>,
    /// The position of the current pair in the buffer, and its number of bytes.
    at: usize,
    size: usize,
}

impl Reader {
    fn new(rest: Run, number: usize, block: usize) -> Self {
        Self {
            rest,
            number,
            block,
            buffer: Vec::new(),
            at: 0,
            size: 0,
        }
    }

    /// Returns the current pair. There is one after `advance` has returned `true`.
    #[inline]
    fn pair(&self) -> Pair<'_> {
        Pair::at(&self.buffer, self.at)
    }

    /// Moves to the next pair. Returns `false` at the end.
    #[inline]
    fn advance(&mut self, spool: &Spool) -> Result<bool> {
        self.at += self.size;
        self.size = 0;
        if self.at == self.buffer.len() && self.rest.start == self.rest.end {
            return Ok(false);
        }
        self.need(HEAD, spool)?;
        let (key, value) = lengths(&self.buffer[self.at..]);
        let size = HEAD + key + value;
        self.need(size, spool)?;
        self.size = size;
        Ok(true)
    }

    /// Ensures that the buffer has `bytes` bytes from `at` on.
    #[inline]
    fn need(&mut self, bytes: usize, spool: &Spool) -> Result<()> {
        match self.buffer.len() - self.at >= bytes {
            true => Ok(()),
            false => self.fill(bytes, spool),
        }
    }

    fn fill(&mut self, bytes: usize, spool: &Spool) -> Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let kept = self.buffer.len();
        let left = self.rest.end - self.rest.start;
        let wanted = self.block.max(bytes) - kept;
        let read = left.min(wanted as u64) as usize;
        if kept + read < bytes {
            let error = io::Error::from(io::ErrorKind::InvalidData);
            return Err(Error::system("make sense of", "a temporary file")(error));
        }
        self.buffer.resize(kept + read, 0);
        spool.read(self.rest.start, &mut self.buffer[kept..])?;
        self.rest.start += read as u64;
        Ok(())
    }
}
