//! Serialises a value from front to back into a file, which has a buffer.

use std::io;

use rkyv::api::high::HighSerializer;
use rkyv::api::serialize_using;
use rkyv::rancor;
use rkyv::ser::allocator::{Arena, ArenaHandle};
use rkyv::ser::sharing::Share;
use rkyv::ser::{Positional, Serializer, Writer};

use super::Checked;
use crate::volume::PARAMETERS;

/// A type that an [`Archive`](super::Archive) can hold: one that derives `rkyv`'s `Archive` and `Serialize`.
///
/// Numbers, strings, options, tuples, arrays, and the standard library's vectors and maps of such are. It is
/// implemented for all types that qualify; there is nothing to implement.
pub trait Archivable:
    rkyv::Archive<Archived: Checked + Send + Sync> + for<'a> rkyv::Serialize<Serialiser<'a>>
{
}

impl<T> Archivable for T where
    T: rkyv::Archive<Archived: Checked + Send + Sync> + for<'a> rkyv::Serialize<Serialiser<'a>>
{
}

/// What `rkyv` serialises into.
pub type Serialiser<'a> = HighSerializer<Sink<'a>, ArenaHandle<'a>, rancor::Error>;

/// Writes a value as the whole of a volume's data. Returns the volume's parameters: where the root is.
///
/// Holds no copy of the value. What `rkyv` needs meanwhile is a few words for each element of the vectors and
/// hash maps that it is in the middle of, and a few for each shared pointer.
///
/// # Errors
/// The file's own; or of the kind `Other`, if the value refuses.
pub(super) fn write<T: Archivable>(
    value: &T,
    file: &mut dyn io::Write,
) -> io::Result<[u64; PARAMETERS]> {
    let mut arena = Arena::new();
    let sink = Sink {
        file,
        position: 0,
        failed: None,
    };
    let mut serializer = Serializer::new(sink, arena.acquire(), Share::new());
    let outcome = serialize_using::<_, rancor::Error>(value, &mut serializer);
    match (outcome, serializer.into_writer().failed) {
        (_, Some(error)) => Err(error),
        (Err(refusal), None) => Err(io::Error::other(refusal.to_string())),
        (Ok(root), None) => {
            let mut parameters = [0; PARAMETERS];
            parameters[0] = root as u64;
            Ok(parameters)
        }
    }
}

/// A file that is written from front to back, and knows how far.
pub struct Sink<'a> {
    file: &'a mut dyn io::Write,
    /// Bytes so far.
    position: usize,
    /// The file's error, which `rkyv`'s would only quote.
    failed: Option<io::Error>,
}

impl Positional for Sink<'_> {
    fn pos(&self) -> usize {
        self.position
    }
}

impl<E: rancor::Source> Writer<E> for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.file.write_all(bytes).map_err(|error| {
            let quoted = io::Error::from(error.kind());
            self.failed = Some(error);
            E::new(quoted)
        })?;
        self.position += bytes.len();
        Ok(())
    }
}
