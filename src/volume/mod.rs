//! Volumes: files that are written once, from front to back, then published whole, and never written again.
//!
//! A volume is mapped without permission to write. It lies under a name, where the next version replaces it
//! as a whole (`versions.rs`), in a plain file at a path (`target.rs`), or in memory without a name
//! (`place.rs`); it is written by `draft.rs`, opened and checked by `published.rs`. What lies in it, this
//! folder does not know: it asks a [`Content`]. Imports the segment.
//!
//! # The file
//! A segment's header, with the content's schema, filled up to whole pages of 4096 bytes; then the data. Of
//! the header's numbers the first 32 are the content's, and then come: the version, where the data begins,
//! how many bytes it has, and its checksum (CRC-32, as in zlib).

mod draft;
mod handle;
mod key;
mod methods;
mod options;
mod place;
mod program;
mod published;
mod target;
#[cfg(test)]
mod tests;
mod versions;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

pub(crate) use draft::explain;
pub use handle::Handle;
pub(crate) use key::shown;
pub(crate) use methods::volume_methods;
pub use options::{Check, OpenOptions, PublishOptions};
pub use place::Place;
pub(crate) use published::{Published, Trust};
pub(crate) use target::Target;

use crate::error::{Error, Result};
use crate::os::{self, Access, Advice};
use crate::segment::{self, Bytes, Carver, Header, Mapping, Span};

/// How many numbers a content may keep in the header.
pub(crate) const PARAMETERS: usize = 32;
/// Where the volume's own stand.
const VERSION: usize = PARAMETERS;
const START: usize = PARAMETERS + 1;
const LENGTH: usize = PARAMETERS + 2;
const CHECKSUM: usize = PARAMETERS + 3;
const _: () = assert!(CHECKSUM < segment::PARAMETERS);
/// What the data's beginning is a multiple of, in the file and in memory.
pub(crate) const ALIGNMENT: usize = 4096;

/// What lies in a kind of volume, as the layer above describes it.
pub(crate) trait Content: Sized + Send + Sync {
    /// Its name in the header; at most 16 bytes.
    const KIND: &'static str;
    /// Whether its pages are read here and there, unless the options say otherwise.
    const IS_READ_AT_RANDOM: bool = false;

    /// Finds the parts in the data, in constant time, or says why they cannot be there. Must not trust it.
    fn place(volume: Volume) -> std::result::Result<Self, String>;
    /// Looks at all of the data, where its checksum does not suffice.
    fn verify(&self) -> std::result::Result<(), String> {
        Ok(())
    }
}

/// What the text in the header must be: the types of the content, and the version of its format.
#[derive(Clone, Copy)]
pub(crate) enum Expected<'a> {
    /// This text.
    Text(&'a str),
    /// Any text for which the function returns no error; the error is what it expects instead.
    Any(fn(&str) -> std::result::Result<(), String>),
}

/// A volume, mapped. Clones are the same mapping.
#[derive(Clone)]
pub(crate) struct Volume {
    mapping: Arc<Mapping>,
    data: Bytes,
    header: Arc<Header>,
}

impl Volume {
    /// Maps the volume in `file`, which has the path `path` and is called `name` in errors.
    fn of_file<C: Content>(
        file: &File,
        path: &Path,
        name: &str,
        options: &OpenOptions,
        expected: Expected<'_>,
    ) -> Result<Self> {
        let header = Header::read(name, &mut os::contents(file))?;
        check_content::<C>(name, &header, expected)?;
        let data = data_of(&header).ok_or_else(|| Error::Damaged {
            name: name.into(),
            reason: format!(
                "its data cannot lie at {} with {} bytes in a file of {}",
                header.parameters[START], header.parameters[LENGTH], header.length
            ),
        })?;
        let mapping = Mapping::of_file(file, header.length as usize, Access::Read)
            .map_err(Error::system("map", path))?;
        mapping.prepare(options.paging, path)?;
        if options.will_need {
            let advised = mapping.advise(Advice::WillNeed);
            advised.map_err(Error::system("advise about", path))?;
        }
        Ok(Self {
            data: mapping.bytes(&data),
            mapping,
            header: Arc::new(header),
        })
    }

