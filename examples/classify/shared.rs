//! The model under a name, for all processes. TO BE REPLACED: a file and `rkyv` by hand, until
//! `Archive::publish(name, &model)` and `Archive::<Model>::open(name)` are there.

use std::error::Error;
use std::fs::File;
use std::ops::Deref;
use std::path::PathBuf;

use memmap2::Mmap;

use crate::bayes::{ArchivedModel, Model};

pub struct Shared(Mmap);

impl Deref for Shared {
    type Target = ArchivedModel;

    fn deref(&self) -> &ArchivedModel {
        // SAFETY: this program wrote the file, and nobody changes it.
        unsafe { rkyv::access_unchecked(&self.0) }
    }
}

pub fn publish(name: &str, model: &Model) -> Result<(), Box<dyn Error>> {
    Ok(std::fs::write(
        path(name),
        rkyv::to_bytes::<rkyv::rancor::Error>(model)?,
    )?)
}

pub fn open(name: &str) -> Result<Shared, Box<dyn Error>> {
    // SAFETY: as above.
    Ok(Shared(unsafe { Mmap::map(&File::open(path(name))?)? }))
}

pub fn remove(name: &str) -> Result<(), Box<dyn Error>> {
    Ok(std::fs::remove_file(path(name))?)
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(name)
}
