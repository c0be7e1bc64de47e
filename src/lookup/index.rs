//! Building the index of a table: gathers the keys of one part of the perfect hash, places them, gives out their
//! slots, and keeps the pilots in a temporary file until all slots are written.

use std::io;
use std::path::Path;

use super::perfect::place;
use super::shape::{Layout, PART_BITS, Parameters, Shape, bucket};
use super::table_writer::TableWriter;
use crate::error::{Error, Result};
use crate::sorting::Spool;

/// The index of a table that is being written.
pub(super) struct Index {
    /// What is known by now.
    pub(super) shape: Shape,
    /// The size of a slot, and whether it has the pair itself.
    size: usize,
    in_slots: bool,
    /// The part that the keys are in: their hashes, and what is to be in their slots.
    part: u64,
    hashes: Vec<u64>,
    contents: Vec<u8>,
    /// What is in the slots of nobody: a pair that its own slot has, too; or a word for no pair.
    filler: Vec<u8>,
    pilots: Spool,
    /// The slots of what was left over.
    left_over: Vec<u8>,
}

impl Index {
    pub(super) fn new(shape: Shape, size: usize, in_slots: bool, directory: &Path) -> Result<Self> {
        Ok(Self {
            shape,
            size,
            in_slots,
            part: 0,
            hashes: Vec::new(),
            contents: Vec::new(),
            filler: vec![0; size],
            pilots: Spool::create(directory)?,
            left_over: Vec::new(),
        })
    }

    /// Takes the hash of a key, none smaller than the one before, and the contents of its slot. Gives the slots
    /// of parts that are complete to `emit`.
    #[inline]
    pub(super) fn add(
        &mut self,
        hash: u64,
        contents: &[u8],
        emit: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if self.in_slots && self.shape.len == 0 {
            self.filler.copy_from_slice(contents); // for parts before it, which have no pairs
        }
        let part = bucket(hash, self.shape.buckets) >> PART_BITS;
        if part > self.part {
            self.end_parts(part, emit)?;
        }
        self.hashes.push(hash);
        self.contents.extend_from_slice(contents);
        self.shape.len += 1;
        Ok(())
    }

    /// Gives the slots of the last parts to `emit`.
    pub(super) fn end(&mut self, emit: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.end_parts(self.shape.parts(), emit)
    }

    /// Places the keys of all parts before this one.
    #[cold]
    fn end_parts(&mut self, next: u64, mut emit: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while self.part < next {
            let first = self.part << PART_BITS;
            let buckets = (self.shape.buckets - first).min(1 << PART_BITS) as usize;
            let all = self.shape.buckets;
            let of_part = |hash| (bucket(hash, all) - first) as usize;
            let placed = place(
                &self.hashes,
                self.shape.part_slots as usize,
                buckets,
                of_part,
            );
            self.pilots.append(&placed.pilots)?;
            let contents = |key: u32| &self.contents[key as usize * self.size..][..self.size];
            if self.in_slots
                && let Some(&first) = placed.slots.iter().flatten().next()
            {
                self.filler.copy_from_slice(contents(first));
            }
            for slot in &placed.slots {
                emit(slot.map_or(&self.filler, contents))?;
            }
            for &key in &placed.left_over {
                self.left_over.extend_from_slice(contents(key));
            }
            self.hashes.clear();
            self.contents.clear();
            self.part += 1;
        }
        Ok(())
    }

    /// Where everything is, after all slots were given out.
    pub(super) fn layout(&mut self) -> Result<Layout> {
        self.shape.left_over = (self.left_over.len() / self.size) as u64;
        match Layout::of(&self.shape, self.size as u64) {
            Some((layout, _)) => Ok(layout),
            None => Error::invalid(
                "the number of pairs",
                self.shape.len.to_string(),
                "what this processor can address".into(),
            ),
        }
    }

    /// Writes what comes behind the slots, and says what is to be kept beside the table.
    pub(super) fn write(mut self, draft: &mut TableWriter<impl io::Write>) -> Result<Parameters> {
        let layout = self.layout()?;
        draft.write(&self.left_over)?;
        draft.pad_to(layout.pilots_at as u64)?;
        draft.copy(self.pilots)?;
        Ok(self.shape.write())
    }
}