    /// Tells the system how the content will be read from now on. Comes after the checksum, which reads all pages in
    /// their order and needs what is read ahead.
    fn advise<C: Content>(&self, name: &str, options: &OpenOptions) -> Result<()> {
        if options.random.unwrap_or(C::IS_READ_AT_RANDOM) {
            let advised = self.mapping.advise(Advice::Random);
            advised.map_err(Error::system("advise about", name))?;
        }
        Ok(())
    }

    /// The data. Begins at an address that is a multiple of [`ALIGNMENT`].
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: a volume's file is written before anybody else can open it, and never again: what replaces
        // it is another file. Nobody has it mapped for writing. (Who changes a published file behind
        // millpond's back breaks what the documentation of `Place::File` asks for.)
        unsafe { self.data.frozen() }
    }

    /// The content's numbers.
    pub(crate) fn parameters(&self) -> &[u64; PARAMETERS] {
        let numbers = self.header.parameters.first_chunk();
        numbers.expect("fewer than there are")
    }

    /// The types of the content and the version of its format, as text.
    pub(crate) fn schema(&self) -> &str {
        &self.header.schema
    }

    fn version(&self) -> u64 {
        self.header.parameters[VERSION]
    }

    /// An error where the data is not what was written.
    fn check_sum(&self, name: &str) -> Result<()> {
        let found = crc32fast::hash(self.bytes());
        match u64::from(found) == self.header.parameters[CHECKSUM] {
            true => Ok(()),
            false => Err(Error::Damaged {
                name: name.into(),
                reason: "the checksum of its data is wrong".into(),
            }),
        }
    }
}

impl AsRef<[u8]> for Volume {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

#[cfg(all(test, any(feature = "archive", feature = "trie")))]
impl Volume {
    /// A volume of this process alone, with any data and parameters.
    pub(crate) fn of(data: &[u8], parameters: [u64; PARAMETERS]) -> std::io::Result<Self> {
        let mapping = Mapping::anonymous(data.len().max(1))?;
        mapping.write_start(data);
        let span = Carver::after(0).carve(data.len()).expect("what fits");
        let mut all = [0; segment::PARAMETERS];
        all[..PARAMETERS].copy_from_slice(&parameters);
        let header = Header {
            kind: "test".into(),
            length: data.len() as u64,
            nonce: 0,
            created: 0,
            lifetime: segment::Lifetime::UntilUnlinked,
            participants: 1,
            parameters: all,
            locks: 1,
            schema: String::new(),
        };
        Ok(Self {
            data: mapping.bytes(&span),
            mapping,
            header: Arc::new(header),
        })
    }
}

/// Where the data lies that a header tells of; `None` where that cannot be.
fn data_of(header: &Header) -> Option<Span<u8>> {
    let number = |at: usize| usize::try_from(header.parameters[at]).ok();
    let (start, length) = (number(START)?, number(LENGTH)?);
    let mut carver = Carver::after(start);
    let data = carver.carve(length)?;
    let fits = start.is_multiple_of(ALIGNMENT) && carver.length() as u64 == header.length;
    fits.then_some(data)
}

/// Returns an error for the header of another content than `C` with the expected text.
fn check_content<C: Content>(name: &str, header: &Header, expected: Expected<'_>) -> Result<()> {
    if header.kind != C::KIND {
        return Err(Error::WrongKind {
            name: name.into(),
            expected: C::KIND,
            found: header.kind.clone(),
        });
    }
    let unmet = match expected {
        Expected::Text(text) => (text != header.schema).then(|| text.to_string()),
        Expected::Any(check) => check(&header.schema).err(),
    };
    match unmet {
        None => Ok(()),
        Some(expected) => Err(Error::WrongContent {
            name: name.into(),
            expected,
            found: header.schema.clone(),
        }),
    }
}
