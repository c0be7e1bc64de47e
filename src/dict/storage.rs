//! The files of a dictionary as this process has them mapped: the rows, and two files for indexes.
//!
//! Rows never move: their file only gets longer. Index number `n` lies in file `n % 2`, so the last but one is
//! overwritten when the next is built (`grow.rs`). A file is mapped anew for each size at which it was
//! needed; older mappings show the same memory and stay for as long as the handle.

use std::sync::OnceLock;

use super::index::Index;
use super::keys::Keys;
use super::parts::Parts;
use super::seqlock::InUse;
use super::shape::{Generation, PLACES, Size};
use crate::error::{ANONYMOUS, Error, Result};
use crate::hash::Seed;
use crate::segment::{Carver, ReadWrite, Rows, Segment};
use crate::sync::primitive::Channel;

/// The companion file with the rows, and the first of those with indexes.
const ROWS: usize = 0;
const INDEXES: usize = 1;

/// What all clones of a handle share.
pub(super) struct Inner {
    pub(super) segment: Segment<Parts>,
    pub(super) seed: Seed,
    /// Where writers wait for readers.
    gone: Channel,
    /// By the file of the index, and its size.
    mapped: [OnceLock<Mapped>; PLACES],
}

/// What a generation consists of, mapped.
pub(super) struct Mapped {
    pub(super) index: Index,
    pub(super) rows: Rows,
}

/// A dictionary at one generation.
pub(super) struct Current<'a> {
    /// The word that names it.
    pub(super) word: u64,
    pub(super) index: &'a Index,
    pub(super) rows: &'a Rows,
}

impl Inner {
    pub(super) fn new(segment: Segment<Parts>) -> Result<Self> {
        Ok(Self {
            gone: segment.channel(0)?,
            seed: Seed::of(segment.header.nonce),
            segment,
            mapped: std::array::from_fn(|_| OnceLock::new()),
        })
    }

    /// The lock with the readers beside it.
    #[inline(always)]
    pub(super) fn read_write(&self) -> ReadWrite<'_, Parts> {
        ReadWrite {
            segment: &self.segment,
            number: 0,
            readers: &self.parts().readers,
            gone: &self.gone,
        }
    }

    #[inline(always)]
    pub(super) fn parts(&self) -> &Parts {
        &self.segment.structure
    }

    /// What is in use now.
    #[inline(always)]
    pub(super) fn current(&self) -> Result<Current<'_>> {
        let word = InUse(self.parts().generation()).read();
        let mapped = self.mapped(word)?;
        Ok(Current {
            word,
            index: &mapped.index,
            rows: &mapped.rows,
        })
    }

    /// What is in use now, if this process has it mapped.
    #[inline(always)]
    pub(super) fn mapped_already(&self) -> Option<Current<'_>> {
        let word = InUse(self.parts().generation()).read();
        let mapped = self.mapped[Generation::place(word)].get()?;
        Some(Current {
            word,
            index: &mapped.index,
            rows: &mapped.rows,
        })
    }

    /// Whether what was `current` still is, after an acquiring fence.
    #[inline(always)]
    pub(super) fn is_current(&self, current: &Current<'_>) -> bool {
        InUse(self.parts().generation()).is_still(current.word)
    }

    /// The index and the rows of the generation that a word names.
    #[inline(always)]
    pub(super) fn mapped(&self, word: u64) -> Result<&Mapped> {
        let place = &self.mapped[Generation::place(word)];
        match place.get() {
            Some(mapped) => Ok(mapped),
            None => self.map(place, word),
        }
    }

    #[cold]
    fn map<'a>(&self, place: &'a OnceLock<Mapped>, word: u64) -> Result<&'a Mapped> {
        let generation = self.generation(word)?;
        let size = generation.size;
        let index = self.index_length(size)?;
        let index = self
            .segment
            .companion(INDEXES + generation.file())
            .map(index)?;
        let mut carver = Carver::after(0);
        let span = carver
            .carve(self.rows_length(size)?)
            .ok_or_else(too_large)?;
        let rows = self.segment.companion(ROWS).map(carver.length())?;
        let Keys {
            width,
            size: key_size,
            ..
        } = self.parts().keys;
        Ok(place.get_or_init(|| Mapped {
            index: Index::place(size, width, key_size, &index),
            rows: Rows::place(&rows, &span, self.row_size()),
        }))
    }

    /// The generation that a word names.
    pub(super) fn generation(&self, word: u64) -> Result<Generation> {
        let generation = Generation::from_word(word);
        generation.ok_or_else(|| self.damaged(format!("its generation is {word:#x}")))
    }

    /// Makes room for the rows and the index of a generation. The lock is held.
    pub(super) fn extend_files(&self, generation: Generation) -> Result<()> {
        let rows = self.rows_length(generation.size)? as u64;
        let index = self.index_length(generation.size)? as u64;
        self.segment.companion(ROWS).extend(rows)?;
        self.segment
            .companion(INDEXES + generation.file())
            .extend(index)
    }

    /// The bytes of a row.
    pub(super) fn row_size(&self) -> usize {
        self.parts().draft.size()
    }

    fn rows_length(&self, size: Size) -> Result<usize> {
        let rows = self.parts().keys.width.rows(size);
        rows.checked_mul(self.row_size()).ok_or_else(too_large)
    }

    fn index_length(&self, size: Size) -> Result<usize> {
        self.parts().keys.index_length(size).ok_or_else(too_large)
    }

    #[cold]
    pub(super) fn damaged(&self, reason: String) -> Error {
        Error::Damaged {
            name: self.segment.name().unwrap_or(ANONYMOUS).into(),
            reason,
        }
    }
}

fn too_large() -> Error {
    Error::InvalidArgument {
        what: "the number of rows",
        found: "more than fit into the address space".into(),
        expected: "smaller".into(),
    }
}
