//! Any Rust structure, used in place: what `rkyv` makes of it, in a volume.
//!
//! A value is serialised from front to back straight into the file (`write.rs`); where its root lies is among
//! the volume's parameters. Opening finds the root in O(1) (`place`), and bytecheck looks at all of it once
//! (`verify`), after the checksum. From then on the archive is a pointer. Imports the volume; knows no other
//! structure.

#[cfg(test)]
mod tests;
mod write;

use std::any::type_name;
use std::fmt;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use rkyv::Archived;
use rkyv::api::high::{HighValidator, access_pos};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor;

use crate::volume::{Content, PARAMETERS, Volume};
pub use write::Archivable;

/// How the bytes are laid out, whatever the type: what the features of `rkyv` that `Cargo.toml` names fix.
const FORMAT: &str = "rkyv 0.8, little-endian, aligned, 64-bit offsets";

/// A value of any type that `rkyv` archives, which all processes of a machine use in place, in one copy.
///
/// It dereferences to `T`'s archived form: `Archive<HashMap<String, Vec<u32>>>` has the methods of
/// [`ArchivedHashMap`](rkyv::collections::swiss_table::ArchivedHashMap), and so on through maps, vectors,
/// strings, options, enums and structs that derive [`rkyv::Archive`] and [`rkyv::Serialize`]. Numbers in it are
/// little-endian on every machine, such as [`u32_le`](rkyv::rend::u32_le), which compares with, and converts
/// into, the plain one.
///
/// Cloning costs nothing, and clones are one mapping.
///
/// # Changing the type
/// Who opens it must name the same type: its path, and the size and alignment of its archived form, are in
/// the file and compared. Fields that changed their meaning and not their size are not noticed by that: give
/// the type another name, or publish with another label.
///
/// # What a check finds
/// The checksum finds every damage that comes about by itself. After it, bytecheck follows all pointers and
/// looks at every value: what was written by a program with other types, or other features of `rkyv`, is an
/// error, not undefined behaviour. Neither protects from who forges a file on purpose (`rkyv` 0.8.18 does not
/// look at the last control bytes of a hash map): trust who may write to the directory of the segments, as
/// for all structures. On two cores, 270 MB of 5 M strings take 0.10 s to check, and 0.02 s of checksum.
///
/// A type that is nested in itself, such as a list of boxes, is checked as deep as it goes, by recursion.
pub struct Archive<T: Archivable> {
    volume: Volume,
    /// Lies in the volume's bytes, which stay where they are while `volume` is there.
    root: NonNull<Archived<T>>,
}

// SAFETY: it is a shared reference to the archived value, with what keeps that alive. `Archivable` demands that
// archived values are `Send` and `Sync`, and a `Volume` is.
unsafe impl<T: Archivable> Send for Archive<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Archivable> Sync for Archive<T> {}

const _: () = {
    const fn threads_may_share<T: Send + Sync>() {}
    threads_may_share::<Archive<Vec<String>>>();
};

impl<T: Archivable> Clone for Archive<T> {
    fn clone(&self) -> Self {
        Self {
            volume: self.volume.clone(),
            root: self.root,
        }
    }
}

impl<T: Archivable> Deref for Archive<T> {
    type Target = Archived<T>;

    #[inline(always)]
    fn deref(&self) -> &Archived<T> {
        // SAFETY: `place` found the root aligned and within the bytes, which are mapped while `self.volume`
        // lives, and are never written again. That they are a `T::Archived` through and through was found by
        // bytecheck (`verify`), in this process or in an earlier opener of the same immutable file, whose
        // checksum is right; the volume layer gives nobody an archive before that, but who took the promise
        // upon himself by an `unsafe` call.
        unsafe { self.root.as_ref() }
    }
}

impl<T: Archivable> fmt::Debug for Archive<T>
where
    Archived<T>: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Where a root is: first of the parameters.
fn root_among(parameters: &[u64; PARAMETERS]) -> usize {
    // A position that does not fit lies beyond the end in any case.
    usize::try_from(parameters[0]).unwrap_or(usize::MAX)
}

impl<T: Archivable> Content for Archive<T> {
    const KIND: &'static str = "archive";

    fn schema() -> String {
        format!(
            "{}, archived in {} bytes aligned to {}; {FORMAT}",
            type_name::<T>(),
            size_of::<Archived<T>>(),
            align_of::<Archived<T>>(),
        )
    }

    fn place(volume: Volume) -> Result<Self, String> {
        let position = root_among(volume.parameters());
        let (bytes, size) = (volume.bytes(), size_of::<Archived<T>>());
        if position
            .checked_add(size)
            .is_none_or(|end| end > bytes.len())
        {
            let length = bytes.len();
            return Err(format!(
                "its root of {size} bytes is said to begin at {position} of {length}"
            ));
        }
        // Of all the bytes, not of those of the root alone: what it points to lies before it.
        let root = bytes.as_ptr().wrapping_add(position).cast_mut();
        let Some(root) = NonNull::new(root.cast::<Archived<T>>()) else {
            return Err("it is mapped nowhere".into());
        };
        if !root.is_aligned() {
            let alignment = align_of::<Archived<T>>();
            return Err(format!(
                "its root begins at {position}, which is no multiple of {alignment}"
            ));
        }
        Ok(Self { volume, root })
    }

    fn verify(&self) -> Result<(), String> {
        let position = root_among(self.volume.parameters());
        let check =
            || access_pos::<Archived<T>, rancor::Error>(self.volume.bytes(), position).map(drop);
        // The check of a hash table adds up what it reads, and panics where that overflows and is looked for.
        let why = match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => why.to_string(),
            Err(_) => "the check itself panicked".into(),
        };
        Err(format!("it is no {}: {why}", type_name::<T>()))
    }
}

/// What bytecheck finds valid or not: half of [`Archivable`].
pub trait Checked: for<'a> CheckBytes<HighValidator<'a, rancor::Error>> {}

impl<A: for<'a> CheckBytes<HighValidator<'a, rancor::Error>>> Checked for A {}
