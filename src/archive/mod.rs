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

use crate::error::Result;
use crate::volume::{
    Content, Expected, PARAMETERS, Place, PublishOptions, Published, Volume, explain,
    volume_methods,
};
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
/// # Changing the type
/// Who opens it must name the same type, so define it where both programs find it, in a crate of your own. Its
/// path as `std::any::type_name` gives it (which may change with the compiler), and the size and alignment of its
/// archived form, are in the file and compared. What else changes about a type is found by bytecheck if the bytes
/// do not fit, and not found if they do: then give the type another name.
///
/// # What a check finds
/// The checksum finds damage that comes about by chance, but for one in four thousand million. After it,
/// bytecheck follows all pointers and looks at every value: what a program with other types wrote is an error.
/// Neither protects from who forges a file on purpose (`rkyv` 0.8.18 does not look at the last control bytes of
/// a hash map): trust who may write to the directory of the segments. 270 MB of 5 M strings take 0.10 s of
/// bytecheck, and 0.02 s of checksum, where they are in memory already.
///
/// A type that is nested in itself, such as a list of boxes, is checked as deep as it goes, by recursion.
pub struct Archive<T: Archivable> {
    published: Published<Root<T>>,
}

/// The root of an archived value, and what keeps it there.
struct Root<T: Archivable> {
    volume: Volume,
    /// Lies in the volume's bytes, which stay where they are while `volume` is there.
    root: NonNull<Archived<T>>,
}

// SAFETY: it is a shared reference to the archived value, with what keeps that alive. `Archivable` demands that
// archived values are `Send` and `Sync`, and a `Volume` is.
unsafe impl<T: Archivable> Send for Root<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Archivable> Sync for Root<T> {}

threads_may_share!(Archive<Vec<String>>);

impl<T: Archivable> Archive<T> {
    /// Publishes a value: under a name (`&str`), where it becomes the newest version, or as a plain file
    /// (`&Path`), which it replaces. Gives it as it was published.
    ///
    /// It is serialised straight into the file: no second copy of it is in this process's memory at any time.
    /// Who has an older version keeps it. A process that is killed meanwhile leaves the older version in place.
    ///
    /// # Errors
    /// [`Error::NoSpace`](crate::Error::NoSpace); [`Error::InvalidName`](crate::Error::InvalidName);
    /// [`Error::WrongContent`](crate::Error::WrongContent) where a value of another type has the name;
    /// [`Error::AlreadySaving`](crate::Error::AlreadySaving) where another process writes the same file;
    /// [`Error::System`](crate::Error::System), also where the value refuses to be serialised.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use millpond::Archive;
    ///
    /// type Prices = HashMap<String, Vec<f32>>;
    /// let prices = Prices::from([("pear".to_string(), vec![0.5, 0.6])]);
    /// Archive::publish("archive-example", &prices)?;
    ///
    /// // In any other process:
    /// let mut prices = Archive::<Prices>::open("archive-example")?;
    /// assert_eq!(prices["pear"][1], 0.6);
    ///
    /// // A newer version, which whoever wants moves over to:
    /// Archive::publish("archive-example", &Prices::from([("fig".to_string(), vec![0.7])]))?;
    /// assert!(prices.get("fig").is_none());
    /// prices.refresh()?;
    /// assert_eq!(prices["fig"].len(), 1);
    /// # millpond::unlink("archive-example")?;
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn publish(place: impl Into<Place>, value: &T) -> Result<Self> {
        Self::publish_with(place, &PublishOptions::new(), value)
    }

    /// As [`publish`](Self::publish), with options.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_with(
        place: impl Into<Place>,
        options: &PublishOptions,
        value: &T,
    ) -> Result<Self> {
        let schema = Root::<T>::schema();
        let published = Published::publish(place.into(), options, &schema, |draft| {
            write::write(value, draft).map_err(explain)
        })?;
        Ok(published.into())
    }

    /// A value without a name, in memory, for this process: the same type for programs that share nothing.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    ///
    /// ```
    /// use millpond::Archive;
    ///
    /// fn longest(words: &Archive<Vec<String>>) -> usize {
    ///     words.iter().map(|word| word.len()).max().unwrap_or(0)
    /// }
    /// assert_eq!(longest(&Archive::of(&vec!["one".to_string(), "three".to_string()])?), 5);
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn of(value: &T) -> Result<Self> {
        Self::publish(Place::Memory, value)
    }

    volume_methods!(Expected::Text(&Root::<T>::schema()));
}

impl<T: Archivable> From<Published<Root<T>>> for Archive<T> {
    fn from(published: Published<Root<T>>) -> Self {
        Self { published }
    }
}

impl<T: Archivable> Deref for Archive<T> {
    type Target = Archived<T>;

    #[inline(always)]
    fn deref(&self) -> &Archived<T> {
        &self.published.content
    }
}

impl<T: Archivable> Deref for Root<T> {
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

impl<T: Archivable> Root<T> {
    /// The type and the version of the format, as text.
    fn schema() -> String {
        format!(
            "{}, archived in {} bytes aligned to {}; {FORMAT}",
            type_name::<T>(),
            size_of::<Archived<T>>(),
            align_of::<Archived<T>>(),
        )
    }
}

impl<T: Archivable> Content for Root<T> {
    const KIND: &'static str = "archive";

    fn place(volume: Volume) -> std::result::Result<Self, String> {
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

    fn verify(&self) -> std::result::Result<(), String> {
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
