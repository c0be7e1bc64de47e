//! Stands in for the volume layer until that is merged: what `docs` call a volume, in memory only, with the
//! interface that the read-only structures are written against. Replace this file by the real one.
#![allow(dead_code)] // nobody opens or publishes yet

use std::io;
use std::sync::Arc;

use memmap2::{Mmap, MmapMut};

/// How many numbers a writer may leave.
pub(crate) const PARAMETERS: usize = 32;

/// What a kind of read-only structure tells the volume layer.
pub(crate) trait Content: Sized + Send + Sync {
    /// Its name in the header, at most 16 bytes.
    const KIND: &'static str;
    /// What the data is, as text; compared at opening.
    fn schema() -> String;
    /// Finds the parts in the mapped data; O(1), whatever lies there: trusts nothing.
    fn place(volume: Volume) -> Result<Self, String>;
    /// Looks at all of it, after the checksum was found right.
    fn verify(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Data that is mapped read-only. Clones share it.
#[derive(Clone)]
pub(crate) struct Volume {
    bytes: Arc<Mmap>,
    length: usize,
    parameters: [u64; PARAMETERS],
}

impl Volume {
    /// The data; begins at an address that is a multiple of 4096.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Numbers that the writer gave at the end.
    pub(crate) fn parameters(&self) -> &[u64; PARAMETERS] {
        &self.parameters
    }

    /// In memory, of bytes that were written elsewhere.
    pub(crate) fn of(data: &[u8], parameters: [u64; PARAMETERS]) -> io::Result<Self> {
        let mut bytes = MmapMut::map_anon(data.len().max(1))?;
        bytes[..data.len()].copy_from_slice(data);
        Ok(Self {
            bytes: Arc::new(bytes.make_read_only()?),
            length: data.len(),
            parameters,
        })
    }
}
